//! An adapter's life: add, start, stop, remove, and what may come in between.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::ffi::c_void;
use core::sync::atomic::Ordering;

use dxgk_sys::status::{
    STATUS_GRAPHICS_STALE_MODESET, STATUS_INSUFFICIENT_RESOURCES, STATUS_NOT_SUPPORTED,
    STATUS_SUCCESS,
};
use dxgk_sys::{
    DRIVER_INITIALIZATION_DATA, DXGK_START_INFO, DXGK_SURPRISE_REMOVAL_TYPE, LUID, NTSTATUS, guid,
};

use crate::adapter::{Adapter, AdapterInner, State};
use crate::ddi::Ddi;
use crate::host::AdapterIndex;
use crate::interface::Interface;
use crate::pattern::Pattern;
use crate::port::Port;
use crate::registry;
use crate::rules::Rule;
use crate::{STATUS_INVALID_DEVICE_STATE, STATUS_PROCEDURE_NOT_FOUND, Status};

/// Of a stop whose code no page names, and of a restart.
const UNNAMED_BUGCHECK: u32 = 0;

/// What a driver said of itself when it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// `NumberOfVideoPresentSources`.
    pub sources: u32,
    /// `NumberOfChildren`.
    pub children: u32,
}

impl Port {
    /// Calls AddDevice for a display function of the machine.
    ///
    /// # Errors
    /// The driver's; `STATUS_NOT_SUPPORTED` if it succeeded without a context (the function is not for it);
    /// `STATUS_INVALID_DEVICE_STATE` if no driver has registered.
    pub fn add_device(&self, index: AdapterIndex) -> Result<Adapter, Status> {
        let registration = self.0.registration.lock().clone();
        let registration = registration.ok_or(STATUS_INVALID_DEVICE_STATE)?;
        let add = registration
            .table
            .DxgkDdiAddDevice
            .ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let adapter = Arc::new(AdapterInner::new(&self.0, &registration, index));
        let handle = registry::know_adapter(Arc::as_ptr(&adapter));
        let handle = handle.ok_or(STATUS_INSUFFICIENT_RESOURCES)?;
        adapter.handle.store(handle, Ordering::Relaxed);

        let device_object = self.0.host.physical_device_object(index);
        let pattern = Pattern::turn(self.0.turns.next());
        let mut context: *mut c_void = pattern.pointer();
        let arguments = || format!("adapter {index}");
        let status = self.0.call(&self.0.gate, Ddi::AddDevice, arguments, |_| {
            // SAFETY: the driver's own function, at its IRQL and level.
            unsafe { add(device_object, &raw mut context) }
        });
        if status != STATUS_SUCCESS {
            adapter.set_state(State::Removed);
            adapter.check_removed(Ddi::AddDevice);
            return Err(status);
        }
        let written = context != pattern.pointer();
        if !self.0.check(
            Rule::L2,
            "AddDevice",
            written,
            || "MiniportDeviceContext is not set",
        ) || context.is_null()
        {
            adapter.set_state(State::Removed);
            return Err(STATUS_NOT_SUPPORTED);
        }
        adapter.context.store(context, Ordering::Relaxed);
        self.0.adapters.lock().push(Arc::downgrade(&adapter));
        Ok(Adapter(adapter))
    }
}

impl Adapter {
    /// StartDevice and what follows it: child relations and status, capabilities, segments, descriptors.
    ///
    /// # Errors
    /// The driver's; `STATUS_INVALID_DEVICE_STATE` unless the adapter is added and stopped.
    pub fn start(&self) -> Result<Started, Status> {
        let adapter = &*self.0;
        let started = adapter.start()?;
        let table = &adapter.registration.table;
        if table.DxgkDdiQueryChildRelations.is_some()
            && let Ok(relations) = self.query_child_relations()
        {
            adapter.learn_children(&relations);
        }
        *adapter.caps.lock() = None;
        *adapter.segments.write() = None;
        adapter.forget_memory();
        // Refusals of these two are violations of Q4 and Q5, recorded there.
        let _ = self.caps();
        if !adapter.registration.display_only {
            let _ = self.segments();
        }
        adapter.check_display_promises(started);
        adapter.learn_descriptors();
        if let Err(status) = self.begin_scheduling() {
            // The system cannot do without its own context.
            let _ = self.stop();
            return Err(status);
        }
        Ok(started)
    }

    /// Destroys what devices and allocations are left, then StopDevice.
    ///
    /// # Errors
    /// The driver's; `STATUS_INVALID_DEVICE_STATE` unless the adapter is started.
    pub fn stop(&self) -> Result<(), Status> {
        let adapter = &*self.0;
        if adapter.state() != State::Started {
            return Err(STATUS_INVALID_DEVICE_STATE);
        }
        let stop = adapter.registration.table.DxgkDdiStopDevice;
        let stop = stop.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        self.tear_down();
        let status = adapter.call(Ddi::StopDevice, String::new, |_| {
            // SAFETY: the driver's own function and context, at its IRQL and level.
            unsafe { stop(adapter.context()) }
        });
        if status != STATUS_SUCCESS {
            return Err(status);
        }
        adapter.stopped(Ddi::StopDevice);
        Ok(())
    }

