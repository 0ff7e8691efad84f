//! What the pages allow in a present path that a driver adds or updates.

use alloc::format;
use alloc::string::String;

use dxgk_sys::{
    D3DDDI_GAMMARAMP_TYPE, D3DKMDT_VIDPN_PRESENT_PATH_CONTENT,
    D3DKMDT_VIDPN_PRESENT_PATH_ROTATION as Rotation,
    D3DKMDT_VIDPN_PRESENT_PATH_ROTATION_SUPPORT as RotationSupport,
    D3DKMDT_VIDPN_PRESENT_PATH_SCALING as Scaling,
    D3DKMDT_VIDPN_PRESENT_PATH_SCALING_SUPPORT as ScalingSupport,
};

use crate::vidpn::mode::is_basis;
use crate::vidpn::network::{Path, rotation_is_pinned, scaling_is_pinned};

/// Scalings with the flag that says that a path supports them.
pub(crate) const SCALINGS: [(Scaling, ScalingSupport); 5] = [
    (Scaling::D3DKMDT_VPPS_IDENTITY, ScalingSupport::Identity),
    (Scaling::D3DKMDT_VPPS_CENTERED, ScalingSupport::Centered),
    (Scaling::D3DKMDT_VPPS_STRETCHED, ScalingSupport::Stretched),
    (
        Scaling::D3DKMDT_VPPS_ASPECTRATIOCENTEREDMAX,
        ScalingSupport::AspectRatioCenteredMax,
    ),
    (Scaling::D3DKMDT_VPPS_CUSTOM, ScalingSupport::Custom),
];

/// Rotations without an offset, with their flags.
pub(crate) const ROTATIONS: [(Rotation, RotationSupport); 4] = [
    (Rotation::D3DKMDT_VPPR_IDENTITY, RotationSupport::Identity),
    (Rotation::D3DKMDT_VPPR_ROTATE90, RotationSupport::Rotate90),
    (Rotation::D3DKMDT_VPPR_ROTATE180, RotationSupport::Rotate180),
    (Rotation::D3DKMDT_VPPR_ROTATE270, RotationSupport::Rotate270),
];

/// Whether the flags name a scaling.
pub(crate) fn scales(support: ScalingSupport, scaling: Scaling) -> bool {
    let known = SCALINGS.iter().find(|(value, _)| *value == scaling);
    known.is_some_and(|(_, flag)| support.contains(*flag))
}

/// Whether the flags name a rotation.
pub(crate) fn rotates(support: RotationSupport, rotation: Rotation) -> bool {
    let known = ROTATIONS.iter().find(|(value, _)| *value == rotation);
    known.is_some_and(|(_, flag)| support.contains(*flag))
}

/// Whether content may be shown in another size than the target's.
pub(crate) fn may_scale(path: &Path) -> bool {
    let transformation = &path.ContentTransformation;
    if scaling_is_pinned(path) {
        transformation.Scaling != Scaling::D3DKMDT_VPPS_IDENTITY
    } else {
        let support = transformation.ScalingSupport;
        SCALINGS[1..]
            .iter()
            .any(|(_, flag)| support.contains(*flag))
    }
}

/// What is wrong with the support flags of a path.
pub(crate) fn support_fault(path: &Path) -> Option<String> {
    let scaling = path.ContentTransformation.ScalingSupport.bits();
    if scaling & !0x1F != 0 {
        return Some(format!(
            "reserved bits of ScalingSupport are set: {scaling:#x}"
        ));
    }
    let rotation = path.ContentTransformation.RotationSupport.bits();
    if rotation & !0xFF != 0 {
        return Some(format!(
            "reserved bits of RotationSupport are set: {rotation:#x}"
        ));
    }
    let protection = path.CopyProtection.CopyProtectionSupport.bits();
    (protection & 1 != 0 && protection & 6 != 0)
        .then(|| format!("CopyProtectionSupport is {protection:#x}: none, and some"))
}

