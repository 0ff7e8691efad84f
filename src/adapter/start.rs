//! Starting and stopping.

use core::mem;
use core::sync::atomic::Ordering;

use dxgk_sys::D3DDDIFORMAT;

use super::{Adapter, Running, TAG, engine, monitor};
use crate::device::{AnyHardware, OpenError};
use crate::display::Parts;
use crate::kernel::dxgkrnl::{Dxgkrnl, PostDisplay, Refused};
use crate::kernel::irql::Passive;
use crate::kernel::{InterruptLine, NoMemory, Shared, complain};

/// Why an adapter did not start. Nothing is left behind (contract: L3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartError {
    /// Dxgkrnl refused to say what the adapter has.
    Refused(Refused),
    /// The hardware is none of ours, or is not whole.
    Hardware(OpenError),
    /// Nonpaged pool is used up.
    NoMemory,
}

impl From<Refused> for StartError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<OpenError> for StartError {
    fn from(error: OpenError) -> Self {
        Self::Hardware(error)
    }
}

impl From<NoMemory> for StartError {
    fn from(_: NoMemory) -> Self {
        Self::NoMemory
    }
}

impl Adapter {
    /// Finds the hardware and the monitor, and takes over the screen, which is black then. A mode is
    /// offered if `primaries` primaries of it fit into video memory; with `executes` there is an engine.
    /// Allocations made before an earlier
    /// stop are still there.
    ///
    /// # Errors
    ///
    /// See [`StartError`]; the adapter is as it was before.
    pub fn start(
        &self,
        dxgkrnl: Dxgkrnl,
        primaries: u32,
        executes: bool,
        irql: Passive,
    ) -> Result<(), StartError> {
        let hardware = open(&dxgkrnl, irql)?;
        let monitor = monitor::find(hardware.hardware(), primaries, irql)?;
        let line = InterruptLine::try_new(TAG, dxgkrnl, irql)?;
        let parts = Parts::try_new(&self.screen, monitor, line.clone(), TAG, irql)?;
        let running = Running {
            dxgkrnl,
            hardware,
            primaries,
        };
        let running = Shared::try_new(TAG, running, irql)?;
        let engine = if executes {
            Some(engine::parts(&self.engine, &running, line, irql)?)
        } else {
            None
        };
        // Nothing can fail from here on, so the screen that the firmware left may change.
        self.stop(irql);
        let hardware = running.hardware.hardware();
        let memory = hardware.video_memory();
        let post = dxgkrnl.acquire_post_display(irql);
        let found = post.and_then(|post| monitor::picture(&post, memory));
        let size = post.map(|post| (post.width, post.height));
        self.screen.start(parts, hardware, found, size, irql);
        let least_pitch = hardware.scan_out_limits().least_pitch;
        self.segments
            .set(memory.physical, memory.bytes, least_pitch);
        self.gone.store(false, Ordering::Release);
        self.exchange(Some(running), irql);
        if let Some(engine) = engine {
            self.engine.start(engine, irql);
        }
        Ok(())
    }

    /// Gives back all that `start` took. It may be started again (contract: L4).
    pub fn stop(&self, irql: Passive) {
        self.engine.stop(irql);
        self.screen.stop(irql);
        self.segments.clear();
        self.exchange(None, irql);
    }

    /// As [`Adapter::stop`], and leaves the screen to the driver that comes next: black, linear and
    /// visible. `None`, and still started, if there is no picture to leave (contract: L4).
    pub fn stop_and_release(&self, irql: Passive) -> Option<PostDisplay> {
        let running = self.running(irql).filter(|_| !self.is_gone())?;
        let hardware = running.hardware.hardware();
        let picture = self.screen.release(hardware, irql)?;
        let physical = hardware.video_memory().physical;
        self.stop(irql);
        Some(PostDisplay {
            width: picture.width,
            height: picture.height,
            pitch: picture.pitch,
            physical: physical.saturating_add(picture.offset),
            format: D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8,
        })
    }

    /// The adapter goes to sleep; `picture_stays` for hibernation.
    pub fn sleep(&self, picture_stays: bool, irql: Passive) {
        self.engine.sleep(irql);
        self.screen.sleep(picture_stays, irql);
    }

    /// The adapter is awake again, whatever it has lost.
    pub fn wake(&self, irql: Passive) {
        let Some(running) = self.running(irql).filter(|_| !self.is_gone()) else {
            return;
        };
        let hardware = running.hardware.hardware();
        let post = running.dxgkrnl.acquire_post_display(irql);
        let found = post.and_then(|post| monitor::picture(&post, hardware.video_memory()));
        self.screen.wake(hardware, found, irql);
        self.look_at_monitor(&running, irql);
        self.engine.restart(irql);
    }

    /// Puts `running` in place. What was there is dropped after the lock: unmapping wants
    /// `PASSIVE_LEVEL`.
    fn exchange(&self, running: Option<Shared<Running>>, irql: Passive) {
        let before = mem::replace(&mut *self.running.lock(irql), running);
        drop(before);
    }
}

/// Finds the hardware in what the adapter was given. Apart from `start`: the list of ranges is long for
/// one frame.
#[inline(never)]
fn open(dxgkrnl: &Dxgkrnl, irql: Passive) -> Result<AnyHardware, StartError> {
    let ranges = match dxgkrnl.memory_ranges(irql) {
        Ok(ranges) => ranges,
        Err(refused) => {
            let status = u64::from(refused.0.cast_unsigned());
            complain(
                c"StartDevice",
                c"DxgkCbGetDeviceInformation",
                status,
                c"refused",
            );
            return Err(refused.into());
        }
    };
    Ok(AnyHardware::open(dxgkrnl, ranges.as_slice(), irql)?)
}
