//! `DXGK_MONITOR_INTERFACE` and its second version: what dxgkrnl knows of the monitor on a target.

use alloc::format;

use dxgk_sys::status::{
    STATUS_GRAPHICS_INVALID_DISPLAY_ADAPTER, STATUS_GRAPHICS_INVALID_MONITOR_SOURCEMODESET,
    STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_TARGET, STATUS_GRAPHICS_MONITOR_NOT_CONNECTED,
    STATUS_SUCCESS,
};
use dxgk_sys::{
    D3DKMDT_ADAPTER, D3DKMDT_HMONITORDESCRIPTORSET, D3DKMDT_HMONITORFREQUENCYRANGESET,
    D3DKMDT_HMONITORSOURCEMODESET, DXGK_MONITORDESCRIPTORSET_INTERFACE,
    DXGK_MONITORFREQUENCYRANGESET_INTERFACE, DXGK_MONITORSOURCEMODESET_INTERFACE,
    DXGK_TARGETMODE_DETAIL_TIMING, NTSTATUS, UINT, ddi_fn,
};

use crate::callbacks::calling_port;
use crate::host::irql;
use crate::pattern::Pattern;
use crate::registry;
use crate::rules::Rule;
use crate::vidpn::entry::{Entered, Out};
use crate::vidpn::functions::tables::{DESCRIPTOR_SET, FREQUENCY_RANGE_SET, MONITOR_MODE_SET};
use crate::vidpn::handle::{Kind, handle_of, open};
use crate::vidpn::records::RecordKind;
use crate::vidpn::rule_of;

