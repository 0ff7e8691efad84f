//! What both drivers are made to do.

use dxgk_sys::{
    DXGK_ALLOCATIONINFO, DXGK_CREATEALLOCATIONFLAGS, DXGK_DESTROYALLOCATIONFLAGS,
    DXGKARG_CREATEALLOCATION, DXGKARG_DESTROYALLOCATION, HANDLE,
};
use vmdisp_abi::allocation::{AllocationData, AllocationFlags, Kind};
use vmdisp_abi::format::A8R8G8B8;

use crate::rig::Driver;

/// One resource and its allocations.
struct List {
    resource: HANDLE,
    allocations: Vec<HANDLE>,
}

/// Live lists of one length, destroyed and created again in random order.
pub struct Workload<'a> {
    driver: &'a dyn Driver,
    lists: Vec<List>,
    elements: Vec<DXGK_ALLOCATIONINFO>,
    /// The elements' private data, which they point to.
    _data: Vec<AllocationData>,
    random: u64,
}

impl<'a> Workload<'a> {
    /// Creates `live` allocations, rounded up to whole lists of `list`.
    pub fn new(driver: &'a dyn Driver, list: usize, live: usize, seed: u64) -> Self {
        let flags = AllocationFlags::empty();
        let mut data = vec![AllocationData::picture(Kind::Surface, 64, 64, A8R8G8B8, flags); list];
        let elements = data
            .iter_mut()
            .map(|data| DXGK_ALLOCATIONINFO {
                pPrivateDriverData: (&raw mut *data).cast(),
                PrivateDriverDataSize: size_of::<AllocationData>() as u32,
                ..DXGK_ALLOCATIONINFO::ZERO
            })
            .collect();
        let mut workload = Self {
            driver,
            lists: Vec::with_capacity(live.div_ceil(list)),
            elements,
            _data: data,
            random: seed | 1,
        };
        for _ in 0..live.div_ceil(list) {
            let mut fresh = List {
                resource: std::ptr::null_mut(),
                allocations: vec![std::ptr::null_mut(); list],
            };
            create(driver, &mut workload.elements, &mut fresh);
            workload.lists.push(fresh);
        }
        workload
    }

    /// Destroys one list and creates it again. A function of its own, so that a profiler sees it.
    #[inline(never)]
    pub fn step(&mut self) {
        // xorshift64
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let index = (u128::from(self.random) * self.lists.len() as u128) >> 64;
        let list = &mut self.lists[index as usize];
        destroy(self.driver, list);
        create(self.driver, &mut self.elements, list);
    }
}

impl Drop for Workload<'_> {
    fn drop(&mut self) {
        for list in &self.lists {
            destroy(self.driver, list);
        }
    }
}

fn create(driver: &dyn Driver, elements: &mut [DXGK_ALLOCATIONINFO], list: &mut List) {
    let mut argument = DXGKARG_CREATEALLOCATION {
        NumAllocations: elements.len() as u32,
        pAllocationInfo: elements.as_mut_ptr(),
        Flags: DXGK_CREATEALLOCATIONFLAGS::Resource,
        ..DXGKARG_CREATEALLOCATION::ZERO
    };
    assert_eq!(driver.create(&mut argument), 0, "CreateAllocation");
    list.resource = argument.hResource;
    for (handle, element) in list.allocations.iter_mut().zip(elements) {
        *handle = element.hAllocation;
    }
}

fn destroy(driver: &dyn Driver, list: &List) {
    let mut argument = DXGKARG_DESTROYALLOCATION {
        NumAllocations: list.allocations.len() as u32,
        pAllocationList: list.allocations.as_ptr(),
        hResource: list.resource,
        Flags: DXGK_DESTROYALLOCATIONFLAGS::DestroyResource,
    };
    assert_eq!(driver.destroy(&mut argument), 0, "DestroyAllocation");
}
