//! An adapter and what it is made to show.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use dxgk_port::{
    Adapter, AllocationId, Choice, Committed, Device, Flip, Placement, Port, Present, Settings,
    Standard, VidPnMode,
};
use dxgk_sys::{D3DDDIFORMAT, RECT};

use crate::Machine;
use crate::outcome::{Failed, check, done};
use crate::picture::Picture;
use crate::session::{Session, device};

/// How long a frame may take: a second, in 100 ns. The slowest mode shows ten in that time.
pub const SECOND: u64 = 10_000_000;

/// A started adapter with a monitor.
pub struct Stage<'m> {
    machine: &'m dyn Machine,
    session: Session<'m>,
    /// Whose primaries are shown; a display-only driver has no devices.
    device: Option<Device>,
}

/// A primary that lies in video memory.
#[derive(Clone, Copy)]
pub struct Primary {
    /// The allocation.
    pub allocation: AllocationId,
    /// Where it is.
    pub placement: Placement,
}

impl<'m> Stage<'m> {
    /// The full driver on the first adapter.
    pub fn open(machine: &'m dyn Machine) -> Result<Self, Failed> {
        let session = Session::open(machine)?;
        let device = Some(device(session.adapter())?);
        Ok(Self {
            machine,
            session,
            device,
        })
    }

    /// The display-only driver on the first adapter.
    pub fn open_display_only(machine: &'m dyn Machine) -> Result<Self, Failed> {
        let settings = Settings::default().for_display_only();
        let session = Session::load_display_only(machine, &settings)?.add(1, true)?;
        Ok(Self {
            machine,
            session,
            device: None,
        })
    }

    /// A full driver that was loaded and started before, and a device of its first adapter.
    pub fn of(machine: &'m dyn Machine, session: Session<'m>, device: Device) -> Self {
        let device = Some(device);
        Self {
            machine,
            session,
            device,
        }
    }

    /// The same of a display-only driver, which has no devices.
    pub fn of_display_only(machine: &'m dyn Machine, session: Session<'m>) -> Self {
        Self {
            machine,
            session,
            device: None,
        }
    }

    /// The driver as the other kind, if `display_only`.
    pub fn open_as(machine: &'m dyn Machine, display_only: bool) -> Result<Self, Failed> {
        if display_only {
            Self::open_display_only(machine)
        } else {
            Self::open(machine)
        }
    }

    /// The adapter.
    pub fn adapter(&self) -> &Adapter {
        self.session.adapter()
    }

    /// The device whose primaries are shown; a display-only driver has none.
    pub fn device(&self) -> Option<&Device> {
        self.device.as_ref()
    }

    /// How often a DDI was called since the driver was loaded.
    pub fn calls(&self, ddi: &str) -> u64 {
        let report = self.session.port.report();
        report.calls.get(ddi).map_or(0, |calls| calls.count)
    }

    /// The port.
    pub fn port(&self) -> &Port {
        &self.session.port
    }

    /// The device whose primaries are shown goes, with all that it has: the adapter is to be stopped.
    pub fn end_device(&self) -> Result<(), Failed> {
        self.device
            .iter()
            .try_for_each(|device| done("the end of the desktop", device.kill()))
    }

    /// Every mode that the driver offers.
    pub fn modes(&self) -> Result<Vec<VidPnMode>, Failed> {
        let modes = done("the offered modes", self.adapter().vidpn_modes())?;
        check(!modes.is_empty(), "at least one mode", || "none".into())?;
        Ok(modes)
    }

    /// The mode that the monitor prefers, or the first that is offered.
    pub fn usual(&self) -> Result<Choice, Failed> {
        let modes = self.modes()?;
        let preferred = modes.iter().find(|mode| mode.preferred);
        Ok(Choice::from(preferred.unwrap_or(&modes[0])))
    }

    /// Makes that mode the adapter's and shows a picture in it.
    pub fn show(&self, choice: &Choice, seed: u32) -> Result<Shown, Failed> {
        let picture = Picture::Pattern {
            width: choice.width,
            height: choice.height,
            seed,
        };
        self.show_picture(choice, &picture)
    }

