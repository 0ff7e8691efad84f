//! UpdateActiveVidPnPresentPath and QueryVidPnHWCapability (contract: V7).
#![forbid(unsafe_code)]

use dxgk_sys::{D3DKMDT_VIDPN_HW_CAPABILITY, D3DKMDT_VIDPN_PRESENT_PATH};

use super::path::{self, NoPath};
use super::{Abilities, SOURCE, TARGET};
use crate::display::Rotation;
use crate::kernel::dxgkrnl::Refused;
use crate::kernel::vidpn::{Id, VidPn};

/// Why a path stays as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UpdateError {
    /// The active VidPN has no such path.
    NotInTopology,
    /// The path cannot do that.
    Transformation,
}

/// How the active path is to turn its picture from now on. `active`: there is one.
///
/// # Errors
///
/// See [`UpdateError`].
pub fn update(
    path: &D3DKMDT_VIDPN_PRESENT_PATH,
    active: bool,
    abilities: Abilities,
) -> Result<Rotation, UpdateError> {
    if !active || !path::is_ours(path) {
        return Err(UpdateError::NotInTopology);
    }
    path::rotation(path, abilities).map_err(|_| UpdateError::Transformation)
}

/// Why a path's hardware is not known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CapabilityError {
    /// The VidPN has no such path.
    NotInTopology,
    /// Dxgkrnl refused a call.
    Refused(Refused),
}

/// What is done without hardware on the path from `source` to `target`: a picture that is turned is
/// turned in software, the rest is scanned out as it is.
///
/// # Errors
///
/// See [`CapabilityError`].
pub fn capability(
    vidpn: &VidPn<'_>,
    source: Id,
    target: Id,
    abilities: Abilities,
) -> Result<D3DKMDT_VIDPN_HW_CAPABILITY, CapabilityError> {
    let topology = vidpn.topology()?;
    let path = path::only(&topology)?.filter(|_| (source, target) == (SOURCE, TARGET));
    let path = path.ok_or(CapabilityError::NotInTopology)?;
    Ok(match path::rotation(&path, abilities) {
        Ok(Rotation::Identity) | Err(path::Impossible) => D3DKMDT_VIDPN_HW_CAPABILITY::empty(),
        Ok(_) => D3DKMDT_VIDPN_HW_CAPABILITY::DriverRotation,
    })
}

impl From<Refused> for CapabilityError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<NoPath> for CapabilityError {
    fn from(error: NoPath) -> Self {
        match error {
            NoPath::Topology => Self::NotInTopology,
            NoPath::Refused(refused) => refused.into(),
        }
    }
}
