//! Breaks what threads promise and demand.

use alloc::{format, vec::Vec};
use core::{
    arch::naked_asm,
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering},
};

use super::{allocate, free, service};
use crate::{
    cpu::{clock, irql},
    fault, image, nt,
    threads::{self, MAIN},
};

/// Time for the others to come to their waits, also on a machine that stands still for a moment.
const SOME: i64 = -500_000;
/// A millisecond from now.
static MILLISECOND: i64 = -10_000;

type Routine = unsafe extern "win64" fn(u64);

/// What the nets' threads have done.
static DONE: AtomicU64 = AtomicU64::new(0);

/// `OBJECT_ATTRIBUTES` that ask for a kernel handle.
#[repr(C)]
struct Attributes {
    length: u32,
    rest: [u64; 2],
    wanted: u32,
    security: [u64; 2],
}

#[inline(never)]
fn create(routine: Routine, context: u64) -> (i32, u64) {
    type Service =
        unsafe extern "win64" fn(*mut u64, u32, *const Attributes, u64, u64, Routine, u64) -> i32;
    let attributes = Attributes {
        length: 48,
        rest: [0; 2],
        wanted: 0x200,
        security: [0; 2],
    };
    let mut handle = 0;
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("PsCreateSystemThread")) };
    // SAFETY: a routine of a thread's type, and variables that outlive the call.
    let status = unsafe {
        service(
            &raw mut handle,
            0x1f_ffff,
            &raw const attributes,
            0,
            0,
            routine,
            context,
        )
    };
    (status, handle)
}

#[inline(never)]
fn join(handle: u64) {
    type Wait = unsafe extern "win64" fn(u64, u8, *const i64) -> i32;
    // SAFETY: the service has this type.
    let wait: Wait = unsafe { core::mem::transmute(service("ZwWaitForSingleObject")) };
    // SAFETY: what is wrong with the call is what the service shall find.
    unsafe { wait(handle, 0, core::ptr::null()) };
}

#[inline(never)]
fn close(handle: u64) {
    type Close = unsafe extern "win64" fn(u64) -> i32;
    // SAFETY: the service has this type.
    let close: Close = unsafe { core::mem::transmute(service("ZwClose")) };
    // SAFETY: what is wrong with the call is what the service shall find.
    unsafe { close(handle) };
}

/// An event in a pool block: synchronization.
#[inline(never)]
fn new_event() -> u64 {
    type Service = unsafe extern "win64" fn(u64, u32, u8);
    let event = allocate(96) as u64;
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("KeInitializeEvent")) };
    // SAFETY: the block has room for an event.
    unsafe { service(event, 1, 0) };
    event
}

#[inline(never)]
fn set(event: u64) {
    type Service = unsafe extern "win64" fn(u64, i32, u8) -> i32;
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("KeSetEvent")) };
    // SAFETY: what is wrong with the call is what the service shall find.
    unsafe { service(event, 0, 0) };
}

#[inline(never)]
fn wait(event: u64, timeout: *const i64) -> i32 {
    type Service = unsafe extern "win64" fn(u64, u32, u8, u8, *const i64) -> i32;
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("KeWaitForSingleObject")) };
    // SAFETY: what is wrong with the call is what the service shall find.
    unsafe { service(event, 0, 0, 0, timeout) }
}

#[inline(never)]
fn delay(time: i64) {
    type Service = unsafe extern "win64" fn(u8, u8, *const i64) -> i32;
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("KeDelayExecutionThread")) };
    // SAFETY: the time outlives the call.
    unsafe { service(0, 0, &raw const time) };
}

unsafe extern "win64" fn count(_context: u64) {
    DONE.fetch_add(1, Ordering::Relaxed);
}

unsafe extern "win64" fn wait_then_count(event: u64) {
    wait(event, core::ptr::null());
    DONE.fetch_add(1, Ordering::Relaxed);
}

unsafe extern "win64" fn raise(_context: u64) {
    irql::set(irql::DISPATCH_LEVEL);
}

unsafe extern "win64" fn enter_region(_context: u64) {
    type Service = unsafe extern "win64" fn();
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("KeEnterCriticalRegion")) };
    // SAFETY: it takes nothing.
    unsafe { service() };
}

#[expect(unconditional_recursion, reason = "that is what it is for")]
#[expect(clippy::only_used_in_recursion, reason = "a thread's routine has it")]
unsafe extern "win64" fn overflow(context: u64) {
    let frame = black_box([0_u8; 512]);
    // SAFETY: none; the stack shall end.
    unsafe { overflow(context) };
    black_box(frame);
}

/// A thread waits until the event is set, and its maker waits for its end; one wait's time is up.
#[inline(never)]
pub fn thread_runs() {
    let event = new_event();
    let (status, handle) = create(wait_then_count, event);
    delay(SOME);
    let early = DONE.load(Ordering::Relaxed);
    set(event);
    join(handle);
    let late = DONE.load(Ordering::Relaxed);
    let timed_out = wait(event, &raw const MILLISECOND);
    close(handle);
    let left = nt::left_behind().len();
    let text = format!("{status}: {early}, then {late}, a wait gave {timed_out:#x}, {left} left");
    fault::wrong_use("PsCreateSystemThread", &text, Vec::new());
}

