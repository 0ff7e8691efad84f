//! CommitVidPn: what to show from now on (contract: V4).
#![forbid(unsafe_code)]

use super::path::{self, NoPath, Pins};
use super::{Offer, SOURCE};
use crate::display::Plan;
use crate::kernel::complain;
use crate::kernel::dxgkrnl::Refused;
use crate::kernel::vidpn::{Id, VidPn};

/// How a VidPN is to be committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    /// The source whose paths change; `None`: all of them.
    pub source: Option<Id>,
    /// No path may end where no monitor is.
    pub enforce_monitor: bool,
    /// A monitor is there.
    pub monitor: bool,
    /// The paths stay dark until a later commit.
    pub powered_off: bool,
}

/// Why the VidPN cannot be committed. The one before stays active.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// There is no such source.
    Source,
    /// The paths are not just the one that there can be, or a monitor is missing.
    InvalidTopology,
    /// The modes, the scaling or the rotation are none that were offered.
    Modality,
    /// Dxgkrnl refused a call.
    Refused(Refused),
}

/// What to show: `None` is nothing, for an empty VidPN and for one without a pinned source mode, as
/// the first may come (ddi-contract.md, "What dxgkrnl accepts at start"). Nothing is changed yet.
///
/// # Errors
///
/// See [`Error`].
pub fn plan(vidpn: &VidPn<'_>, request: &Request, offer: Offer<'_>) -> Result<Option<Plan>, Error> {
    if let Some(source) = request.source.filter(|source| *source != SOURCE) {
        let source = source.into();
        complain(c"CommitVidPn", c"AffectedVidPnSourceId", source, c"not 0");
        return Err(Error::Source);
    }
    let topology = vidpn.topology()?;
    let Some(path) = path::only(&topology)? else {
        return Ok(None);
    };
    if request.enforce_monitor && !request.monitor {
        return Err(Error::InvalidTopology);
    }
    let pins = Pins::read(vidpn)?;
    let Some(source) = pins.source else {
        return Ok(None);
    };
    let rotation = path::rotation(&path, offer.abilities).map_err(|_| Error::Modality)?;
    // A functional VidPN has both pinned. One that fixes the surface alone leaves no choice of size.
    let mode = match &pins.target {
        Some(target) => offer.sends(&target.signal),
        None => offer.of_size(source.size),
    };
    let Some(mode) = mode.filter(|_| pins.possible(offer)) else {
        let size = u64::from(source.size.width) << 32 | u64::from(source.size.height);
        complain(c"CommitVidPn", c"pinned size", size, c"not offered");
        return Err(Error::Modality);
    };
    Ok(Some(Plan {
        mode: *mode,
        rotation,
        powered_on: !request.powered_off,
    }))
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