    /// Destroys what devices and allocations are left, then RemoveDevice, with or without a stop before it.
    ///
    /// # Errors
    /// The driver's; `STATUS_INVALID_DEVICE_STATE` if it was removed before.
    pub fn remove(&self) -> Result<(), Status> {
        let adapter = &*self.0;
        if adapter.is_removed() {
            return Err(STATUS_INVALID_DEVICE_STATE);
        }
        let remove = adapter.registration.table.DxgkDdiRemoveDevice;
        let remove = remove.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        self.tear_down();
        let status = adapter.call(Ddi::RemoveDevice, String::new, |_| {
            // SAFETY: the driver's own function and context, at its IRQL and level.
            unsafe { remove(adapter.context()) }
        });
        if status != STATUS_SUCCESS {
            return Err(status);
        }
        adapter.set_state(State::Removed);
        adapter.scheduler_stopped();
        adapter.check_removed(Ddi::RemoveDevice);
        Ok(())
    }

    /// The device is gone: NotifySurpriseRemoval if the capabilities ask for it. Stop and remove come after it.
    ///
    /// False if nothing was called.
    ///
    /// # Errors
    /// The driver's.
    pub fn surprise_remove(&self) -> Result<bool, Status> {
        let adapter = &*self.0;
        let Some(caps) = *adapter.caps.lock() else {
            return Ok(false);
        };
        let kind = if caps.0.SupportSurpriseRemoval != 0 {
            DXGK_SURPRISE_REMOVAL_TYPE::DxgkRemovalPnPNotify
        } else if caps.0.SupportSurpriseRemovalInHibernation != 0 {
            DXGK_SURPRISE_REMOVAL_TYPE::DxgkRemovalHibernation
        } else {
            return Ok(false);
        };
        let notify = adapter.registration.table.DxgkDdiNotifySurpriseRemoval;
        adapter.check(
            Rule::G2,
            "NotifySurpriseRemoval",
            notify.is_some(),
            || "the capabilities promise it",
        );
        let notify = notify.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let arguments = || format!("{}", kind.0);
        let status = adapter.call(Ddi::NotifySurpriseRemoval, arguments, |_| {
            // SAFETY: the driver's own function and context, at its IRQL.
            unsafe { notify(adapter.context(), kind) }
        });
        // With SupportSurpriseRemoval the status is ignored; else Windows calls no DDI any more, and restarts.
        if status == STATUS_SUCCESS || kind == DXGK_SURPRISE_REMOVAL_TYPE::DxgkRemovalPnPNotify {
            adapter.scheduler_gone();
            Ok(true)
        } else {
            let parameters = [u64::from(status.cast_unsigned()), 0, 0, 0];
            let detail = format!("NotifySurpriseRemoval returned {status:#010x}");
            adapter.port.bugcheck(
                Ddi::NotifySurpriseRemoval.name(),
                UNNAMED_BUGCHECK,
                parameters,
                detail,
            );
            Err(status)
        }
    }
}

impl AdapterInner {
    fn start(&self) -> Result<Started, Status> {
        if self.state() != State::Added {
            return Err(STATUS_INVALID_DEVICE_STATE);
        }
        let start = self.registration.table.DxgkDdiStartDevice;
        let start = start.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let pool = self.port.is_quiet().then(|| self.port.host.pool());
        let name = Ddi::StartDevice.name();
        let mut info = DXGK_START_INFO::ZERO;
        info.AdapterGuid = guid(0x8dfa_b4a1_7c9e_4e2f_9a30_5f1e_0000_0000 | u128::from(self.index));
        info.AdapterLuid = LUID {
            LowPart: 0x1_0000 + self.index,
            HighPart: 0,
        };
        let mut interface = Interface::new(self.registration.version, self.handle());
        let pattern = Pattern::turn(self.port.turns.next());
        let (mut sources, mut children) = (pattern.u32(), pattern.u32());
        let mut told = false;
        self.display.begin_start(&*self.port.host);
        let status = self.call(Ddi::StartDevice, String::new, |frame| {
            let (sources, children) = (&raw mut sources, &raw mut children);
            // SAFETY: the driver's own function and context, at its IRQL and level.
            let status = unsafe {
                start(
                    self.context(),
                    &raw mut info,
                    interface.pointer(),
                    sources,
                    children,
                )
            };
            told = frame.told_resources.get();
            status
        });
        drop(interface);
        if status == STATUS_SUCCESS {
            self.set_state(State::Started);
        }
        self.display.end_start();
        if status != STATUS_SUCCESS {
            self.check_mappings(Rule::L3, Ddi::StartDevice);
            if let Some(before) = pool {
                self.port.check_pool(Rule::L3, Ddi::StartDevice, &before);
            }
            if status == STATUS_GRAPHICS_STALE_MODESET {
                let parameters = [u64::from(status.cast_unsigned()), 0, 0, 0];
                let detail = "the screen was left so that no other driver can use it";
                self.port
                    .bugcheck(name, UNNAMED_BUGCHECK, parameters, detail);
            }
            return Err(status);
        }
        self.check(
            Rule::L3,
            name,
            told,
            || "DxgkCbGetDeviceInformation was not asked",
        );
        self.check(
            Rule::L3,
            name,
            sources != pattern.u32(),
            || "NumberOfVideoPresentSources is not set",
        );
        self.check(
            Rule::L3,
            name,
            children != pattern.u32(),
            || "NumberOfChildren is not set",
        );
        let count = |value| if value == pattern.u32() { 0 } else { value };
        let started = Started {
            sources: count(sources),
            children: count(children),
        };
        self.check_promises(started);
        self.sources.store(started.sources, Ordering::Relaxed);
        self.children
            .store(started.children.min(256), Ordering::Relaxed);
        Ok(started)
    }

