//! Arguments of the allocation DDIs, built by hand: for calls that dxgkrnl itself would not make.

use alloc::vec::Vec;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr;

use dxgk_port::{Adapter, Status};
use dxgk_sys::{
    DXGK_ALLOCATIONINFO, DXGK_CREATEALLOCATIONFLAGS, DXGK_DESTROYALLOCATIONFLAGS,
    DXGKARG_CLOSEALLOCATION, DXGKARG_CREATEALLOCATION, DXGKARG_DESCRIBEALLOCATION,
    DXGKARG_DESTROYALLOCATION, HANDLE,
};

/// What is under outputs before a call, so that it can be seen what was written.
pub const PATTERN: u8 = 0xCC;

/// A length as the DDI's fields have it.
pub fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A value that is no handle: `address` as a pointer that nobody may follow.
pub fn no_handle(address: usize) -> HANDLE {
    ptr::without_provenance_mut(address)
}

/// A handle all of whose bytes are `pattern`.
pub fn pattern_handle(pattern: u8) -> HANDLE {
    no_handle(usize::from_ne_bytes([pattern; size_of::<usize>()]))
}

/// One CreateAllocation call with all that its argument points to.
pub struct CreateCall {
    /// `DXGKARG_CREATEALLOCATION::Flags`
    pub flags: DXGK_CREATEALLOCATIONFLAGS,
    /// `DXGKARG_CREATEALLOCATION::hResource`, in and out.
    pub resource: HANDLE,
    /// Private data of the call.
    pub group: Vec<u8>,
    /// Elements, whose private data is `blobs`, in the same order.
    pub infos: Vec<DXGK_ALLOCATIONINFO>,
    /// Private data of the elements.
    pub blobs: Vec<Vec<u8>>,
    pattern: u8,
}

impl CreateCall {
    /// A call without a resource for these elements, its outputs filled with [`PATTERN`].
    pub fn new(blobs: Vec<Vec<u8>>) -> Self {
        Self::over(blobs, PATTERN)
    }

    /// The same with another pattern under the outputs.
    pub fn over(blobs: Vec<Vec<u8>>, pattern: u8) -> Self {
        let mut call = Self {
            flags: DXGK_CREATEALLOCATIONFLAGS::ZERO,
            resource: ptr::null_mut(),
            group: Vec::new(),
            infos: Vec::new(),
            blobs,
            pattern,
        };
        call.refill();
        call
    }

    /// With `Flags.Resource` and this `hResource`: NULL for a new one.
    pub fn with_resource(mut self, resource: HANDLE) -> Self {
        self.flags = DXGK_CREATEALLOCATIONFLAGS::Resource;
        self.resource = resource;
        self
    }

    /// Lays the elements out anew, their outputs filled with the pattern.
    pub fn refill(&mut self) {
        let pattern = self.pattern;
        self.infos = self.blobs.iter().map(|blob| info(pattern, blob)).collect();
    }

    /// Makes the call.
    pub fn run(&mut self, adapter: &Adapter) -> Status {
        let infos = self.infos.as_mut_ptr();
        let elements = count(self.infos.len());
        self.run_with(adapter, infos, elements)
    }

    /// Makes the call with an element pointer and a count of the caller's choice.
    pub fn run_with(
        &mut self,
        adapter: &Adapter,
        infos: *mut DXGK_ALLOCATIONINFO,
        elements: u32,
    ) -> Status {
        let mut argument = DXGKARG_CREATEALLOCATION::ZERO;
        if !self.group.is_empty() {
            argument.pPrivateDriverData = self.group.as_ptr().cast();
            argument.PrivateDriverDataSize = count(self.group.len());
        }
        argument.NumAllocations = elements;
        argument.pAllocationInfo = infos;
        argument.hResource = self.resource;
        argument.Flags = self.flags;
        // SAFETY: the argument and what it points to live through the call; what is wrong in it is
        // what the driver must refuse without following it.
        let status = unsafe { adapter.raw().create_allocation(&mut argument) };
        self.resource = argument.hResource;
        status
    }

