//! EnumVidPnCofuncModality: the modes that fit what is fixed (contract: V3).
#![forbid(unsafe_code)]

use core::ops::ControlFlow;

use super::offer::{FORMATS, size};
use super::path::{self, NoPath, Pins};
use super::{Offer, SOURCE, TARGET};
use crate::kernel::complain;
use crate::kernel::dxgkrnl::Refused;
use crate::kernel::vidpn::{
    Modes, MonitorModes, New, Path, Size, Source, Support, Target, Topology, VidPn,
};

/// What must stay as it is, besides what is pinned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pivot {
    /// Nothing.
    None,
    /// The source's set of modes.
    Source,
    /// The target's set of modes.
    Target,
    /// What the path says of scaling.
    Scaling,
    /// What the path says of rotation.
    Rotation,
}

/// Why the VidPN is as it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// The paths are not just the one that there can be.
    InvalidTopology,
    /// Nothing fits what is pinned.
    Modality,
    /// Dxgkrnl refused a call. Only if that was the assignment of the target's set, the source has a
    /// new one by then.
    Refused(Refused),
}

/// Gives source and target the modes that are cofunctional with the VidPN, and the path what it can
/// do. What is pinned or the pivot is left alone. Of sizes that the monitor does not have none is
/// listed, unless nothing would be left.
///
/// # Errors
///
/// See [`Error`].
pub fn enumerate(
    vidpn: &VidPn<'_>,
    monitor: Option<&Modes<MonitorModes>>,
    pivot: Pivot,
    offer: Offer<'_>,
) -> Result<(), Error> {
    let topology = vidpn.topology()?;
    let Some(path) = path::only(&topology)? else {
        return Ok(());
    };
    let pins = Pins::read(vidpn)?;
    if !pins.possible(offer) || path::rotation(&path, offer.abilities).is_err() {
        complain(c"EnumVidPnCofuncModality", c"pinned", 0, c"nothing fits it");
        return Err(Error::Modality);
    }
    let sizes = Sizes::new(monitor, offer)?;

    // Both sets are complete before one is assigned.
    let source = if pins.source.is_none() && pivot != Pivot::Source {
        let fixed = pins.target.map(|mode| mode.signal.active);
        Some(sources(vidpn, offer, &sizes, fixed)?)
    } else {
        None
    };
    let target = if pins.target.is_none() && pivot != Pivot::Target {
        let fixed = pins.source.map(|mode| mode.size);
        Some(targets(vidpn, offer, &sizes, fixed)?)
    } else {
        None
    };
    source.map_or(Ok(()), New::assign)?;
    target.map_or(Ok(()), New::assign)?;
    support(&topology, &path, pivot, offer)
}

/// A set of all surfaces, or of those of one size.
fn sources<'vidpn>(
    vidpn: &'vidpn VidPn<'_>,
    offer: Offer<'_>,
    sizes: &Sizes<'_>,
    fixed: Option<Size>,
) -> Result<New<'vidpn, Source>, Refused> {
    let set = vidpn.create::<Source>(SOURCE)?;
    for mode in offer.sizes() {
        if sizes.list(size(mode), fixed)? {
            for format in FORMATS {
                set.add(&offer.source_mode(mode, format))?;
            }
        }
    }
    Ok(set)
}

/// A set of all signals, or of those of one size.
fn targets<'vidpn>(
    vidpn: &'vidpn VidPn<'_>,
    offer: Offer<'_>,
    sizes: &Sizes<'_>,
    fixed: Option<Size>,
) -> Result<New<'vidpn, Target>, Refused> {
    let set = vidpn.create::<Target>(TARGET)?;
    for mode in offer.signals() {
        if sizes.list(size(mode), fixed)? {
            set.add(&offer.target_mode(mode))?;
        }
    }
    Ok(set)
}

/// Says what the path can do where it says otherwise, neither pinned nor the pivot.
fn support(
    topology: &Topology<'_>,
    path: &Path<'_>,
    pivot: Pivot,
    offer: Offer<'_>,
) -> Result<(), Error> {
    let now = path.support();
    let all = offer.abilities.support();
    let wanted = Support {
        scaling: if pivot == Pivot::Scaling || path::is_scaling_pinned(path) {
            now.scaling
        } else {
            all.scaling
        },
        // What nobody has filled in yet is nothing to keep, and dxgkrnl takes no update without it.
        rotation: if pivot == Pivot::Rotation
            || path::is_rotation_pinned(path) && !now.rotation.is_empty()
        {
            now.rotation
        } else {
            all.rotation
        },
        ..all
    };
    if wanted != now {
        topology.update(path, wanted)?;
    }
    Ok(())
}

/// Which sizes are listed: those of the monitor, if it has any that are offered.
struct Sizes<'monitor> {
    monitor: Option<&'monitor Modes<MonitorModes>>,
}

impl<'monitor> Sizes<'monitor> {
    fn new(
        monitor: Option<&'monitor Modes<MonitorModes>>,
        offer: Offer<'_>,
    ) -> Result<Self, Refused> {
        let mut common = false;
        if let Some(monitor) = monitor {
            monitor.each(|mode| {
                common = offer.of_size(mode.signal.active).is_some();
                if common {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })?;
        }
        Ok(Self {
            monitor: monitor.filter(|_| common),
        })
    }

    /// Whether to list a size. One that is pinned on the other end is listed in any case.
    fn list(&self, size: Size, fixed: Option<Size>) -> Result<bool, Refused> {
        if let Some(fixed) = fixed {
            return Ok(size == fixed);
        }
        let Some(monitor) = self.monitor else {
            return Ok(true);
        };
        let mut found = false;
        monitor.each(|mode| {
            found = mode.signal.active == size;
            if found {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        Ok(found)
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<NoPath> for Error {
    fn from(error: NoPath) -> Self {
        match error {
            NoPath::Topology => Self::InvalidTopology,
            NoPath::Refused(refused) => refused.into(),
        }
    }
}
