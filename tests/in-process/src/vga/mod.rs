//! QEMU's VGA as a driver sees it: two memory ranges, registers that answer, and a configuration space;
//! and as a person sees it: what its monitor shows.

mod bar;
mod config;
mod device;
mod dispi;
mod edid;
mod legacy;
mod scan_out;

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use dxgk_sys::DXGK_DISPLAY_INFORMATION;
use vmdisp::kernel::host::{Answering, answer};

pub use bar::Bar;
use device::Device;
use dispi::Dispi;
pub use scan_out::Shown;

/// Which of QEMU's two adapters of this family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Model {
    /// `-device VGA`
    Vga,
    /// `-device bochs-display`
    BochsDisplay,
}

/// An adapter to simulate. The default is what QEMU's `-device VGA` shows; a test changes what it wants
/// the driver to find.
#[derive(Clone)]
pub struct Vga {
    /// How it behaves.
    pub model: Model,
    /// PCI vendor and device.
    pub pci: (u16, u16),
    /// DISPI id; 0xB0C0 to 0xB0C5 are known.
    pub dispi_id: u16,
    /// Bytes of video memory that the DISPI register reports, in units of 64 KiB.
    pub reported_bytes: u64,
    /// Bytes of BAR 0; 0 for no BAR 0.
    pub bar0_bytes: u64,
    /// Bytes of BAR 2; 0 for no BAR 2.
    pub bar2_bytes: u64,
    /// Which of its ranges cannot be mapped.
    pub unmappable: Option<u8>,
    /// What the monitor says of itself; nothing if there is no monitor.
    pub edid: Vec<u8>,
    /// The IRQL of its interrupt; none as with QEMU's.
    pub interrupt_line: Option<u8>,
    /// The mode that firmware left, if the machine says so.
    pub post_display: Option<DXGK_DISPLAY_INFORMATION>,
}

impl Default for Vga {
    fn default() -> Self {
        Self {
            model: Model::Vga,
            pci: (0x1234, 0x1111),
            dispi_id: 0xb0c5,
            reported_bytes: 16 << 20,
            bar0_bytes: 16 << 20,
            bar2_bytes: 4096,
            unmappable: None,
            edid: edid::qemu().to_vec(),
            interrupt_line: None,
            post_display: None,
        }
    }
}

impl Vga {
    /// What QEMU's `-device bochs-display` shows.
    #[must_use]
    pub fn bochs_display() -> Self {
        Self {
            model: Model::BochsDisplay,
            ..Self::default()
        }
    }

    /// The same with this much video memory, as `vgamem_mb` gives it.
    #[must_use]
    pub fn with_video_memory(self, bytes: u64) -> Self {
        Self {
            reported_bytes: bytes,
            bar0_bytes: bytes,
            ..self
        }
    }
}

/// An adapter in its slot of the machine.
pub struct Adapter {
    /// First, so that it ends before the registers' memory does.
    _answering: Option<Answering>,
    /// BAR 0 and BAR 2, as far as it has them.
    pub bars: Vec<Arc<Bar>>,
    /// See [`Vga::unmappable`].
    pub unmappable: Option<u8>,
    config: [u8; 256],
    device: Arc<Device>,
    memory: Arc<Bar>,
    /// The interrupt's IRQL; 0 for none.
    line: AtomicU8,
    post_display: Mutex<Option<DXGK_DISPLAY_INFORMATION>>,
    present: AtomicBool,
}

