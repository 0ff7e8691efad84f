//! What both drivers are made to do.

use std::fmt;

use dxgk_sys::{
    DXGK_ALLOCATIONINFO, DXGK_CREATEALLOCATIONFLAGS, DXGK_DESTROYALLOCATIONFLAGS,
    DXGKARG_CREATEALLOCATION, DXGKARG_DESTROYALLOCATION, HANDLE,
};
use vmdisp_abi::allocation::{AllocationData, AllocationFlags, Kind};
use vmdisp_abi::format::A8R8G8B8;

use crate::rig::Driver;

/// The lists of a workload.
#[derive(Clone, Copy)]
pub struct Lists {
    /// Allocations in a list.
    pub length: usize,
    /// Whether each allocation has another size than the one before it, and not all the same.
    pub mixed: bool,
}

impl Lists {
    /// Lists of allocations that are all alike, as the buffers of a swap chain are.
    pub const fn alike(length: usize) -> Self {
        let mixed = false;
        Self { length, mixed }
    }
}

impl fmt::Display for Lists {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mixed = if self.mixed { " (mixed)" } else { "" };
        write!(to, "{}{mixed}", self.length)
    }
}

/// Live lists of one length, destroyed and created again in random order.
///
/// What the caller keeps is made before anything is created, in one piece: it does not lie between
/// the objects of a driver that takes them from the same heap.
pub struct Workload<'a> {
    driver: &'a dyn Driver,
    /// For each list the handle of its resource and those of its allocations.
    handles: Vec<HANDLE>,
    lists: usize,
    elements: Vec<DXGK_ALLOCATIONINFO>,
    /// The elements' private data, which they point to.
    _data: Vec<AllocationData>,
    random: u64,
    /// The list that the next step destroys.
    next: usize,
}

impl<'a> Workload<'a> {
    /// Creates `live` allocations, rounded up to whole lists.
    pub fn new(driver: &'a dyn Driver, lists: Lists, live: usize, seed: u64) -> Self {
        let Lists {
            length: list,
            mixed,
        } = lists;
        let picture = |number: usize| {
            let height = if mixed { 64 + number as u32 % 7 } else { 64 };
            let flags = AllocationFlags::empty();
            AllocationData::picture(Kind::Surface, 64, height, A8R8G8B8, flags)
        };
        let mut data: Vec<_> = (0..list).map(picture).collect();
        let elements = data
            .iter_mut()
            .map(|data| DXGK_ALLOCATIONINFO {
                pPrivateDriverData: (&raw mut *data).cast(),
                PrivateDriverDataSize: size_of::<AllocationData>() as u32,
                ..DXGK_ALLOCATIONINFO::ZERO
            })
            .collect();
        let lists = live.div_ceil(list);
        let mut workload = Self {
            driver,
            handles: vec![std::ptr::null_mut(); lists * (1 + list)],
            lists,
            elements,
            _data: data,
            random: seed | 1,
            next: 0,
        };
        for handles in workload.handles.chunks_exact_mut(1 + list) {
            create(driver, &mut workload.elements, handles);
        }
        workload
    }

    /// Destroys one list and creates it again. A function of its own, so that a profiler sees it.
    ///
    /// The handles of the next list are fetched meanwhile: who destroys an allocation has its own object of
    /// it at hand, and whether that was in a cache is nothing that a driver could do anything about.
    #[inline(never)]
    pub fn step(&mut self) {
        let stride = 1 + self.elements.len();
        let at = self.next * stride;
        // xorshift64
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.next = ((u128::from(self.random) * self.lists as u128) >> 64) as usize;
        fetch(&raw const self.handles[self.next * stride]);
        let handles = &mut self.handles[at..][..stride];
        destroy(self.driver, handles);
        create(self.driver, &mut self.elements, handles);
    }
}

/// Asks the processor to have this at hand soon.
fn fetch(handle: *const HANDLE) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch has no effect that a program sees.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(handle.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = handle;
}

impl Drop for Workload<'_> {
    fn drop(&mut self) {
        for handles in self.handles.chunks_exact(1 + self.elements.len()) {
            destroy(self.driver, handles);
        }
    }
}

fn create(driver: &dyn Driver, elements: &mut [DXGK_ALLOCATIONINFO], handles: &mut [HANDLE]) {
    let mut argument = DXGKARG_CREATEALLOCATION {
        NumAllocations: elements.len() as u32,
        pAllocationInfo: elements.as_mut_ptr(),
        Flags: DXGK_CREATEALLOCATIONFLAGS::Resource,
        ..DXGKARG_CREATEALLOCATION::ZERO
    };
    assert_eq!(driver.create(&mut argument), 0, "CreateAllocation");
    handles[0] = argument.hResource;
    for (handle, element) in handles[1..].iter_mut().zip(elements) {
        *handle = element.hAllocation;
    }
}

fn destroy(driver: &dyn Driver, handles: &[HANDLE]) {
    let mut argument = DXGKARG_DESTROYALLOCATION {
        NumAllocations: handles.len() as u32 - 1,
        pAllocationList: handles[1..].as_ptr(),
        hResource: handles[0],
        Flags: DXGK_DESTROYALLOCATIONFLAGS::DestroyResource,
    };
    assert_eq!(driver.destroy(&mut argument), 0, "DestroyAllocation");
}
