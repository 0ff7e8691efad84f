//! The paths of a VidPN.

use core::ops::Deref;
use core::ptr;

use dxgk_sys::{
    D3DKMDT_COLOR_BASIS, D3DKMDT_COLOR_COEFF_DYNAMIC_RANGES, D3DKMDT_HVIDPNTOPOLOGY,
    D3DKMDT_VIDPN_PRESENT_PATH, D3DKMDT_VIDPN_PRESENT_PATH_CONTENT,
    D3DKMDT_VIDPN_PRESENT_PATH_COPYPROTECTION_SUPPORT,
    D3DKMDT_VIDPN_PRESENT_PATH_COPYPROTECTION_TYPE, D3DKMDT_VIDPN_PRESENT_PATH_IMPORTANCE,
    D3DKMDT_VIDPN_PRESENT_PATH_ROTATION, D3DKMDT_VIDPN_PRESENT_PATH_ROTATION_SUPPORT,
    D3DKMDT_VIDPN_PRESENT_PATH_SCALING, D3DKMDT_VIDPN_PRESENT_PATH_SCALING_SUPPORT,
    DXGK_VIDPNTOPOLOGY_INTERFACE,
};

use super::super::dxgkrnl::Refused;
use super::{Id, MISSING, VidPn, element, granted};

/// What a path can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Support {
    /// `ScalingSupport`
    pub scaling: D3DKMDT_VIDPN_PRESENT_PATH_SCALING_SUPPORT,
    /// `RotationSupport`
    pub rotation: D3DKMDT_VIDPN_PRESENT_PATH_ROTATION_SUPPORT,
    /// `CopyProtectionSupport`
    pub copy_protection: D3DKMDT_VIDPN_PRESENT_PATH_COPYPROTECTION_SUPPORT,
}

impl Support {
    /// Nothing at all.
    pub const NONE: Self = Self {
        scaling: D3DKMDT_VIDPN_PRESENT_PATH_SCALING_SUPPORT::empty(),
        rotation: D3DKMDT_VIDPN_PRESENT_PATH_ROTATION_SUPPORT::empty(),
        copy_protection: D3DKMDT_VIDPN_PRESENT_PATH_COPYPROTECTION_SUPPORT::empty(),
    };
}

/// What is known of a path that is to be added.
#[derive(Clone, Copy, Debug)]
pub struct NewPath {
    /// Where it begins.
    pub source: Id,
    /// Where it ends.
    pub target: Id,
    /// What it can do.
    pub support: Support,
}

/// The paths of a VidPN. It needs no release.
pub struct Topology<'vidpn> {
    handle: D3DKMDT_HVIDPNTOPOLOGY,
    interface: DXGK_VIDPNTOPOLOGY_INTERFACE,
    _vidpn: &'vidpn VidPn<'vidpn>,
}

/// A path as dxgkrnl describes it. Dropping this releases the description.
pub struct Path<'topology> {
    topology: &'topology Topology<'topology>,
    info: *const D3DKMDT_VIDPN_PRESENT_PATH,
}

impl VidPn<'_> {
    /// The paths.
    ///
    /// # Errors
    ///
    /// What dxgkrnl refused with.
    pub fn topology(&self) -> Result<Topology<'_>, Refused> {
        let call = self.interface.pfnGetTopology.ok_or(MISSING)?;
        let (mut handle, mut interface) = (ptr::null_mut(), ptr::null());
        // SAFETY: the VidPN's function and handle, and variables of ours.
        granted(unsafe { call(self.handle, &raw mut handle, &raw mut interface) })?;
        // SAFETY: NULL, or dxgkrnl's table, which lives at least as long as this call.
        let interface = *unsafe { interface.as_ref() }.ok_or(MISSING)?;
        if handle.is_null() {
            return Err(MISSING);
        }
        Ok(Topology {
            handle,
            interface,
            _vidpn: self,
        })
    }
}

