//! VidPN objects as a careful driver uses them: what is acquired is released, on every way out.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::ptr;

use dxgk_sys::status::*;
use dxgk_sys::*;

use super::{Context, TARGET};

pub type Path = D3DKMDT_VIDPN_PRESENT_PATH;
pub type SourceMode = D3DKMDT_VIDPN_SOURCE_MODE;
pub type TargetMode = D3DKMDT_VIDPN_TARGET_MODE;
pub type VidPn = &'static DXGK_VIDPN_INTERFACE;

fn done(status: NTSTATUS) -> Result<(), NTSTATUS> {
    if status < 0 { Err(status) } else { Ok(()) }
}

pub fn interface(context: &Context, handle: D3DKMDT_HVIDPN) -> Result<VidPn, NTSTATUS> {
    let query = context.interface.DxgkCbQueryVidPnInterface.unwrap();
    let version = DXGK_VIDPN_INTERFACE_VERSION::DXGK_VIDPN_INTERFACE_VERSION_V1;
    let mut table = ptr::null();
    done(unsafe { query(handle, version, &raw mut table) })?;
    Ok(unsafe { &*table })
}

pub fn topology(
    vidpn: VidPn,
    handle: D3DKMDT_HVIDPN,
) -> Result<
    (
        D3DKMDT_HVIDPNTOPOLOGY,
        &'static DXGK_VIDPNTOPOLOGY_INTERFACE,
    ),
    NTSTATUS,
> {
    let (mut topology, mut table) = (ptr::null_mut(), ptr::null());
    let get = vidpn.pfnGetTopology.unwrap();
    done(unsafe { get(handle, &raw mut topology, &raw mut table) })?;
    Ok((topology, unsafe { &*table }))
}

/// One path and what is pinned at its ends.
pub struct Plan {
    pub path: Path,
    pub pinned_source: Option<SourceMode>,
    pub pinned_target: Option<TargetMode>,
}

impl Plan {
    /// The VidPN's only path; `None` if it has none.
    pub fn read(vidpn: VidPn, handle: D3DKMDT_HVIDPN) -> Result<Option<Self>, NTSTATUS> {
        let (topology, paths) = topology(vidpn, handle)?;
        let mut count = 0;
        done(unsafe { paths.pfnGetNumPaths.unwrap()(topology, &raw mut count) })?;
        if count == 0 {
            return Ok(None);
        }
        let mut info = ptr::null();
        done(unsafe { paths.pfnAcquireFirstPathInfo.unwrap()(topology, &raw mut info) })?;
        let path = unsafe { *info };
        unsafe { paths.pfnReleasePathInfo.unwrap()(topology, info) };
        if count != 1 || (path.VidPnSourceId, path.VidPnTargetId) != (0, TARGET) {
            return Err(STATUS_GRAPHICS_INVALID_VIDPN_TOPOLOGY);
        }
        Ok(Some(Self {
            path,
            pinned_source: ModeSet::<SourceMode>::pinned(vidpn, handle, 0)?,
            pinned_target: ModeSet::<TargetMode>::pinned(vidpn, handle, TARGET)?,
        }))
    }

    /// Reports the support flags of a path.
    pub fn update(vidpn: VidPn, handle: D3DKMDT_HVIDPN, path: &Path) -> NTSTATUS {
        match topology(vidpn, handle) {
            Ok((topology, paths)) => unsafe {
                paths.pfnUpdatePathSupportInfo.unwrap()(topology, path)
            },
            Err(status) => status,
        }
    }

    /// Adds the path from the source to the target.
    pub fn add_path(
        vidpn: VidPn,
        handle: D3DKMDT_HVIDPN,
        bend: fn(&mut Path),
    ) -> Result<(), NTSTATUS> {
        let (topology, paths) = topology(vidpn, handle)?;
        let mut info = ptr::null_mut();
        done(unsafe { paths.pfnCreateNewPathInfo.unwrap()(topology, &raw mut info) })?;
        fill_path(unsafe { &mut *info });
        bend(unsafe { &mut *info });
        let status = unsafe { paths.pfnAddPath.unwrap()(topology, info) };
        if status < 0 {
            unsafe { paths.pfnReleasePathInfo.unwrap()(topology, info) };
        }
        done(status)
    }
}

