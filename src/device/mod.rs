//! The hardware of an adapter.
//!
//! This module is responsible for what an adapter's hardware can do, as the trait [`Hardware`], and
//! for finding out which hardware an adapter has. Each hardware has a file of its own and is the
//! only one that knows its registers. No type of the DDI is known here.

pub mod bochs;
mod direct;
mod frame_buffer;
mod scan_out;
#[cfg(test)]
pub(crate) mod testing;

pub use direct::Direct;
pub use frame_buffer::FrameBuffer;
pub use scan_out::{NotTaken, PIXEL, ScanOut, ScanOutLimits, primary_pitch};

use crate::kernel::dxgkrnl::Dxgkrnl;
use crate::kernel::irql::Passive;
use crate::kernel::resources::MemoryRange;
use crate::kernel::{complain, note};

use bochs::Bochs;

/// What every adapter's hardware can do.
pub trait Hardware {
    /// The hardware's own number for itself; for the Bochs family its DISPI id.
    fn id(&self) -> u32;

    /// Video memory as the CPU sees it, as far as pictures may lie in it.
    fn video_memory(&self) -> MemoryRange;

    /// Reads the monitor's data into `to`, as the device has them: not checked, and as many blocks of
    /// 128 bytes as they announce and `to` has room for. Tells how many bytes they are; 0 is none.
    fn edid(&self, to: &mut [u8]) -> usize;

    /// What can be scanned out.
    fn scan_out_limits(&self) -> ScanOutLimits;

    /// Sets a mode, at once and visibly; `Direct::set_mode` is for a screen that is in use. Widths are
    /// as [`ScanOutLimits`] says.
    ///
    /// # Errors
    ///
    /// [`NotTaken`] if the hardware took something else: it is then in no certain mode.
    fn set_mode(&self, scan_out: &ScanOut, irql: Passive) -> Result<(), NotTaken>;

    /// Video memory, to be written.
    fn frame_buffer(&self) -> &FrameBuffer;

    /// Hands the screen over to `direct`, which is disarmed before this hardware is dropped. `found` is
    /// the mode that it is in, if that is known.
    fn arm(&self, direct: &Direct, found: Option<ScanOut>);
}

/// Why an adapter's hardware cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenError {
    /// It is none that this driver drives.
    NotOurs,
    /// It lacks a memory range that it must have.
    Resources,
    /// A memory range could not be mapped.
    Mapping,
}

/// The hardware of one started adapter. Dropping it unmaps its registers and memory.
pub enum AnyHardware {
    /// The Bochs family: QEMU's `VGA` and `bochs-display`.
    Bochs(Bochs),
}

impl AnyHardware {
    /// Finds out what the adapter is and takes hold of it.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]; each comes with a debug line that says why.
    pub fn open(
        dxgkrnl: &Dxgkrnl,
        ranges: &[MemoryRange],
        irql: Passive,
    ) -> Result<Self, OpenError> {
        let Ok(id) = dxgkrnl.read_config_dword(0, irql) else {
            complain(
                c"StartDevice",
                c"PCI configuration space",
                0,
                c"cannot be read",
            );
            return Err(OpenError::NotOurs);
        };
        let device = if id == bochs::PCI_ID {
            Self::Bochs(Bochs::open(dxgkrnl, ranges, irql)?)
        } else {
            complain(
                c"StartDevice",
                c"PCI id (device, vendor)",
                id.into(),
                c"not ours",
            );
            return Err(OpenError::NotOurs);
        };
        note(
            c"StartDevice",
            c"hardware id",
            device.hardware().id().into(),
        );
        note(
            c"StartDevice",
            c"video memory bytes",
            device.hardware().video_memory().bytes,
        );
        Ok(device)
    }

    /// What this hardware can do.
    #[must_use]
    pub fn hardware(&self) -> &dyn Hardware {
        match self {
            Self::Bochs(bochs) => bochs,
        }
    }
}
