//! Rows 5, 6 and 13: DestroyAllocation.

use alloc::format;
use alloc::vec::Vec;
use core::ptr;

use dxgk_sys::HANDLE;
use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_SUCCESS};

use super::create::{all_live, create_good, destroy_good};
use crate::blob;
use crate::call::{CreateCall, DestroyCall, no_handle};
use crate::outcome::{Failed, Outcome, same, status_is};
use crate::row::Context;
use crate::session::{Session, device, one_complaint};

/// 5: NumAllocations = 0, DestroyResource = 1.
pub fn row_05_destroy_resource_alone(context: &Context<'_>) -> Outcome {
    let session = Session::open(context.machine)?;
    let adapter = session.adapter();
    // The list pointer means nothing then: NULL, or one that nobody may follow.
    for list in [
        ptr::null(),
        ptr::without_provenance::<HANDLE>(0xDEAD_0000_0000_0001),
    ] {
        let (handles, resource) = create_good(adapter, blob::surfaces(3), Some(ptr::null_mut()))?;
        destroy_good(adapter, DestroyCall::of(&handles))?;
        let (status, after) = DestroyCall::with(&[], resource).run_with(adapter, list, 0);
        status_is(
            "DestroyAllocation of a resource alone (D5)",
            STATUS_SUCCESS,
            status,
        )?;
        same("hResource after it", &ptr::null_mut(), &after)?;
        is_no_resource(adapter, resource)?;
    }
    // No resource at all, which is what a driver without resource handles gets (D8).
    destroy_good(adapter, DestroyCall::with(&[], ptr::null_mut()))?;
    destroy_good(adapter, DestroyCall::of(&[]))?;
    session.close()?;
    Ok("with a NULL list, a wild list, and no resource".into())
}

/// 6: destroy with allocations, DestroyResource = 0, `hResource` not NULL.
pub fn row_06_resource_survives_its_allocations(context: &Context<'_>) -> Outcome {
    let session = Session::open(context.machine)?;
    let adapter = session.adapter();
    let (mut handles, resource) = create_good(adapter, blob::surfaces(4), Some(ptr::null_mut()))?;
    for _ in 0..3 {
        let call = DestroyCall {
            list: &handles,
            resource,
            with_resource: false,
        };
        // Also that hResource is not written.
        destroy_good(adapter, call)?;
        all_live(adapter, &handles, false)?;
        // The resource takes new allocations.
        let (more, same_one) = create_good(adapter, blob::surfaces(2), Some(resource))?;
        same("hResource", &resource, &same_one)?;
        handles = more;
    }
    destroy_good(adapter, DestroyCall::with(&handles, resource))?;
    is_no_resource(adapter, resource)?;
    session.close()?;
    Ok("3 times emptied, each time it took more".into())
}

/// 13: NULL, stale, foreign and repeated entries among good ones.
pub fn row_13_wrong_among_good(context: &Context<'_>) -> Outcome {
    let session = Session::open(context.machine)?;
    let adapter = session.adapter();
    let gdi = device(adapter)?;
    let (keep, resource) = create_good(adapter, blob::surfaces(3), Some(ptr::null_mut()))?;
    let (stale, _) = create_good(adapter, blob::surfaces(2), None)?;
    destroy_good(adapter, DestroyCall::of(&stale))?;

    let memory = [0_u64; 64];
    let foreign = memory.as_ptr().cast_mut().cast();
    let context_handle = adapter.context();
    let wrongs: [(&str, HANDLE); 7] = [
        ("stale", stale[1]),
        ("a resource", resource),
        ("a device", gdi.handle()),
        ("the adapter", context_handle),
        ("memory of another", foreign),
        ("an address that is none", no_handle(0xDEAD_0000_0000_0040)),
        ("off by one", keep[0].wrapping_byte_add(1)),
    ];
    let mut lists = 0;
    for with_resource in [false, true] {
        for (what, wrong) in wrongs {
            for at in 0..=3 {
                let list = Call {
                    wrong: &[wrong],
                    at,
                    with_resource,
                    status: STATUS_INVALID_PARAMETER,
                };
                list.run(context, adapter)
                    .map_err(|failed| about(what, failed))?;
                lists += 1;
            }
        }
        // NULL stands for no object, so it is no mistake.
        let nulls = [ptr::null_mut(); 2];
        let list = Call {
            wrong: &nulls,
            at: 1,
            with_resource,
            status: STATUS_SUCCESS,
        };
        list.run(context, adapter)
            .map_err(|failed| about("NULL", failed))?;
        // All kinds at once.
        let all: Vec<_> = wrongs.iter().map(|(_, wrong)| *wrong).collect();
        let list = Call {
            wrong: &all,
            at: 2,
            with_resource,
            status: STATUS_INVALID_PARAMETER,
        };
        list.run(context, adapter)
            .map_err(|failed| about("all kinds", failed))?;
        lists += 2;
    }
    // The same handle twice: the second is stale by then (D12).
    let (mut handles, _) = create_good(adapter, blob::surfaces(3), None)?;
    handles.insert(2, handles[0]);
    context.machine.take_complaints();
    let (status, _) = DestroyCall::of(&handles).run(adapter);
    status_is(
        "a handle twice in the list",
        STATUS_INVALID_PARAMETER,
        status,
    )?;
    one_complaint(
        context.machine,
        "DestroyAllocation",
        "pAllocationList entry",
    )?;
    all_live(adapter, &handles, false)?;

    // Nothing else was touched.
    same("memory of another", &[0_u64; 64], &memory)?;
    all_live(adapter, &keep, true)?;
    crate::outcome::done("DestroyDevice", gdi.destroy())?;
    destroy_good(adapter, DestroyCall::with(&keep, resource))?;
    session.close()?;
    Ok(format!("{} lists", lists + 1))
}

/// A list of three good allocations with wrong entries in it.
struct Call<'a> {
    wrong: &'a [HANDLE],
    at: usize,
    with_resource: bool,
    status: i32,
}

impl Call<'_> {
    fn run(&self, context: &Context<'_>, adapter: &dxgk_port::Adapter) -> Result<(), Failed> {
        let resource = self.with_resource.then_some(ptr::null_mut());
        let (good, resource) = create_good(adapter, blob::surfaces(3), resource)?;
        let mut list = good.clone();
        list.splice(self.at..self.at, self.wrong.iter().copied());
        context.machine.take_complaints();
        let call = DestroyCall {
            list: &list,
            resource,
            with_resource: self.with_resource,
        };
        let (status, after) = call.run(adapter);
        status_is("DestroyAllocation", self.status, status)?;
        if self.status != STATUS_SUCCESS {
            one_complaint(
                context.machine,
                "DestroyAllocation",
                "pAllocationList entry",
            )?;
        }
        all_live(adapter, &good, false)?;
        let expected = if self.with_resource {
            ptr::null_mut()
        } else {
            resource
        };
        same("hResource", &expected, &after)?;
        if self.with_resource {
            is_no_resource(adapter, resource)?;
        }
        Ok(())
    }
}

/// The handle stands for no resource any more: nothing can be added to it.
fn is_no_resource(adapter: &dxgk_port::Adapter, resource: HANDLE) -> Result<(), Failed> {
    let mut call = CreateCall::new(blob::surfaces(1)).with_resource(resource);
    status_is(
        "adding to a destroyed resource",
        STATUS_INVALID_PARAMETER,
        call.run(adapter),
    )
}

fn about(what: &str, failed: Failed) -> Failed {
    Failed {
        expected: format!("{} (wrong entry: {what})", failed.expected),
        seen: failed.seen,
    }
}