/// What is wrong with a path that the driver adds.
pub(crate) fn fault(path: &Path) -> Option<String> {
    let ordinal = path.ImportanceOrdinal.0;
    if !(1..=255).contains(&ordinal) {
        return Some(format!("ImportanceOrdinal is {ordinal}"));
    }
    let scaling = path.ContentTransformation.Scaling;
    let open = [
        Scaling::D3DKMDT_VPPS_UNPINNED,
        Scaling::D3DKMDT_VPPS_NOTSPECIFIED,
    ];
    if !scaling_is_pinned(path) && !open.contains(&scaling) {
        return Some(format!("Scaling is {}", scaling.0));
    }
    let rotation = path.ContentTransformation.Rotation;
    let open = [
        Rotation::D3DKMDT_VPPR_UNPINNED,
        Rotation::D3DKMDT_VPPR_NOTSPECIFIED,
    ];
    if !rotation_is_pinned(path) && !open.contains(&rotation) {
        return Some(format!("Rotation is {}", rotation.0));
    }
    let offsets = [
        path.VisibleFromActiveTLOffset.cx,
        path.VisibleFromActiveTLOffset.cy,
        path.VisibleFromActiveBROffset.cx,
        path.VisibleFromActiveBROffset.cy,
    ];
    // Offsets may be to the left and up.
    if let Some(offset) = offsets
        .iter()
        .find(|offset| offset.cast_signed().unsigned_abs() > 0xFFFF)
    {
        return Some(format!("VisibleFromActive…Offset is {offset:#x}"));
    }
    if !is_basis(path.VidPnTargetColorBasis) {
        return Some(format!(
            "VidPnTargetColorBasis is {}",
            path.VidPnTargetColorBasis.0
        ));
    }
    let ranges = &path.VidPnTargetColorCoeffDynamicRanges;
    let channels = [
        ranges.FirstChannel,
        ranges.SecondChannel,
        ranges.ThirdChannel,
        ranges.FourthChannel,
    ];
    if let Some(bits) = channels.iter().find(|bits| **bits > 64) {
        return Some(format!("a channel of the target's colour is {bits}"));
    }
    rest_fault(path).or_else(|| support_fault(path))
}

fn rest_fault(path: &Path) -> Option<String> {
    let contents = [
        D3DKMDT_VIDPN_PRESENT_PATH_CONTENT::D3DKMDT_VPPC_GRAPHICS,
        D3DKMDT_VIDPN_PRESENT_PATH_CONTENT::D3DKMDT_VPPC_VIDEO,
        D3DKMDT_VIDPN_PRESENT_PATH_CONTENT::D3DKMDT_VPPC_NOTSPECIFIED,
    ];
    if !contents.contains(&path.Content) {
        return Some(format!("Content is {}", path.Content.0));
    }
    let protection = &path.CopyProtection;
    if !(1..=3).contains(&protection.CopyProtectionType.0) {
        return Some(format!(
            "CopyProtectionType is {}",
            protection.CopyProtectionType.0
        ));
    }
    if protection.APSTriggerBits > 3 {
        return Some(format!("APSTriggerBits is {}", protection.APSTriggerBits));
    }
    let ramp = path.GammaRamp.Type;
    let known = D3DDDI_GAMMARAMP_TYPE::D3DDDI_GAMMARAMP_DEFAULT
        ..=D3DDDI_GAMMARAMP_TYPE::D3DDDI_GAMMARAMP_MATRIX_V2;
    (!known.contains(&ramp)).then(|| format!("GammaRamp.Type is {}", ramp.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vidpn::network::open_path;

    #[test]
    fn the_ports_own_path_is_one_that_a_driver_may_add() {
        let mut path = open_path(0, 0);
        assert_eq!(fault(&path), None);
        assert!(!may_scale(&path));
        path.ContentTransformation.ScalingSupport = ScalingSupport::Centered;
        assert!(may_scale(&path));
        path.ContentTransformation.Scaling = Scaling::D3DKMDT_VPPS_IDENTITY;
        assert!(!may_scale(&path));
        path.CopyProtection.APSTriggerBits = 4;
        assert!(fault(&path).is_some());
    }
}
