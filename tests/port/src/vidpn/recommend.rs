//! RecommendFunctionalVidPn.

use alloc::format;
use alloc::vec::Vec;
use core::ptr;

use dxgk_sys::status::{STATUS_GRAPHICS_NO_RECOMMENDED_FUNCTIONAL_VIDPN, STATUS_SUCCESS};
use dxgk_sys::{DXGK_RECOMMENDFUNCTIONALVIDPN_REASON, DXGKARG_RECOMMENDFUNCTIONALVIDPN};

use crate::adapter::{Adapter, AdapterInner};
use crate::ddi::Ddi;
use crate::pattern::{Pattern, bytes_of};
use crate::rules::Rule;
use crate::vidpn::api::VidPnMode;
use crate::vidpn::network::Network;
use crate::vidpn::session::{Access, Outcome, Request};
use crate::vidpn::supported::describe;
use crate::{STATUS_PROCEDURE_NOT_FOUND, Status};

const NAME: &str = "RecommendFunctionalVidPn";

impl Adapter {
    /// What the driver recommends to show, by path; empty if it recommends nothing.
    ///
    /// # Errors
    /// The driver's; `STATUS_INVALID_DEVICE_STATE` unless the adapter is started.
    pub fn recommend_vidpn(&self) -> Result<Vec<VidPnMode>, Status> {
        self.0.may_negotiate()?;
        if self.0.possible_paths().is_empty() {
            return Ok(Vec::new());
        }
        let reason = DXGK_RECOMMENDFUNCTIONALVIDPN_REASON::DXGK_RFVR_HOTKEY;
        let Some(network) = self.0.recommend(reason)? else {
            return Ok(Vec::new());
        };
        let mode = |path: &crate::vidpn::network::Path| {
            let source = network.sources.get(&path.VidPnSourceId)?.pinned()?;
            let target = network.targets.get(&path.VidPnTargetId)?.pinned()?;
            VidPnMode::new(path, source, target)
        };
        Ok(network.paths.iter().filter_map(mode).collect())
    }
}

impl AdapterInner {
    /// A functional VidPN of the driver's making; `None` if it has none, which is a normal answer.
    pub(crate) fn recommend(
        &self,
        reason: DXGK_RECOMMENDFUNCTIONALVIDPN_REASON,
    ) -> Result<Option<Network>, Status> {
        let outcome = self.recommend_with(reason, None)?;
        match outcome.status {
            STATUS_SUCCESS => {
                let network = outcome.network;
                self.check(Rule::V2, NAME, network.is_functional(), || {
                    format!(
                        "the recommended VidPN is not functional: {}",
                        describe(&network)
                    )
                });
                self.must_support(Some(&network), "the driver recommended it");
                Ok(Some(network))
            }
            STATUS_GRAPHICS_NO_RECOMMENDED_FUNCTIONAL_VIDPN => Ok(None),
            status => Err(status),
        }
    }

    pub(crate) fn recommend_with(
        &self,
        reason: DXGK_RECOMMENDFUNCTIONALVIDPN_REASON,
        fail_allocation: Option<u32>,
    ) -> Result<Outcome, Status> {
        let ask = self.registration.table.DxgkDdiRecommendFunctionalVidPn;
        let ask = ask.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let mut argument: DXGKARG_RECOMMENDFUNCTIONALVIDPN = Pattern(0).filled();
        argument.pVidPnTargetPrioritizationVector = ptr::null();
        argument.RequestReason = reason;
        let empty = Some(Network::default());
        let request = Request {
            fail_allocation,
            ..Request::new(Ddi::RecommendFunctionalVidPn, Access::Recommend, empty)
        };
        let mut same = true;
        let outcome = self.with_vidpn(
            request,
            || format!("reason {}", reason.0),
            |vidpn| {
                argument.hRecommendedFunctionalVidPn = vidpn;
                let given = argument;
                // SAFETY: the driver's own function and context, at its IRQL and level.
                let status = unsafe { ask(self.context(), &raw const argument) };
                same = bytes_of(&argument) == bytes_of(&given);
                status
            },
        );
        self.check(Rule::B2_13, NAME, same, || "the argument was written");
        Ok(outcome)
    }
}
