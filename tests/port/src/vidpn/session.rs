//! One DDI call with a VidPN in it: what the driver may do meanwhile, and what must be back at its end.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use dxgk_sys::{
    D3DKMDT_ENUMCOFUNCMODALITY_PIVOT_TYPE as PivotType, D3DKMDT_HVIDPN, DXGK_ENUM_PIVOT, NTSTATUS,
};

use crate::adapter::AdapterInner;
use crate::ddi::Ddi;
use crate::rules::Rule;
use crate::vidpn::handle::{Kind, handle_of, next_serial};
use crate::vidpn::mode::Mode;
use crate::vidpn::network::{Modes, Network, Path};
use crate::vidpn::set::Set;
use crate::vidpn::{Call, State, VidPn};

/// What a driver may do with the VidPN of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Look at it.
    Inspect,
    /// Replace mode sets that are not pinned, and support flags.
    Enumerate(Pivot),
    /// Build it.
    Recommend,
    /// Add modes to this monitor source mode set; there is no VidPN.
    Monitor(u32),
}

/// What an enumeration leaves as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pivot {
    None,
    Source(u32),
    Target(u32),
    /// Scaling of the path from this source to this target.
    Scaling(u32, u32),
    /// Rotation of that path.
    Rotation(u32, u32),
}

impl Pivot {
    /// As the argument of the enumeration has it.
    pub(crate) fn arguments(self) -> (PivotType, DXGK_ENUM_PIVOT) {
        let none = dxgk_sys::D3DDDI_ID_UNINITIALIZED;
        let (kind, source, target) = match self {
            Self::None => (PivotType::D3DKMDT_EPT_NOPIVOT, none, none),
            Self::Source(source) => (PivotType::D3DKMDT_EPT_VIDPNSOURCE, source, none),
            Self::Target(target) => (PivotType::D3DKMDT_EPT_VIDPNTARGET, none, target),
            Self::Scaling(source, target) => (PivotType::D3DKMDT_EPT_SCALING, source, target),
            Self::Rotation(source, target) => (PivotType::D3DKMDT_EPT_ROTATION, source, target),
        };
        let pivot = DXGK_ENUM_PIVOT {
            VidPnSourceId: source,
            VidPnTargetId: target,
        };
        (kind, pivot)
    }
}

/// A DDI to call.
pub(crate) struct Request {
    pub ddi: Ddi,
    pub access: Access,
    pub network: Option<Network>,
    /// Which allocation of the VidPN manager's fails, counted from 1.
    pub fail_allocation: Option<u32>,
}

impl Request {
    pub(crate) fn new(ddi: Ddi, access: Access, network: Option<Network>) -> Self {
        Self {
            ddi,
            access,
            network,
            fail_allocation: None,
        }
    }
}

/// What is left of a DDI call.
pub(crate) struct Outcome {
    pub status: NTSTATUS,
    /// The VidPN as the driver left it; empty if there was none.
    pub network: Network,
    /// Errors that functions of the interfaces returned.
    pub errors: Vec<NTSTATUS>,
    /// Allocations of the VidPN manager's that the driver asked for.
    pub allocations: u32,
}

impl AdapterInner {
    /// Makes a VidPN of the request's network, calls the driver with its handle (NULL without one), takes all
    /// back. The driver's handles end with the call.
    pub(crate) fn with_vidpn(
        &self,
        request: Request,
        arguments: impl FnOnce() -> String,
        call: impl FnOnce(D3DKMDT_HVIDPN) -> NTSTATUS,
    ) -> Outcome {
        let (ddi, rule) = (request.ddi, super::rule_of(request.ddi));
        while self.vidpn.busy.swap(true, Ordering::Acquire) {
            self.port.host.relax();
        }
        let handle = {
            let mut state = self.vidpn.lock(&self.port);
            state.call = Some(Call {
                rule,
                access: request.access,
                errors: Vec::new(),
                allocations: 0,
                fail_allocation: request.fail_allocation,
            });
            match request.network {
                Some(network) => {
                    let serial = state.install(network);
                    handle_of(self.handle(), Kind::VidPn, serial)
                }
                None => core::ptr::null_mut(),
            }
        };
        let status = self.call(ddi, arguments, |_| call(handle));
        let mut state = self.vidpn.lock(&self.port);
        let call = state.call.take();
        let network = state.remove_vidpn();
        let held = state.take_all_back();
        drop(state);
        self.vidpn.busy.store(false, Ordering::Release);
        self.check_held(rule, ddi, &held);
        let (errors, allocations) =
            call.map_or_else(Default::default, |call| (call.errors, call.allocations));
        Outcome {
            status,
            network,
            errors,
            allocations,
        }
    }

