//! Allocations that fail while VidPNs are negotiated.

use dxgk_sys::DXGK_RECOMMENDFUNCTIONALVIDPN_REASON as Reason;
use dxgk_sys::status::STATUS_SUCCESS;

use crate::adapter::AdapterInner;
use crate::rules::Rule;
use crate::vidpn::network::Network;
use crate::vidpn::session::Pivot;

impl AdapterInner {
    /// Allocations that fail, the VidPN manager's and the pool's: nothing is kept, and statuses are documented.
    pub(crate) fn exercise_failures(&self) {
        let paths = self.possible_paths();
        let Some((source, target)) = paths.first().copied() else {
            return;
        };
        let network = Network::of(source, target);
        if self.is_supported(Some(&network)) != Ok(true) {
            return;
        }
        for nth in [1, 2, 3, 4, 5, 8, 13] {
            let outcome = self.enumerate_with(&network, Pivot::None, Some(nth));
            if outcome.map_or(0, |outcome| outcome.allocations) < nth {
                break;
            }
        }
        for nth in 1..8 {
            let outcome = self.recommend_with(Reason::DXGK_RFVR_HOTKEY, Some(nth));
            if outcome.map_or(0, |outcome| outcome.allocations) < nth {
                break;
            }
        }
        for (_, target) in paths {
            for nth in [1, 2, 5] {
                let _ = self.recommend_monitor_modes(target, Some(nth));
            }
        }
        for nth in 1..4 {
            self.port.host.fail_pool_call(Some(nth));
            let _ = self.is_supported(Some(&network));
            self.port.host.fail_pool_call(Some(nth));
            let _ = self.enumerate_with(&network, Pivot::None, None);
            self.port.host.fail_pool_call(None);
        }
        // After all that it works as before.
        let works = self.enumerate_with(&network, Pivot::None, None);
        let works = works.is_ok_and(|outcome| outcome.status == STATUS_SUCCESS);
        self.check(
            Rule::V3,
            "EnumVidPnCofuncModality",
            works,
            || "it fails after allocations had failed",
        );
    }
}
