//! `wine --self-test`: puts a fault into a copy of the driver, and checks that the run is red and says why, and where.

use std::process::ExitCode;

use anyhow::{Context, Result};

use super::course::Course;
use crate::damage::{self, Damage, Damaged};

/// A fault, and what a run says of it.
pub struct Saboteur {
    name: &'static str,
    /// What the driver does.
    does: &'static str,
    /// Puts it into the driver's image.
    pub damage: Damage,
    /// Part of what is said.
    says: &'static str,
    /// Part of the code that is named.
    at: &'static str,
}

/// The callback that crashes in one of them.
const CREATE_ALLOCATION: &str = "vmdisp::ddi::allocations::create_allocation";

/// The faults.
const SABOTEURS: [Saboteur; 6] = [
    Saboteur {
        name: "leak",
        does: "forgets every seventh block that it should free",
        damage: |file, _| damage::other_import(file, "ExFreePoolWithTag", "ExForgetSomeBlock"),
        says: "the driver leaked a pool block of",
        at: "allocated by vmdisp.sys!vmdisp::",
    },
    Saboteur {
        name: "double-free",
        does: "frees every block twice",
        damage: |file, _| damage::other_import(file, "ExFreePoolWithTag", "ExFreeEveryBlock2"),
        says: "was freed before (a double free)",
        at: "vmdisp.sys!vmdisp::",
    },
    Saboteur {
        name: "overrun",
        does: "writes a byte behind its blocks",
        damage: |file, _| damage::other_import(file, "ExFreePoolWithTag", "ExOverrunThenFree"),
        says: "was overrun: byte 0 behind it",
        at: "vmdisp.sys!vmdisp::",
    },
    Saboteur {
        name: "wait-at-dispatch",
        does: "waits for a millisecond under a spin lock",
        damage: |file, _| damage::other_import(file, "KeReleaseSpinLock", "KeWaitThenRelease"),
        says: "KeDelayExecutionThread: waits at IRQL 2 (DISPATCH_LEVEL)",
        at: "vmdisp.sys!vmdisp::",
    },
    Saboteur {
        name: "crash",
        does: "has an invalid instruction where CreateAllocation begins",
        damage: |file, from| damage::invalid_function(file, from, CREATE_ALLOCATION),
        says: "invalid instruction",
        at: "vmdisp.sys!vmdisp::ddi::allocations::create_allocation",
    },
    Saboteur {
        name: "missing-import",
        does: "imports a function that no kernel has",
        damage: damage::misspelt_import,
        says: "imports ExAllocateP00l2, which neither the shim nor Wine has",
        at: "",
    },
];

/// The saboteur of that name.
///
/// # Errors
///
/// There is none; the message names those that there are.
pub fn find(name: &str) -> Result<&'static Saboteur> {
    let found = SABOTEURS.iter().find(|saboteur| saboteur.name == name);
    found.with_context(|| {
        let names: Vec<_> = SABOTEURS.iter().map(|saboteur| saboteur.name).collect();
        format!(
            "there is no saboteur {name:?}; there are {}",
            names.join(", ")
        )
    })
}

/// Runs all of them, or those with these names.
///
/// # Errors
///
/// An unknown name, or a driver that cannot be damaged so.
pub fn run(course: &Course<'_>, names: &[String]) -> Result<ExitCode> {
    let chosen: Vec<&Saboteur> = if names.is_empty() {
        SABOTEURS.iter().collect()
    } else {
        names.iter().map(|name| find(name)).collect::<Result<_>>()?
    };
    let mut failed = 0;
    for saboteur in chosen {
        let copy = Damaged::new(&course.package.sys, saboteur.damage)?;
        let package = course.package.with_driver(&copy.path());
        let course = Course {
            package: &package,
            ..*course
        };
        let outcome = course.run(1)?;
        let why = outcome.why().unwrap_or("green");
        let held = !outcome.passed() && why.contains(saboteur.says) && why.contains(saboteur.at);
        let state = if held { "ok    " } else { "FAILED" };
        let seconds = outcome.milliseconds() / 1000;
        println!("{state} {:<17} {seconds:>3} s  {why}", saboteur.name);
        if !held {
            println!("       a driver that {}", saboteur.does);
            println!("       wanted: '{}' and '{}'", saboteur.says, saboteur.at);
            outcome.print();
            failed += 1;
        }
    }
    let state = if failed == 0 {
        "every safety net holds"
    } else {
        "SAFETY NETS DO NOT HOLD"
    };
    println!("{state}");
    Ok(crate::report::exit_code(failed == 0))
}