    /// The handles that the elements have now.
    pub fn handles(&self) -> Vec<HANDLE> {
        self.infos.iter().map(|info| info.hAllocation).collect()
    }

    /// Whether no element has a handle: NULL, or as it was before the call.
    pub fn has_no_handle(&self) -> bool {
        let untouched = pattern_handle(self.pattern);
        self.handles()
            .iter()
            .all(|handle| handle.is_null() || *handle == untouched)
    }
}

/// An element whose outputs are all `pattern`.
fn info(pattern: u8, blob: &[u8]) -> DXGK_ALLOCATIONINFO {
    let mut info = MaybeUninit::<DXGK_ALLOCATIONINFO>::uninit();
    // SAFETY: the whole element, which is of integers and pointers alone.
    unsafe {
        info.as_mut_ptr()
            .cast::<u8>()
            .write_bytes(pattern, size_of_val(&info));
    };
    // SAFETY: every byte has been written, and every value of its fields is one.
    let mut info = unsafe { info.assume_init() };
    let data = if blob.is_empty() {
        ptr::null()
    } else {
        blob.as_ptr()
    };
    info.pPrivateDriverData = data.cast_mut().cast::<c_void>();
    info.PrivateDriverDataSize = count(blob.len());
    info
}

/// One DestroyAllocation call.
#[derive(Clone, Copy)]
pub struct DestroyCall<'a> {
    /// `pAllocationList`
    pub list: &'a [HANDLE],
    /// `hResource`
    pub resource: HANDLE,
    /// `Flags.DestroyResource`
    pub with_resource: bool,
}

impl<'a> DestroyCall<'a> {
    /// These allocations and no resource.
    pub fn of(list: &'a [HANDLE]) -> Self {
        Self {
            list,
            resource: ptr::null_mut(),
            with_resource: false,
        }
    }

    /// These allocations, and the resource with them.
    pub fn with(list: &'a [HANDLE], resource: HANDLE) -> Self {
        Self {
            list,
            resource,
            with_resource: true,
        }
    }

    /// Makes the call; returns the status and what is in `hResource` then.
    pub fn run(self, adapter: &Adapter) -> (Status, HANDLE) {
        self.run_with(adapter, self.list.as_ptr(), count(self.list.len()))
    }

    /// Makes the call with a list pointer and a count of the caller's choice.
    pub fn run_with(
        self,
        adapter: &Adapter,
        list: *const HANDLE,
        entries: u32,
    ) -> (Status, HANDLE) {
        let mut argument = DXGKARG_DESTROYALLOCATION::ZERO;
        argument.NumAllocations = entries;
        argument.pAllocationList = list;
        argument.hResource = self.resource;
        if self.with_resource {
            argument.Flags = DXGK_DESTROYALLOCATIONFLAGS::DestroyResource;
        }
        // SAFETY: the argument and the list live through the call; wrong handles are what the driver
        // must refuse without following them.
        let status = unsafe { adapter.raw().destroy_allocation(&mut argument) };
        (status, argument.hResource)
    }
}

/// DescribeAllocation for a driver's handle.
pub fn describe(adapter: &Adapter, handle: HANDLE) -> (Status, DXGKARG_DESCRIBEALLOCATION) {
    let mut argument = DXGKARG_DESCRIBEALLOCATION::ZERO;
    argument.hAllocation = handle;
    // SAFETY: the argument lives through the call; a wrong handle is for the driver to refuse.
    let status = unsafe { adapter.raw().describe_allocation(&mut argument) };
    (status, argument)
}

/// CloseAllocation for a list of the driver's handles.
pub fn close(adapter: &Adapter, device: HANDLE, list: &[HANDLE]) -> Status {
    let mut argument = DXGKARG_CLOSEALLOCATION::ZERO;
    argument.NumAllocations = count(list.len());
    argument.pOpenHandleList = list.as_ptr();
    // SAFETY: the argument and the list live through the call; wrong handles are for the driver to
    // refuse.
    unsafe { adapter.raw().close_allocation(device, &mut argument) }
}
