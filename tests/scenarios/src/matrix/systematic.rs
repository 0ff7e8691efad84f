//! Systematic failure: every pool call and every slot acquisition of a life fails once.

use alloc::format;
use alloc::vec::Vec;
use core::cell::Cell;

use dxgk_port::{Create, Into, Settings, Standard, Status};
use dxgk_sys::status::STATUS_NO_MEMORY;
use dxgk_sys::{D3DDDIFORMAT, DXGK_CREATEDEVICEFLAGS};

use super::inject::{self, What};
use crate::blob;
use crate::outcome::{Failed, Outcome, check, done, same};
use crate::row::Context;
use crate::session::Session;

/// Elements of each list: slots and pool blocks for every element k.
const ELEMENTS: u32 = 8;

/// Every pool call (with objects in blocks of their own, and in slabs) and every slot.
pub fn systematic_failure(context: &Context<'_>) -> Outcome {
    let mut runs = [0; 3];
    let kinds = [
        (What::PoolCall, true),
        (What::PoolCall, false),
        (What::Slot, false),
    ];
    for (runs, (what, per_object)) in runs.iter_mut().zip(kinds) {
        *runs = inject::each(context.machine, what, &mut |hit| {
            let failures = Failures::default();
            life(context, per_object, &failures)?;
            // A failure may be one that the driver can do without; one that shows must show once.
            let seen = failures.0.get();
            check(seen <= u32::from(hit()), "one failed call at most", || {
                format!("{seen}")
            })
        })?;
    }
    let [objects, slabs, slots] = runs;
    // Two lists of elements, each opened, one of them twice, and the resource.
    let least = u64::from(ELEMENTS) * 5;
    check(
        objects >= least,
        format!("at least {least} pool calls"),
        || format!("{objects}"),
    )?;
    let slots_seen = inject::possible(context.machine, What::Slot);
    check(
        slots >= least || !slots_seen,
        format!("at least {least} slots"),
        || format!("{slots}"),
    )?;
    Ok(format!(
        "{} failures injected: {objects} pool calls with a block an object, {slabs} with slabs, {slots} slots",
        objects + slabs + slots
    ))
}

/// How many calls failed.
#[derive(Default)]
struct Failures(Cell<u32>);

impl Failures {
    /// Makes a call; if it fails for want of memory, makes it again, which must work: nothing of the
    /// first try may be in its way.
    fn retry<T>(
        &self,
        what: &str,
        mut call: impl FnMut() -> Result<T, Status>,
    ) -> Result<T, Failed> {
        match call() {
            Err(STATUS_NO_MEMORY) => {
                self.0.set(self.0.get() + 1);
                done(what, call())
            }
            other => done(what, other),
        }
    }
}

/// A driver's life from AddDevice to Unload, each call tried again if it fails.
fn life(context: &Context<'_>, per_object: bool, failures: &Failures) -> Result<(), Failed> {
    let machine = context.machine;
    let mut session = Session::load_by(machine, per_object, || {
        failures.retry("DriverEntry", || machine.load(Settings::default()))
    })?;
    let adapter = failures.retry("AddDevice", || session.port.add_device(0))?;
    session.take_care_of(&adapter);
    failures.retry("StartDevice", || adapter.start())?;
    let flags = DXGK_CREATEDEVICEFLAGS::ZERO;
    let first = failures.retry("CreateDevice", || adapter.create_device(flags))?;
    let second = failures.retry("CreateDevice", || adapter.create_device(flags))?;

    let blobs = blob::surfaces(ELEMENTS);
    let elements: Vec<_> = blobs.iter().map(Vec::as_slice).collect();
    let create = |into| {
        let call = Create {
            group: &[],
            elements: &elements,
            into,
        };
        failures.retry("CreateAllocation", || first.create(&call))
    };
    let shared = create(Into::NewResource)?;
    let resource = shared.resource.ok_or_else(|| Failed {
        expected: "a resource".into(),
        seen: "none".into(),
    })?;
    failures.retry("OpenAllocation", || second.open(resource))?;
    let added = create(Into::Resource(resource))?;
    let loose = create(Into::Device)?;
    let (width, height, format) = (320, 200, D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8);
    let primary = Standard::SharedPrimary {
        width,
        height,
        format,
        source: 0,
    };
    failures.retry("CreateAllocation", || second.create_standard(&primary))?;
    for allocation in shared.allocations.iter().chain(&added.allocations) {
        failures.retry("DescribeAllocation", || adapter.describe(*allocation))?;
    }
    adapter.exercise_queries();

    // Nothing that frees may fail, whatever the pool does.
    done(
        "DestroyAllocation",
        first.destroy_allocations(&loose.allocations),
    )?;
    done("DestroyDevice", first.destroy())?;
    done("DestroyAllocation", second.destroy_resource(resource))?;
    done("DestroyDevice", second.destroy())?;
    same(
        "allocations that live at the end",
        &0,
        &adapter.live().allocations,
    )?;
    done("StopDevice", adapter.stop())?;
    done("RemoveDevice", adapter.remove())?;
    session.close()
}