pub fn fill_path(path: &mut Path) {
    *path = Path::ZERO;
    path.VidPnTargetId = TARGET;
    path.ImportanceOrdinal = D3DKMDT_VIDPN_PRESENT_PATH_IMPORTANCE::D3DKMDT_VPPI_PRIMARY;
    let transformation = &mut path.ContentTransformation;
    transformation.Scaling = D3DKMDT_VIDPN_PRESENT_PATH_SCALING::D3DKMDT_VPPS_IDENTITY;
    transformation.ScalingSupport = D3DKMDT_VIDPN_PRESENT_PATH_SCALING_SUPPORT::Identity;
    transformation.Rotation = D3DKMDT_VIDPN_PRESENT_PATH_ROTATION::D3DKMDT_VPPR_IDENTITY;
    transformation.RotationSupport = D3DKMDT_VIDPN_PRESENT_PATH_ROTATION_SUPPORT::Identity;
    path.VidPnTargetColorBasis = D3DKMDT_COLOR_BASIS::D3DKMDT_CB_SRGB;
    path.VidPnTargetColorCoeffDynamicRanges.FirstChannel = 8;
    path.VidPnTargetColorCoeffDynamicRanges.SecondChannel = 8;
    path.VidPnTargetColorCoeffDynamicRanges.ThirdChannel = 8;
    path.Content = D3DKMDT_VIDPN_PRESENT_PATH_CONTENT::D3DKMDT_VPPC_GRAPHICS;
    path.CopyProtection.CopyProtectionType =
        D3DKMDT_VIDPN_PRESENT_PATH_COPYPROTECTION_TYPE::D3DKMDT_VPPMT_NOPROTECTION;
    path.CopyProtection.CopyProtectionSupport =
        D3DKMDT_VIDPN_PRESENT_PATH_COPYPROTECTION_SUPPORT::NoProtection;
    path.GammaRamp.Type = D3DDDI_GAMMARAMP_TYPE::D3DDDI_GAMMARAMP_DEFAULT;
}

/// A mode set and its functions.
pub struct ModeSet<M: Mode> {
    pub handle: *mut M::Handle,
    pub table: &'static M::Table,
}

/// The two kinds of mode set differ in their types alone.
pub trait Mode: Copy + 'static {
    type Handle;
    type Table: 'static;
    fn acquire(vidpn: VidPn, handle: D3DKMDT_HVIDPN, of: u32, set: &mut Opened<Self>) -> NTSTATUS;
    fn create(vidpn: VidPn, handle: D3DKMDT_HVIDPN, of: u32, set: &mut Opened<Self>) -> NTSTATUS;
    fn assign(vidpn: VidPn, handle: D3DKMDT_HVIDPN, of: u32, set: *mut Self::Handle) -> NTSTATUS;
    fn release(vidpn: VidPn, handle: D3DKMDT_HVIDPN, set: *mut Self::Handle) -> NTSTATUS;
    fn pinned(set: &ModeSet<Self>, info: &mut *const Self) -> NTSTATUS;
    fn release_info(set: &ModeSet<Self>, info: *const Self) -> NTSTATUS;
    fn create_info(set: &ModeSet<Self>, info: &mut *mut Self) -> NTSTATUS;
    fn add_info(set: &ModeSet<Self>, info: *mut Self) -> NTSTATUS;
    fn pin(set: &ModeSet<Self>, id: u32) -> NTSTATUS;
    fn id(&self) -> u32;
}

/// What opening a set gives.
pub struct Opened<M: Mode> {
    pub set: *mut M::Handle,
    pub table: *const M::Table,
}

impl<M: Mode> ModeSet<M> {
    /// Acquires the set of an end. Release it.
    pub fn acquire(vidpn: VidPn, handle: D3DKMDT_HVIDPN, of: u32) -> Result<Self, NTSTATUS> {
        let mut opened = Opened {
            set: ptr::null_mut(),
            table: ptr::null(),
        };
        done(M::acquire(vidpn, handle, of, &mut opened))?;
        Ok(Self {
            handle: opened.set,
            table: unsafe { &*opened.table },
        })
    }

    /// Makes a set. Assign or release it.
    pub fn create(vidpn: VidPn, handle: D3DKMDT_HVIDPN, of: u32) -> Result<Self, NTSTATUS> {
        let mut opened = Opened {
            set: ptr::null_mut(),
            table: ptr::null(),
        };
        done(M::create(vidpn, handle, of, &mut opened))?;
        Ok(Self {
            handle: opened.set,
            table: unsafe { &*opened.table },
        })
    }

    /// The mode that is pinned at an end.
    pub fn pinned(vidpn: VidPn, handle: D3DKMDT_HVIDPN, of: u32) -> Result<Option<M>, NTSTATUS> {
        let set = Self::acquire(vidpn, handle, of)?;
        let mut info = ptr::null();
        let status = M::pinned(&set, &mut info);
        let mode = (status == STATUS_SUCCESS && !info.is_null()).then(|| {
            let mode = unsafe { *info };
            M::release_info(&set, info);
            mode
        });
        M::release(vidpn, handle, set.handle);
        done(status)?;
        Ok(mode)
    }