    /// An adapter with sources and children needs the callbacks about them.
    fn check_promises(&self, started: Started) {
        let table: &DRIVER_INITIALIZATION_DATA = &self.registration.table;
        let sources = table.DxgkDdiIsSupportedVidPn.is_some()
            && table.DxgkDdiRecommendFunctionalVidPn.is_some()
            && table.DxgkDdiEnumVidPnCofuncModality.is_some()
            && table.DxgkDdiCommitVidPn.is_some()
            && table.DxgkDdiSetVidPnSourceVisibility.is_some()
            && table.DxgkDdiUpdateActiveVidPnPresentPath.is_some()
            && table.DxgkDdiRecommendMonitorModes.is_some();
        self.check(
            Rule::G2,
            "StartDevice",
            started.sources == 0 || sources,
            || {
                format!(
                    "{} sources, but not the callbacks for them",
                    started.sources
                )
            },
        );
        let children = table.DxgkDdiQueryChildRelations.is_some()
            && table.DxgkDdiQueryChildStatus.is_some()
            && table.DxgkDdiQueryDeviceDescriptor.is_some();
        self.check(
            Rule::G2,
            "StartDevice",
            started.children == 0 || children,
            || {
                format!(
                    "{} children, but not the callbacks for them",
                    started.children
                )
            },
        );
    }

    /// A full driver's callbacks for the display, and those that its capabilities promise.
    fn check_display_promises(&self, started: Started) {
        let table: &DRIVER_INITIALIZATION_DATA = &self.registration.table;
        if started.sources == 0 {
            return;
        }
        let caps = *self.caps.lock();
        let full = !self.registration.display_only;
        let non_vga = caps.is_some_and(|caps| caps.0.SupportNonVGA != 0);
        let pointer = caps.is_some_and(|caps| !caps.0.PointerCaps.is_empty());
        let needs = [
            (
                full,
                "SetVidPnSourceAddress",
                table.DxgkDdiSetVidPnSourceAddress.is_some(),
            ),
            (
                full,
                "ControlInterrupt",
                table.DxgkDdiControlInterrupt.is_some(),
            ),
            (full, "GetScanLine", table.DxgkDdiGetScanLine.is_some()),
            (
                full,
                "InterruptRoutine",
                table.DxgkDdiInterruptRoutine.is_some(),
            ),
            (full, "DpcRoutine", table.DxgkDdiDpcRoutine.is_some()),
            (
                non_vga,
                "StopDeviceAndReleasePostDisplayOwnership",
                table
                    .DxgkDdiStopDeviceAndReleasePostDisplayOwnership
                    .is_some(),
            ),
            (
                non_vga,
                "SystemDisplayEnable",
                table.DxgkDdiSystemDisplayEnable.is_some(),
            ),
            (
                non_vga,
                "SystemDisplayWrite",
                table.DxgkDdiSystemDisplayWrite.is_some(),
            ),
            (
                pointer,
                "SetPointerPosition",
                table.DxgkDdiSetPointerPosition.is_some(),
            ),
            (
                pointer,
                "SetPointerShape",
                table.DxgkDdiSetPointerShape.is_some(),
            ),
        ];
        for (needed, name, there) in needs {
            self.check(Rule::G2, "StartDevice", there || !needed, || {
                format!("{} sources, but no {name}", started.sources)
            });
        }
    }

    /// StopDevice, or what stands for it, has succeeded.
    pub(crate) fn stopped(&self, ddi: Ddi) {
        self.set_state(State::Added);
        self.scheduler_stopped();
        self.check_mappings(Rule::L4, ddi);
        self.check_dpc_queued(ddi.name());
    }

    fn check_removed(&self, after: Ddi) {
        self.check_mappings(Rule::L5, after);
        self.check_references(after);
        if let Some(before) = &self.pool_at_add
            && self.port.is_quiet()
            && self.port.live_adapters() == 0
        {
            self.port.check_pool(Rule::L5, after, before);
        }
    }
}

/// A status as a result.
pub(crate) fn done(status: NTSTATUS) -> Result<(), Status> {
    if status == STATUS_SUCCESS {
        Ok(())
    } else {
        Err(status)
    }
}
