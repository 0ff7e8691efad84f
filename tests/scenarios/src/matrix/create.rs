//! Rows 1 to 4: CreateAllocation, and what a failed one leaves behind.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ptr;

use dxgk_port::{Adapter, Status};
use dxgk_sys::HANDLE;
use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_NO_MEMORY, STATUS_SUCCESS};

use super::inject::{self, What};
use crate::blob;
use crate::call::{CreateCall, DestroyCall, describe, no_handle};
use crate::outcome::{Failed, Outcome, check, same, status_is};
use crate::row::Context;
use crate::session::Session;

/// Lists that failures are injected into have up to this many elements.
const LONGEST: u32 = 8;

/// Creates allocations and demands that it works; returns the handles and the resource.
pub fn create_good(
    adapter: &Adapter,
    blobs: Vec<Vec<u8>>,
    resource: Option<HANDLE>,
) -> Result<(Vec<HANDLE>, HANDLE), Failed> {
    let mut call = CreateCall::new(blobs);
    if let Some(resource) = resource {
        call = call.with_resource(resource);
    }
    status_is("CreateAllocation", STATUS_SUCCESS, call.run(adapter))?;
    Ok((call.handles(), call.resource))
}

/// Destroys and demands that it works and that `hResource` is as rule D7 wants it.
pub fn destroy_good(adapter: &Adapter, call: DestroyCall<'_>) -> Result<(), Failed> {
    let (status, after) = call.run(adapter);
    status_is("DestroyAllocation", STATUS_SUCCESS, status)?;
    let expected = if call.with_resource {
        ptr::null_mut()
    } else {
        call.resource
    };
    same("hResource after DestroyAllocation (D7):", &expected, &after)
}

/// Demands that every handle is live, or that none is.
pub fn all_live(adapter: &Adapter, handles: &[HANDLE], live: bool) -> Result<(), Failed> {
    let (status, what) = if live {
        (STATUS_SUCCESS, "a live allocation is described")
    } else {
        (
            STATUS_INVALID_PARAMETER,
            "a destroyed allocation is refused",
        )
    };
    handles
        .iter()
        .try_for_each(|handle| status_is(what, status, describe(adapter, *handle).0))
}

/// 1: NumAllocations = 3, all good; destroy all three.
pub fn row_01_three_good(context: &Context<'_>) -> Outcome {
    let session = Session::open(context.machine)?;
    let adapter = session.adapter();
    for resource in [None, Some(ptr::null_mut())] {
        let (handles, made) = create_good(adapter, blob::surfaces(3), resource)?;
        let distinct = handles.iter().all(|handle| !handle.is_null())
            && handles[0] != handles[1]
            && handles[1] != handles[2]
            && handles[0] != handles[2];
        check(distinct, "three handles that differ", || {
            format!("{handles:?}")
        })?;
        for (index, handle) in (0..).zip(&handles) {
            let (status, described) = describe(adapter, *handle);
            status_is("DescribeAllocation", STATUS_SUCCESS, status)?;
            same("width", &(8 + index), &described.Width)?;
        }
        if resource.is_none() {
            destroy_good(adapter, DestroyCall::of(&handles))?;
        } else {
            check(!made.is_null(), "a resource handle", || "NULL".into())?;
            destroy_good(adapter, DestroyCall::with(&handles, made))?;
        }
        all_live(adapter, &handles, false)?;
    }
    session.close()?;
    Ok("without and with a resource".into())
}

/// 2: a pool failure or bad private data at element k.
pub fn row_02_element_k_fails(context: &Context<'_>) -> Outcome {
    let session = Session::open_per_object(context.machine)?;
    let mut injected = Injected::default();
    for count in 1..=LONGEST {
        for resource in [None, Some(ptr::null_mut())] {
            injected.run(context, session.adapter(), count, resource)?;
        }
    }
    session.close()?;
    Ok(injected.note(LONGEST))
}

/// 3: the same with an existing `hResource`.
pub fn row_03_existing_resource_survives(context: &Context<'_>) -> Outcome {
    let session = Session::open_per_object(context.machine)?;
    let adapter = session.adapter();
    let (first, resource) = create_good(adapter, blob::surfaces(2), Some(ptr::null_mut()))?;
    let mut injected = Injected::default();
    for count in 1..=LONGEST {
        injected.run(context, adapter, count, Some(resource))?;
        all_live(adapter, &first, true)?;
    }
    // It is still one: it takes more allocations, then goes.
    let (more, same_one) = create_good(adapter, blob::surfaces(2), Some(resource))?;
    same("hResource", &resource, &same_one)?;
    destroy_good(adapter, DestroyCall::of(&more))?;
    destroy_good(adapter, DestroyCall::with(&first, resource))?;
    session.close()?;
    Ok(injected.note(LONGEST))
}

