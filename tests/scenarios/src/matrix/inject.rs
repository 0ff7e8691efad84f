//! Making one pool call, slot acquisition or thread creation fail.

use alloc::format;

use crate::Machine;
use crate::outcome::{Failed, check};

/// What can fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// A call to the kernel's pool.
    PoolCall,
    /// The acquisition of a slot of the driver's own pool.
    Slot,
    /// The creation of a system thread.
    Thread,
}

/// What is run again and again. Through the function that it is given it learns, after it has done what
/// may fail, whether this run was hit.
pub type Work<'a> = dyn FnMut(&dyn Fn() -> bool) -> Result<(), Failed> + 'a;

/// More failures than any scenario here has.
const TOO_MANY: u64 = 10_000;

/// Whether the machine can make this fail.
pub fn possible(machine: &dyn Machine, what: What) -> bool {
    match what {
        What::PoolCall => true,
        What::Slot => machine.fail_slot(None),
        What::Thread => {
            machine.host().fail_thread_creation(None);
            true
        }
    }
}

/// Runs `work` again and again: first with the first occasion of `what` failing, then with the second,
/// until a run has no such occasion left.
///
/// Returns how many failures were injected.
pub fn each(machine: &dyn Machine, what: What, work: &mut Work<'_>) -> Result<u64, Failed> {
    if !possible(machine, what) {
        return Ok(0);
    }
    let host = machine.host();
    for nth in 1..TOO_MANY {
        let occasions = || match what {
            What::PoolCall => host.pool_calls(),
            What::Slot => machine.slots(),
            What::Thread => host.threads_created(),
        };
        let before = occasions();
        arm(machine, what, Some(nth));
        let hit = || occasions() - before >= nth;
        let result = work(&hit);
        arm(machine, what, None);
        result.map_err(|failed| Failed {
            expected: format!("{} (with {what:?} {nth} failing)", failed.expected),
            seen: failed.seen,
        })?;
        if !hit() {
            return Ok(nth - 1);
        }
    }
    check(false, "an end of failures", || {
        format!("more than {TOO_MANY}")
    })?;
    Ok(0)
}

fn arm(machine: &dyn Machine, what: What, nth: Option<u64>) {
    match what {
        What::PoolCall => machine.host().fail_pool_call(nth),
        What::Slot => {
            machine.fail_slot(nth);
        }
        What::Thread => {
            machine.host().fail_thread_creation(nth);
        }
    }
}
