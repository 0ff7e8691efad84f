//! Sources: whether they are visible, and which primary they show (V5).

use alloc::format;
use core::mem::offset_of;
use core::sync::atomic::Ordering;

use dxgk_sys::status::{STATUS_INVALID_HANDLE, STATUS_SUCCESS};
use dxgk_sys::{
    DXGK_FLIPCAPS, DXGK_SETVIDPNSOURCEADDRESS_FLAGS, DXGKARG_SETVIDPNSOURCEADDRESS,
    DXGKARG_SETVIDPNSOURCEVISIBILITY, PHYSICAL_ADDRESS,
};

use crate::adapter::{Adapter, AdapterInner};
use crate::ddi::{Ddi, Level};
use crate::host::irql;
use crate::memory::Placement;
use crate::objects;
use crate::pattern::{Pattern, bytes_of};
use crate::rules::Rule;
use crate::version::Version;
use crate::{STATUS_INVALID_DEVICE_STATE, STATUS_PROCEDURE_NOT_FOUND, Status};

const VISIBILITY: &str = "SetVidPnSourceVisibility";
const ADDRESS: &str = "SetVidPnSourceAddress";

/// How a source comes to show another primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flip {
    /// With a mode that was just committed, at PASSIVE_LEVEL.
    ModeChange,
    /// At the next VSYNC, at the device's IRQL if the driver has `FlipOnVSyncMmIo`.
    OnNextVsync,
    /// At once, at the device's IRQL if the driver has `FlipImmediateMmIo`.
    Immediate,
}

impl Flip {
    fn flags(self) -> DXGK_SETVIDPNSOURCEADDRESS_FLAGS {
        match self {
            Self::ModeChange => DXGK_SETVIDPNSOURCEADDRESS_FLAGS::ModeChange,
            Self::OnNextVsync => DXGK_SETVIDPNSOURCEADDRESS_FLAGS::FlipOnNextVSync,
            Self::Immediate => DXGK_SETVIDPNSOURCEADDRESS_FLAGS::FlipImmediate,
        }
    }
}

impl Adapter {
    /// SetVidPnSourceVisibility.
    ///
    /// # Errors
    /// The driver's; `STATUS_INVALID_DEVICE_STATE` for a source that the adapter does not have.
    pub fn set_visible(&self, source: u32, visible: bool) -> Result<(), Status> {
        let adapter = &*self.0;
        let set = adapter.registration.table.DxgkDdiSetVidPnSourceVisibility;
        let set = set.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        if source >= adapter.sources.load(Ordering::Relaxed) {
            return Err(STATUS_INVALID_DEVICE_STATE);
        }
        let mut argument: DXGKARG_SETVIDPNSOURCEVISIBILITY = Pattern(0).filled();
        argument.VidPnSourceId = source;
        argument.Visible = visible.into();
        let given = bytes_of(&argument).to_vec();
        let arguments = || format!("source {source}, {visible}");
        let status = adapter.call(Ddi::SetVidPnSourceVisibility, arguments, |_| {
            // SAFETY: the driver's own function and context, at its IRQL and level.
            unsafe { set(adapter.context(), &raw mut argument) }
        });
        let same = given == bytes_of(&argument);
        adapter.check(Rule::B2_13, VISIBILITY, same, || "the argument was written");
        let taken = status == STATUS_SUCCESS;
        adapter.check(Rule::V5, VISIBILITY, taken, || {
            format!("source {source}, {visible}: {status:#010x}")
        });
        if taken {
            let host = &*adapter.port.host;
            let scan = &adapter.display.scan;
            scan.with(host, |scan| scan.set_visible(source, visible));
        }
        crate::lifecycle::done(status)
    }

    /// Whether a source is to be seen: never after a start or on the way to D0, until [`Self::set_visible`].
    pub fn is_visible(&self, source: u32) -> bool {
        let host = &*self.0.port.host;
        let scan = &self.0.display.scan;
        scan.with(host, |scan| scan.is_visible(source))
    }

