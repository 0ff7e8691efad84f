//! Table B3 of the contract: each DDI's IRQL, threading level and documented statuses.

use dxgk_sys::NTSTATUS;
use dxgk_sys::status::{
    STATUS_GRAPHICS_ALLOCATION_BUSY, STATUS_GRAPHICS_CANNOTCOLORCONVERT,
    STATUS_GRAPHICS_CHILD_DESCRIPTOR_NOT_SUPPORTED, STATUS_GRAPHICS_DRIVER_MISMATCH,
    STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE, STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER,
    STATUS_GRAPHICS_INVALID_VIDPN_TOPOLOGY, STATUS_GRAPHICS_NO_RECOMMENDED_FUNCTIONAL_VIDPN,
    STATUS_GRAPHICS_PATH_CONTENT_GEOMETRY_TRANSFORMATION_NOT_SUPPORTED,
    STATUS_GRAPHICS_PATH_NOT_IN_TOPOLOGY, STATUS_ILLEGAL_INSTRUCTION,
    STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_HANDLE, STATUS_INVALID_PARAMETER,
    STATUS_INVALID_USER_BUFFER, STATUS_MONITOR_NO_DESCRIPTOR,
    STATUS_MONITOR_NO_MORE_DESCRIPTOR_DATA, STATUS_NO_MEMORY, STATUS_NOT_IMPLEMENTED,
    STATUS_PENDING, STATUS_PRIVILEGED_INSTRUCTION, STATUS_UNSUCCESSFUL,
};

use crate::host::irql;
use crate::rules::Rule;

/// Synchronisation of a DDI against the others of the same adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Level zero: re-entrant, any thread at any time.
    Reentrant,
    /// Levels two and three: no other thread is in the driver.
    Alone,
    /// Outside the levels: interrupts, and calls that may come at any moment.
    Any,
}

/// Which statuses the DDI's page allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statuses {
    /// The DDI returns no status.
    None,
    /// Success and these.
    Only(&'static [NTSTATUS]),
    /// Success and every error code.
    AnyError,
    /// Success, `STATUS_PENDING` and every error code.
    MayPend,
    /// Only values that pass `NT_SUCCESS`.
    NeverFails,
}

/// What the contract says of one DDI.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DdiInfo {
    pub name: &'static str,
    pub irql: u8,
    pub level: Level,
    pub statuses: Statuses,
    /// The DDI's own rule on statuses, beside G6.
    pub rule: Option<Rule>,
}