impl Adapter {
    /// Puts an adapter into slot `slot`.
    pub fn new(vga: &Vga, slot: u32) -> Self {
        let place = |start: u64, pitch: u64| start + pitch * u64::from(slot);
        let memory = Bar::new(0, place(0xe000_0000, 0x1000_0000), vga.bar0_bytes).map(Arc::new);
        let registers = Bar::new(2, place(0xfebf_0000, 0x10_000), vga.bar2_bytes).map(Arc::new);
        let bars: Vec<_> = memory.iter().chain(&registers).cloned().collect();
        // An adapter without BAR 0 scans nothing out.
        let memory = memory.unwrap_or_else(|| Arc::new(Bar::smallest()));
        let dispi = Dispi::new(vga.model, vga.dispi_id, vga.reported_bytes);
        let device = Device::new(vga.model, dispi, vga.edid.clone(), Arc::clone(&memory));
        let device = Arc::new(device);
        let answering = registers
            .and_then(|bar| Some((bar.at(bar.physical, bar.bytes())?, bar.bytes())))
            .map(|(start, bytes)| answer(start, bytes, device.clone()));
        let parts: Vec<&Bar> = bars.iter().map(AsRef::as_ref).collect();
        Self {
            _answering: answering,
            config: config::space(vga.pci, vga.model == Model::Vga, &parts),
            bars,
            unmappable: vga.unmappable,
            device,
            memory,
            line: AtomicU8::new(vga.interrupt_line.unwrap_or(0)),
            post_display: Mutex::new(vga.post_display),
            present: true.into(),
        }
    }

    /// PCI configuration space; all ones if the adapter is gone.
    pub fn config(&self) -> [u8; 256] {
        if self.present.load(Ordering::Acquire) {
            self.config
        } else {
            [u8::MAX; 256]
        }
    }

    /// The interrupt's IRQL, if one is connected.
    pub fn interrupt_line(&self) -> Option<u8> {
        Some(self.line.load(Ordering::Acquire)).filter(|line| *line != 0)
    }

    /// Connects the interrupt at that IRQL, or disconnects it.
    pub fn set_interrupt_line(&self, line: Option<u8>) {
        self.line.store(line.unwrap_or(0), Ordering::Release);
    }

