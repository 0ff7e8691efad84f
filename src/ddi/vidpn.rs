//! The callbacks about video present networks (contract: V1 to V4, V7).
//!
//! All come at `PASSIVE_LEVEL`. Those that ask (IsSupportedVidPn, EnumVidPnCofuncModality,
//! QueryVidPnHWCapability) are re-entrant, those that change something come alone.

use core::ffi::{CStr, c_void};

use dxgk_sys::status::STATUS_SUCCESS;
use dxgk_sys::{
    BOOLEAN, D3DDDI_ID_ALL, D3DKMDT_ENUMCOFUNCMODALITY_PIVOT_TYPE, D3DKMDT_HVIDPN,
    D3DKMDT_MONITOR_CONNECTIVITY_CHECKS, DXGK_ENUM_PIVOT, DXGK_RECOMMENDFUNCTIONALVIDPN_REASON,
    DXGKARG_COMMITVIDPN, DXGKARG_COMMITVIDPN_FLAGS, DXGKARG_ENUMVIDPNCOFUNCMODALITY,
    DXGKARG_ISSUPPORTEDVIDPN, DXGKARG_QUERYVIDPNHWCAPABILITY, DXGKARG_RECOMMENDFUNCTIONALVIDPN,
    DXGKARG_RECOMMENDMONITORMODES, DXGKARG_UPDATEACTIVEVIDPNPRESENTPATH,
};

use super::recorded::callbacks;
use super::status::{self, InvalidParameter};
use super::{Kind, handles, kind};
use crate::adapter::Adapter;
use crate::display::modes::ModeList;
use crate::display::vidpn::cofunctional::Pivot;
use crate::display::vidpn::{
    Abilities, Offer, active, cofunctional, commit, functional, monitor, supported,
};
use crate::display::{Monitor, SOURCE, TARGET};
use crate::kernel::dxgkrnl::{Dxgkrnl, Refused};
use crate::kernel::irql::Passive;
use crate::kernel::vidpn::{MonitorSet, Size, VidPn};
use crate::kernel::{Shared, complain};

type Reason = DXGK_RECOMMENDFUNCTIONALVIDPN_REASON;

