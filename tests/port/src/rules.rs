//! The rules of the contract that the port checks.
//!
//! Numbers are those of `docs/ddi-contract.md`. [`RULES`] is the whole list; each has a saboteur in
//! `tests/saboteurs.rs`, a miniport that breaks just that rule.

/// A rule as [`RULES`] lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// The contract's number.
    pub id: &'static str,
    /// What is checked, in a line.
    pub says: &'static str,
}

macro_rules! rules {
    ($($variant:ident $id:literal $says:literal;)*) => {
        /// A rule that the port checks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Rule {
            $(#[doc = $says] $variant,)*
        }

        /// Every rule that the port checks.
        pub const RULES: &[RuleInfo] = &[$(RuleInfo { id: $id, says: $says },)*];

        impl Rule {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }
    };
}

rules! {
    G1 "G1" "DriverEntry returns what DxgkInitialize returned, and registers once";
    G2 "G2" "the table has the callbacks that its kind of driver needs";
    G6 "G6" "a DDI returns only the statuses that its page lists";
    G8 "G8" "handle data: below its IRQL, NULL fails the DDI, each Acquire has its Release";
    L1 "L1" "Version is a known interface version, reserved members are NULL";
    L2 "L2" "AddDevice sets the device context";
    L3 "L3" "StartDevice asks for its resources, maps them as they are, sets both counts, undoes all on failure; POST ownership is taken there, or on the way to D0";
    L4 "L4" "StopDevice gives back what StartDevice took, and can be started again; whoever releases the POST display says what it left";
    L5 "L5" "RemoveDevice and Unload give back all memory";
    L6 "L6" "SetPowerState does not fail";
    L7 "L7" "ResetDevice, SystemDisplayEnable and SystemDisplayWrite call no kernel service; the mode for a bugcheck's screen is reported";
    L8 "L8" "NotifySurpriseRemoval does not fail";
    L9 "L9" "unknown interfaces and I/O requests are refused as not supported";
    Q1 "Q1" "QueryChildRelations describes each child and leaves the last element zero";
    Q2 "Q2" "QueryChildStatus answers; QueryDeviceDescriptor fills what was asked for and no more, with its four statuses";
    Q3 "Q3" "DxgkCbIndicateChildStatus names a child that can be plugged or turned, and QueryChildStatus agrees with it";
    Q4 "Q4" "QueryAdapterInfo writes all of the answer and nothing beyond it, with documented statuses";
    Q5 "Q5" "segments in two calls; the paging buffer's segment is an aperture or 0";
    Q6 "Q6" "segment flags agree with each other and with the interface version";
    Q7 "Q7" "the capabilities that every adapter must have";
    Q8 "Q8" "scheduling capabilities imply each other and their callbacks";
    C2 "C2" "CreateAllocation's statuses";
    C10 "C10" "no resource handle without Flags.Resource";
    C11 "C11" "an existing resource's handle is kept";
    C13 "C13" "hAllocation is set, and each allocation has its own";
    C14 "C14" "Size is set, not 0, and fits a segment";
    C15 "C15" "Alignment is set and a power of two, 64 KiB where the segment has such pages";
    C16 "C16" "PitchAlignedSize is 0 or at least Size";
    C17 "C17" "HintedBank names banks that the segment has";
    C18 "C18" "PreferredSegment names supported segments";
    C19 "C19" "the supported segment sets are set and name existing segments";
    C20 "C20" "EvictionSegmentSet names aperture segments only";
    C21 "C21" "MaximumRenamingListLength or PhysicalAdapterIndex is set";
    C22 "C22" "Flags are set, with bits of the interface version only";
    C23 "C23" "pAllocationUsageHint is set";
    C24 "C24" "AllocationPriority is set and not 0";
    C25 "C25" "Flags2, from WDDM 3.0, is set with known bits only";
    C27 "C27" "Cached implies CpuVisible";
    C28 "C28" "system memory flags exclude each other";
    C29 "C29" "UseAlternateVA only on the primary";
    C31 "C31" "HistoryBuffer implies CpuVisible and excludes other flags";
    C32 "C32" "ExplicitResidencyNotification implies AccessedPhysically";
    C33 "C33" "the primary's segments are visible to the CPU, and none of the excluded flags is set";
    C34 "C34" "a failed CreateAllocation leaves no handle and no memory";
    D2 "D2" "DestroyAllocation of live objects succeeds";
    D3 "D3" "DestroyAllocation frees during the call";
    D7 "D7" "hResource is NULL after DestroyResource, and untouched without";
    O1 "O1" "OpenAllocation's statuses, its handles, its rollback";
    O2 "O2" "private data is written only under Flags.Create, resource data never";
    O3 "O3" "CloseAllocation succeeds";
    O4 "O4" "DescribeAllocation fills all members for a primary";
    O5 "O5" "standard allocations: sizes first, then data; statuses; surface data; pitch";
    V1 "V1" "IsSupportedVidPn answers in the flag: yes to nothing and to what can be shown, no to the impossible";
    V2 "V2" "recommended VidPNs are functional, recommended monitor modes are sound, both with documented statuses";
    V3 "V3" "enumeration replaces what is neither pinned nor the pivot, with cofunctional modes, and releases all";
    V4 "V4" "CommitVidPn makes active what is supported, refuses the rest and changes nothing then";
    V9 "V9" "QueryVidPnHWCapability writes its answer, with reserved bits 0";
    P2 "P2" "an operation that the driver does not know succeeds and does nothing";
    P3 "P3" "BuildPagingBuffer's statuses; it comes to an end, and an idle allocation is not busy";
    P4 "P4" "paging without an allocation: raw copies, and pages in an aperture that are nobody's";
    P5 "P5" "paging buffers stay in their memory and do what was asked for; unmapped pages are the dummy page";
    P6 "P6" "after a reset each eviction is taken";
    X1 "X1" "CreateDevice's statuses and handle";
    X2 "X2" "CreateContext's statuses and handle; DXGK_CONTEXTINFO is set, its segments are apertures, GDI has 256 allocations";
    X3 "X3" "Render's statuses; it keeps to its buffers and its lists, and goes on where it stopped";
    X4 "X4" "patch locations name allocations that are there and places that were written, in order";
    X5 "X5" "Patch and SubmitCommand do not fail and keep to the buffer; system commands do not fault";
    X6 "X6" "PreemptCommand does not fail, is reported once with the last completed fence, at once if nothing runs";
    X7 "X7" "Present's statuses; it keeps to its buffer and its lists, and needs none for a flip";
    X8 "X8" "QueryCurrentFence reports what was missed; CancelCommand does not fail";
    X9 "X9" "CollectDbgInfo writes no more than BufferSize";
    I1 "I1" "InterruptRoutine calls no other callback than its page allows, and takes what it reports";
    I2 "I2" "NotifyInterrupt at device IRQL and not nested, then a DPC that notifies at DISPATCH";
    I3 "I3" "ControlInterrupt takes DXGK_INTERRUPT_CRTC_VSYNC and nothing else; an enabled VSYNC comes; GetScanLine answers";
    I4 "I4" "completed fences are those that were submitted, in order, of their node";
    E1 "E1" "Escape's statuses; it writes no more than was given";
    T1 "T1" "QueryEngineStatus, QueryDependentEngineGroup and ResetEngine answer with what there is";
    T2 "T2" "ResetFromTimeout and RestartFromTimeout do not fail, and threads leave the driver before";
    T3 "T3" "an adapter is not reset again and again";
    V5 "V5" "visibility and addresses of sources are taken, flips without a kernel service; VSYNC reports the address that was set";
    V6 "V6" "SetPointerPosition and SetPointerShape succeed";
    V7 "V7" "UpdateActiveVidPnPresentPath does what the path promises; PresentDisplayOnly completes once what it leaves pending";
    B2_13 "B2.13" "members that are input stay as they were";
    B3 "B3" "each DDI and callback keeps its IRQL";
}

impl Rule {
    /// The contract's number.
    pub fn id(self) -> &'static str {
        RULES[self as usize].id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_its_place_in_the_table() {
        for (index, rule) in Rule::ALL.iter().enumerate() {
            assert_eq!(*rule as usize, index);
        }
        assert_eq!(Rule::B2_13.id(), "B2.13");
        assert_eq!(Rule::ALL.len(), RULES.len());
    }
}