    /// SetVidPnSourceAddress with a primary that fits the committed mode, which is the caller's promise.
    ///
    /// There are no contexts in the profiles that the port has, so `ContextCount` is 0 for flips as well.
    ///
    /// # Errors
    /// The driver's; `STATUS_INVALID_DEVICE_STATE` for a source that is not committed, `STATUS_INVALID_HANDLE` for
    /// an allocation that is gone.
    pub fn set_address(
        &self,
        source: u32,
        placement: &Placement,
        flip: Flip,
    ) -> Result<(), Status> {
        let adapter = &*self.0;
        let host = &*adapter.port.host;
        let scan = &adapter.display.scan;
        if adapter
            .registration
            .table
            .DxgkDdiSetVidPnSourceAddress
            .is_none()
        {
            return Err(STATUS_PROCEDURE_NOT_FOUND);
        }
        let exists = source < adapter.sources.load(Ordering::Relaxed);
        if !exists || !scan.with(host, |scan| scan.is_committed(source)) {
            return Err(STATUS_INVALID_DEVICE_STATE);
        }
        let object = objects::allocation(placement.allocation).ok_or(STATUS_INVALID_HANDLE)?;
        let pattern = Pattern::turn(adapter.port.turns.next());
        let mut argument: DXGKARG_SETVIDPNSOURCEADDRESS = pattern.filled();
        argument.VidPnSourceId = source;
        argument.PrimarySegment = placement.segment;
        argument.PrimaryAddress = PHYSICAL_ADDRESS {
            QuadPart: placement.address.cast_signed(),
        };
        argument.hAllocation = object.driver.0;
        argument.ContextCount = 0;
        argument.Flags = flip.flags();
        if adapter.registration.version >= Version::WDDM1_3 {
            argument.Duration = 0;
        }
        if adapter.registration.version >= Version::WDDM2_0 {
            let rest = offset_of!(DXGKARG_SETVIDPNSOURCEADDRESS, PrimaryData);
            let start = (&raw mut argument).cast::<u8>().wrapping_add(rest);
            // SAFETY: the end of our own record.
            unsafe { start.write_bytes(0, size_of_val(&argument) - rest) };
        }
        let before = scan.with(host, |scan| scan.begin(source, placement.address));
        let status = adapter.call_set_address(&argument, flip);
        let taken = status == STATUS_SUCCESS;
        scan.with(host, |scan| {
            if taken {
                scan.settle(source);
            } else {
                scan.cancel(source, &before);
            }
        });
        adapter.check(Rule::V5, ADDRESS, taken, || {
            format!("source {source}, {flip:?}: {status:#010x}")
        });
        crate::lifecycle::done(status)
    }

    /// Waits until VSYNC reports the address that a source was set to; false if the time is over.
    pub fn wait_for_flip(&self, source: u32, timeout_100ns: u64) -> bool {
        let adapter = &*self.0;
        let host = &*adapter.port.host;
        let scan = &adapter.display.scan;
        adapter.wait(timeout_100ns, || {
            scan.with(host, |scan| scan.is_confirmed(source))
        })
    }
}

impl AdapterInner {
    /// The call, at the level and IRQL that the flip has.
    fn call_set_address(&self, argument: &DXGKARG_SETVIDPNSOURCEADDRESS, flip: Flip) -> Status {
        let table = &self.registration.table;
        let Some(set) = table.DxgkDdiSetVidPnSourceAddress else {
            return STATUS_PROCEDURE_NOT_FOUND;
        };
        let mut given = *argument;
        let before = bytes_of(&given).to_vec();
        let arguments = || {
            // SAFETY: any bytes are an integer.
            let address = unsafe { argument.PrimaryAddress.QuadPart };
            format!("source {}, {flip:?}, {address:#x}", argument.VidPnSourceId)
        };
        let needed = match flip {
            Flip::ModeChange => None,
            Flip::OnNextVsync => Some(DXGK_FLIPCAPS::FlipOnVSyncMmIo),
            Flip::Immediate => Some(DXGK_FLIPCAPS::FlipImmediateMmIo),
        };
        let caps = self.caps.lock().map(|caps| caps.0.FlipCaps);
        let raised = needed.is_some_and(|flag| caps.is_some_and(|caps| caps.contains(flag)));
        // SAFETY: the driver's own function and context.
        let mut call = || unsafe { set(self.context(), &raw mut given) };
        let status = if raised {
            self.flip(arguments, call)
        } else {
            self.call(Ddi::SetVidPnSourceAddress, arguments, |_| call())
        };
        let same = before == bytes_of(&given);
        self.check(Rule::B2_13, ADDRESS, same, || "the argument was written");
        status
    }

    /// A flip at the device's IRQL: under its interrupt's line, or, if none is connected, at the lowest and the
    /// highest level that a device may have, by turns. Nothing there comes from the pool.
    fn flip(
        &self,
        arguments: impl FnOnce() -> alloc::string::String,
        call: impl FnOnce() -> Status,
    ) -> Status {
        let host = &*self.port.host;
        let line = host.interrupt_line(self.index);
        let level = line.unwrap_or_else(|| {
            [irql::DEVICE_LOWEST, irql::DEVICE_HIGHEST][self.port.turns.next() % 2]
        });
        let call = || {
            let levels = (Level::Any, level);
            let ddi = Ddi::SetVidPnSourceAddress;
            self.port
                .call_at(&self.gate, ddi, levels, arguments, |_| call())
        };
        let (status, calls) = self.port.pool_calls_of(|| match line {
            Some(line) => self.hold_line(line, ADDRESS, call),
            None => call(),
        });
        if let Some(calls) = calls {
            self.check(Rule::V5, ADDRESS, calls == 0, || {
                format!("{calls} calls of the pool at IRQL {level}")
            });
        }
        self.run_dpc();
        status
    }
}
