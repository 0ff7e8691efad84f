//! DRIVERCAPS: rules Q7 and Q8.

use alloc::format;
use core::sync::atomic::Ordering;

use dxgk_sys::{DXGK_DRIVERCAPS, DXGK_FLIPCAPS, DXGK_VIDSCHCAPS, DXGK_WDDMVERSION};

use crate::adapter::AdapterInner;
use crate::checks::full_table;
use crate::port::Profile;
use crate::rules::Rule;
use crate::version::Version;

const NAME: &str = "QueryAdapterInfo";

pub(crate) fn check(adapter: &AdapterInner, caps: &DXGK_DRIVERCAPS) {
    let known = DXGK_WDDMVERSION::VALUES
        .iter()
        .any(|(_, value)| *value == caps.WDDMVersion);
    adapter.check(Rule::Q7, NAME, known, || {
        format!(
            "WDDMVersion {:#x} is none that Windows knows",
            caps.WDDMVersion.0
        )
    });
    adapter.check(
        Rule::Q7,
        NAME,
        caps.SupportNonVGA != 0,
        || "SupportNonVGA is not set",
    );
    adapter.check(
        Rule::Q7,
        NAME,
        caps.SupportSmoothRotation != 0,
        || "SupportSmoothRotation is not set",
    );

    // What a full driver with a display must do beyond that, as far as its profile goes.
    let sources = adapter.sources.load(Ordering::Relaxed);
    if sources != 0 && !adapter.registration.display_only {
        let has = |flag| caps.FlipCaps.contains(flag);
        adapter.check(
            Rule::Q7,
            NAME,
            has(DXGK_FLIPCAPS::FlipOnVSyncMmIo),
            || "FlipOnVSyncMmIo is not set",
        );
        let independent =
            has(DXGK_FLIPCAPS::FlipIndependent) || adapter.registration.version < Version::WDDM1_3;
        adapter.check(Rule::Q7, NAME, independent, || "FlipIndependent is not set");
    }

    if adapter.port.settings.profile == Profile::Full {
        full_table::check_caps(adapter, caps);
    }
    let scheduling = caps.SchedulingCaps;
    let multi_engine = scheduling.contains(DXGK_VIDSCHCAPS::MultiEngineAware);
    let preemption = scheduling.contains(DXGK_VIDSCHCAPS::PreemptionAware);
    adapter.check(
        Rule::Q8,
        NAME,
        multi_engine || !preemption,
        || "PreemptionAware without MultiEngineAware",
    );
    let cancel = scheduling.contains(DXGK_VIDSCHCAPS::CancelCommandAware);
    adapter.check(
        Rule::Q8,
        NAME,
        multi_engine || !cancel,
        || "CancelCommandAware without MultiEngineAware",
    );
    let callback = adapter.registration.table.DxgkDdiCancelCommand.is_some();
    adapter.check(
        Rule::Q8,
        NAME,
        callback || !cancel,
        || "CancelCommandAware without DxgkDdiCancelCommand",
    );
}
