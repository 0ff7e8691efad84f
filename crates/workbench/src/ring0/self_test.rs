//! `ring0 --self-test`: breaks each of the kernel's safety nets once, in a machine of its own, and
//! checks that the report names what was broken, and where.

use std::{path::Path, process::ExitCode, time::Duration};

use anyhow::Result;
use vmdisp_ring0_protocol::{FaultKind, Job, Options};

use super::{
    ADAPTERS,
    machine::{Machine, Outcome},
    session::loaded_at,
    symbols::Symbols,
    verdict::Verdict,
};
use crate::damage::{self, Damage, Damaged};

/// A safety net, and what its report must say.
struct Net {
    /// The kernel's name for it.
    name: &'static str,
    /// What kind of fault; none if the kernel cannot report it.
    kind: Option<FaultKind>,
    /// Part of the headline.
    says: &'static str,
    /// Part of the place.
    at: &'static str,
    /// Part of a line below the headline.
    explains: &'static str,
}

const fn net(
    name: &'static str,
    kind: Option<FaultKind>,
    says: &'static str,
    at: &'static str,
    explains: &'static str,
) -> Net {
    Net {
        name,
        kind,
        says,
        at,
        explains,
    }
}

const EXCEPTION: Option<FaultKind> = Some(FaultKind::Exception);
const WRONG_USE: Option<FaultKind> = Some(FaultKind::WrongUse);

