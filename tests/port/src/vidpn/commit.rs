//! CommitVidPn, and what is active since.

use alloc::format;
use core::ptr;

use dxgk_sys::status::{
    STATUS_GRAPHICS_INVALID_VIDPN_TOPOLOGY, STATUS_INVALID_PARAMETER, STATUS_SUCCESS,
};
use dxgk_sys::{
    D3DDDI_ID_ALL, D3DKMDT_MONITOR_CONNECTIVITY_CHECKS, DXGKARG_COMMITVIDPN,
    DXGKARG_COMMITVIDPN_FLAGS, HANDLE, NTSTATUS,
};

use crate::adapter::{Adapter, AdapterInner};
use crate::ddi::Ddi;
use crate::objects;
use crate::pattern::{Pattern, bytes_of};
use crate::rules::Rule;
use crate::vidpn::api::{Choice, CommitFlags, Committed};
use crate::vidpn::network::Network;
use crate::vidpn::session::{Access, Request};
use crate::vidpn::supported::describe;
use crate::{STATUS_PROCEDURE_NOT_FOUND, Status};

const NAME: &str = "CommitVidPn";

/// The active VidPN.
pub(crate) struct Active {
    pub network: Network,
    pub committed: Committed,
}

impl Adapter {
    /// Makes a choice active: negotiates a functional VidPN and commits it. One path is active at a time.
    ///
    /// # Errors
    /// The driver's; `STATUS_GRAPHICS_VIDPN_MODALITY_NOT_SUPPORTED` if the driver offers no such mode, rotation
    /// or scaling (CommitVidPn is not called then); `STATUS_INVALID_DEVICE_STATE` unless the adapter is started.
    pub fn commit(&self, choice: &Choice) -> Result<Committed, Status> {
        self.commit_with(choice, &CommitFlags::default())
    }

    /// The same with flags.
    ///
    /// # Errors
    /// As above.
    pub fn commit_with(&self, choice: &Choice, flags: &CommitFlags) -> Result<Committed, Status> {
        let adapter = &*self.0;
        adapter.may_negotiate()?;
        let primary = match choice.primary {
            Some(id) => {
                objects::allocation(id)
                    .ok_or(STATUS_INVALID_PARAMETER)?
                    .driver
                    .0
            }
            None => ptr::null_mut(),
        };
        let negotiated = adapter.negotiate(choice)?;
        let committed = Committed {
            mode: negotiated.mode,
            rotation: choice.rotation,
            scaling: choice.scaling,
            powered_off: flags.powered_off,
        };
        adapter.commit(negotiated.network, Some(committed), primary, flags)?;
        Ok(committed)
    }

    /// Makes no path active: the driver shows nothing.
    ///
    /// # Errors
    /// As [`Adapter::commit`].
    pub fn commit_none(&self) -> Result<(), Status> {
        self.commit_none_with(&CommitFlags::default())
    }

    /// The same with flags.
    ///
    /// # Errors
    /// As above.
    pub fn commit_none_with(&self, flags: &CommitFlags) -> Result<(), Status> {
        self.0.may_negotiate()?;
        let nothing = Network::default();
        self.0
            .must_support(Some(&nothing), "a display adapter can always show nothing");
        self.0.commit(nothing, None, ptr::null_mut(), flags)
    }
}

impl AdapterInner {
    /// Commits a VidPN that the driver supports.
    fn commit(
        &self,
        network: Network,
        committed: Option<Committed>,
        primary: HANDLE,
        flags: &CommitFlags,
    ) -> Result<(), Status> {
        let missing = network
            .paths
            .iter()
            .find(|path| !self.has_monitor(path.VidPnTargetId));
        let refused = flags.enforce_monitors && missing.is_some();
        let what = describe(&network);
        let status = self.call_commit(&network, primary, flags)?;
        if refused {
            let right = status == STATUS_GRAPHICS_INVALID_VIDPN_TOPOLOGY;
            self.check(Rule::V4, NAME, right, || {
                format!("status {status:#010x} for {what}: a target has no monitor, and it was to be enforced")
            });
        } else {
            self.check(Rule::V4, NAME, status == STATUS_SUCCESS, || {
                format!("status {status:#010x} for {what}, which is supported")
            });
        }
        if status != STATUS_SUCCESS {
            return Err(status);
        }
        let active = committed.map(|committed| Active { network, committed });
        *self.vidpn.active.lock() = active;
        self.note_committed();
        Ok(())
    }

    /// One call as it comes. What is active is not changed.
    pub(crate) fn call_commit(
        &self,
        network: &Network,
        primary: HANDLE,
        flags: &CommitFlags,
    ) -> Result<NTSTATUS, Status> {
        let commit = self.registration.table.DxgkDdiCommitVidPn;
        let commit = commit.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let mut argument: DXGKARG_COMMITVIDPN = Pattern(0).filled();
        let source = network.paths.first().map_or_else(
            || {
                self.vidpn
                    .active
                    .lock()
                    .as_ref()
                    .map(|active| active.committed.mode.source)
            },
            |path| Some(path.VidPnSourceId),
        );
        argument.AffectedVidPnSourceId = if flags.all_sources {
            D3DDDI_ID_ALL
        } else {
            source.unwrap_or(0)
        };
        argument.MonitorConnectivityChecks = if flags.enforce_monitors {
            D3DKMDT_MONITOR_CONNECTIVITY_CHECKS::D3DKMDT_MCC_ENFORCE
        } else {
            D3DKMDT_MONITOR_CONNECTIVITY_CHECKS::D3DKMDT_MCC_IGNORE
        };
        argument.hPrimaryAllocation = primary;
        let transition = DXGKARG_COMMITVIDPN_FLAGS::PathPowerTransition;
        argument.Flags.set(transition, flags.power_transition);
        argument
            .Flags
            .set(DXGKARG_COMMITVIDPN_FLAGS::PathPoweredOff, flags.powered_off);
        let request = Request::new(Ddi::CommitVidPn, Access::Inspect, Some(network.clone()));
        let mut same = true;
        let arguments = || format!("{}, {flags:?}", describe(network));
        self.display.committing(&*self.port.host);
        let outcome = self.with_vidpn(request, arguments, |vidpn| {
            argument.hFunctionalVidPn = vidpn;
            let given = argument;
            // SAFETY: the driver's own function and context, at its IRQL and level.
            let status = unsafe { commit(self.context(), &raw const argument) };
            same = bytes_of(&argument) == bytes_of(&given);
            status
        });
        self.check(Rule::B2_13, NAME, same, || "the argument was written");
        Ok(outcome.status)
    }

    /// Nothing is active and no monitor known any more: the device has stopped.
    pub(crate) fn forget_vidpn(&self) {
        *self.vidpn.active.lock() = None;
        let mut state = self.vidpn.lock(&self.port);
        state.monitors.clear();
        state.monitor_sets.clear();
    }
}
