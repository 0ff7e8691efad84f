//! The display-only driver, started and showing.

use std::ptr;

use dxgk_port::{Adapter, Choice, Port, Present, Settings};
use dxgk_sys::{D3DKMDT_VIDPN_PRESENT_PATH_ROTATION as Rotation, RECT};
use vmdisp_in_process::{InProcess, Vga};
use vmdisp_scenarios::Machine;

/// The mode, in pixels.
pub const WIDTH: usize = 1920;
/// The mode, in pixels.
pub const HEIGHT: usize = 1080;

/// What `MmHighestUserAddress` is on 64-bit Windows.
const HIGHEST_USER_ADDRESS: u64 = 0x7fff_fffe_ffff;

/// One adapter that shows a picture.
pub struct Stage {
    machine: InProcess,
    port: Port,
    adapter: Adapter,
    turned: bool,
}

impl Stage {
    /// Loads the driver, and commits the mode with a path that is rotated so.
    pub fn open(rotation: Rotation) -> Self {
        let machine = InProcess::with_adapters(&[Vga::default()]);
        machine.set_parameter("DisplayOnly", Some(1));
        let port = machine
            .load(Settings::default().for_display_only())
            .unwrap();
        let adapter = port.add_device(0).unwrap();
        adapter.start().unwrap();
        let choice = Choice {
            rotation,
            ..Choice::size(WIDTH as u32, HEIGHT as u32)
        };
        adapter.commit(&choice).unwrap();
        adapter.set_visible(0, true).unwrap();
        Self {
            machine,
            port,
            adapter,
            turned: rotation != Rotation::D3DKMDT_VPPR_IDENTITY,
        }
    }

    /// Whether the driver takes an image for a program's from now on, or for the system's.
    pub fn place_in_user_memory(&self, user: bool) {
        let highest = if user { HIGHEST_USER_ADDRESS } else { 0 };
        self.machine.world().set_highest_user_address(highest);
    }

    /// Presents rectangles of an image with `gap` bytes between its rows.
    pub fn present(&self, image: &[u8], gap: usize, rects: &[RECT]) {
        let row = if self.turned {
            WIDTH.max(HEIGHT)
        } else {
            WIDTH
        };
        let present = Present {
            source: 0,
            image: image.as_ptr().cast(),
            pitch: (row * 4 + gap) as i32,
            rotate: self.turned,
            moves: &[],
            rects,
        };
        // SAFETY: the image has as many rows as the mode, and columns if it is turned.
        unsafe { self.adapter.present(&present) }.unwrap();
    }

    /// Copies bytes to the beginning of video memory, where the picture lies.
    pub fn copy(&self, bytes: &[u8]) {
        let mappings = self.adapter.mappings();
        let video = mappings.iter().max_by_key(|mapping| mapping.bytes).unwrap();
        assert!(bytes.len() <= video.bytes);
        // SAFETY: video memory of the simulated adapter, which nobody else uses now.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), video.address.as_ptr(), bytes.len()) };
    }

    /// Gives all back.
    pub fn close(self) {
        self.adapter.stop().unwrap();
        self.adapter.remove().unwrap();
        self.machine.unload(&self.port);
        let report = self.port.report();
        assert!(report.is_clean(), "{:?}", report.violations);
    }
}
