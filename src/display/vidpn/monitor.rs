//! RecommendMonitorModes: what the monitor can show besides what its EDID says (contract: V2).
#![forbid(unsafe_code)]

use core::ops::ControlFlow;

use dxgk_sys::status::{STATUS_GRAPHICS_MODE_ALREADY_IN_MODESET, STATUS_NO_MEMORY};

use super::Offer;
use crate::kernel::complain;
use crate::kernel::dxgkrnl::Refused;
use crate::kernel::vidpn::{MonitorMode, MonitorSet, Signal};

/// Adds each mode that is offered and that the monitor does not have yet. If the monitor prefers none,
/// it is told to prefer the driver's choice.
///
/// # Errors
///
/// What dxgkrnl refused with, where there is no going on. A single mode that it does not like is left
/// out with a debug line.
pub fn recommend(set: &MonitorSet, offer: Offer<'_>) -> Result<(), Refused> {
    let undecided = set.chosen()?.is_none();
    let mut left_out = 0;
    for mode in offer.signals() {
        let mode = MonitorMode {
            signal: offer.signal(mode),
            preferred: undecided && offer.is_preferred(mode),
        };
        if !mode.preferred && has(set, &mode.signal)? {
            continue;
        }
        match set.add(&mode) {
            Ok(()) | Err(Refused(STATUS_GRAPHICS_MODE_ALREADY_IN_MODESET)) => {}
            Err(refused @ Refused(STATUS_NO_MEMORY)) => return Err(refused),
            Err(Refused(_)) => left_out += 1,
        }
    }
    if left_out != 0 {
        complain(
            c"RecommendMonitorModes",
            c"modes",
            left_out,
            c"refused by dxgkrnl and left out",
        );
    }
    Ok(())
}

/// Whether the monitor has a signal of this size and rate.
fn has(set: &MonitorSet, signal: &Signal) -> Result<bool, Refused> {
    let mut found = false;
    set.each(|mode| {
        let other = &mode.signal;
        found = other.active == signal.active && other.vertical.equals(signal.vertical);
        if found {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    Ok(found)
}
