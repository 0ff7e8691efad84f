//! IsSupportedVidPn.

use alloc::format;
use core::ptr;

use dxgk_sys::DXGKARG_ISSUPPORTEDVIDPN;
use dxgk_sys::status::{STATUS_GRAPHICS_INVALID_VIDPN_TOPOLOGY, STATUS_NO_MEMORY, STATUS_SUCCESS};

use crate::adapter::AdapterInner;
use crate::ddi::Ddi;
use crate::pattern::Pattern;
use crate::rules::Rule;
use crate::vidpn::network::Network;
use crate::vidpn::session::{Access, Request};
use crate::{STATUS_PROCEDURE_NOT_FOUND, Status};

const NAME: &str = "IsSupportedVidPn";

impl AdapterInner {
    /// Asks whether a VidPN is supported; `None` asks with a handle of NULL.
    ///
    /// # Errors
    /// `STATUS_NO_MEMORY`, or that there is no such callback. An invalid topology is a plain no.
    pub(crate) fn is_supported(&self, network: Option<&Network>) -> Result<bool, Status> {
        let ask = self.registration.table.DxgkDdiIsSupportedVidPn;
        let ask = ask.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let pattern = Pattern::turn(self.port.turns.next());
        let mut argument: DXGKARG_ISSUPPORTEDVIDPN = pattern.filled();
        let request = Request::new(Ddi::IsSupportedVidPn, Access::Inspect, network.cloned());
        let mut handle = ptr::null_mut();
        let arguments = || network.map_or_else(|| "NULL".into(), describe);
        let outcome = self.with_vidpn(request, arguments, |vidpn| {
            handle = vidpn;
            argument.hDesiredVidPn = vidpn;
            // SAFETY: the driver's own function and context, at its IRQL and level.
            unsafe { ask(self.context(), &raw mut argument) }
        });
        self.check(
            Rule::B2_13,
            NAME,
            argument.hDesiredVidPn == handle,
            || "hDesiredVidPn was written",
        );
        let answer = argument.IsVidPnSupported;
        match outcome.status {
            STATUS_SUCCESS | STATUS_GRAPHICS_INVALID_VIDPN_TOPOLOGY => {
                let set = self.check(Rule::V1, NAME, answer <= 1, || {
                    format!("IsVidPnSupported is {answer:#x}: not set, or no BOOLEAN")
                });
                let invalid = outcome.status != STATUS_SUCCESS;
                self.check(
                    Rule::V1,
                    NAME,
                    !(invalid && answer == 1),
                    || "an invalid topology is said to be supported",
                );
                Ok(set && answer == 1 && !invalid)
            }
            status => Err(if status == 0 {
                STATUS_NO_MEMORY
            } else {
                status
            }),
        }
    }

    /// The same where the answer must be yes: `why` says why.
    pub(crate) fn must_support(&self, network: Option<&Network>, why: &'static str) -> bool {
        let answer = self.is_supported(network);
        let supported = answer == Ok(true);
        // Without the callback there is nothing to check.
        if answer != Err(STATUS_PROCEDURE_NOT_FOUND) {
            self.check(Rule::V1, NAME, supported, || {
                let what = network.map_or_else(|| "NULL".into(), describe);
                format!("{what} is not supported: {why}")
            });
        }
        supported
    }

    /// The same where it must be no.
    pub(crate) fn must_refuse(&self, network: &Network, why: &'static str) {
        let answer = self.is_supported(Some(network));
        self.check(Rule::V1, NAME, answer != Ok(true), || {
            format!("{} is supported: {why}", describe(network))
        });
    }
}

/// A VidPN in a line.
pub(crate) fn describe(network: &Network) -> alloc::string::String {
    use crate::vidpn::mode::{graphics, size};
    use crate::vidpn::signal;
    let mut line = alloc::string::String::new();
    for path in &network.paths {
        let (source, target) = (path.VidPnSourceId, path.VidPnTargetId);
        let pinned = network.sources.get(&source).and_then(|set| set.pinned());
        let from = pinned.and_then(graphics).map(|format| {
            let (width, height) = size(&format);
            format!(" {width}x{height} of format {}", format.PixelFormat.0)
        });
        let pinned = network.targets.get(&target).and_then(|set| set.pinned());
        let to = pinned.map(|mode| {
            let (width, height) = signal::active(&mode.VideoSignalInfo);
            let rate = signal::millihertz(mode.VideoSignalInfo.VSyncFreq).unwrap_or(0);
            format!(" {width}x{height} at {rate} mHz")
        });
        let transformation = &path.ContentTransformation;
        let part = format!(
            "source {source}{} to target {target}{}, scaling {}, rotation {}; ",
            from.unwrap_or_default(),
            to.unwrap_or_default(),
            transformation.Scaling.0,
            transformation.Rotation.0,
        );
        line.push_str(&part);
    }
    if line.is_empty() {
        "no path".into()
    } else {
        line.trim_end_matches("; ").into()
    }
}