/// Every safety net.
const NETS: &[Net] = &[
    net(
        "write-code",
        EXCEPTION,
        "page fault: write to 0xffffffff8",
        "breakage::write",
        "write_code",
    ),
    net(
        "write-constants",
        EXCEPTION,
        "write to 0xffffffff8",
        "breakage::write",
        "write_constants",
    ),
    net(
        "execute-data",
        EXCEPTION,
        "execution of 0xffffc0",
        "",
        "breakage::execute_data",
    ),
    net(
        "execute-pool",
        EXCEPTION,
        "(the driver's pool): its page does not allow it",
        "",
        "tag 'Brk.'",
    ),
    net(
        "execute-direct",
        EXCEPTION,
        "(the direct map of RAM): its page does not",
        "",
        "execute_direct",
    ),
    net(
        "null-read",
        EXCEPTION,
        "read of 0x8 (a null pointer)",
        "breakage::read",
        "null_read",
    ),
    net(
        "user-half",
        EXCEPTION,
        "(the user half, where nothing is mapped)",
        "breakage::read",
        "user_half",
    ),
    net(
        "identity",
        EXCEPTION,
        "read of 0x100000",
        "breakage::read",
        "breakage::identity",
    ),
    net(
        "pool-overrun",
        EXCEPTION,
        "write to 0xffffb0",
        "breakage::write",
        "byte 96 of a block of 96 bytes",
    ),
    net(
        "pool-use-after-free",
        EXCEPTION,
        "read of 0xffffb0",
        "breakage::read",
        "freed by kernel!",
    ),
    net(
        "pool-double-free",
        WRONG_USE,
        "was freed before",
        "breakage::free",
        "allocated by kernel!",
    ),
    net(
        "pool-wrong-tag",
        WRONG_USE,
        "tag 'Oops' does not match",
        "breakage::free",
        "tag 'Brk.'",
    ),
    net(
        "pool-slack",
        WRONG_USE,
        "was overrun: byte 0 behind it",
        "breakage::free",
        "a block of 100 bytes",
    ),
    net(
        "pool-irql",
        WRONG_USE,
        "IRQL 15 (HIGH_LEVEL), allowed up to DISPATCH",
        "breakage::allocate",
        "pool_irql",
    ),
    net(
        "lock-recursion",
        WRONG_USE,
        "this would wait for ever",
        "breakage::acquire",
        "taken by kernel!",
    ),
    net(
        "lock-order",
        WRONG_USE,
        "lowers the IRQL to 0 while a spin lock is held",
        "breakage::release",
        "lock_order",
    ),
    net(
        "lock-irql",
        WRONG_USE,
        "not DISPATCH_LEVEL",
        "breakage::release",
        "lock_irql",
    ),
    net(
        "wait-for-ever",
        WRONG_USE,
        "an event that nothing will signal",
        "breakage::wait_for_ever",
        "",
    ),
    net(
        "timer-absolute",
        WRONG_USE,
        "takes a relative one (negative)",
        "deferred::set_timer",
        "timer_absolute",
    ),
    net(
        "timer-deleted",
        WRONG_USE,
        "is no timer, or was deleted",
        "deferred::set_timer",
        "timer_deleted",
    ),
    net(
        "timer-irql",
        WRONG_USE,
        "allowed up to APC_LEVEL",
        "deferred::delete_timer",
        "timer_irql",
    ),
    net(
        "timer-context-freed",
        WRONG_USE,
        "is the context of a timer that was not deleted",
        "breakage::free",
        "deferred::allocate_timer",
    ),
    net(
        "timer-left",
        WRONG_USE,
        "the driver left something",
        "",
        "a timer not deleted, and set: 0x",
    ),
    net(
        "timer-expires",
        WRONG_USE,
        "expired 0, 1, 1, 2 times, at IRQL 2",
        "",
        "",
    ),
    net(
        "dpc-freed",
        WRONG_USE,
        "has a queued DPC in it",
        "breakage::free",
        "deferred::queue_dpc",
    ),
    net(
        "dpc-not-initialised",
        WRONG_USE,
        "is no DPC that was initialised",
        "deferred::queue_dpc",
        "dpc_not_initialised",
    ),
    net(
        "dpc-irql",
        WRONG_USE,
        "KeInsertQueueDpc: its routine returned at IRQL 0",
        "",
        "deferred::lower",
    ),
    net(
        "dpc-left",
        WRONG_USE,
        "the driver left something",
        "",
        "a DPC still queued: 0x",
    ),
    net(
        "thread-runs",
        WRONG_USE,
        "0: 0, then 1, a wait gave 0x102, 0 left",
        "",
        "",
    ),
    net(
        "thread-preempted",
        WRONG_USE,
        "both ran: true, taken from the processor: true, XMM6 off by 0",
        "",
        "",
    ),
    net(
        "thread-stalls",
        WRONG_USE,
        "1 stand, 0 done; then 0 and 1",
        "",
        "",
    ),
    net(
        "thread-fails",
        WRONG_USE,
        "[0, c000009a, 0], 3 asked for, 2 live",
        "",
        "",
    ),
    net(
        "thread-left",
        WRONG_USE,
        "the driver left something",
        "",
        "a system thread that has not ended: it runs kernel!",
    ),
    net(
        "thread-handle-left",
        WRONG_USE,
        "the driver left something",
        "",
        "a handle of a system thread not closed",
    ),
    net(
        "thread-ends-raised",
        WRONG_USE,
        "a thread ends at IRQL 2 (DISPATCH_LEVEL)",
        "",
        "made by kernel!",
    ),
    net(
        "thread-ends-in-region",
        WRONG_USE,
        "a thread ends in 1 critical regions",
        "",
        "",
    ),
    net(
        "thread-deadlock",
        WRONG_USE,
        "waits without end for an event that nothing will signal",
        "",
        "the main thread waits for Thread(2), without end",
    ),
    net(
        "thread-wait-raised",
        WRONG_USE,
        "IRQL 2 (DISPATCH_LEVEL), allowed up to APC_LEVEL",
        "threads::wait",
        "thread_wait_raised",
    ),
    net(
        "thread-event-freed",
        WRONG_USE,
        "that a thread waits for",
        "breakage::free",
        "the thread was made by kernel!",
    ),
    net(
        "thread-stack",
        EXCEPTION,
        "double fault: the stack is used up",
        "threads::overflow",
        "",
    ),
    net(
        "thread-closed-twice",
        WRONG_USE,
        "is no open handle",
        "threads::close",
        "",
    ),
    net(
        "mapping-maps",
        WRONG_USE,
        "[3, 1, 2, 3], 9 written, apart: true, 0 left",
        "",
        "",
    ),
    net(
        "mapping-twice",
        WRONG_USE,
        "has pages mapped in it already",
        "mapping::map",
        "mapped by kernel!",
    ),
    net(
        "mapping-tag",
        WRONG_USE,
        "tag 'Oops' does not match the range's, 'Brk.'",
        "mapping::map",
        "reserved by kernel!",
    ),
    net(
        "mapping-long",
        WRONG_USE,
        "2 pages into a range of 1",
        "mapping::map",
        "mapping_long",
    ),
    net(
        "mapping-frame",
        WRONG_USE,
        "0x123 is no frame that the system has locked",
        "mapping::map",
        "mapping_frame",
    ),
    net(
        "mapping-not-locked",
        WRONG_USE,
        "the MDL's flags are 0x0",
        "mapping::map",
        "",
    ),
    net(
        "mapping-unmapped",
        WRONG_USE,
        "nothing is mapped in the range",
        "mapping::unmap",
        "mapping_unmapped",
    ),
    net(
        "mapping-list",
        WRONG_USE,
        "were mapped with another MDL",
        "mapping::unmap",
        "mapped by kernel!",
    ),
    net(
        "mapping-late",
        EXCEPTION,
        "(addresses that the driver reserved): nothing is mapped there",
        "breakage::read",
        "mapping_late",
    ),
    net(
        "mapping-execute",
        EXCEPTION,
        "(addresses that the driver reserved): its page does not allow it",
        "",
        "mapping_execute",
    ),
    net(
        "mapping-freed",
        WRONG_USE,
        "has pages mapped in it",
        "mapping::free",
        "mapped by kernel!",
    ),
    net(
        "mapping-pages-freed",
        WRONG_USE,
        "are given back to the system",
        "",
        "mapped by kernel!",
    ),
    net(
        "mapping-left",
        WRONG_USE,
        "the driver left something",
        "",
        "a reserved range not freed",
    ),
    net(
        "mapping-irql",
        WRONG_USE,
        "IRQL 2 (DISPATCH_LEVEL), allowed up to APC_LEVEL",
        "mapping::reserve",
        "mapping_irql",
    ),
    net(
        "user-vanishes",
        WRONG_USE,
        "0xc0000005 after 2 bytes, then 0 after 4, 7",
        "",
        "",
    ),
    net(
        "screen-differs",
        WRONG_USE,
        "648 x 100: 0, then 1 pixels differ, the first Some((5, 63, ",
        "",
        "",
    ),
    net(
        "screen-after-power",
        WRONG_USE,
        "as it should be but for [0, 0, 0] pixels",
        "",
        "",
    ),
    net(
        "writes-counted",
        WRONG_USE,
        "writes are counted, and 7 read back",
        "",
        "",
    ),
    net(
        "stack-overflow",
        EXCEPTION,
        "double fault: the stack is used up",
        "breakage::stack_overflow",
        "",
    ),
    net(
        "bug-check",
        Some(FaultKind::BugCheck),
        "KeBugCheckEx: 0xe2 (0x1, 0x2, 0x3, 0x4)",
        "breakage::bug_check",
        "",
    ),
    net(
        "panic",
        Some(FaultKind::Panic),
        "on purpose",
        "",
        "breakage::",
    ),
    net(
        "triple-fault",
        None,
        "the machine reset itself (triple fault)",
        "breakage::",
        "",
    ),
    net(
        "hang",
        Some(FaultKind::Hang),
        "no end after 1.",
        "breakage::hang",
        "",
    ),
    net(
        "deaf-hang",
        None,
        "a non-maskable interrupt was not answered",
        "breakage::deaf",
        "",
    ),
];

