//! Targets and the monitors on them, as the VidPN manager knows them.

use alloc::format;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use dxgk_sys::status::{STATUS_NO_MEMORY, STATUS_SUCCESS};
use dxgk_sys::{
    D3DKMDT_MONITOR_CAPABILITIES_ORIGIN, D3DKMDT_MONITOR_DESCRIPTOR,
    D3DKMDT_MONITOR_DESCRIPTOR_TYPE as DescriptorType, D3DKMDT_MONITOR_FREQUENCY_RANGE,
    DXGKARG_RECOMMENDMONITORMODES,
};

use crate::adapter::{AdapterInner, State as AdapterState};
use crate::ddi::Ddi;
use crate::pattern::{Pattern, bytes_of};
use crate::rules::Rule;
use crate::vidpn::edid;
use crate::vidpn::functions::tables::MONITOR_MODE_SET;
use crate::vidpn::handle::{Kind, handle_of, next_serial};
use crate::vidpn::network::Modes;
use crate::vidpn::session::{Access, Request};
use crate::vidpn::{MonitorMode, State};
use crate::{STATUS_INVALID_DEVICE_STATE, STATUS_PROCEDURE_NOT_FOUND, Status};

/// A monitor on a target.
pub(crate) struct Monitor {
    pub target: u32,
    /// Of its frequency range set and its descriptor set.
    pub serial: u32,
    /// Serial number of its mode set.
    pub modes: u32,
    pub edid: Vec<u8>,
    pub ranges: Vec<D3DKMDT_MONITOR_FREQUENCY_RANGE>,
}

impl Monitor {
    /// One descriptor for each block of the EDID.
    pub(crate) fn descriptors(&self) -> Vec<D3DKMDT_MONITOR_DESCRIPTOR> {
        let blocks = self.edid.chunks_exact(128).enumerate();
        blocks
            .map(|(index, block)| {
                let mut descriptor: D3DKMDT_MONITOR_DESCRIPTOR = Pattern(0).filled();
                descriptor.Id = u32::try_from(index).unwrap_or(0) + 1;
                descriptor.Type = match (index, block[0]) {
                    (0, _) => DescriptorType::D3DKMDT_MDT_VESA_EDID_V1_BASEBLOCK,
                    (_, 0xF0) => DescriptorType::D3DKMDT_MDT_VESA_EDID_V1_BLOCKMAP,
                    _ => DescriptorType::D3DKMDT_MDT_OTHER,
                };
                descriptor.DataSize = block.len();
                descriptor.pData = block.as_ptr().cast_mut().cast();
                descriptor.Origin =
                    D3DKMDT_MONITOR_CAPABILITIES_ORIGIN::D3DKMDT_MCO_MONITORDESCRIPTOR;
                descriptor
            })
            .collect()
    }
}

impl State {
    fn connect(&mut self, target: u32, edid: Vec<u8>) {
        let described = edid::describe(&edid);
        let serial = next_serial(&mut self.serial);
        let modes = self.own::<MonitorMode>(target, Modes::new(described.modes));
        self.monitors.push(Monitor {
            target,
            serial,
            modes,
            edid,
            ranges: described.ranges,
        });
    }

    fn disconnect(&mut self, target: u32) {
        self.monitors.retain(|monitor| monitor.target != target);
        self.monitor_sets.retain(|set| set.of != target);
    }

    /// What the monitor on a target shows; `None` if there is no monitor.
    pub(crate) fn monitor_modes(&self, target: u32) -> Option<&[MonitorMode]> {
        let set = self.monitor_sets.iter().find(|set| set.of == target)?;
        Some(&set.modes.list)
    }
}

impl AdapterInner {
    /// Whether an identifier is one of a source: they count from 0.
    pub(crate) fn is_source(&self, source: u32) -> bool {
        source < self.sources.load(Ordering::Relaxed)
    }

