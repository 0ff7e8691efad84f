//! One allocation with a resource of its own, as most lists are.
//!
//! The two are made and go together, and nothing is handed out before both are there: there is
//! nothing to roll back (contract: C34).

use core::ptr;

use dxgk_sys::{DXGK_ALLOCATIONINFO, HANDLE};

use super::create::{CALL, Error, describe, started};
use super::object::Object;
use super::spec::{self, Reader, usage};
use super::{Allocation, Resource, Store};
use crate::kernel::caller::CallerData;
use crate::kernel::irql::Passive;
use crate::memory::segments::Segments;
use crate::pool::Class;

const CLASSES: [Class; 2] = [Object::ALLOCATION, Object::RESOURCE];

/// A checked view of a `DXGKARG_CREATEALLOCATION` with one element, with `Flags.Resource` and without
/// `hResource`.
pub struct Call<'a> {
    /// Private data for the whole call.
    pub group: CallerData<'a>,
    /// The element.
    pub info: &'a mut DXGK_ALLOCATIONINFO,
    /// Its private data.
    pub data: CallerData<'a>,
    /// `hResource`: out, the new resource.
    pub resource: &'a mut HANDLE,
}

/// Creates the allocation and its resource, or neither.
///
/// # Errors
///
/// As [`create`](super::create::create).
#[inline(always)]
pub fn create(
    store: &Store,
    segments: &Segments,
    call: Call<'_>,
    irql: Passive,
) -> Result<(), Error> {
    let Call {
        group,
        info,
        data,
        resource,
    } = call;
    let sizes = started(segments)?;
    let label = spec::fetch_label(CALL, group, irql)?;
    info.hAllocation = ptr::null_mut();
    let (words, decided) = Reader::new(CALL, sizes, irql).read(data)?;
    let [allocation, its_resource] = store.objects.insert_pair(
        CLASSES,
        || Object::Allocation(Allocation::new(&words, &decided)),
        || Object::Resource(Resource::new(label, 1, decided.bytes.get())),
        irql,
    )?;
    describe(info, usage(&words), &decided);
    info.hAllocation = allocation.as_ptr();
    *resource = its_resource.as_ptr();
    Ok(())
}

/// Frees an allocation and its resource. `false`, and neither is freed, where that has to be looked
/// at one by one: then it is [`destroy`](super::destroy::destroy)'s.
#[inline(always)]
#[must_use]
pub fn destroy(store: &Store, allocation: HANDLE, resource: HANDLE, irql: Passive) -> bool {
    // Both are mostly long out of the cache.
    store.objects.prefetch(allocation);
    store.objects.prefetch(resource);
    store
        .objects
        .discard_pair(CLASSES, [allocation, resource], irql)
}
