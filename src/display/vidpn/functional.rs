//! RecommendFunctionalVidPn: a path with one pinned mode at each end (contract: V2).
#![forbid(unsafe_code)]

use dxgk_sys::D3DDDIFORMAT;
use dxgk_sys::status::STATUS_NO_MEMORY;

use super::{Offer, SOURCE, TARGET};
use crate::display::modes::Mode;
use crate::kernel::complain;
use crate::kernel::dxgkrnl::Refused;
use crate::kernel::vidpn::{NewPath, Size, Source, Target, Topology, VidPn};

/// Why there is no recommendation; both are normal answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// There is none.
    NoRecommendation,
    /// Dxgkrnl's memory is used up.
    NoMemory,
}

/// Which picture is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// The best.
    Preferred,
    /// As the firmware left it, of this size if that is known.
    Firmware(Option<Size>),
}

/// The mode to recommend, if there is one.
#[must_use]
pub fn choose(offer: Offer<'_>, wanted: Wanted) -> Option<&Mode> {
    match wanted {
        Wanted::Preferred => offer.list.preferred(),
        Wanted::Firmware(size) => offer.of_size(size?),
    }
}

/// Makes an empty VidPN a functional one with this mode.
///
/// # Errors
///
/// See [`Error`]; the topology is as it was then.
pub fn recommend(vidpn: &VidPn<'_>, mode: &Mode, offer: Offer<'_>) -> Result<(), Error> {
    let topology = vidpn.topology()?;
    if topology.count()? != 0 {
        complain(c"RecommendFunctionalVidPn", c"paths", 1, c"it is not empty");
        return Err(Error::NoRecommendation);
    }
    topology.add(&NewPath {
        source: SOURCE,
        target: TARGET,
        support: offer.abilities.support(),
    })?;
    let path = Added(Some(&topology));

    let set = vidpn.create::<Source>(SOURCE)?;
    let surface = set.add(&offer.source_mode(mode, D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8))?;
    set.assign()?;
    vidpn.pin::<Source>(SOURCE, surface)?;

    let set = vidpn.create::<Target>(TARGET)?;
    let signal = set.add(&offer.target_mode(mode))?;
    set.assign()?;
    vidpn.pin::<Target>(TARGET, signal)?;

    path.keep();
    Ok(())
}

/// The path that was added. Dropping this removes it.
struct Added<'topology>(Option<&'topology Topology<'topology>>);

impl Added<'_> {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Added<'_> {
    fn drop(&mut self) {
        if let Some(topology) = self.0
            && topology.remove(SOURCE, TARGET).is_err()
        {
            complain(
                c"RecommendFunctionalVidPn",
                c"pfnRemovePath",
                0,
                c"refused, so a path is left",
            );
        }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused.0 {
            STATUS_NO_MEMORY => Self::NoMemory,
            _ => Self::NoRecommendation,
        }
    }
}
