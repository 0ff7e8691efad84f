//! What a VidPN fixes: its one path and what is pinned on it.
#![forbid(unsafe_code)]

use dxgk_sys::{
    D3DDDI_GAMMARAMP_TYPE, D3DKMDT_VIDPN_PRESENT_PATH, D3DKMDT_VIDPN_PRESENT_PATH_ROTATION,
    D3DKMDT_VIDPN_PRESENT_PATH_SCALING,
};

use super::{Abilities, Offer, SOURCE, TARGET};
use crate::display::Rotation;
use crate::kernel::complain;
use crate::kernel::dxgkrnl::Refused;
use crate::kernel::vidpn::{Path, Source, SourceMode, Target, TargetMode, Topology, VidPn};

/// Why a VidPN's paths could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoPath {
    /// There are paths, and not just the one that there can be.
    Topology,
    /// Dxgkrnl refused a call.
    Refused(Refused),
}

impl From<Refused> for NoPath {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// The path; `None` if the topology is empty.
///
/// # Errors
///
/// See [`NoPath`].
pub fn only<'topology>(
    topology: &'topology Topology<'_>,
) -> Result<Option<Path<'topology>>, NoPath> {
    let count = topology.count()?;
    let Some(path) = topology.first()? else {
        return Ok(None);
    };
    if count > 1 || !is_ours(&path) {
        let paths = count as u64;
        complain(c"VidPN", c"paths", paths, c"not just the one from 0 to 0");
        return Err(NoPath::Topology);
    }
    Ok(Some(path))
}

/// Whether the path leads from the source to the target.
pub fn is_ours(path: &D3DKMDT_VIDPN_PRESENT_PATH) -> bool {
    (path.VidPnSourceId, path.VidPnTargetId) == (SOURCE, TARGET)
}

/// Whether a scaling is pinned.
pub fn is_scaling_pinned(path: &D3DKMDT_VIDPN_PRESENT_PATH) -> bool {
    type Scaling = D3DKMDT_VIDPN_PRESENT_PATH_SCALING;
    !matches!(
        path.ContentTransformation.Scaling,
        Scaling::D3DKMDT_VPPS_UNINITIALIZED
            | Scaling::D3DKMDT_VPPS_UNPINNED
            | Scaling::D3DKMDT_VPPS_NOTSPECIFIED
    )
}

/// Whether a rotation is pinned.
pub fn is_rotation_pinned(path: &D3DKMDT_VIDPN_PRESENT_PATH) -> bool {
    type Turn = D3DKMDT_VIDPN_PRESENT_PATH_ROTATION;
    !matches!(
        path.ContentTransformation.Rotation,
        Turn::D3DKMDT_VPPR_UNINITIALIZED
            | Turn::D3DKMDT_VPPR_UNPINNED
            | Turn::D3DKMDT_VPPR_NOTSPECIFIED
    )
}

/// What the path asks for is more than the adapter does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Impossible;

/// How the path turns its picture; what is not pinned is identity.
///
/// # Errors
///
/// [`Impossible`] for another scaling than identity, a rotation that is not offered, and a gamma ramp:
/// the capabilities promise none.
pub fn rotation(
    path: &D3DKMDT_VIDPN_PRESENT_PATH,
    abilities: Abilities,
) -> Result<Rotation, Impossible> {
    type Turn = D3DKMDT_VIDPN_PRESENT_PATH_ROTATION;
    let transformation = &path.ContentTransformation;
    let scaling = transformation.Scaling;
    if is_scaling_pinned(path)
        && scaling != D3DKMDT_VIDPN_PRESENT_PATH_SCALING::D3DKMDT_VPPS_IDENTITY
    {
        return impossible(c"Scaling", scaling.0);
    }
    let gamma = path.GammaRamp.Type;
    if !matches!(
        gamma,
        D3DDDI_GAMMARAMP_TYPE::D3DDDI_GAMMARAMP_UNINITIALIZED
            | D3DDDI_GAMMARAMP_TYPE::D3DDDI_GAMMARAMP_DEFAULT
    ) {
        return impossible(c"GammaRamp.Type", gamma.0);
    }
    let turn = transformation.Rotation;
    if !is_rotation_pinned(path) {
        return Ok(Rotation::Identity);
    }
    match turn {
        Turn::D3DKMDT_VPPR_IDENTITY => Ok(Rotation::Identity),
        Turn::D3DKMDT_VPPR_ROTATE90 if abilities.rotates => Ok(Rotation::Rotate90),
        Turn::D3DKMDT_VPPR_ROTATE180 if abilities.rotates => Ok(Rotation::Rotate180),
        Turn::D3DKMDT_VPPR_ROTATE270 if abilities.rotates => Ok(Rotation::Rotate270),
        _ => impossible(c"Rotation", turn.0),
    }
}

fn impossible(field: &'static core::ffi::CStr, value: i32) -> Result<Rotation, Impossible> {
    let value = value.cast_unsigned().into();
    complain(c"VidPN path", field, value, c"not offered");
    Err(Impossible)
}

/// The modes that are pinned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pins {
    /// On the source.
    pub source: Option<SourceMode>,
    /// On the target.
    pub target: Option<TargetMode>,
}

impl Pins {
    /// Reads them off a VidPN that has the path.
    ///
    /// # Errors
    ///
    /// What dxgkrnl refused with.
    pub fn read(vidpn: &VidPn<'_>) -> Result<Self, Refused> {
        Ok(Self {
            source: vidpn.modes::<Source>(SOURCE)?.chosen()?,
            target: vidpn.modes::<Target>(TARGET)?.chosen()?,
        })
    }

    /// Whether modes that are offered can be pinned beside these.
    pub fn possible(&self, offer: Offer<'_>) -> bool {
        let source = self.source.is_none_or(|mode| offer.shows(&mode));
        let target = (self.target).is_none_or(|mode| offer.sends(&mode.signal).is_some());
        let alike = match (&self.source, &self.target) {
            (Some(source), Some(target)) => source.size == target.signal.active,
            _ => true,
        };
        source && target && alike && !offer.list.modes().is_empty()
    }
}