/// A function that is called with the adapter's own handle.
fn enter_adapter(
    function: &'static str,
    handle: D3DKMDT_ADAPTER,
    work: impl FnOnce(&mut Entered<'_>) -> NTSTATUS,
) -> NTSTATUS {
    let Some(adapter) = registry::adapter(handle) else {
        if let Some(port) = calling_port() {
            port.journal.interface_function(function);
            let rule = port
                .frames
                .current(port.host.thread_id(), |frame| rule_of(frame.ddi));
            port.check(rule.unwrap_or(Rule::V3), function, false, || {
                format!("{handle:p} is no DeviceHandle of DXGKRNL_INTERFACE")
            });
        }
        return STATUS_GRAPHICS_INVALID_DISPLAY_ADAPTER;
    };
    adapter.port.journal.interface_function(function);
    let now = adapter.port.host.irql();
    let low = adapter.check(Rule::B3, function, now == irql::PASSIVE, || {
        format!("called at IRQL {now}")
    });
    if !low {
        return STATUS_GRAPHICS_INVALID_DISPLAY_ADAPTER;
    }
    let mut state = adapter.vidpn.lock(&adapter.port);
    let status = work(&mut Entered {
        adapter: &adapter,
        state: &mut state,
        function,
        serial: 0,
    });
    if let Some(call) = state.call.as_mut()
        && status < 0
    {
        call.errors.push(status);
    }
    status
}

/// The monitor on a target: the serial numbers of its objects and of its mode set.
fn monitor(entered: &Entered<'_>, target: u32) -> Result<(u32, u32), NTSTATUS> {
    if !entered.adapter.is_target(target) {
        return Err(
            entered.misuse(STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_TARGET, || {
                format!("the adapter has no target {target}")
            }),
        );
    }
    let monitor = entered
        .state
        .monitors
        .iter()
        .find(|monitor| monitor.target == target);
    monitor
        .map(|monitor| (monitor.serial, monitor.modes))
        .ok_or(STATUS_GRAPHICS_MONITOR_NOT_CONNECTED)
}

/// What a call of pfnAcquire… or pfnGet… gives.
fn give<H, T>(
    function: &'static str,
    (adapter, target): (D3DKMDT_ADAPTER, u32),
    kind: Kind,
    out: (Option<Out<*mut H>>, Option<Out<*const T>>),
    table: &'static T,
) -> NTSTATUS {
    enter_adapter(function, adapter, |entered| {
        let (Some(out), Some(interface)) = out else {
            return entered.null();
        };
        let (mut serial, modes) = match monitor(entered, target) {
            Ok(found) => found,
            Err(status) => return status,
        };
        if kind == Kind::MonitorModeSet {
            serial = modes;
            let set = entered
                .state
                .monitor_sets
                .iter_mut()
                .find(|set| set.serial == modes);
            if let Some(set) = set {
                set.acquired += 1;
            }
        }
        out.set(handle_of(entered.adapter.handle(), kind, serial));
        interface.set(table);
        STATUS_SUCCESS
    })
}

ddi_fn! {
    pub(crate) unsafe fn acquire_monitor_source_mode_set(
        adapter: D3DKMDT_ADAPTER,
        target: u32,
        out: *mut D3DKMDT_HMONITORSOURCEMODESET,
        interface: *mut *const DXGK_MONITORSOURCEMODESET_INTERFACE,
    ) -> NTSTATUS {
        // SAFETY: the driver's variable.
        let out = unsafe { Out::new(out) };
        // SAFETY: the driver's variable.
        let interface = unsafe { Out::new(interface) };
        let name = "Monitor.pfnAcquireMonitorSourceModeSet";
        give(name, (adapter, target), Kind::MonitorModeSet, (out, interface), &MONITOR_MODE_SET)
    }

    pub(crate) unsafe fn release_monitor_source_mode_set(
        adapter: D3DKMDT_ADAPTER,
        set: D3DKMDT_HMONITORSOURCEMODESET,
    ) -> NTSTATUS {
        enter_adapter("Monitor.pfnReleaseMonitorSourceModeSet", adapter, |entered| {
            let serial = open(set, Kind::MonitorModeSet).map(|(_, serial)| serial);
            let held = entered
                .state
                .monitor_sets
                .iter_mut()
                .find(|set| Some(set.serial) == serial && set.acquired != 0);
            let Some(held) = held else {
                return entered.misuse(STATUS_GRAPHICS_INVALID_MONITOR_SOURCEMODESET, || {
                    "the set is none that the driver holds"
                });
            };
            held.acquired -= 1;
            STATUS_SUCCESS
        })
    }

    pub(crate) unsafe fn get_frequency_range_set(
        adapter: D3DKMDT_ADAPTER,
        target: u32,
        out: *mut D3DKMDT_HMONITORFREQUENCYRANGESET,
        interface: *mut *const DXGK_MONITORFREQUENCYRANGESET_INTERFACE,
    ) -> NTSTATUS {
        // SAFETY: the driver's variable.
        let out = unsafe { Out::new(out) };
        // SAFETY: the driver's variable.
        let interface = unsafe { Out::new(interface) };
        let name = "Monitor.pfnGetMonitorFrequencyRangeSet";
        let (kind, table) = (Kind::FrequencyRangeSet, &FREQUENCY_RANGE_SET);
        give(name, (adapter, target), kind, (out, interface), table)
    }

    pub(crate) unsafe fn get_descriptor_set(
        adapter: D3DKMDT_ADAPTER,
        target: u32,
        out: *mut D3DKMDT_HMONITORDESCRIPTORSET,
        interface: *mut *const DXGK_MONITORDESCRIPTORSET_INTERFACE,
    ) -> NTSTATUS {
        // SAFETY: the driver's variable.
        let out = unsafe { Out::new(out) };
        // SAFETY: the driver's variable.
        let interface = unsafe { Out::new(interface) };
        let name = "Monitor.pfnGetMonitorDescriptorSet";
        give(name, (adapter, target), Kind::DescriptorSet, (out, interface), &DESCRIPTOR_SET)
    }

    /// No monitor under the port has any; the set, which must be released, is an empty one.
    pub(crate) unsafe fn get_additional_mode_set(
        adapter: D3DKMDT_ADAPTER,
        target: u32,
        count: *mut UINT,
        out: *mut *mut DXGK_TARGETMODE_DETAIL_TIMING,
    ) -> NTSTATUS {
        // SAFETY: the driver's variable.
        let count = unsafe { Out::new(count) };
        // SAFETY: the driver's variable.
        let out = unsafe { Out::new(out) };
        enter_adapter("Monitor.pfnGetAdditionalMonitorModeSet", adapter, |entered| {
            let (Some(count), Some(out)) = (count, out) else { return entered.null() };
            if let Err(status) = monitor(entered, target) {
                return status;
            }
            let none: DXGK_TARGETMODE_DETAIL_TIMING = Pattern(0).filled();
            let at = (RecordKind::AdditionalModes, target, 0);
            let pointer = entered.state.records.lend(at, false, entered.function, &none);
            count.set(0);
            out.set(pointer);
            STATUS_SUCCESS
        })
    }

    pub(crate) unsafe fn release_additional_mode_set(
        adapter: D3DKMDT_ADAPTER,
        _target: u32,
        set: *const DXGK_TARGETMODE_DETAIL_TIMING,
    ) -> NTSTATUS {
        enter_adapter("Monitor.pfnReleaseAdditionalMonitorModeSet", adapter, |entered| {
            let back = entered.state.records.take_back(RecordKind::AdditionalModes, set);
            if back.is_none() {
                return entered.misuse(STATUS_GRAPHICS_INVALID_MONITOR_SOURCEMODESET, || {
                    "the set is none that the driver holds"
                });
            }
            STATUS_SUCCESS
        })
    }
}