    /// Makes a set, fills it and puts it in the place of the one before.
    pub fn replace(
        vidpn: VidPn,
        handle: D3DKMDT_HVIDPN,
        of: u32,
        fill: impl FnOnce(&Self) -> Result<(), NTSTATUS>,
    ) -> NTSTATUS {
        let set = match Self::create(vidpn, handle, of) {
            Ok(set) => set,
            Err(status) => return status,
        };
        if let Err(status) = fill(&set) {
            M::release(vidpn, handle, set.handle);
            return status;
        }
        // A set that is refused is released, unless a handle was wrong.
        M::assign(vidpn, handle, of, set.handle)
    }

    /// Adds a mode; its identifier.
    pub fn add(&self, fill: impl FnOnce(&mut M)) -> Result<u32, NTSTATUS> {
        let mut info = ptr::null_mut();
        done(M::create_info(self, &mut info))?;
        fill(unsafe { &mut *info });
        let id = unsafe { &*info }.id();
        let status = M::add_info(self, info);
        if status < 0 {
            M::release_info(self, info);
        }
        done(status)?;
        Ok(id)
    }

    pub fn pin(&self, id: u32) -> Result<(), NTSTATUS> {
        done(M::pin(self, id))
    }
}

macro_rules! mode {
    ($mode:ty, $handle:ty, $table:ty, $acquire:ident $create:ident $assign:ident $release:ident) => {
        impl Mode for $mode {
            type Handle = $handle;
            type Table = $table;

            fn acquire(
                vidpn: VidPn,
                handle: D3DKMDT_HVIDPN,
                of: u32,
                out: &mut Opened<Self>,
            ) -> NTSTATUS {
                unsafe { vidpn.$acquire.unwrap()(handle, of, &raw mut out.set, &raw mut out.table) }
            }

            fn create(
                vidpn: VidPn,
                handle: D3DKMDT_HVIDPN,
                of: u32,
                out: &mut Opened<Self>,
            ) -> NTSTATUS {
                unsafe { vidpn.$create.unwrap()(handle, of, &raw mut out.set, &raw mut out.table) }
            }

            fn assign(
                vidpn: VidPn,
                handle: D3DKMDT_HVIDPN,
                of: u32,
                set: *mut $handle,
            ) -> NTSTATUS {
                unsafe { vidpn.$assign.unwrap()(handle, of, set) }
            }

            fn release(vidpn: VidPn, handle: D3DKMDT_HVIDPN, set: *mut $handle) -> NTSTATUS {
                unsafe { vidpn.$release.unwrap()(handle, set) }
            }

            fn pinned(set: &ModeSet<Self>, info: &mut *const Self) -> NTSTATUS {
                unsafe { set.table.pfnAcquirePinnedModeInfo.unwrap()(set.handle, info) }
            }

            fn release_info(set: &ModeSet<Self>, info: *const Self) -> NTSTATUS {
                unsafe { set.table.pfnReleaseModeInfo.unwrap()(set.handle, info) }
            }

            fn create_info(set: &ModeSet<Self>, info: &mut *mut Self) -> NTSTATUS {
                unsafe { set.table.pfnCreateNewModeInfo.unwrap()(set.handle, info) }
            }

            fn add_info(set: &ModeSet<Self>, info: *mut Self) -> NTSTATUS {
                unsafe { set.table.pfnAddMode.unwrap()(set.handle, info) }
            }

            fn pin(set: &ModeSet<Self>, id: u32) -> NTSTATUS {
                unsafe { set.table.pfnPinMode.unwrap()(set.handle, id) }
            }

            fn id(&self) -> u32 {
                self.Id
            }
        }
    };
}

mode!(
    SourceMode, D3DKMDT_HVIDPNSOURCEMODESET__, DXGK_VIDPNSOURCEMODESET_INTERFACE,
    pfnAcquireSourceModeSet pfnCreateNewSourceModeSet pfnAssignSourceModeSet pfnReleaseSourceModeSet
);
mode!(
    TargetMode, D3DKMDT_HVIDPNTARGETMODESET__, DXGK_VIDPNTARGETMODESET_INTERFACE,
    pfnAcquireTargetModeSet pfnCreateNewTargetModeSet pfnAssignTargetModeSet pfnReleaseTargetModeSet
);
