//! Breaks what timers and DPCs promise and demand.

use alloc::{format, vec::Vec};
use core::{
    hint::black_box,
    sync::atomic::{AtomicU8, AtomicU64, Ordering},
};

use super::{allocate, free, service};
use crate::{
    cpu::{clock, irql},
    fault, nt,
};

/// `EX_TIMER_HIGH_RESOLUTION`.
const HIGH_RESOLUTION: u32 = 4;
/// A millisecond from now.
const MILLISECOND: i64 = -10_000;

type Callback = unsafe extern "win64" fn(u64, u64);

/// The IRQL at which a routine ran last, and how often one did.
static LEVEL: AtomicU8 = AtomicU8::new(u8::MAX);
static TIMES: AtomicU64 = AtomicU64::new(0);

unsafe extern "win64" fn note(_object: u64, _context: u64) {
    LEVEL.store(irql::current(), Ordering::Relaxed);
    TIMES.fetch_add(1, Ordering::Relaxed);
}

unsafe extern "win64" fn lower(_object: u64, _context: u64) {
    irql::set(irql::PASSIVE_LEVEL);
}

#[inline(never)]
fn allocate_timer(context: u64) -> u64 {
    type Service = unsafe extern "win64" fn(Callback, u64, u32) -> u64;
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("ExAllocateTimer")) };
    // SAFETY: a routine of the right type.
    unsafe { service(note, context, HIGH_RESOLUTION) }
}

#[inline(never)]
fn set_timer(timer: u64, due: i64) {
    type Service = unsafe extern "win64" fn(u64, i64, i64, u64) -> u8;
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("ExSetTimer")) };
    // SAFETY: what is wrong with the call is what the service shall find.
    unsafe { service(timer, due, 0, 0) };
}

#[inline(never)]
fn delete_timer(timer: u64) {
    type Service = unsafe extern "win64" fn(u64, u8, u8, u64) -> u8;
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("ExDeleteTimer")) };
    // SAFETY: what is wrong with the call is what the service shall find.
    unsafe { service(timer, 1, 1, 0) };
}

#[inline(never)]
fn delay(time: i64) {
    type Service = unsafe extern "win64" fn(u8, u8, *const i64) -> i32;
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("KeDelayExecutionThread")) };
    // SAFETY: the time outlives the call.
    unsafe { service(0, 0, &raw const time) };
}

#[inline(never)]
fn initialize_dpc(dpc: *mut u8, routine: Callback) {
    type Service = unsafe extern "win64" fn(*mut u8, Callback, u64);
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("KeInitializeDpc")) };
    // SAFETY: the block has room for a DPC.
    unsafe { service(dpc, routine, 0) }
}

#[inline(never)]
fn queue_dpc(dpc: *mut u8) {
    type Service = unsafe extern "win64" fn(*mut u8, u64, u64) -> u8;
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("KeInsertQueueDpc")) };
    // SAFETY: what is wrong with the call is what the service shall find.
    unsafe { service(dpc, 0, 0) };
}

/// A high-resolution timer takes no date.
#[inline(never)]
pub fn timer_absolute() {
    set_timer(allocate_timer(0), 1);
    black_box(());
}

#[inline(never)]
pub fn timer_deleted() {
    let timer = allocate_timer(0);
    delete_timer(timer);
    set_timer(timer, MILLISECOND);
    black_box(());
}

/// Waiting for its routine, at a level at which nothing waits.
#[inline(never)]
pub fn timer_irql() {
    let timer = allocate_timer(0);
    irql::set(irql::DISPATCH_LEVEL);
    delete_timer(timer);
    black_box(());
}

#[inline(never)]
pub fn timer_context_freed() {
    let block = allocate(96);
    set_timer(allocate_timer(block as u64 + 8), MILLISECOND);
    free(block, *b"Brk ");
    black_box(());
}

/// A driver goes and leaves a timer.
#[inline(never)]
pub fn timer_left() {
    set_timer(allocate_timer(0), MILLISECOND);
    fault::wrong_use("unload", "the driver left something", nt::left_behind());
}

/// A timer expires once, not before its time, at `DISPATCH_LEVEL`, and not while that is held back.
#[inline(never)]
pub fn timer_expires() {
    let timer = allocate_timer(0);
    set_timer(timer, MILLISECOND);
    irql::set(irql::DISPATCH_LEVEL);
    let begin = clock::now_100ns();
    while clock::now_100ns() < begin + 20_000 {}
    let held_back = TIMES.load(Ordering::Relaxed);
    irql::set(irql::PASSIVE_LEVEL);
    delay(MILLISECOND);
    let late = TIMES.load(Ordering::Relaxed);
    // Far apart: the machine under this one may stand still for a while.
    set_timer(timer, 200 * MILLISECOND);
    delay(4 * MILLISECOND);
    let early = TIMES.load(Ordering::Relaxed);
    delay(250 * MILLISECOND);
    let (all, level) = (TIMES.load(Ordering::Relaxed), LEVEL.load(Ordering::Relaxed));
    let text = format!("expired {held_back}, {late}, {early}, {all} times, at IRQL {level}");
    fault::wrong_use("ExSetTimer", &text, Vec::new());
}

#[inline(never)]
pub fn dpc_freed() {
    let block = allocate(96);
    initialize_dpc(block, note);
    irql::set(irql::DISPATCH_LEVEL);
    queue_dpc(block);
    free(block, *b"Brk ");
    black_box(());
}

#[inline(never)]
pub fn dpc_not_initialised() {
    queue_dpc(allocate(96));
    black_box(());
}

#[inline(never)]
pub fn dpc_irql() {
    let block = allocate(96);
    initialize_dpc(block, lower);
    queue_dpc(block);
    black_box(());
}

/// A driver goes and leaves a DPC in the queue.
#[inline(never)]
pub fn dpc_left() {
    let block = allocate(96);
    initialize_dpc(block, note);
    irql::set(irql::DISPATCH_LEVEL);
    queue_dpc(block);
    fault::wrong_use("unload", "the driver left something", nt::left_behind());
}