macro_rules! ddis {
    ($($name:ident $irql:ident $level:ident $statuses:expr, $rule:expr;)*) => {
        /// A DDI that the port calls.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Ddi {
            $($name,)*
        }

        const DDIS: &[DdiInfo] = &[$(DdiInfo {
            name: stringify!($name),
            irql: irql::$irql,
            level: Level::$level,
            statuses: $statuses,
            rule: $rule,
        },)*];

        impl Ddi {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

const MEMORY: &[NTSTATUS] = &[STATUS_NO_MEMORY];
const PRIVATE_DATA: &[NTSTATUS] = &[
    STATUS_INVALID_PARAMETER,
    STATUS_NO_MEMORY,
    STATUS_GRAPHICS_DRIVER_MISMATCH,
];

const DESCRIPTOR: &[NTSTATUS] = &[
    STATUS_GRAPHICS_CHILD_DESCRIPTOR_NOT_SUPPORTED,
    STATUS_MONITOR_NO_DESCRIPTOR,
    STATUS_MONITOR_NO_MORE_DESCRIPTOR_DATA,
];
const TOPOLOGY: &[NTSTATUS] = &[STATUS_GRAPHICS_INVALID_VIDPN_TOPOLOGY, STATUS_NO_MEMORY];
const RECOMMENDATION: &[NTSTATUS] = &[
    STATUS_GRAPHICS_NO_RECOMMENDED_FUNCTIONAL_VIDPN,
    STATUS_NO_MEMORY,
];
const PATH: &[NTSTATUS] = &[
    STATUS_GRAPHICS_PATH_NOT_IN_TOPOLOGY,
    STATUS_GRAPHICS_PATH_CONTENT_GEOMETRY_TRANSFORMATION_NOT_SUPPORTED,
];

const CONTEXT: &[NTSTATUS] = &[STATUS_NO_MEMORY, STATUS_GRAPHICS_DRIVER_MISMATCH];
const RENDER: &[NTSTATUS] = &[
    STATUS_NO_MEMORY,
    STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER,
    STATUS_PRIVILEGED_INSTRUCTION,
    STATUS_ILLEGAL_INSTRUCTION,
    STATUS_INVALID_PARAMETER,
    STATUS_INVALID_USER_BUFFER,
    STATUS_INVALID_HANDLE,
    STATUS_GRAPHICS_DRIVER_MISMATCH,
    STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE,
];
const PRESENT: &[NTSTATUS] = &[
    STATUS_NO_MEMORY,
    STATUS_INSUFFICIENT_RESOURCES,
    STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER,
    STATUS_GRAPHICS_CANNOTCOLORCONVERT,
    STATUS_PRIVILEGED_INSTRUCTION,
    STATUS_ILLEGAL_INSTRUCTION,
    STATUS_INVALID_HANDLE,
    STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE,
];
const DEBUG_INFO: &[NTSTATUS] = &[STATUS_NO_MEMORY, STATUS_UNSUCCESSFUL];
const ESCAPE: &[NTSTATUS] = &[
    STATUS_INVALID_PARAMETER,
    STATUS_NO_MEMORY,
    STATUS_PRIVILEGED_INSTRUCTION,
    STATUS_ILLEGAL_INSTRUCTION,
    STATUS_GRAPHICS_DRIVER_MISMATCH,
];
const PAGING: &[NTSTATUS] = &[
    STATUS_GRAPHICS_ALLOCATION_BUSY,
    STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER,
];

ddis! {
    AddDevice PASSIVE Alone Statuses::AnyError, None;
    StartDevice PASSIVE Alone Statuses::AnyError, None;
    StopDevice PASSIVE Alone Statuses::AnyError, None;
    RemoveDevice PASSIVE Alone Statuses::AnyError, None;
    Unload PASSIVE Alone Statuses::None, None;
    SetPowerState PASSIVE Alone Statuses::NeverFails, Some(Rule::L6);
    QueryChildRelations PASSIVE Alone Statuses::AnyError, None;
    DispatchIoRequest PASSIVE Alone Statuses::AnyError, None;
    NotifyAcpiEvent PASSIVE Alone Statuses::AnyError, None;
    QueryInterface PASSIVE Alone Statuses::AnyError, None;
    ControlEtwLogging PASSIVE Reentrant Statuses::None, None;
    NotifySurpriseRemoval PASSIVE Any Statuses::NeverFails, Some(Rule::L8);
    InterruptRoutine DEVICE_LOWEST Any Statuses::None, None;
    DpcRoutine DISPATCH Any Statuses::None, None;
    ResetDevice HIGH Any Statuses::None, None;
    QueryAdapterInfo PASSIVE Any Statuses::Only(PRIVATE_DATA), Some(Rule::Q4);
    CreateDevice PASSIVE Reentrant Statuses::Only(MEMORY), Some(Rule::X1);
    DestroyDevice PASSIVE Reentrant Statuses::AnyError, None;
    CreateAllocation PASSIVE Reentrant Statuses::Only(PRIVATE_DATA), Some(Rule::C2);
    DestroyAllocation PASSIVE Reentrant Statuses::AnyError, None;
    OpenAllocation PASSIVE Reentrant Statuses::Only(PRIVATE_DATA), Some(Rule::O1);
    CloseAllocation PASSIVE Reentrant Statuses::AnyError, None;
    DescribeAllocation PASSIVE Reentrant Statuses::AnyError, None;
    GetStandardAllocationDriverData PASSIVE Reentrant Statuses::Only(MEMORY), Some(Rule::O5);
    QueryChildStatus PASSIVE Reentrant Statuses::AnyError, None;
    QueryDeviceDescriptor PASSIVE Reentrant Statuses::Only(DESCRIPTOR), Some(Rule::Q2);
    StopDeviceAndReleasePostDisplayOwnership PASSIVE Alone Statuses::AnyError, None;
    SetVidPnSourceVisibility PASSIVE Alone Statuses::AnyError, None;
    SetVidPnSourceAddress PASSIVE Alone Statuses::AnyError, None;
    ControlInterrupt PASSIVE Alone Statuses::Only(&[STATUS_NOT_IMPLEMENTED]), Some(Rule::I3);
    GetScanLine PASSIVE Reentrant Statuses::AnyError, None;
    SetPointerPosition PASSIVE Reentrant Statuses::AnyError, None;
    SetPointerShape PASSIVE Reentrant Statuses::Only(MEMORY), Some(Rule::V6);
    SystemDisplayEnable HIGH Any Statuses::AnyError, None;
    SystemDisplayWrite HIGH Any Statuses::None, None;
    PresentDisplayOnly PASSIVE Reentrant Statuses::MayPend, None;
    IsSupportedVidPn PASSIVE Reentrant Statuses::Only(TOPOLOGY), Some(Rule::V1);
    RecommendFunctionalVidPn PASSIVE Alone Statuses::Only(RECOMMENDATION), Some(Rule::V2);
    EnumVidPnCofuncModality PASSIVE Reentrant Statuses::AnyError, Some(Rule::V3);
    RecommendMonitorModes PASSIVE Alone Statuses::AnyError, None;
    CommitVidPn PASSIVE Alone Statuses::AnyError, Some(Rule::V4);
    UpdateActiveVidPnPresentPath PASSIVE Alone Statuses::Only(PATH), Some(Rule::V7);
    CreateContext PASSIVE Reentrant Statuses::Only(CONTEXT), Some(Rule::X2);
    DestroyContext PASSIVE Reentrant Statuses::AnyError, None;
    Render PASSIVE Reentrant Statuses::Only(RENDER), Some(Rule::X3);
    Present PASSIVE Reentrant Statuses::Only(PRESENT), Some(Rule::X7);
    Patch PASSIVE Reentrant Statuses::Only(&[]), None;
    SubmitCommand DISPATCH Reentrant Statuses::Only(&[]), None;
    PreemptCommand DISPATCH Reentrant Statuses::Only(&[]), None;
    CancelCommand PASSIVE Reentrant Statuses::Only(&[]), None;
    QueryCurrentFence PASSIVE Reentrant Statuses::AnyError, None;
    QueryEngineStatus PASSIVE Reentrant Statuses::AnyError, None;
    QueryDependentEngineGroup PASSIVE Reentrant Statuses::AnyError, None;
    ResetEngine PASSIVE Reentrant Statuses::AnyError, None;
    ResetFromTimeout PASSIVE Alone Statuses::Only(&[]), None;
    RestartFromTimeout PASSIVE Alone Statuses::Only(&[]), None;
    CollectDbgInfo PASSIVE Reentrant Statuses::Only(DEBUG_INFO), Some(Rule::X9);
    Escape PASSIVE Reentrant Statuses::Only(ESCAPE), Some(Rule::E1);
    GetNodeMetadata PASSIVE Reentrant Statuses::Only(&[STATUS_INVALID_PARAMETER]), None;
    BuildPagingBuffer PASSIVE Reentrant Statuses::Only(PAGING), Some(Rule::P3);
    QueryVidPnHWCapability PASSIVE Reentrant Statuses::AnyError, Some(Rule::V9);
}

impl Ddi {
    pub(crate) fn info(self) -> &'static DdiInfo {
        &DDIS[self as usize]
    }

    pub(crate) fn name(self) -> &'static str {
        self.info().name
    }
}