callbacks! {
    /// `DxgkDdiIsSupportedVidPn`. The answer is in the argument (contract: V1).
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads and writes.
    #[traced(c"IsSupportedVidPn")]
    pub unsafe fn is_supported_vidpn(
        context: *mut c_void,
        argument: *mut DXGKARG_ISSUPPORTEDVIDPN,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: dxgkrnl's argument, which nobody else touches during the call.
        let Some(argument) = (unsafe { argument.as_mut() }) else {
            complain(c"IsSupportedVidPn", c"argument", 0, c"NULL");
            return status::of(Err(supported::Error::InvalidTopology));
        };
        argument.IsVidPnSupported = BOOLEAN::from(false);
        // An adapter can always show nothing.
        let answer = if argument.hDesiredVidPn.is_null() {
            Ok(true)
        } else {
            // SAFETY: the DDI's arguments, used in this call only.
            let call = unsafe { Call::begin(c"IsSupportedVidPn", context, argument, irql) };
            call.ok_or(supported::Error::InvalidTopology).and_then(|call| {
                // SAFETY: as above.
                let vidpn = unsafe { call.vidpn(argument.hDesiredVidPn) }?;
                supported::is_supported(&vidpn, call.offer())
            })
        };
        status::of(answer.map(|supported| argument.IsVidPnSupported = BOOLEAN::from(supported)))
    }

    /// `DxgkDdiRecommendFunctionalVidPn` (contract: V2).
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads.
    #[traced(c"RecommendFunctionalVidPn")]
    pub unsafe fn recommend_functional_vidpn(
        context: *mut c_void,
        argument: *const DXGKARG_RECOMMENDFUNCTIONALVIDPN,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: the DDI's arguments, used in this call only.
        let call = unsafe { Call::begin(c"RecommendFunctionalVidPn", context, argument, irql) };
        // SAFETY: dxgkrnl's argument, which nobody writes during the call.
        let argument = unsafe { argument.as_ref() };
        let (Some(call), Some(argument)) = (call, argument) else {
            return status::of(Err(functional::Error::NoRecommendation));
        };
        let wanted = match argument.RequestReason {
            Reason::DXGK_RFVR_FIRMWARE => functional::Wanted::Firmware(call.firmware_size()),
            _ => functional::Wanted::Preferred,
        };
        let Some(mode) = functional::choose(call.offer(), wanted) else {
            return status::of(Err(functional::Error::NoRecommendation));
        };
        // SAFETY: the DDI's handle, used in this call only.
        let vidpn = unsafe { call.vidpn(argument.hRecommendedFunctionalVidPn) };
        let vidpn = vidpn.map_err(functional::Error::from);
        status::of(vidpn.and_then(|vidpn| functional::recommend(&vidpn, mode, call.offer())))
    }

    /// `DxgkDdiEnumVidPnCofuncModality` (contract: V3).
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads.
    #[traced(c"EnumVidPnCofuncModality")]
    pub unsafe fn enum_vidpn_cofunc_modality(
        context: *mut c_void,
        argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: the DDI's arguments, used in this call only.
        let call = unsafe { Call::begin(c"EnumVidPnCofuncModality", context, argument, irql) };
        // SAFETY: dxgkrnl's argument, which nobody writes during the call.
        let argument = unsafe { argument.as_ref() };
        let (Some(call), Some(argument)) = (call, argument) else {
            return status::of(Err(InvalidParameter));
        };
        // SAFETY: the DDI's handle, used in this call only.
        let vidpn = unsafe { call.vidpn(argument.hConstrainingVidPn) };
        let vidpn = vidpn.map_err(cofunctional::Error::from);
        status::of(vidpn.and_then(|vidpn| {
            let pivot = pivot(argument.EnumPivotType, argument.EnumPivot);
            let monitor = call.dxgkrnl.monitor_modes(TARGET, irql).ok();
            cofunctional::enumerate(&vidpn, monitor.as_deref(), pivot, call.offer())
        }))
    }

    /// `DxgkDdiRecommendMonitorModes` (contract: V2).
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads, and the interface that it names.
    #[traced(c"RecommendMonitorModes")]
    pub unsafe fn recommend_monitor_modes(
        context: *mut c_void,
        argument: *const DXGKARG_RECOMMENDMONITORMODES,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: the DDI's arguments, used in this call only.
        let call = unsafe { Call::begin(c"RecommendMonitorModes", context, argument, irql) };
        // SAFETY: dxgkrnl's argument, which nobody writes during the call.
        let argument = unsafe { argument.as_ref() };
        let (Some(call), Some(argument)) = (call, argument) else {
            return STATUS_SUCCESS; // nothing to recommend is no failure
        };
        let target = argument.VideoPresentTargetId;
        if target != TARGET {
            let why = c"no target of this driver";
            complain(c"RecommendMonitorModes", c"VideoPresentTargetId", target.into(), why);
            return STATUS_SUCCESS;
        }
        let (set, interface) = (argument.hMonitorSourceModeSet, argument.pMonitorSourceModeSetInterface);
        // SAFETY: the DDI's handle and interface, used in this call only.
        let set = unsafe { MonitorSet::new(set, interface, irql) };
        status::of(set.and_then(|set| monitor::recommend(&set, call.offer())))
    }

    /// `DxgkDdiCommitVidPn`: all or nothing (contract: V4).
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads.
    #[traced(c"CommitVidPn")]
    pub unsafe fn commit_vidpn(
        context: *mut c_void,
        argument: *const DXGKARG_COMMITVIDPN,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: the DDI's arguments, used in this call only.
        let call = unsafe { Call::begin(c"CommitVidPn", context, argument, irql) };
        // SAFETY: dxgkrnl's argument, which nobody writes during the call.
        let argument = unsafe { argument.as_ref() };
        let (Some(call), Some(argument)) = (call, argument) else {
            return status::of(Err(commit::Error::InvalidTopology));
        };
        let source = argument.AffectedVidPnSourceId;
        let request = commit::Request {
            source: (source != D3DDDI_ID_ALL).then_some(source),
            enforce_monitor: argument.MonitorConnectivityChecks
                == D3DKMDT_MONITOR_CONNECTIVITY_CHECKS::D3DKMDT_MCC_ENFORCE,
            monitor: call.monitor.is_some(),
            powered_off: argument.Flags.contains(DXGKARG_COMMITVIDPN_FLAGS::PathPoweredOff),
        };
        // SAFETY: the DDI's handle, used in this call only.
        let vidpn = unsafe { call.vidpn(argument.hFunctionalVidPn) };
        let plan = vidpn
            .map_err(commit::Error::from)
            .and_then(|vidpn| commit::plan(&vidpn, &request, call.offer()));
        status::of(plan.and_then(|plan| {
            call.adapter
                .screen
                .commit(plan, irql)
                .map_err(|_not_taken| commit::Error::Modality)
        }))
    }

    /// `DxgkDdiUpdateActiveVidPnPresentPath` (contract: V7). A rotation needs no change of the mode:
    /// the next present is turned the new way.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads.
    #[traced(c"UpdateActiveVidPnPresentPath")]
    pub unsafe fn update_active_vidpn_present_path(
        context: *mut c_void,
        argument: *const DXGKARG_UPDATEACTIVEVIDPNPRESENTPATH,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, which nobody writes during the call.
        let argument = unsafe { argument.as_ref() };
        let (Some(adapter), Some(argument)) = (adapter, argument) else {
            let why = c"no adapter of this driver, or the argument is NULL";
            complain(c"UpdateActiveVidPnPresentPath", c"hAdapter", 0, why);
            return status::of(Err(active::UpdateError::NotInTopology));
        };
        let active = adapter.screen.committed(irql).is_some();
        let rotation = active::update(&argument.VidPnPresentPathInfo, active, abilities());
        status::of(rotation.and_then(|rotation| {
            let done = adapter.screen.rotate(rotation, irql);
            done.then_some(()).ok_or(active::UpdateError::NotInTopology)
        }))
    }

    /// `DxgkDdiQueryVidPnHWCapability`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads and writes.
    #[traced(c"QueryVidPnHWCapability")]
    pub unsafe fn query_vidpn_hw_capability(
        context: *mut c_void,
        argument: *mut DXGKARG_QUERYVIDPNHWCAPABILITY,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: the DDI's arguments, used in this call only.
        let call = unsafe { Call::begin(c"QueryVidPnHWCapability", context, argument, irql) };
        // SAFETY: dxgkrnl's argument, which nobody else touches during the call.
        let argument = unsafe { argument.as_mut() };
        let (Some(call), Some(argument)) = (call, argument) else {
            return status::of(Err(InvalidParameter));
        };
        // SAFETY: the DDI's handle, used in this call only.
        let vidpn = unsafe { call.vidpn(argument.hFunctionalVidPn) };
        let (source, target) = (argument.SourceId, argument.TargetId);
        let capability = vidpn
            .map_err(active::CapabilityError::from)
            .and_then(|vidpn| active::capability(&vidpn, source, target, abilities()));
        status::of(capability.map(|capability| argument.VidPnHWCaps = capability))
    }
}

