//! IsSupportedVidPn: can this be shown, or be completed so that it can (contract: V1)?
#![forbid(unsafe_code)]

use dxgk_sys::status::STATUS_NO_MEMORY;

use super::Offer;
use super::path::{self, NoPath, Pins};
use crate::kernel::dxgkrnl::Refused;
use crate::kernel::vidpn::VidPn;

/// Why there is no answer; the DDI says "not supported" then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// The source cannot be connected so, or dxgkrnl did not show how it is.
    InvalidTopology,
    /// Dxgkrnl's memory is used up.
    NoMemory,
}

/// Whether the VidPN is supported. An empty one is.
///
/// # Errors
///
/// See [`Error`].
pub fn is_supported(vidpn: &VidPn<'_>, offer: Offer<'_>) -> Result<bool, Error> {
    let topology = vidpn.topology()?;
    let Some(path) = path::only(&topology)? else {
        return Ok(true);
    };
    let pins = Pins::read(vidpn)?;
    Ok(pins.possible(offer) && path::rotation(&path, offer.abilities).is_ok())
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused.0 {
            STATUS_NO_MEMORY => Self::NoMemory,
            _ => Self::InvalidTopology,
        }
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