    /// Makes that mode the adapter's and shows `picture`, which is as large.
    pub fn show_picture(&self, choice: &Choice, picture: &Picture) -> Result<Shown, Failed> {
        let Some(device) = &self.device else {
            let committed = self.commit(choice)?;
            self.set_visible(true)?;
            self.present(picture)?;
            return Ok(Shown {
                committed,
                primary: None,
            });
        };
        let format = choice.format.unwrap_or(D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8);
        let primary = self.primary(device, choice.width, choice.height, format)?;
        let choice = Choice {
            primary: Some(primary.allocation),
            ..*choice
        };
        let committed = self.commit(&choice)?;
        self.draw(&primary, committed.mode.stride, picture)?;
        self.flip(&primary, Flip::ModeChange)?;
        self.set_visible(true)?;
        Ok(Shown {
            committed,
            primary: Some(primary),
        })
    }

    /// Another primary for the mode that is shown.
    pub fn primary_like(&self, shown: &Shown) -> Result<Primary, Failed> {
        let mode = shown.committed.mode;
        let device = self.device.as_ref().ok_or_else(|| Failed {
            expected: "a full driver".into(),
            seen: "a display-only one".into(),
        })?;
        self.primary(device, mode.width, mode.height, mode.format)
    }

    fn primary(
        &self,
        device: &Device,
        width: u32,
        height: u32,
        format: D3DDDIFORMAT,
    ) -> Result<Primary, Failed> {
        let standard = Standard::SharedPrimary {
            width,
            height,
            format,
            source: 0,
        };
        let what = format!("a primary of {width} x {height}");
        let created = done(&what, device.create_standard(&standard))?;
        let allocation = created.allocations[0];
        let placement = done(
            "its place in video memory",
            self.adapter().place(allocation),
        )?;
        Ok(Primary {
            allocation,
            placement,
        })
    }

    /// Destroys a primary that is not shown any more.
    pub fn destroy(&self, primary: &Primary) -> Result<(), Failed> {
        let Some(device) = &self.device else {
            return Ok(());
        };
        let resource = self
            .adapter()
            .allocation(primary.allocation)
            .and_then(|view| view.resource);
        match resource {
            Some(resource) => done("destroy a primary", device.destroy_resource(resource)),
            None => done(
                "destroy a primary",
                device.destroy_allocations(&[primary.allocation]),
            ),
        }
    }

    /// Makes the source invisible and destroys what it showed.
    pub fn destroy_hidden(&self, shown: &Shown) -> Result<(), Failed> {
        self.set_visible(false)?;
        shown
            .primary
            .iter()
            .try_for_each(|primary| self.destroy(primary))
    }

    /// Draws a picture into a primary, as the CPU does.
    ///
    /// `stride` is the mode's, in bytes.
    pub fn draw(&self, primary: &Primary, stride: u32, picture: &Picture) -> Result<(), Failed> {
        let surface = self
            .adapter()
            .surface(&primary.placement)
            .ok_or_else(|| Failed {
                expected: "a primary that the CPU sees".into(),
                seen: "none".into(),
            })?;
        let (width, height) = picture.size().unwrap_or_default();
        let pitch = stride as usize;
        check(
            surface.bytes() >= pitch * height as usize,
            format!("room for {height} rows of {pitch} bytes"),
            || format!("{} bytes", surface.bytes()),
        )?;
        let mut row = vec![0; width as usize * 4];
        for y in 0..height {
            fill_row(&mut row, picture, y);
            surface.write(y as usize * pitch, &row);
        }
        Ok(())
    }

    /// SetVidPnSourceAddress.
    pub fn flip(&self, primary: &Primary, flip: Flip) -> Result<(), Failed> {
        done(
            "SetVidPnSourceAddress",
            self.adapter().set_address(0, &primary.placement, flip),
        )
    }

    /// Makes that mode the adapter's.
    pub fn commit(&self, choice: &Choice) -> Result<Committed, Failed> {
        let what = format!("the mode {} x {}", choice.width, choice.height);
        done(&what, self.adapter().commit(choice))
    }

    /// SetVidPnSourceVisibility.
    pub fn set_visible(&self, visible: bool) -> Result<(), Failed> {
        done(
            "SetVidPnSourceVisibility",
            self.adapter().set_visible(0, visible),
        )
    }

    /// PresentDisplayOnly of the whole picture. A turned path turns it.
    pub fn present(&self, picture: &Picture) -> Result<(), Failed> {
        self.present_parts(picture, &[whole(picture)], false)
    }