/// What the kernel must say of a driver that was tampered with.
const DAMAGES: &[(Net, Damage)] = &[
    (
        net(
            "missing-import",
            Some(FaultKind::MissingImport),
            "ntoskrnl.exe!ExAllocateP00l2",
            "",
            "",
        ),
        damage::misspelt_import,
    ),
    (
        net(
            "writable-code",
            Some(FaultKind::BadImage),
            "section .data is writable and executable",
            "",
            "",
        ),
        damage::executable_data,
    ),
    (
        net(
            "driver-fault",
            EXCEPTION,
            "invalid opcode",
            "vmdisp.sys!vmdisp::entry::driver_entry (src/entry.rs:",
            "rip fffff800",
        ),
        damage::invalid_entry,
    ),
];

/// How long a machine may take; two of them are there to reach it.
const LIMIT: Duration = Duration::from_secs(4);

/// Runs every safety net of `kernel`, or those whose names begin so; `driver` is the driver that is tampered with.
///
/// # Errors
///
/// Where a machine cannot be started or the driver cannot be tampered with.
pub fn run(kernel: &Path, driver: &Path, names: &[String]) -> Result<ExitCode> {
    let wanted =
        |net: &Net| names.is_empty() || names.iter().any(|name| net.name.starts_with(&**name));
    let symbols = Symbols::read(kernel, None);
    let mut failed = 0;
    for net in NETS.iter().filter(|net| wanted(net)) {
        let options = Options {
            job: Job::Break(net.name.into()),
            guard: true,
            ..Options::default()
        };
        let limit = if net.name.ends_with("hang") {
            Duration::from_secs(1)
        } else {
            LIMIT
        };
        // Screens are QEMU's, and its two models have little in common.
        let devices = if net.name == "screen-differs" {
            &ADAPTERS[..]
        } else {
            &ADAPTERS[..1]
        };
        for device in devices {
            let outcome = start(kernel, None, &options, limit, device)?;
            failed += judge(net, &outcome, &symbols);
        }
    }
    for (net, damage) in DAMAGES.iter().filter(|(net, _)| wanted(net)) {
        let copy = Damaged::new(driver, *damage)?;
        let damaged = copy.path();
        let options = Options::default();
        let outcome = start(kernel, Some(&damaged), &options, LIMIT, ADAPTERS[0])?;
        let image = loaded_at(&outcome).map(|image| (damaged.as_path(), image));
        failed += judge(net, &outcome, &Symbols::read(kernel, image));
    }
    let state = if failed == 0 {
        "every safety net holds"
    } else {
        "SAFETY NETS DO NOT HOLD"
    };
    println!("{state}");
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn start(
    kernel: &Path,
    driver: Option<&Path>,
    options: &Options,
    limit: Duration,
    device: &str,
) -> Result<Outcome> {
    let devices = [device.to_owned()];
    let machine = Machine {
        kernel,
        driver,
        options,
        devices: &devices,
        icount: false,
        limit,
        memory: None,
    };
    machine.run(&mut |_| {})
}

/// Says whether the net held; 1 if it did not.
fn judge(net: &Net, outcome: &Outcome, symbols: &Symbols) -> u32 {
    let verdict = Verdict::of(outcome);
    let kind = match &verdict {
        Verdict::Fault(fault) => Some(fault.kind),
        _ => None,
    };
    let headline = verdict.headline().unwrap_or_default();
    let place = verdict.place(symbols).unwrap_or_default();
    let lines = verdict.explain(symbols);
    let explained = lines.iter().skip(1).any(|line| line.contains(net.explains));
    let held = kind == net.kind
        && headline.contains(net.says)
        && place.contains(net.at)
        && (explained || net.explains.is_empty());
    let state = if held { "ok    " } else { "FAILED" };
    println!(
        "{state} {:<20} {:>5.2} s  {headline}",
        net.name,
        outcome.took.as_secs_f64()
    );
    if !held {
        println!(
            "       wanted: {:?} '{}' at '{}', '{}'",
            net.kind, net.says, net.at, net.explains
        );
        for line in lines {
            println!("       {line}");
        }
        for line in &outcome.log {
            println!("       | {line}");
        }
    }
    u32::from(!held)
}
