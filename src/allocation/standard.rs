//! `DxgkDdiGetStandardAllocationDriverData`: the private data of allocations that dxgkrnl makes
//! without a user-mode driver.
//!
//! What is written here comes back through `DxgkDdiCreateAllocation` (contract: C5), so it is
//! checked by the same rules before it goes out.

use core::ffi::CStr;

use dxgk_sys::{
    D3DDDIFORMAT, D3DKMDT_GDISURFACEDATA, D3DKMDT_GDISURFACETYPE, D3DKMDT_SHADOWSURFACEDATA,
    D3DKMDT_SHAREDPRIMARYSURFACEDATA, D3DKMDT_STAGINGSURFACEDATA,
};
use vmdisp_abi::allocation::{AllocationData, AllocationFlags, BYTES, Kind};
use vmdisp_abi::format;
use zerocopy::IntoBytes;

use super::spec;
use crate::kernel::complain;
use crate::memory::segments::Segments;

const CALL: &CStr = c"GetStandardAllocationDriverData";

/// Bytes of private data for each standard allocation; there are none for the resource.
pub const ALLOCATION_BYTES: u32 = BYTES as u32;

/// The surface that dxgkrnl wants, by `StandardAllocationType`. `Pitch` is written where a surface
/// has one, and only when private data are.
pub enum Surface<'a> {
    /// The desktop that all processes share.
    SharedPrimary(&'a D3DKMDT_SHAREDPRIMARYSURFACEDATA),
    /// GDI's copy of it in system memory.
    Shadow(&'a mut D3DKMDT_SHADOWSURFACEDATA),
    /// The way of an application's picture to the screen.
    Staging(&'a mut D3DKMDT_STAGINGSURFACEDATA),
    /// A surface of GDI hardware acceleration.
    Gdi(&'a mut D3DKMDT_GDISURFACEDATA),
}

/// No description: the one failure that the page lists is `STATUS_NO_MEMORY`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoDescription;

/// Describes `surface` in `to`, the buffer for the allocation's private data.
///
/// # Errors
///
/// [`NoDescription`] if the surface cannot be made on this adapter or `to` is too short, with a
/// debug line that says why; nothing is written then.
pub fn describe(
    segments: &Segments,
    surface: Surface<'_>,
    to: &mut [u8],
) -> Result<(), NoDescription> {
    let mut data = data_of(&surface)?;
    let decided = spec::complete(CALL, &data, &segments.sizes()).map_err(|_| NoDescription)?;
    let pitch = decided.pitch;
    data.pitch = pitch;

    let short = to.len() as u64;
    let Some(to) = to.get_mut(..data.as_bytes().len()) else {
        complain(
            CALL,
            c"AllocationPrivateDriverDataSize",
            short,
            c"shorter than was asked for",
        );
        return Err(NoDescription);
    };
    for (to, from) in to.iter_mut().zip(data.as_bytes()) {
        *to = *from;
    }
    match surface {
        Surface::SharedPrimary(_) => {}
        Surface::Shadow(surface) => surface.Pitch = pitch,
        Surface::Staging(surface) => surface.Pitch = pitch,
        Surface::Gdi(surface) => surface.Pitch = pitch,
    }
    Ok(())
}

/// The private data of a surface, its pitch left to the check.
fn data_of(surface: &Surface<'_>) -> Result<AllocationData, NoDescription> {
    const CPU: AllocationFlags = AllocationFlags::CPU_VISIBLE.union(AllocationFlags::CPU_READS);
    Ok(match surface {
        Surface::SharedPrimary(surface) => AllocationData::primary(
            surface.VidPnSourceId,
            surface.Width,
            surface.Height,
            number(surface.Format),
            (
                surface.RefreshRate.Numerator,
                surface.RefreshRate.Denominator,
            ),
        ),
        Surface::Shadow(surface) => AllocationData::picture(
            Kind::Shadow,
            surface.Width,
            surface.Height,
            number(surface.Format),
            CPU,
        ),
        // A staging surface has no format of its own: it is the desktop's.
        Surface::Staging(surface) => AllocationData::picture(
            Kind::Staging,
            surface.Width,
            surface.Height,
            format::X8R8G8B8,
            CPU,
        ),
        Surface::Gdi(surface) => {
            let flags = match surface.Type {
                D3DKMDT_GDISURFACETYPE::D3DKMDT_GDISURFACE_TEXTURE
                | D3DKMDT_GDISURFACETYPE::D3DKMDT_GDISURFACE_STAGING
                | D3DKMDT_GDISURFACETYPE::D3DKMDT_GDISURFACE_LOOKUPTABLE => {
                    AllocationFlags::empty()
                }
                D3DKMDT_GDISURFACETYPE::D3DKMDT_GDISURFACE_STAGING_CPUVISIBLE
                | D3DKMDT_GDISURFACETYPE::D3DKMDT_GDISURFACE_EXISTINGSYSMEM => CPU,
                // Cross-adapter surfaces need a cap that is not reported; others are reserved.
                other => {
                    let value = u64::from(other.0.cast_unsigned());
                    complain(CALL, c"Type (GDI surface)", value, c"not supported");
                    return Err(NoDescription);
                }
            };
            AllocationData::picture(
                Kind::Gdi,
                surface.Width,
                surface.Height,
                number(surface.Format),
                flags,
            )
        }
    })
}

const fn number(format: D3DDDIFORMAT) -> u32 {
    format.0.cast_unsigned()
}
