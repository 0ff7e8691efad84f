//! When work that waits for `DISPATCH_LEVEL` runs: timers' routines, DPCs, and the port's own DPCs.
//!
//! The driver is interrupted by the processor itself, whenever its IRQL lets an interrupt through. The
//! small kernel and the port are not: they hold locks that the interrupting routine would wait for in
//! vain on a single processor. They run what is due where they wait, and a service does before it goes
//! back to the driver with a lower IRQL; an interrupt that finds them running comes again soon.

use alloc::{boxed::Box, format, vec};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use spin::Mutex;
use x86_64::instructions::interrupts;

use super::{dpc, timer};
use crate::{
    cpu::{
        apic, clock,
        irql::{self, DISPATCH_LEVEL},
    },
    fault, image, threads,
};

/// Until an interrupt that came at a wrong moment comes again, in units of 100 ns.
const AGAIN: u64 = 500;
/// The longest that [`idle`] lets pass unless it is told when to wake.
const NAP: u64 = 10_000;

/// A routine to run at `DISPATCH_LEVEL`.
pub struct Work {
    /// The service that asked for it, for a report.
    pub service: &'static str,
    /// Where it is.
    pub routine: u64,
    /// What it is called with, in this order.
    pub arguments: [u64; 4],
}

/// What every such routine looks like to its caller; one that takes less ignores the rest.
type Routine = unsafe extern "win64" fn(u64, u64, u64, u64);

/// The port has DPCs of the driver's to run.
static PORT_WAITS: AtomicBool = AtomicBool::new(false);
/// How the port runs them.
static PORT: Mutex<Option<Box<dyn Fn() + Send>>> = Mutex::new(None);
/// Routines that interrupted the driver, and all.
static RUN: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// Says how the port's DPCs are run, while it has a driver.
pub fn set_port(run: Option<Box<dyn Fn() + Send>>) {
    *PORT.lock() = run;
}

/// The port has a DPC to run. Any IRQL.
pub fn port_waits() {
    PORT_WAITS.store(true, Ordering::Relaxed);
    apic::request_dispatch();
}

/// Routines that ran because an interrupt let them in while the driver ran, and routines in all.
pub fn run_so_far() -> [u64; 2] {
    RUN.each_ref().map(|count| count.load(Ordering::Relaxed))
}

/// Whether something waits that needs no time to pass.
fn is_due() -> bool {
    let now = clock::now_100ns();
    PORT_WAITS.load(Ordering::Relaxed)
        || dpc::any_queued()
        || timer::next() <= now
        || threads::next_deadline() <= now
}

/// Whether something waits, now or until its time comes.
pub fn anything_waits() -> bool {
    is_due() || timer::next() != u64::MAX
}

/// The clock's interrupt.
pub fn on_clock() {
    apic::end_of_interrupt();
    apic::request_dispatch();
}

/// The interrupt at `DISPATCH_LEVEL`; `instruction` is where it came.
pub fn on_dispatch(instruction: u64) {
    apic::end_of_interrupt();
    let before = run_so_far()[1];
    if image::is_driver_code(instruction) {
        run_due();
        let [interrupting, all] = &RUN;
        interrupting.fetch_add(all.load(Ordering::Relaxed) - before, Ordering::Relaxed);
        threads::on_clock_in_driver();
    } else if is_due() || threads::slice_end() <= clock::now_100ns() {
        apic::interrupt_in(AGAIN);
    } else {
        wake_in_time();
    }
}

/// Runs what is due, if the IRQL is below `DISPATCH_LEVEL`. The caller holds no lock of the kernel's
/// or the port's.
pub fn run_due() {
    if irql::current() >= DISPATCH_LEVEL {
        return;
    }
    while let Some(work) = timer::take_due().or_else(dpc::take) {
        run(&work);
    }
    if PORT_WAITS.load(Ordering::Relaxed) {
        // The port raises the IRQL itself. It may be asked again meanwhile, so nothing is locked; a thread that
        // comes here then leaves it to the first.
        let port = PORT.lock().take();
        if let Some(port) = port {
            PORT_WAITS.store(false, Ordering::Relaxed);
            RUN[1].fetch_add(1, Ordering::Relaxed);
            port();
            PORT.lock().get_or_insert(port);
        }
    }
    threads::wake_expired();
    wake_in_time();
}

fn run(work: &Work) {
    RUN[1].fetch_add(1, Ordering::Relaxed);
    let old = irql::set(DISPATCH_LEVEL);
    // SAFETY: the driver gave this routine to a service that calls it so.
    let routine: Routine = unsafe { core::mem::transmute(work.routine) };
    let [first, second, third, fourth] = work.arguments;
    // SAFETY: as above.
    unsafe { routine(first, second, third, fourth) }
    let level = irql::set(old);
    if level != DISPATCH_LEVEL {
        let text = format!("its routine returned at IRQL {level}");
        let routine = format!("the routine is <{:#x}>", work.routine + 1);
        fault::wrong_use(work.service, &text, vec![routine]);
    }
}

/// Has the clock interrupt when the next timer is due, a wait is over, or the running thread's time is.
pub fn wake_in_time() {
    let next = timer::next()
        .min(threads::next_deadline())
        .min(threads::slice_end());
    if next != u64::MAX {
        apic::interrupt_in(next.saturating_sub(clock::now_100ns()));
    }
}

/// Waits for whatever comes next, until `deadline` at the latest, and runs what is due then. Other threads that are
/// ready run first. Below `DISPATCH_LEVEL`, and the caller holds no lock.
pub fn idle_until(deadline: u64) {
    run_due();
    if threads::give_way() {
        return;
    }
    rest(deadline);
    run_due();
    threads::give_way();
}

/// Halts the processor until something comes, until `deadline` at the latest. Below `DISPATCH_LEVEL`.
pub fn rest(deadline: u64) {
    // Nothing may come between the look at the clock and the halt.
    interrupts::disable();
    let wake = deadline.min(timer::next()).min(threads::next_deadline());
    let now = clock::now_100ns();
    if is_due() || wake <= now {
        interrupts::enable();
    } else {
        apic::interrupt_in(wake - now);
        interrupts::enable_and_hlt();
    }
}

/// Lets a little time pass for whoever waits for something. The caller holds no lock.
pub fn idle() {
    if irql::current() < DISPATCH_LEVEL {
        idle_until(clock::now_100ns() + NAP);
    } else {
        core::hint::spin_loop();
    }
}