impl Statuses {
    /// Whether a page with this list allows `status`.
    pub(crate) fn allow(self, status: NTSTATUS) -> bool {
        match self {
            Self::None => true,
            Self::Only(list) => status == 0 || list.contains(&status),
            Self::AnyError => status == 0 || is_error(status),
            Self::MayPend => status == 0 || status == STATUS_PENDING || is_error(status),
            Self::NeverFails => status >= 0,
        }
    }
}

/// Warnings and errors: what `NT_SUCCESS` refuses.
pub(crate) fn is_error(status: NTSTATUS) -> bool {
    status < 0
}

#[cfg(test)]
mod tests {
    use dxgk_sys::status::STATUS_NOT_SUPPORTED;

    use super::*;

    #[test]
    fn only_listed_statuses_pass() {
        let create = Ddi::CreateAllocation.info().statuses;
        assert!(create.allow(0));
        assert!(create.allow(STATUS_NO_MEMORY));
        assert!(!create.allow(STATUS_NOT_SUPPORTED));
        assert!(!create.allow(0x103)); // STATUS_PENDING
        assert!(Ddi::SetPowerState.info().statuses.allow(0x103));
        assert!(!Ddi::SetPowerState.info().statuses.allow(STATUS_NO_MEMORY));
        assert!(Ddi::AddDevice.info().statuses.allow(STATUS_NO_MEMORY));
        assert!(!Ddi::AddDevice.info().statuses.allow(0x103));
    }
}
