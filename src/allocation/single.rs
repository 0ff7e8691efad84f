//! One allocation with a resource of its own, as most lists are.
//!
//! The two are made and go together, and nothing is handed out before both are there: there is
//! nothing to roll back (contract: C34).

use dxgk_sys::HANDLE;

use super::create::{CALL, Error};
use super::object::Object;
use super::spec::{Decided, Reader, Words};
use super::{Allocation, Resource, Store};
use crate::kernel::caller::CallerData;
use crate::kernel::irql::Passive;
use crate::memory::segments::Sizes;
use crate::pool::{Class, Handle};

const CLASSES: [Class; 2] = [Object::ALLOCATION, Object::RESOURCE];

/// What was made.
pub struct Made {
    /// The private data, and what was decided about them.
    pub words: Words,
    pub decided: Decided,
    pub allocation: Handle,
    pub resource: Handle,
}

/// Makes the allocation that `data` describe, and a resource for it; or neither.
#[inline(always)]
pub fn create(
    store: &Store,
    sizes: Sizes,
    label: u32,
    data: CallerData<'_>,
    irql: Passive,
) -> Result<Made, Error> {
    let (words, decided) = Reader::new(CALL, sizes, irql).read(data)?;
    let [allocation, resource] = store.objects.insert_pair(
        CLASSES,
        || Object::Allocation(Allocation::new(&words, &decided)),
        || Object::Resource(Resource::new(label, 1, decided.bytes.get())),
        irql,
    )?;
    Ok(Made {
        words,
        decided,
        allocation,
        resource,
    })
}

/// Frees an allocation and its resource; `false`, and neither is freed, where that has to be looked
/// at one by one.
#[inline(always)]
pub fn destroy(store: &Store, allocation: HANDLE, resource: HANDLE, irql: Passive) -> bool {
    // Both are mostly long out of the cache.
    store.objects.prefetch(allocation);
    store.objects.prefetch(resource);
    store
        .objects
        .discard_pair(CLASSES, [allocation, resource], irql)
}
