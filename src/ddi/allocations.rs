//! CreateAllocation and DestroyAllocation (contract: C, D).

use core::ffi::c_void;
use core::ptr;

use dxgk_sys::status::STATUS_SUCCESS;
use dxgk_sys::{
    DXGK_ALLOCATIONINFO, DXGK_CREATEALLOCATIONFLAGS, DXGK_DESTROYALLOCATIONFLAGS,
    DXGKARG_CREATEALLOCATION, DXGKARG_DESTROYALLOCATION, HANDLE,
};

use super::etw::{self, Event};
use super::recorded::callbacks;
use super::status::{self, InvalidParameter};
use super::{handles, view};
use crate::adapter::Adapter;
use crate::allocation::{create, destroy, single};
use crate::kernel::caller::CallerData;
use crate::kernel::complain;
use crate::kernel::irql::Passive;

/// The most allocations that one call creates. More is a count gone wrong: a resource of Direct3D 11
/// has at most 30,720 subresources (2,048 array elements with 15 mip levels).
const MOST: u32 = 65_536;

callbacks! {
    /// `DxgkDdiCreateAllocation`. `PASSIVE_LEVEL`, re-entrant.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads and writes, and so are the elements that it
    /// names.
    #[traced(c"CreateAllocation", failures)]
    pub unsafe fn create_allocation(
        context: *mut c_void,
        argument: *mut DXGKARG_CREATEALLOCATION,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, not used by anyone else during the call.
        let argument = unsafe { argument.as_mut() };
        let (Some(adapter), Some(argument)) = (adapter, argument) else {
            complain(c"CreateAllocation", c"hAdapter", 0, c"no adapter of this driver");
            return status::of(Err(InvalidParameter));
        };
        // SAFETY: as above.
        let status = if let Some(call) = unsafe { single_creation(argument) } {
            created(single::create(&adapter.store, &adapter.segments, call, irql))
        } else {
            // SAFETY: as above.
            unsafe { create(adapter, argument, irql) }
        };
        let call = || (argument.NumAllocations, argument.Flags.bits());
        etw::log(adapter, Event::Create, call, status, irql);
        status
    }

    /// `DxgkDdiDestroyAllocation`. `PASSIVE_LEVEL`, re-entrant.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads, its `hResource` for a write if
    /// `DestroyResource` is set, and the list that it names for reads.
    #[traced(c"DestroyAllocation", failures)]
    pub unsafe fn destroy_allocation(
        context: *mut c_void,
        argument: *const DXGKARG_DESTROYALLOCATION,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        let Some(adapter) = adapter.filter(|_| !argument.is_null()) else {
            complain(c"DestroyAllocation", c"hAdapter", 0, c"no adapter of this driver");
            return status::of(Err(InvalidParameter));
        };
        // SAFETY: dxgkrnl's argument; it is not NULL.
        let status = if unsafe { destroy_single(adapter, argument, irql) } {
            STATUS_SUCCESS
        } else {
            // SAFETY: as above.
            unsafe { destroy(adapter, argument, irql) }
        };
        let call = || {
            // SAFETY: as above.
            let copy = unsafe { argument.read() };
            (copy.NumAllocations, copy.Flags.bits())
        };
        etw::log(adapter, Event::Destroy, call, status, irql);
        status
    }
}

/// The call that most are: one allocation, and a resource for it. `None` if it is another.
///
/// # Safety
///
/// As [`create_allocation`].
#[inline(always)]
#[allow(clippy::inline_always)] // it is the callback itself
unsafe fn single_creation(argument: &mut DXGKARG_CREATEALLOCATION) -> Option<single::Call<'_>> {
    if argument.NumAllocations != 1
        || argument.Flags != DXGK_CREATEALLOCATIONFLAGS::Resource
        || !argument.hResource.is_null()
    {
        return None;
    }
    // SAFETY: the element that the argument names, used by nobody else during the call.
    let [info] = (unsafe { view::list_mut(argument.pAllocationInfo, 1) })? else {
        return None;
    };
    // SAFETY: pointer and size stand together in the argument.
    let group =
        unsafe { CallerData::new(argument.pPrivateDriverData, argument.PrivateDriverDataSize) };
    let private = info.pPrivateDriverData.cast_const();
    // SAFETY: pointer and size stand together in an element of the argument.
    let data = unsafe { CallerData::new(private, info.PrivateDriverDataSize) };
    Some(single::Call {
        group,
        info,
        data,
        resource: &mut argument.hResource,
    })
}