    /// Whether an identifier is one of a target.
    pub(crate) fn is_target(&self, target: u32) -> bool {
        self.child(target)
            .is_some_and(|child| super::bridge::is_output(&child))
    }

    /// Whether a target has a monitor, as the port knows since it last looked.
    pub(crate) fn has_monitor(&self, target: u32) -> bool {
        let state = self.vidpn.lock(&self.port);
        state
            .monitors
            .iter()
            .any(|monitor| monitor.target == target)
    }

    /// Whether VidPN DDIs may be called.
    pub(crate) fn may_negotiate(&self) -> Result<(), Status> {
        if self.state() != AdapterState::Started {
            return Err(STATUS_INVALID_DEVICE_STATE);
        }
        self.sync_monitors();
        Ok(())
    }

    /// Takes note of monitors that came or went, and asks for the modes of those that came.
    pub(crate) fn sync_monitors(&self) {
        let outputs = self.outputs();
        let mut arrived = Vec::new();
        let mut state = self.vidpn.lock(&self.port);
        let known: Vec<u32> = state
            .monitors
            .iter()
            .map(|monitor| monitor.target)
            .collect();
        for target in known {
            let same = |monitor: &&Monitor| monitor.target == target;
            let monitor = state.monitors.iter().find(same);
            let stays = outputs.iter().any(|(output, edid)| {
                *output == target && edid.as_ref() == monitor.map(|monitor| &monitor.edid)
            });
            if !stays {
                state.disconnect(target);
            }
        }
        for (target, edid) in outputs {
            if let Some(edid) = edid
                && !state
                    .monitors
                    .iter()
                    .any(|monitor| monitor.target == target)
            {
                state.connect(target, edid);
                arrived.push(target);
            }
        }
        drop(state);
        for target in arrived {
            // A refusal is recorded; the monitor keeps the modes of its EDID.
            let _ = self.recommend_monitor_modes(target, None);
        }
    }

    /// RecommendMonitorModes: the driver may add modes to those of the EDID. Returns how many allocations it made.
    pub(crate) fn recommend_monitor_modes(
        &self,
        target: u32,
        fail_allocation: Option<u32>,
    ) -> Result<u32, Status> {
        let recommend = self.registration.table.DxgkDdiRecommendMonitorModes;
        let recommend = recommend.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let set = {
            let state = self.vidpn.lock(&self.port);
            let monitor = state
                .monitors
                .iter()
                .find(|monitor| monitor.target == target);
            monitor
                .map(|monitor| monitor.modes)
                .ok_or(STATUS_INVALID_DEVICE_STATE)?
        };
        let mut argument: DXGKARG_RECOMMENDMONITORMODES = Pattern(0).filled();
        argument.VideoPresentTargetId = target;
        argument.hMonitorSourceModeSet = handle_of(self.handle(), Kind::MonitorModeSet, set);
        argument.pMonitorSourceModeSetInterface = &raw const MONITOR_MODE_SET;
        let given = argument;
        let ddi = Ddi::RecommendMonitorModes;
        let request = Request {
            fail_allocation,
            ..Request::new(ddi, Access::Monitor(set), None)
        };
        let outcome = self.with_vidpn(
            request,
            || format!("target {target}"),
            |_| {
                // SAFETY: the driver's own function and context, at its IRQL and level.
                unsafe { recommend(self.context(), &raw const argument) }
            },
        );
        let same = bytes_of(&argument) == bytes_of(&given);
        self.check(Rule::B2_13, ddi.name(), same, || "the argument was written");
        let status = outcome.status;
        let documented = [STATUS_SUCCESS, STATUS_NO_MEMORY].contains(&status)
            || outcome.errors.contains(&status);
        let detail = || format!("status {status:#010x} is not on the page, nor dxgkrnl's own");
        self.check(Rule::G6, ddi.name(), documented, detail);
        self.check(Rule::V2, ddi.name(), documented, detail);
        if status == STATUS_SUCCESS {
            Ok(outcome.allocations)
        } else {
            Err(status)
        }
    }
}