    fn check_held(&self, rule: Rule, ddi: Ddi, held: &Held) {
        self.check(rule, ddi.name(), held.what.is_empty(), || {
            format!("not released: {}", held.what.join(", "))
        });
        self.check(rule, ddi.name(), held.written.is_none(), || {
            let record = held.written.unwrap_or_default();
            format!("a {record} was written after it had been released")
        });
    }
}

/// What the driver still has when a call ends.
#[derive(Default)]
struct Held {
    what: Vec<String>,
    written: Option<&'static str>,
}

impl State {
    fn install(&mut self, network: Network) -> u32 {
        let serial = next_serial(&mut self.serial);
        let mut vidpn = VidPn {
            serial,
            paths: network.paths,
            sources: alloc::collections::BTreeMap::new(),
            targets: alloc::collections::BTreeMap::new(),
        };
        for (of, modes) in network.sources {
            vidpn.sources.insert(of, self.own(of, modes));
        }
        for (of, modes) in network.targets {
            vidpn.targets.insert(of, self.own(of, modes));
        }
        self.vidpn = Some(vidpn);
        serial
    }

    /// A set of the port's own; its serial number.
    pub(crate) fn own<M: Mode>(&mut self, of: u32, modes: Modes<M>) -> u32 {
        let serial = next_serial(&mut self.serial);
        M::sets(self).push(Set::new(serial, of, modes));
        serial
    }

    fn remove_vidpn(&mut self) -> Network {
        let mut network = Network::default();
        let Some(vidpn) = self.vidpn.take() else {
            return network;
        };
        network.paths = vidpn.paths;
        for (of, serial) in vidpn.sources {
            let set = self.source_sets.iter().find(|set| set.serial == serial);
            if let Some(set) = set {
                network.sources.insert(of, set.modes.clone());
            }
        }
        for (of, serial) in vidpn.targets {
            let set = self.target_sets.iter().find(|set| set.serial == serial);
            if let Some(set) = set {
                network.targets.insert(of, set.modes.clone());
            }
        }
        network
    }

    fn take_all_back(&mut self) -> Held {
        let mut held = Held::default();
        for (count, kind, from) in self.records.outstanding() {
            held.what.push(format!("{count} {} of {from}", kind.name()));
        }
        references(&self.source_sets, "", &mut held.what);
        references(&self.target_sets, "", &mut held.what);
        references(&self.monitor_sets, "Monitor", &mut held.what);
        self.source_sets.clear();
        self.target_sets.clear();
        for set in &mut self.monitor_sets {
            set.acquired = 0;
        }
        held.written = self
            .records
            .written_after_return()
            .map(super::records::RecordKind::name);
        held
    }

    /// The path between two ends.
    pub(crate) fn path(&self, source: u32, target: u32) -> Option<&Path> {
        let ends = |path: &&Path| path.VidPnSourceId == source && path.VidPnTargetId == target;
        self.vidpn.as_ref()?.paths.iter().find(ends)
    }
}

fn references<M: Mode>(sets: &[Set<M>], acquire: &str, held: &mut Vec<String>) {
    let acquired: u32 = sets.iter().map(|set| set.acquired).sum();
    let created: u32 = sets.iter().map(|set| set.created).sum();
    if acquired != 0 {
        held.push(format!(
            "{acquired} {} of pfnAcquire{acquire}…ModeSet",
            M::SET
        ));
    }
    if created != 0 {
        held.push(format!(
            "{created} {} of pfnCreateNew…ModeSet, nor assigned",
            M::SET
        ));
    }
}