/// Any other CreateAllocation. Apart from the one that comes most often, which would have to keep for it
/// what it has read.
///
/// # Safety
///
/// As [`create_allocation`].
#[inline(never)]
unsafe fn create(adapter: &Adapter, argument: &mut DXGKARG_CREATEALLOCATION, irql: Passive) -> i32 {
    let count = argument.NumAllocations;
    if count > MOST {
        complain(
            c"CreateAllocation",
            c"NumAllocations",
            count.into(),
            c"more than 65536",
        );
        return status::of(Err(InvalidParameter));
    }
    // SAFETY: the elements that the argument names, used by nobody else during the call.
    let Some(infos) = (unsafe { view::list_mut(argument.pAllocationInfo, count) }) else {
        complain(
            c"CreateAllocation",
            c"pAllocationInfo",
            count.into(),
            c"NULL or misaligned, for so many elements",
        );
        return status::of(Err(InvalidParameter));
    };
    // SAFETY: pointer and size stand together in the argument.
    let group =
        unsafe { CallerData::new(argument.pPrivateDriverData, argument.PrivateDriverDataSize) };
    let call = create::Call {
        flags: argument.Flags,
        group,
        elements: create::Elements::new(infos, private_data),
        resource: &mut argument.hResource,
    };
    created(create::create(
        &adapter.store,
        &adapter.segments,
        call,
        irql,
    ))
}

/// As [`status::of`].
fn created(result: Result<(), create::Error>) -> i32 {
    match result {
        Ok(()) => STATUS_SUCCESS,
        Err(error) => failed(error),
    }
}

/// As [`status::of`], out of the way of what mostly is.
#[cold]
#[inline(never)]
fn failed(error: create::Error) -> i32 {
    status::of(Err(error))
}

/// Destroys one allocation and its resource, if that is what is asked for and both handles are good;
/// otherwise it does nothing, and says so.
///
/// # Safety
///
/// As [`destroy_allocation`], and `argument` is not NULL.
#[inline(always)]
#[allow(clippy::inline_always)] // it is the callback itself
unsafe fn destroy_single(
    adapter: &Adapter,
    argument: *const DXGKARG_DESTROYALLOCATION,
    irql: Passive,
) -> bool {
    // SAFETY: the caller's contract. A copy, since no reference may be held to what is written below.
    let copy = unsafe { argument.read() };
    let with_resource = copy
        .Flags
        .contains(DXGK_DESTROYALLOCATIONFLAGS::DestroyResource);
    if copy.NumAllocations != 1 || !with_resource {
        return false;
    }
    // SAFETY: the list that the argument names.
    let Some([allocation]) = (unsafe { view::list(copy.pAllocationList, 1) }) else {
        return false;
    };
    if !single::destroy(&adapter.store, *allocation, copy.hResource, irql) {
        return false;
    }
    // SAFETY: the caller's contract.
    unsafe { forget_resource(argument) };
    true
}

/// Any other DestroyAllocation.
///
/// # Safety
///
/// As [`destroy_allocation`], and `argument` is not NULL.
#[inline(never)]
unsafe fn destroy(
    adapter: &Adapter,
    argument: *const DXGKARG_DESTROYALLOCATION,
    irql: Passive,
) -> i32 {
    // SAFETY: the caller's contract. A copy, since no reference may be held to what is written below.
    let copy = unsafe { argument.read() };
    let with_resource = copy
        .Flags
        .contains(DXGK_DESTROYALLOCATIONFLAGS::DestroyResource);
    // SAFETY: the list that the argument names.
    let list = unsafe { view::list(copy.pAllocationList, copy.NumAllocations) };
    let resource = with_resource.then_some(copy.hResource);
    let destroyed = if let Some(allocations) = list {
        let call = destroy::Call {
            allocations,
            resource,
        };
        destroy::destroy(&adapter.store, &call, irql)
    } else {
        without_list(adapter, copy.NumAllocations, resource, irql)
    };
    if with_resource {
        // SAFETY: the caller's contract.
        unsafe { forget_resource(argument) };
    }
    status::of(destroyed)
}

/// Clears `hResource` (contract: D7). The header's pointer is to const, the page's member is [in/out]:
/// written through the raw pointer, as dxgkrnl's argument is writable memory.
///
/// # Safety
///
/// `argument` is dxgkrnl's, and no reference to it exists.
unsafe fn forget_resource(argument: *const DXGKARG_DESTROYALLOCATION) {
    // SAFETY: the caller's contract.
    let resource = unsafe { &raw mut (*argument.cast_mut()).hResource };
    // SAFETY: as above.
    unsafe { resource.write(ptr::null_mut()) };
}

/// A DestroyAllocation whose list cannot be read: the resource goes all the same.
#[cold]
fn without_list(
    adapter: &Adapter,
    count: u32,
    resource: Option<HANDLE>,
    irql: Passive,
) -> Result<(), destroy::WrongHandle> {
    let allocations = &[];
    destroy::destroy(
        &adapter.store,
        &destroy::Call {
            allocations,
            resource,
        },
        irql,
    )?;
    complain(
        c"DestroyAllocation",
        c"pAllocationList",
        count.into(),
        c"NULL or misaligned, for so many entries",
    );
    Err(destroy::WrongHandle)
}

/// The private data of one element.
pub(super) fn private_data(info: &DXGK_ALLOCATIONINFO) -> CallerData<'_> {
    // SAFETY: pointer and size stand together in an element of the argument.
    unsafe {
        CallerData::new(
            info.pPrivateDriverData.cast_const(),
            info.PrivateDriverDataSize,
        )
    }
}
