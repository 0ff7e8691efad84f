//! What a full WDDM 1.3 driver must have: its whole table, and the capabilities that come with it (G2, Q7).

use alloc::format;

use dxgk_sys::{
    D3DKMDT_COMPUTE_PREEMPTION_GRANULARITY, D3DKMDT_GRAPHICS_PREEMPTION_GRANULARITY,
    DRIVER_INITIALIZATION_DATA, DXGK_DRIVERCAPS, DXGK_VIDSCHCAPS,
};

use crate::adapter::AdapterInner;
use crate::port::PortInner;
use crate::rules::Rule;
use crate::version::Version;

const NAME: &str = "DxgkInitialize";

macro_rules! needed {
    ($table:ident; $($callback:ident)*) => {
        [$((stringify!($callback), $table.$callback.is_some())),*]
    };
}

/// The callbacks that are optional by their pages are left out: palettes, captures, overlays, swizzling, links, power
/// components; RenderKm and CancelCommand come with a capability.
pub(crate) fn check_table(port: &PortInner, table: &DRIVER_INITIALIZATION_DATA, version: Version) {
    let needed = needed![table;
        DxgkDdiAddDevice DxgkDdiStartDevice DxgkDdiStopDevice DxgkDdiRemoveDevice DxgkDdiDispatchIoRequest
        DxgkDdiInterruptRoutine DxgkDdiDpcRoutine DxgkDdiQueryChildRelations DxgkDdiQueryChildStatus
        DxgkDdiQueryDeviceDescriptor DxgkDdiSetPowerState DxgkDdiNotifyAcpiEvent DxgkDdiResetDevice DxgkDdiUnload
        DxgkDdiQueryInterface DxgkDdiQueryAdapterInfo DxgkDdiCreateDevice DxgkDdiDestroyDevice
        DxgkDdiCreateAllocation DxgkDdiDestroyAllocation DxgkDdiDescribeAllocation
        DxgkDdiGetStandardAllocationDriverData DxgkDdiOpenAllocation DxgkDdiCloseAllocation
        DxgkDdiPatch DxgkDdiSubmitCommand DxgkDdiPreemptCommand DxgkDdiBuildPagingBuffer
        DxgkDdiSetPointerPosition DxgkDdiSetPointerShape DxgkDdiResetFromTimeout DxgkDdiRestartFromTimeout
        DxgkDdiEscape DxgkDdiCollectDbgInfo DxgkDdiQueryCurrentFence DxgkDdiIsSupportedVidPn
        DxgkDdiRecommendFunctionalVidPn DxgkDdiEnumVidPnCofuncModality DxgkDdiSetVidPnSourceAddress
        DxgkDdiSetVidPnSourceVisibility DxgkDdiCommitVidPn DxgkDdiUpdateActiveVidPnPresentPath
        DxgkDdiRecommendMonitorModes DxgkDdiGetScanLine DxgkDdiControlInterrupt DxgkDdiRender DxgkDdiPresent
        DxgkDdiCreateContext DxgkDdiDestroyContext DxgkDdiQueryVidPnHWCapability
        DxgkDdiQueryDependentEngineGroup DxgkDdiQueryEngineStatus DxgkDdiResetEngine
        DxgkDdiStopDeviceAndReleasePostDisplayOwnership DxgkDdiSystemDisplayEnable DxgkDdiSystemDisplayWrite
    ];
    for (name, there) in needed {
        port.check(Rule::G2, NAME, there, || {
            format!("{name} is missing in a full driver")
        });
    }
    let metadata = version < Version::WDDM1_3 || table.DxgkDdiGetNodeMetadata.is_some();
    port.check(
        Rule::G2,
        NAME,
        metadata,
        || "DxgkDdiGetNodeMetadata is missing in a full driver of WDDM 1.3",
    );
}

/// The capabilities of Q7 that belong to rendering, and what they promise.
pub(crate) fn check_caps(adapter: &AdapterInner, caps: &DXGK_DRIVERCAPS) {
    const NAME: &str = "QueryAdapterInfo";
    let table = &adapter.registration.table;
    let scheduling = caps.SchedulingCaps;
    let has = |flag| scheduling.contains(flag);
    let engine_reset = table.DxgkDdiQueryDependentEngineGroup.is_some()
        && table.DxgkDdiQueryEngineStatus.is_some()
        && table.DxgkDdiResetEngine.is_some();
    let commands = caps
        .PresentationCaps
        .contains(dxgk_sys::DXGK_PRESENTATIONCAPS::SupportKernelModeCommandBuffer);
    let graphics = caps.PreemptionCaps.GraphicsPreemptionGranularity;
    let compute = caps.PreemptionCaps.ComputePreemptionGranularity;
    let granularity = D3DKMDT_GRAPHICS_PREEMPTION_GRANULARITY::VALUES
        .iter()
        .any(|(_, value)| *value == graphics)
        && D3DKMDT_COMPUTE_PREEMPTION_GRANULARITY::VALUES
            .iter()
            .any(|(_, value)| *value == compute);
    let promises = [
        (
            has(DXGK_VIDSCHCAPS::PreemptionAware),
            "PreemptionAware is not set",
        ),
        (
            has(DXGK_VIDSCHCAPS::MultiEngineAware),
            "MultiEngineAware is not set",
        ),
        (granularity, "PreemptionCaps holds what is no granularity"),
        (
            caps.SupportPerEngineTDR != 0,
            "SupportPerEngineTDR is not set",
        ),
        (
            engine_reset || caps.SupportPerEngineTDR == 0,
            "SupportPerEngineTDR without its three callbacks",
        ),
        (caps.SupportDirectFlip != 0, "SupportDirectFlip is not set"),
        (
            table.DxgkDdiRenderKm.is_some() || !commands,
            "SupportKernelModeCommandBuffer without DxgkDdiRenderKm",
        ),
        (
            caps.GpuEngineTopology.NbAsymetricProcessingNodes != 0,
            "there is no node",
        ),
    ];
    for (kept, detail) in promises {
        adapter.check(Rule::Q7, NAME, kept, || detail);
    }
    let low = !has(DXGK_VIDSCHCAPS::LowIrqlPreemptCommand)
        || adapter.registration.version >= Version::WDDM2_0;
    adapter.check(
        Rule::Q8,
        NAME,
        low,
        || "LowIrqlPreemptCommand before WDDM 2.0",
    );
}
