//! DescribeAllocation and GetStandardAllocationDriverData (contract: O4, O5).

use core::ffi::c_void;
use core::slice;

use dxgk_sys::{
    D3DKMDT_GDISURFACEDATA, D3DKMDT_SHADOWSURFACEDATA, D3DKMDT_STAGINGSURFACEDATA,
    D3DKMDT_STANDARDALLOCATION_TYPE, DXGKARG_DESCRIBEALLOCATION,
    DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA,
};

use super::handles;
use super::recorded::callbacks;
use super::status::{self, InvalidParameter};
use crate::adapter::Adapter;
use crate::allocation::standard::{ALLOCATION_BYTES, NoDescription, Surface};
use crate::allocation::{describe, standard};
use crate::kernel::complain;
use crate::kernel::irql::Passive;

callbacks! {
    /// `DxgkDdiDescribeAllocation`. `PASSIVE_LEVEL`, re-entrant.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads and writes.
    #[traced(c"DescribeAllocation", failures)]
    pub unsafe fn describe_allocation(
        context: *mut c_void,
        argument: *mut DXGKARG_DESCRIBEALLOCATION,
    ) -> i32 {
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, not used by anyone else during the call.
        let argument = unsafe { argument.as_mut() };
        let (Some(adapter), Some(argument)) = (adapter, argument) else {
            complain(c"DescribeAllocation", c"hAdapter", 0, c"no adapter of this driver");
            return status::of(Err(InvalidParameter));
        };
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        status::of(describe::describe(&adapter.store, argument, irql))
    }

    /// `DxgkDdiGetStandardAllocationDriverData`: without a buffer its size, with one the private data
    /// (contract: O5). `PASSIVE_LEVEL`, re-entrant.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` and the surface's structure are good for reads and writes, the
    /// buffers for writes of the sizes that stand beside them.
    #[traced(c"GetStandardAllocationDriverData")]
    pub unsafe fn get_standard_allocation_data(
        context: *mut c_void,
        argument: *mut DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA,
    ) -> i32 {
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, not used by anyone else during the call.
        let argument = unsafe { argument.as_mut() };
        let (Some(adapter), Some(argument)) = (adapter, argument) else {
            complain(
                c"GetStandardAllocationDriverData",
                c"hAdapter",
                0,
                c"no adapter of this driver",
            );
            return status::of(Err(NoDescription));
        };
        // SAFETY: as above.
        status::of(unsafe { standard(adapter, argument) })
    }
}

/// # Safety
///
/// As [`get_standard_allocation_data`].
unsafe fn standard(
    adapter: &Adapter,
    argument: &mut DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA,
) -> Result<(), NoDescription> {
    // SAFETY: the structure that belongs to the type.
    let Some(surface) = (unsafe { surface(argument) }) else {
        let kind = u64::from(argument.StandardAllocationType.0.cast_unsigned());
        complain(
            c"GetStandardAllocationDriverData",
            c"StandardAllocationType",
            kind,
            c"not supported, or without its structure",
        );
        return Err(NoDescription);
    };
    let buffer = argument.pAllocationPrivateDriverData.cast::<u8>();
    if buffer.is_null() {
        argument.AllocationPrivateDriverDataSize = ALLOCATION_BYTES;
        argument.ResourcePrivateDriverDataSize = 0;
        return Ok(());
    }
    let bytes = usize::try_from(argument.AllocationPrivateDriverDataSize).unwrap_or(0);
    // SAFETY: the buffer that belongs to the size; it is only written.
    let to = unsafe { slice::from_raw_parts_mut(buffer, bytes) };
    standard::describe(&adapter.segments, surface, to)?;
    argument.AllocationPrivateDriverDataSize = ALLOCATION_BYTES;
    argument.ResourcePrivateDriverDataSize = 0;
    Ok(())
}

/// The surface that the argument asks for; `None` for a type that is not supported or a NULL.
///
/// # Safety
///
/// As [`get_standard_allocation_data`].
unsafe fn surface<'a>(argument: &DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA) -> Option<Surface<'a>> {
    type Type = D3DKMDT_STANDARDALLOCATION_TYPE;
    // Each member of the union is a pointer; the type says to what.
    // SAFETY: all members share one representation.
    let pointer = unsafe { argument.u0.pCreateSharedPrimarySurfaceData };
    match argument.StandardAllocationType {
        Type::D3DKMDT_STANDARDALLOCATION_SHAREDPRIMARYSURFACE => {
            // SAFETY: this type's structure.
            unsafe { pointer.as_ref() }.map(Surface::SharedPrimary)
        }
        Type::D3DKMDT_STANDARDALLOCATION_SHADOWSURFACE => {
            // SAFETY: this type's structure.
            unsafe { pointer.cast::<D3DKMDT_SHADOWSURFACEDATA>().as_mut() }.map(Surface::Shadow)
        }
        Type::D3DKMDT_STANDARDALLOCATION_STAGINGSURFACE => {
            // SAFETY: this type's structure.
            unsafe { pointer.cast::<D3DKMDT_STAGINGSURFACEDATA>().as_mut() }.map(Surface::Staging)
        }
        Type::D3DKMDT_STANDARDALLOCATION_GDISURFACE => {
            // SAFETY: this type's structure.
            unsafe { pointer.cast::<D3DKMDT_GDISURFACEDATA>().as_mut() }.map(Surface::Gdi)
        }
        _ => None,
    }
}
