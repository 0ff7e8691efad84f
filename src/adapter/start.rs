//! Starting and stopping.

use core::mem;
use core::sync::atomic::Ordering;

use super::{Adapter, Running, TAG};
use crate::device::{AnyHardware, OpenError};
use crate::kernel::dxgkrnl::{Dxgkrnl, Refused};
use crate::kernel::irql::Passive;
use crate::kernel::{NoMemory, Shared, complain};

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
    /// Finds the hardware and maps it. Allocations made before an earlier stop are still there.
    ///
    /// # Errors
    ///
    /// See [`StartError`]; the adapter is as it was before.
    pub fn start(&self, dxgkrnl: Dxgkrnl, irql: Passive) -> Result<(), StartError> {
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
        let hardware = AnyHardware::open(&dxgkrnl, ranges.as_slice(), irql)?;
        let memory = hardware.hardware().video_memory();
        let running = Shared::try_new(TAG, Running { dxgkrnl, hardware }, irql)?;
        self.stop(irql);
        running.hardware.hardware().arm(&self.direct, None);
        self.exchange(Some(running), irql);
        self.gone.store(false, Ordering::Release);
        self.segments.set(memory.physical, memory.bytes);
        Ok(())
    }

    /// Gives back all that `start` took. It may be started again (contract: L4).
    pub fn stop(&self, irql: Passive) {
        self.direct.disarm();
        self.segments.clear();
        self.exchange(None, irql);
    }

    /// Puts `running` in place. What was there is dropped after the lock: unmapping wants
    /// `PASSIVE_LEVEL`.
    fn exchange(&self, running: Option<Shared<Running>>, irql: Passive) {
        let before = mem::replace(&mut *self.running.lock(irql), running);
        drop(before);
    }
}
