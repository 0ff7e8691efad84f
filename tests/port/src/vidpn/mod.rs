//! The VidPN manager: dxgkrnl's part in choosing what each monitor shows.
//!
//! A VidPN is a set of paths from sources (surfaces) to targets (connectors), with a set of modes at each end, of
//! which one may be pinned. The port designs one as plain values ([`network`]), gives it handles for the time of
//! one DDI call ([`session`]), plays the interfaces through which the driver sees it ([`functions`]), and looks at
//! what the driver has made of it.
//!
//! [`negotiate`] and what is beside it call the DDIs as Windows does; [`api`] is what scenarios use.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::sync::atomic::AtomicBool;

use dxgk_sys::{
    D3DKMDT_MONITOR_SOURCE_MODE, D3DKMDT_VIDPN_SOURCE_MODE, D3DKMDT_VIDPN_TARGET_MODE, NTSTATUS,
};
use spin::{Mutex, MutexGuard};

use crate::ddi::Ddi;
use crate::port::PortInner;
use crate::rules::Rule;

pub(crate) mod api;
mod bridge;
pub(crate) mod commit;
pub(crate) mod edid;
pub(crate) mod entry;
pub(crate) mod enumerate;
mod exercise;
mod failures;
pub(crate) mod functions;
pub(crate) mod handle;
pub(crate) mod mode;
pub(crate) mod monitors;
pub(crate) mod negotiate;
pub(crate) mod network;
pub(crate) mod path;
mod recommend;
pub(crate) mod records;
pub(crate) mod session;
pub(crate) mod set;
pub(crate) mod signal;
pub(crate) mod supported;
mod update;

use commit::Active;
use handle::Kind;
use monitors::Monitor;
use network::{Network, Path};
use records::Records;
use session::Access;
use set::Set;

pub(crate) type SourceMode = D3DKMDT_VIDPN_SOURCE_MODE;
pub(crate) type TargetMode = D3DKMDT_VIDPN_TARGET_MODE;
pub(crate) type MonitorMode = D3DKMDT_MONITOR_SOURCE_MODE;

/// What dxgkrnl knows of an adapter's targets, monitors and active VidPN.
#[derive(Default)]
pub(crate) struct VidPnManager {
    /// A DDI with a VidPN in it runs. One at a time, though some are of level zero: others may be in the driver
    /// meanwhile, but what is not released must have one to blame.
    pub busy: AtomicBool,
    pub active: Mutex<Option<Active>>,
    state: Mutex<State>,
}

impl VidPnManager {
    /// The state. Whoever holds it calls nothing that waits.
    pub(crate) fn lock(&self, port: &PortInner) -> MutexGuard<'_, State> {
        loop {
            if let Some(state) = self.state.try_lock() {
                return state;
            }
            port.host.relax();
        }
    }
}

/// Objects that have handles now, and what is kept between calls.
#[derive(Default)]
pub(crate) struct State {
    /// The last serial number.
    pub serial: u32,
    /// The VidPN of the running call.
    pub vidpn: Option<VidPn>,
    pub call: Option<Call>,
    /// Those that are connected.
    pub monitors: Vec<Monitor>,
    /// Sets of the VidPN, and those that the driver has made.
    pub source_sets: Vec<Set<SourceMode>>,
    pub target_sets: Vec<Set<TargetMode>>,
    /// One for each monitor.
    pub monitor_sets: Vec<Set<MonitorMode>>,
    pub records: Records,
}

/// A VidPN that the driver has a handle of.
pub(crate) struct VidPn {
    pub serial: u32,
    pub paths: Vec<Path>,
    /// Serial numbers of mode sets by source.
    pub sources: BTreeMap<u32, u32>,
    /// The same by target.
    pub targets: BTreeMap<u32, u32>,
}

// SAFETY: the port dereferences none of a path's pointers, which are those of gamma ramps.
unsafe impl Send for VidPn {}
// SAFETY: as above.
unsafe impl Send for Network {}

/// The running call.
pub(crate) struct Call {
    pub rule: Rule,
    pub access: Access,
    /// Errors that functions have returned.
    pub errors: Vec<NTSTATUS>,
    /// Allocations until now.
    pub allocations: u32,
    /// Which of them fails.
    pub fail_allocation: Option<u32>,
}

impl State {
    /// Whether an object lives.
    pub(crate) fn has(&self, kind: Kind, serial: u32) -> bool {
        match kind {
            Kind::VidPn | Kind::Topology => self
                .vidpn
                .as_ref()
                .is_some_and(|vidpn| vidpn.serial == serial),
            Kind::SourceModeSet => self.source_sets.iter().any(|set| set.serial == serial),
            Kind::TargetModeSet => self.target_sets.iter().any(|set| set.serial == serial),
            Kind::MonitorModeSet => self.monitor_sets.iter().any(|set| set.serial == serial),
            Kind::FrequencyRangeSet | Kind::DescriptorSet => {
                self.monitors.iter().any(|monitor| monitor.serial == serial)
            }
        }
    }
}

/// The rule that misuse of VidPN objects breaks in a DDI.
pub(crate) fn rule_of(ddi: Ddi) -> Rule {
    match ddi {
        Ddi::IsSupportedVidPn => Rule::V1,
        Ddi::RecommendFunctionalVidPn | Ddi::RecommendMonitorModes => Rule::V2,
        Ddi::CommitVidPn => Rule::V4,
        Ddi::UpdateActiveVidPnPresentPath => Rule::V7,
        Ddi::QueryVidPnHWCapability => Rule::V9,
        _ => Rule::V3,
    }
}