    /// PresentDisplayOnly of parts of a picture.
    pub fn present_parts(
        &self,
        picture: &Picture,
        rects: &[RECT],
        rotate: bool,
    ) -> Result<(), Failed> {
        let (width, height) = picture.size().unwrap_or_default();
        let image = image(picture);
        let present = Present {
            source: 0,
            image: image.as_ptr().cast(),
            pitch: (width * 4).cast_signed(),
            rotate,
            moves: &[],
            rects,
        };
        debug_assert_eq!(image.len(), (width * height * 4) as usize);
        // SAFETY: the image is as long as its pitch and its rectangles say, and lives through the call.
        let presented = unsafe { self.adapter().present(&present) };
        done("PresentDisplayOnly", presented)
    }

    /// PresentDisplayOnly of the whole picture, which the driver is to turn as its path is turned.
    pub fn present_turned(&self, picture: &Picture) -> Result<(), Failed> {
        self.present_parts(picture, &[whole(picture)], true)
    }

    /// Demands that the monitor shows `picture`, every pixel of it.
    pub fn shows(&self, picture: &Picture) -> Result<(), Failed> {
        let look = self.machine.look(0, picture).map_err(|why| Failed {
            expected: "a look at the screen".into(),
            seen: why,
        })?;
        check(
            look.differing == 0,
            format!("a screen that shows {picture:?}"),
            || {
                let (width, height) = (look.width, look.height);
                let first = look.first.map_or(String::new(), |(x, y, wanted, is)| {
                    format!(", at {x}, {y}: {is:#08x} instead of {wanted:#08x}")
                });
                format!(
                    "{width} x {height}, {} pixels differ{first}",
                    look.differing
                )
            },
        )
    }

    /// Demands that the monitor is black.
    pub fn is_black(&self) -> Result<(), Failed> {
        self.shows(&Picture::Black)
    }

    /// Gives everything back; nothing may be broken or leaked.
    pub fn close(self) -> Result<(), Failed> {
        self.finish()?.close()
    }

    /// The device goes; the adapter and the driver stay.
    pub fn finish(self) -> Result<Session<'m>, Failed> {
        if let Some(device) = &self.device {
            done("DestroyDevice", device.destroy())?;
        }
        Ok(self.session)
    }

    /// The same where the adapter is gone or stopped already, and its devices with it.
    pub fn close_after_removal(self) -> Result<(), Failed> {
        self.session.close()
    }

    /// A device of an adapter that was stopped and started again.
    pub fn renew_device(&mut self) -> Result<(), Failed> {
        if self.device.is_some() {
            self.device = Some(device(self.session.adapter())?);
        }
        Ok(())
    }
}

/// What [`Stage::show`] made.
#[derive(Clone, Copy)]
pub struct Shown {
    /// The mode.
    pub committed: Committed,
    /// What is scanned out; a display-only driver has no primaries.
    pub primary: Option<Primary>,
}

impl Shown {
    /// The primary of a full driver.
    pub fn primary(&self) -> Result<Primary, Failed> {
        self.primary.ok_or_else(|| Failed {
            expected: "a primary".into(),
            seen: "none".into(),
        })
    }
}

fn whole(picture: &Picture) -> RECT {
    let (width, height) = picture.size().unwrap_or_default();
    RECT {
        left: 0,
        top: 0,
        right: width.cast_signed(),
        bottom: height.cast_signed(),
    }
}

/// A pattern as large as a mode.
pub fn pattern(mode: &Choice, seed: u32) -> Picture {
    Picture::Pattern {
        width: mode.width,
        height: mode.height,
        seed,
    }
}

/// A picture's rows one after the other, 32 bits a pixel.
pub fn image(picture: &Picture) -> Vec<u8> {
    let (width, height) = picture.size().unwrap_or_default();
    let stride = width as usize * 4;
    let mut image = vec![0; stride * height as usize];
    for (y, row) in (0..).zip(image.chunks_exact_mut(stride.max(1))) {
        fill_row(row, picture, y);
    }
    image
}

fn fill_row(row: &mut [u8], picture: &Picture, y: u32) {
    for (x, pixel) in (0..).zip(row.chunks_exact_mut(4)) {
        pixel.copy_from_slice(&picture.pixel(x, y).to_le_bytes());
    }
}

/// A mode as people write it.
pub fn name(mode: &VidPnMode) -> String {
    let rate = mode.timing.millihertz().unwrap_or(0);
    format!(
        "{}x{}@{}.{:03}",
        mode.width,
        mode.height,
        rate / 1000,
        rate % 1000
    )
}