impl Topology<'_> {
    /// How many paths there are.
    ///
    /// # Errors
    ///
    /// What dxgkrnl refused with.
    pub fn count(&self) -> Result<usize, Refused> {
        let call = self.interface.pfnGetNumPaths.ok_or(MISSING)?;
        let mut count = 0;
        // SAFETY: the topology's function and handle, and a variable of ours.
        granted(unsafe { call(self.handle, &raw mut count) })?;
        Ok(count)
    }

    /// The first path, if there is one.
    ///
    /// # Errors
    ///
    /// What dxgkrnl refused with.
    pub fn first(&self) -> Result<Option<Path<'_>>, Refused> {
        let call = self.interface.pfnAcquireFirstPathInfo.ok_or(MISSING)?;
        let mut info = ptr::null();
        // SAFETY: the topology's function and handle, and a variable of ours.
        let status = unsafe { call(self.handle, &raw mut info) };
        let info = element(status, info)?;
        Ok(info.map(|info| Path {
            topology: self,
            info,
        }))
    }

    /// Says what a path can do.
    ///
    /// # Errors
    ///
    /// What dxgkrnl refused with.
    #[inline(never)] // the copy of the path stays off the caller's frame
    pub fn update(&self, path: &Path<'_>, support: Support) -> Result<(), Refused> {
        let call = self.interface.pfnUpdatePathSupportInfo.ok_or(MISSING)?;
        let mut updated: D3DKMDT_VIDPN_PRESENT_PATH = **path;
        put(&mut updated, support);
        // SAFETY: the topology's function and handle, and a path of ours that is only read.
        granted(unsafe { call(self.handle, &raw const updated) })
    }

    /// Adds a path with nothing pinned.
    ///
    /// # Errors
    ///
    /// What dxgkrnl refused with; nothing is left behind then.
    pub fn add(&self, new: &NewPath) -> Result<(), Refused> {
        let create = self.interface.pfnCreateNewPathInfo.ok_or(MISSING)?;
        let add = self.interface.pfnAddPath.ok_or(MISSING)?;
        let mut info = ptr::null_mut();
        // SAFETY: the topology's function and handle, and a variable of ours.
        granted(unsafe { create(self.handle, &raw mut info) })?;
        let held = Path {
            topology: self,
            info,
        };
        // SAFETY: NULL, or a description that dxgkrnl has just created for us to fill in.
        fill(unsafe { info.as_mut() }.ok_or(MISSING)?, new);
        // SAFETY: as above; added once.
        granted(unsafe { add(self.handle, info) })?;
        // What was added is the topology's.
        core::mem::forget(held);
        Ok(())
    }

    /// Removes the path from `source` to `target`.
    ///
    /// # Errors
    ///
    /// What dxgkrnl refused with.
    pub fn remove(&self, source: Id, target: Id) -> Result<(), Refused> {
        let call = self.interface.pfnRemovePath.ok_or(MISSING)?;
        // SAFETY: the topology's function and handle.
        granted(unsafe { call(self.handle, source, target) })
    }
}

impl Path<'_> {
    /// What dxgkrnl thinks that the path can do.
    #[must_use]
    pub fn support(&self) -> Support {
        Support {
            scaling: self.ContentTransformation.ScalingSupport,
            rotation: self.ContentTransformation.RotationSupport,
            copy_protection: self.CopyProtection.CopyProtectionSupport,
        }
    }
}

impl Deref for Path<'_> {
    type Target = D3DKMDT_VIDPN_PRESENT_PATH;

    fn deref(&self) -> &D3DKMDT_VIDPN_PRESENT_PATH {
        // SAFETY: dxgkrnl's description, which has not been released; every bit pattern is one.
        unsafe { &*self.info }
    }
}

impl Drop for Path<'_> {
    fn drop(&mut self) {
        let Some(release) = self.topology.interface.pfnReleasePathInfo else {
            return;
        };
        if !self.info.is_null() {
            // SAFETY: dxgkrnl gave it for this topology; it is released once.
            unsafe { release(self.topology.handle, self.info) };
        }
    }
}

fn put(path: &mut D3DKMDT_VIDPN_PRESENT_PATH, support: Support) {
    path.ContentTransformation.ScalingSupport = support.scaling;
    path.ContentTransformation.RotationSupport = support.rotation;
    path.CopyProtection.CopyProtectionSupport = support.copy_protection;
}

/// A path of the first importance: scaling and rotation identity, eight bits a colour, no protection,
/// the default gamma ramp.
fn fill(path: &mut D3DKMDT_VIDPN_PRESENT_PATH, new: &NewPath) {
    const BITS: u32 = 8;
    // What dxgkrnl leaves unset in a new path is nothing to rely on.
    *path = D3DKMDT_VIDPN_PRESENT_PATH::ZERO;
    path.VidPnSourceId = new.source;
    path.VidPnTargetId = new.target;
    path.ImportanceOrdinal = D3DKMDT_VIDPN_PRESENT_PATH_IMPORTANCE::D3DKMDT_VPPI_PRIMARY;
    path.ContentTransformation.Scaling = D3DKMDT_VIDPN_PRESENT_PATH_SCALING::D3DKMDT_VPPS_IDENTITY;
    path.ContentTransformation.Rotation =
        D3DKMDT_VIDPN_PRESENT_PATH_ROTATION::D3DKMDT_VPPR_IDENTITY;
    put(path, new.support);
    path.VidPnTargetColorBasis = D3DKMDT_COLOR_BASIS::D3DKMDT_CB_SRGB;
    path.VidPnTargetColorCoeffDynamicRanges = D3DKMDT_COLOR_COEFF_DYNAMIC_RANGES {
        FirstChannel: BITS,
        SecondChannel: BITS,
        ThirdChannel: BITS,
        FourthChannel: 0,
    };
    path.Content = D3DKMDT_VIDPN_PRESENT_PATH_CONTENT::D3DKMDT_VPPC_GRAPHICS;
    path.CopyProtection.CopyProtectionType =
        D3DKMDT_VIDPN_PRESENT_PATH_COPYPROTECTION_TYPE::D3DKMDT_VPPMT_NOPROTECTION;
    path.GammaRamp.Type = dxgk_sys::D3DDDI_GAMMARAMP_TYPE::D3DDDI_GAMMARAMP_DEFAULT;
}