/// Counts the word at `counter` up until the word behind it is set, and sees that XMM6 keeps what it was given.
/// Returns 0 if it did.
#[unsafe(naked)]
unsafe extern "win64" fn spin(counter: *mut u64, mark: u64) -> u64 {
    naked_asm!(
        "movq xmm6, rdx",
        "2:",
        "lock inc qword ptr [rcx]",
        "cmp qword ptr [rcx + 8], 0",
        "je 2b",
        "movq rax, xmm6",
        "xor rax, rdx",
        "ret",
        ".balign 4096",
    )
}

/// Words that [`spin`] counts in, and ends by.
static COUNTERS: [[AtomicU64; 2]; 2] = [const { [const { AtomicU64::new(0) }; 2] }; 2];
/// What XMM6 became, in all threads.
static CHANGED: AtomicU64 = AtomicU64::new(0);

unsafe extern "win64" fn spin_thread(number: u64) {
    let counter = COUNTERS[number as usize].as_ptr().cast_mut().cast();
    // SAFETY: the words are static.
    let changed = unsafe { spin(counter, 0x1111 * (number + 1)) };
    CHANGED.fetch_or(changed, Ordering::Relaxed);
}

/// Two threads that never give way both run, and the main thread with them; each has its own XMM registers and IRQL.
#[inline(never)]
pub fn thread_preempted() {
    let start = spin as *const () as u64;
    image::count_as_driver(start, start + 64);
    let handles = [create(spin_thread, 0).1, create(spin_thread, 1).1];
    let begin = clock::now_100ns();
    while COUNTERS
        .iter()
        .any(|[counter, _]| counter.load(Ordering::Relaxed) < 1_000)
        || threads::preemptions() < 4
    {
        if clock::now_100ns() > begin + 20_000_000 {
            break;
        }
        delay(SOME);
    }
    let both = COUNTERS
        .iter()
        .all(|[counter, _]| counter.load(Ordering::Relaxed) >= 1_000);
    for [_, end] in &COUNTERS {
        end.store(1, Ordering::Relaxed);
    }
    for handle in handles {
        join(handle);
    }
    let (taken, changed) = (threads::preemptions() >= 4, CHANGED.load(Ordering::Relaxed));
    let text =
        format!("both ran: {both}, taken from the processor: {taken}, XMM6 off by {changed}");
    fault::wrong_use("PsCreateSystemThread", &text, Vec::new());
}

/// A stalled thread comes back from its wait when the stall ends, not before.
#[inline(never)]
pub fn thread_stalls() {
    let event = new_event();
    let (_, handle) = create(wait_then_count, event);
    delay(SOME);
    threads::set_stall(true);
    set(event);
    delay(SOME);
    let (standing, early) = (threads::stalled(), DONE.load(Ordering::Relaxed));
    threads::set_stall(false);
    join(handle);
    let (left, late) = (threads::stalled(), DONE.load(Ordering::Relaxed));
    let text = format!("{standing} stand, {early} done; then {left} and {late}");
    fault::wrong_use("stall", &text, Vec::new());
}

#[inline(never)]
pub fn thread_fails() {
    nt::fail_thread_creation(Some(2));
    let statuses = [0; 3].map(|_: u8| create(count, 0).0);
    let (asked, live) = (nt::threads_created(), threads::live());
    let text = format!("{statuses:x?}, {asked} asked for, {live} live");
    fault::wrong_use("PsCreateSystemThread", &text, Vec::new());
}

/// A driver goes, its thread stays.
#[inline(never)]
pub fn thread_left() {
    create(wait_then_count, new_event());
    delay(SOME);
    fault::wrong_use("unload", "the driver left something", nt::left_behind());
}

#[inline(never)]
pub fn thread_handle_left() {
    let (_, handle) = create(count, 0);
    join(handle);
    fault::wrong_use("unload", "the driver left something", nt::left_behind());
}

#[inline(never)]
pub fn thread_ends_raised() {
    join(create(raise, 0).1);
    black_box(());
}

#[inline(never)]
pub fn thread_ends_in_region() {
    join(create(enter_region, 0).1);
    black_box(());
}

/// Each waits for the other.
#[inline(never)]
pub fn thread_deadlock() {
    join(create(wait_then_count, new_event()).1);
    black_box(());
}

#[inline(never)]
pub fn thread_wait_raised() {
    let event = new_event();
    irql::set(irql::DISPATCH_LEVEL);
    wait(event, &raw const MILLISECOND);
    black_box(());
}

#[inline(never)]
pub fn thread_event_freed() {
    let event = new_event();
    create(wait_then_count, event);
    delay(SOME);
    free(event as *mut u8, *b"Brk ");
    black_box(());
}

#[inline(never)]
pub fn thread_stack() {
    assert_eq!(threads::current(), MAIN);
    join(create(overflow, 0).1);
    black_box(());
}

#[inline(never)]
pub fn thread_closed_twice() {
    let (_, handle) = create(count, 0);
    close(handle);
    close(handle);
    black_box(());
}