/// What a callback has to do with: a started adapter and what its monitor can show.
struct Call<'call> {
    adapter: &'call Adapter,
    dxgkrnl: Dxgkrnl,
    /// `None` if the hardware was pulled out: only nothing can be shown then.
    monitor: Option<Shared<Monitor>>,
    irql: Passive,
}

/// What is offered without a monitor.
static NOTHING: ModeList = ModeList::EMPTY;

impl Call<'_> {
    /// `None`, with a debug line, if the adapter is not one of ours that is started, or if the argument
    /// is NULL.
    ///
    /// # Safety
    ///
    /// It is used only while the DDI runs that got `context`.
    unsafe fn begin<T>(
        name: &'static CStr,
        context: *const c_void,
        argument: *const T,
        irql: Passive,
    ) -> Option<Self> {
        if argument.is_null() {
            complain(name, c"argument", 0, c"NULL");
            return None;
        }
        // SAFETY: the caller's promise.
        let adapter = unsafe { handles::adapter(context) };
        let parts = adapter.and_then(|adapter| {
            let dxgkrnl = adapter.running(irql)?.dxgkrnl;
            Some((adapter, dxgkrnl))
        });
        let Some((adapter, dxgkrnl)) = parts else {
            complain(name, c"hAdapter", 0, c"no started adapter of this driver");
            return None;
        };
        Some(Self {
            adapter,
            dxgkrnl,
            monitor: adapter.screen.monitor(irql),
            irql,
        })
    }

    fn offer(&self) -> Offer<'_> {
        Offer {
            list: (self.monitor.as_ref()).map_or(&NOTHING, |monitor| &monitor.modes),
            abilities: abilities(),
        }
    }

    /// The size of the picture that the firmware left, if dxgkrnl told it.
    fn firmware_size(&self) -> Option<Size> {
        let (width, height) = self.adapter.screen.post_size(self.irql)?;
        Some(Size { width, height })
    }

    /// # Safety
    ///
    /// `handle` is what the DDI got that is running, and the result is used in it only.
    unsafe fn vidpn(&self, handle: D3DKMDT_HVIDPN) -> Result<VidPn<'_>, Refused> {
        // SAFETY: the caller's promise.
        unsafe { VidPn::open(&self.dxgkrnl, handle, self.irql) }
    }
}

/// What the registration that was chosen can do.
fn abilities() -> Abilities {
    match kind() {
        Kind::Full => Abilities::FULL,
        Kind::DisplayOnly => Abilities::DISPLAY_ONLY,
    }
}

/// What the pivot means for the one path.
fn pivot(kind: D3DKMDT_ENUMCOFUNCMODALITY_PIVOT_TYPE, ids: DXGK_ENUM_PIVOT) -> Pivot {
    type Kind = D3DKMDT_ENUMCOFUNCMODALITY_PIVOT_TYPE;
    let (source, target) = (ids.VidPnSourceId == SOURCE, ids.VidPnTargetId == TARGET);
    match kind {
        Kind::D3DKMDT_EPT_VIDPNSOURCE if source => Pivot::Source,
        Kind::D3DKMDT_EPT_VIDPNTARGET if target => Pivot::Target,
        Kind::D3DKMDT_EPT_SCALING if source && target => Pivot::Scaling,
        Kind::D3DKMDT_EPT_ROTATION if source && target => Pivot::Rotation,
        _ => Pivot::None,
    }
}
