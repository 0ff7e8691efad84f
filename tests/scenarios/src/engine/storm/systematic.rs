//! A short storm again and again, each time with one thing failing that may fail: the next pool call, the next
//! slot, the next callback of dxgkrnl's, the next thread.

use alloc::format;
use core::cell::Cell;

use dxgk_port::{SchedulerOptions, Settings, Status};
use dxgk_sys::DXGK_CREATEDEVICEFLAGS;

use super::{Size, blow};
use crate::engine::rig::Rig;
use crate::matrix::inject::{self, What};
use crate::outcome::{Failed, Outcome, check, done, name};
use crate::row::Context;
use crate::screen::stage::Stage;
use crate::session::Session;

/// A storm that takes every way once, and little time.
const SIZE: Size = Size {
    processes: 3,
    contexts: 2,
    submissions: 40,
    room: 1 << 20,
    times: 3,
};

/// More callbacks than any storm here has.
const TOO_MANY: u64 = 10_000;

/// Each pool call, slot, callback and thread creation of a storm fails once: no rule is broken, nothing leaks,
/// and what was not failed is right.
pub fn storm_with_failures(context: &Context<'_>) -> Outcome {
    let machine = context.machine;
    let [mut objects, mut slabs, mut slots, mut threads] = [0; 4];
    for (count, what, per_object) in [
        (&mut objects, What::PoolCall, true),
        (&mut slabs, What::PoolCall, false),
        (&mut slots, What::Slot, false),
        (&mut threads, What::Thread, false),
    ] {
        *count = inject::each(machine, what, &mut |hit| {
            let failures = Cell::new(0);
            life(context, per_object, None, &failures)?;
            one_at_most(failures.get(), hit())
        })?;
    }
    let callbacks = each_callback(context)?;
    let all = objects + slabs + slots + threads + callbacks;
    check(
        callbacks > 0 && objects > slabs,
        "callbacks and objects that fail",
        || format!("{callbacks} and {objects}"),
    )?;
    Ok(format!(
        "{all} points: {objects} pool calls with a block an object, {slabs} with slabs, {slots} slots, {callbacks} \
         callbacks, {threads} thread creations"
    ))
}

/// The same for the callbacks, which belong to the port and not to the machine.
fn each_callback(context: &Context<'_>) -> Result<u64, Failed> {
    for nth in 1..TOO_MANY {
        let failures = Cell::new(0);
        let seen = life(context, false, Some(nth), &failures).map_err(|failed| Failed {
            expected: format!("{} (with callback {nth} failing)", failed.expected),
            seen: failed.seen,
        })?;
        one_at_most(failures.get(), seen >= nth)?;
        if seen < nth {
            return Ok(nth - 1);
        }
    }
    Err(Failed {
        expected: "an end of callbacks".into(),
        seen: format!("more than {TOO_MANY}"),
    })
}

/// A failure may be one that the driver can do without; one that shows must show once.
fn one_at_most(failures: u32, hit: bool) -> Result<(), Failed> {
    check(
        failures <= u32::from(hit),
        "one failed call at most",
        || format!("{failures}"),
    )
}

/// A driver's life with a storm in it. Tells how many callbacks there were.
fn life(
    context: &Context<'_>,
    per_object: bool,
    callback: Option<u64>,
    failures: &Cell<u32>,
) -> Result<u64, Failed> {
    let machine = context.machine;
    let mut session = Session::load_by(machine, per_object, || {
        retry(failures, "DriverEntry", || {
            machine.load(Settings::default().for_full())
        })
    })?;
    let before = session.port.callbacks();
    session.port.fail_callback(callback);
    let adapter = retry(failures, "AddDevice", || session.port.add_device(0))?;
    session.take_care_of(&adapter);
    retry(failures, "StartDevice", || adapter.start())?;
    let flags = DXGK_CREATEDEVICEFLAGS::ZERO;
    let device = retry(failures, "CreateDevice", || adapter.create_device(flags))?;
    let options = SchedulerOptions {
        seed: context.options.seed,
        preempt_every: 8,
        ..SchedulerOptions::default()
    };
    let rig = Rig::on(machine, Stage::of(machine, session, device), options);
    // A mode takes several calls; if one of them fails, the mode is asked for again.
    let shown = match rig.show(1) {
        Ok(shown) => shown,
        Err(_) if failures.get() == 0 => {
            failures.set(1);
            rig.show(1)?
        }
        Err(failed) => return Err(failed),
    };
    blow(&rig, &shown, SIZE, context, Some(failures))?;
    let callbacks = rig.stage.port().callbacks() - before;
    rig.stage.port().fail_callback(None);
    rig.stage.destroy_hidden(&shown)?;
    rig.close()?;
    Ok(callbacks)
}

/// Makes a call; if it fails, makes it again, which must work: nothing of the first try may be in its way.
fn retry<T>(
    failures: &Cell<u32>,
    what: &str,
    mut call: impl FnMut() -> Result<T, Status>,
) -> Result<T, Failed> {
    match call() {
        Ok(value) => Ok(value),
        Err(status) => {
            failures.set(failures.get() + 1);
            done(what, call()).map_err(|failed| Failed {
                expected: format!(
                    "{} after it failed once with {}",
                    failed.expected,
                    name(status)
                ),
                seen: failed.seen,
            })
        }
    }
}