    /// The mode that was on the screen before the driver.
    pub fn post_display(&self) -> Option<DXGK_DISPLAY_INFORMATION> {
        *self
            .post_display
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Pulls the adapter out, or puts it back as after a cold start.
    pub fn set_present(&self, present: bool) {
        if present {
            self.lose_power();
        } else {
            self.memory.fill(0, self.memory.bytes(), |_| u32::MAX);
        }
        self.present.store(present, Ordering::Release);
        self.device.set_present(present);
    }

    /// Another monitor, or none.
    pub fn set_monitor(&self, edid: Option<&[u8]>) {
        self.device.set_edid(edid.unwrap_or_default());
    }

    /// The adapter's power was off.
    pub fn lose_power(&self) {
        self.device.lose_power();
        self.memory.fill(0, self.memory.bytes(), garbage);
    }

    /// What the monitor shows.
    ///
    /// # Errors
    ///
    /// Why that is not simulated.
    pub fn shown(&self) -> Result<Shown, String> {
        Ok(Shown::read(&self.device.scan()?, &self.memory))
    }
}

/// What is in memory after a cold start: nothing that anybody relies on.
fn garbage(offset: usize) -> u32 {
    u32::try_from(offset & 0xffff_ffff)
        .unwrap_or(0)
        .wrapping_mul(0x9e37_79b1)
        .rotate_left(7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vmdisp::kernel::host::{read_register_u16, write_register_u8, write_register_u16};
    use vmdisp_scenarios::Picture;

    /// A register of the adapter's.
    fn at(adapter: &Adapter, offset: u64) -> std::ptr::NonNull<u8> {
        let registers = &adapter.bars[1];
        registers.at(registers.physical + offset, 2).unwrap()
    }

    fn read(adapter: &Adapter, offset: u64) -> u16 {
        // SAFETY: two bytes of the adapter's registers, at an even offset.
        unsafe { read_register_u16(at(adapter, offset).cast()) }
    }

    fn write(adapter: &Adapter, offset: u64, value: u16) {
        // SAFETY: as above.
        unsafe { write_register_u16(at(adapter, offset).cast(), value) }
    }

    /// Sets a mode of 96 by 64 pixels whose rows are 128 pixels apart, from row 2 on.
    fn set_mode(adapter: &Adapter) {
        for (index, value) in [
            (4, 0),
            (1, 96),
            (2, 64),
            (3, 32),
            (4, 0x41),
            (6, 128),
            (9, 2),
        ] {
            write(adapter, 0x500 + 2 * index, value);
        }
    }

    fn unblank(adapter: &Adapter) {
        // SAFETY: a byte of the adapter's registers.
        unsafe { write_register_u8(at(adapter, 0x400), 0x20) }
    }

    fn draw(adapter: &Adapter, picture: &Picture) {
        adapter.bars[0].fill(2 * 512, 64 * 512, |offset| {
            let at = u32::try_from(offset / 4 - 2 * 128).unwrap();
            0xff00_0000 | picture.pixel(at % 128, at / 128)
        });
    }

    const PICTURE: Picture = Picture::Pattern {
        width: 96,
        height: 64,
        seed: 3,
    };

    #[test]
    fn registers_are_where_the_driver_looks() {
        let adapter = Adapter::new(&Vga::default(), 1);
        assert_eq!(
            (read(&adapter, 0x500), read(&adapter, 0x514)),
            (0xb0c5, 256)
        );
        assert_eq!((read(&adapter, 0), read(&adapter, 0x100)), (0xff00, 0));
        assert_eq!(adapter.config()[..4], [0x34, 0x12, 0x11, 0x11]);
        let registers = &adapter.bars[1];
        assert!(registers.at(registers.physical + 4095, 2).is_none());
        assert!(registers.at(registers.physical - 1, 2).is_none());
    }

    #[test]
    fn a_monitor_shows_what_is_scanned_out() {
        for vga in [Vga::default(), Vga::bochs_display()] {
            let adapter = Adapter::new(&vga, 0);
            set_mode(&adapter);
            unblank(&adapter);
            draw(&adapter, &PICTURE);
            let look = adapter.shown().unwrap().compare(&PICTURE);
            assert_eq!((look.width, look.height, look.differing), (96, 64, 0));
            adapter.bars[0].fill(2 * 512 + 4, 4, |_| 0);
            let look = adapter.shown().unwrap().compare(&PICTURE);
            assert_eq!(
                (look.differing, look.first.map(|at| (at.0, at.1))),
                (1, Some((1, 0)))
            );
        }
    }

    #[test]
    fn a_screen_is_blank_until_it_is_unblanked() {
        let adapter = Adapter::new(&Vga::default(), 0);
        set_mode(&adapter);
        draw(&adapter, &PICTURE);
        assert_eq!(
            adapter.shown().unwrap().compare(&Picture::Black).differing,
            0
        );
        unblank(&adapter);
        assert_eq!(adapter.shown().unwrap().compare(&PICTURE).differing, 0);
        adapter.lose_power();
        let look = adapter.shown().unwrap().compare(&Picture::Black);
        assert_eq!(
            (look.width, look.differing),
            (96, 0),
            "in the size of the last picture"
        );
        assert_eq!(read(&adapter, 0x502), 0);
    }

    /// As QEMU's does: it has no way to blank its screen.
    #[test]
    fn bochs_display_turned_off_goes_on_with_what_it_showed() {
        let adapter = Adapter::new(&Vga::bochs_display(), 0);
        assert!(adapter.shown().is_err(), "it has shown nothing yet");
        set_mode(&adapter);
        draw(&adapter, &PICTURE);
        assert_eq!(adapter.shown().unwrap().compare(&PICTURE).differing, 0);
        write(&adapter, 0x508, 0);
        draw(&adapter, &Picture::Black);
        assert_eq!(
            adapter.shown().unwrap().compare(&Picture::Black).differing,
            0
        );
    }

    #[test]
    fn what_was_pulled_out_reads_all_ones() {
        let adapter = Adapter::new(&Vga::default(), 0);
        adapter.set_present(false);
        assert_eq!((read(&adapter, 0x500), adapter.config()[0]), (0xffff, 0xff));
        set_mode(&adapter);
        adapter.set_present(true);
        assert_eq!((read(&adapter, 0x500), read(&adapter, 0x502)), (0xb0c5, 0));
    }

    #[test]
    fn a_monitor_can_be_unplugged() {
        let adapter = Adapter::new(&Vga::default(), 0);
        adapter.set_monitor(None);
        assert_eq!(read(&adapter, 0), 0);
        adapter.set_monitor(Some(&[1, 2]));
        assert_eq!((read(&adapter, 0), read(&adapter, 2)), (0x201, 0));
    }
}