/// 4: `Flags.Resource` = 0 with `hResource` not NULL, and = 1 with NULL.
pub fn row_04_resource_flag_and_handle(context: &Context<'_>) -> Outcome {
    let session = Session::open(context.machine)?;
    let adapter = session.adapter();
    let (first, resource) = create_good(adapter, blob::surfaces(1), Some(ptr::null_mut()))?;
    check(
        !resource.is_null(),
        "Flags.Resource with NULL makes a resource",
        || "NULL".into(),
    )?;

    // Without the flag the member means nothing, be it a resource or not even an address.
    for given in [resource, no_handle(0xDEAD_0000_0000_0008), no_handle(1)] {
        let mut call = CreateCall::new(blob::surfaces(2));
        call.resource = given;
        status_is("CreateAllocation", STATUS_SUCCESS, call.run(adapter))?;
        same("hResource", &given, &call.resource)?;
        destroy_good(adapter, DestroyCall::of(&call.handles()))?;
    }
    all_live(adapter, &first, true)?;
    destroy_good(adapter, DestroyCall::with(&first, resource))?;

    // With the flag a handle that is no resource is refused, and stays as it is.
    for wrong in [
        resource,
        first[0],
        no_handle(0xDEAD_0000_0000_0008),
        no_handle(1),
    ] {
        let mut call = CreateCall::new(blob::surfaces(2)).with_resource(wrong);
        status_is(
            "a wrong hResource",
            STATUS_INVALID_PARAMETER,
            call.run(adapter),
        )?;
        same("hResource", &wrong, &call.resource)?;
        check(call.has_no_handle(), "no handle after a failure", || {
            format!("{:?}", call.handles())
        })?;
    }
    session.close()?;
    Ok("3 values ignored, 4 wrong resources refused".into())
}

/// Failures that were injected into CreateAllocation calls.
#[derive(Default)]
struct Injected {
    blobs: u64,
    pool_calls: u64,
    slots: u64,
}

impl Injected {
    /// Every failure of a call of `count` elements, for this resource.
    fn run(
        &mut self,
        context: &Context<'_>,
        adapter: &Adapter,
        count: u32,
        resource: Option<HANDLE>,
    ) -> Result<(), Failed> {
        for at in 0..count as usize {
            let mut blobs = blob::surfaces(count);
            blobs[at] = blob::bad();
            attempt(adapter, blobs, resource, Some(STATUS_INVALID_PARAMETER))?;
            self.blobs += 1;
        }
        // What the pools need to know so many objects they take now, so that it is not taken below.
        attempt(adapter, blob::surfaces(count), resource, None)?;
        for what in [What::PoolCall, What::Slot] {
            let mut failed = 0;
            let hits = inject::each(context.machine, what, &mut |hit| {
                let blobs = blob::surfaces(count);
                failed += u64::from(attempt_until(adapter, blobs, resource, hit)?);
                Ok(())
            })?;
            let new_resource = resource.is_some_and(<*mut _>::is_null);
            let objects = u64::from(count) + u64::from(new_resource);
            // The driver can do without a pool call that is for no object.
            let enough = hits >= objects && failed > 0 || !inject::possible(context.machine, what);
            check(enough, format!("{objects} occasions of {what:?}"), || {
                format!("{hits}, of which {failed} showed")
            })?;
            match what {
                What::PoolCall => self.pool_calls += failed,
                What::Slot => self.slots += failed,
                What::Thread => {}
            }
        }
        // The rest goes on.
        attempt(adapter, blob::surfaces(count), resource, None)
    }

    fn note(&self, longest: u32) -> String {
        let Self {
            blobs,
            pool_calls,
            slots,
        } = self;
        format!(
            "{blobs} bad blobs, {pool_calls} pool failures, {slots} slot failures in lists of 1 to {longest}"
        )
    }
}

/// One call that must fail with `expected`, or succeed.
fn attempt(
    adapter: &Adapter,
    blobs: Vec<Vec<u8>>,
    resource: Option<HANDLE>,
    expected: Option<Status>,
) -> Result<(), Failed> {
    let status = once(adapter, blobs, resource)?;
    status_is(
        "CreateAllocation",
        expected.unwrap_or(STATUS_SUCCESS),
        status,
    )
}

/// One call that may fail for want of memory if it was hit, and must succeed if not; true if it failed.
/// The driver may do without some of its pool calls.
fn attempt_until(
    adapter: &Adapter,
    blobs: Vec<Vec<u8>>,
    resource: Option<HANDLE>,
    hit: &dyn Fn() -> bool,
) -> Result<bool, Failed> {
    let status = once(adapter, blobs, resource)?;
    if status == STATUS_SUCCESS {
        return Ok(false);
    }
    check(hit(), "success without a failure", || {
        crate::outcome::name(status)
    })?;
    status_is("CreateAllocation", STATUS_NO_MEMORY, status)?;
    Ok(true)
}

/// One call, undone if it succeeds. A failed one must leave no handle (contract: C34); what it leaves in
/// a pool is seen when the session ends.
fn once(
    adapter: &Adapter,
    blobs: Vec<Vec<u8>>,
    resource: Option<HANDLE>,
) -> Result<Status, Failed> {
    let mut call = CreateCall::new(blobs);
    if let Some(resource) = resource {
        call = call.with_resource(resource);
    }
    let given = call.resource;
    let status = call.run(adapter);
    if status == STATUS_SUCCESS {
        let handles = call.handles();
        let destroy = if resource.is_some_and(<*mut core::ffi::c_void>::is_null) {
            DestroyCall::with(&handles, call.resource)
        } else {
            DestroyCall {
                list: &handles,
                resource: given,
                with_resource: false,
            }
        };
        destroy_good(adapter, destroy)?;
    } else {
        check(call.has_no_handle(), "no handle after a failure", || {
            format!("{:?}", call.handles())
        })?;
        same("hResource after a failure:", &given, &call.resource)?;
    }
    Ok(status)
}
