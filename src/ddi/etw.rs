//! ETW events, switched on and off by `DxgkDdiControlEtwLogging`.
//!
//! One event is logged for each CreateAllocation and DestroyAllocation while a listener asks for
//! level `TRACE_LEVEL_INFORMATION` (4) or more, and for those that fail from `TRACE_LEVEL_ERROR` (2).
//! Its data are a [`Data`]: 16 bytes, no address in it.

use core::sync::atomic::{AtomicU8, Ordering};

use dxgk_sys::{BOOLEAN, GUID, NTSTATUS, UCHAR, ULONG, guid};
use zerocopy::{Immutable, IntoBytes};

use super::recorded::callbacks;
use crate::adapter::Adapter;
use crate::kernel::irql::Passive;

/// The identity of the driver's events: {5b1f5a52-6f0e-4b57-9d0a-2c4be2a1d6f3}.
const EVENT: GUID = guid(0x5b1f5a52_6f0e_4b57_9d0a_2c4be2a1d6f3);

/// The type of an event.
#[derive(Clone, Copy)]
pub enum Event {
    /// `DxgkDdiCreateAllocation` returned.
    Create = 10,
    /// `DxgkDdiDestroyAllocation` returned.
    Destroy = 11,
}

/// The data of an event.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Data {
    /// `NumAllocations`
    allocations: u32,
    /// `Flags`
    flags: u32,
    /// What the DDI returned.
    status: i32,
    /// Zero.
    reserved: u32,
}

const ERROR: u8 = 2;
const INFORMATION: u8 = 4;

/// The level that a listener asked for; 0 while nobody listens.
static LEVEL: AtomicU8 = AtomicU8::new(0);

callbacks! {
    /// `DxgkDdiControlEtwLogging`: who listens, and to what. `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// None: the arguments are plain numbers.
    #[traced(c"ControlEtwLogging")]
    pub unsafe fn control_etw_logging(enable: BOOLEAN, _flags: ULONG, level: UCHAR) {
        LEVEL.store(if enable == 0 { 0 } else { level }, Ordering::Relaxed);
    }
}

/// Logs an event if somebody listens. Only then is `call` asked, for `NumAllocations` and `Flags`.
#[inline]
pub fn log(
    adapter: &Adapter,
    event: Event,
    call: impl FnOnce() -> (u32, u32),
    status: NTSTATUS,
    irql: Passive,
) {
    // Mostly nobody listens, which is one comparison.
    let level = LEVEL.load(Ordering::Relaxed);
    if level >= ERROR && (status < 0 || level >= INFORMATION) {
        let (allocations, flags) = call();
        let data = Data {
            allocations,
            flags,
            status,
            reserved: 0,
        };
        send(adapter, event, &data, irql);
    }
}

#[cold]
fn send(adapter: &Adapter, event: Event, data: &Data, irql: Passive) {
    if let Some(running) = adapter.running(irql) {
        running
            .dxgkrnl
            .log_event(&EVENT, event as u8, data.as_bytes());
    }
}
