//! What the other drivers import from this one; `vmdisp_wine_nt::shim` is their side of it.

// Names that a linker sees.
#![allow(
    clippy::missing_safety_doc,
    reason = "vmdisp_wine_nt::shim says what each needs"
)]

use core::ffi::c_void;
use core::ptr;

use nt::DEVICE_OBJECT;
use nt::shim::{LineSink, PoolSink, PoolTotals};
use vmdisp_wine_nt as nt;

use crate::{
    debug, deferred, handles, lock, pages, pool, registration, report, system, threads, user,
};
use nt::protocol::Message;

// SAFETY: no other symbol of the image has this name; the same goes for those below.
#[unsafe(no_mangle)]
unsafe extern "system" fn shim_line(text: *const u8, bytes: usize) {
    // SAFETY: the caller's text.
    report::bytes(unsafe { core::slice::from_raw_parts(text, bytes) });
}

// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "system" fn shim_write_file(
    name: *const u8,
    name_bytes: usize,
    data: *const u8,
    bytes: usize,
) -> bool {
    // SAFETY: the caller's text.
    let name = unsafe { core::slice::from_raw_parts(name, name_bytes) };
    // SAFETY: the caller's bytes.
    let data = unsafe { core::slice::from_raw_parts(data, bytes) };
    core::str::from_utf8(name).is_ok_and(|name| report::file(name, data))
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "system" fn shim_irql() -> u8 {
    threads::irql()
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "system" fn shim_set_irql(irql: u8) {
    threads::set_irql(irql);
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "system" fn shim_time_100ns() -> u64 {
    system::now_100ns()
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "system" fn shim_thread() -> u64 {
    threads::current()
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "system" fn shim_relax() {
    system::relax();
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "system" fn shim_publish(device: *const DEVICE_OBJECT) {
    registration::publish(device.cast_mut());
}

// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "system" fn shim_pool(totals: *mut PoolTotals, sink: PoolSink, context: *mut c_void) {
    let (now, tags) = pool::in_use();
    // SAFETY: the caller's variable.
    unsafe { totals.write(now) };
    for (tag, blocks, bytes) in tags {
        // SAFETY: the caller's function with the caller's context.
        unsafe { sink(context, tag, blocks, bytes) };
    }
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "system" fn shim_pool_calls() -> u64 {
    pool::calls()
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "system" fn shim_fail_pool_call(nth: u64) {
    pool::fail_call(nth);
}

// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "system" fn shim_system_pages(count: usize, frames: *mut u64) -> *mut u8 {
    let Some((address, numbers)) = pages::allocate(count) else {
        return ptr::null_mut();
    };
    // SAFETY: the caller's list has room for so many numbers.
    unsafe { ptr::copy_nonoverlapping(numbers.as_ptr(), frames, numbers.len()) };
    ptr::with_exposed_provenance_mut(address)
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "system" fn shim_free_system_pages(address: *mut u8) {
    pages::free(address.addr());
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "system" fn shim_user_memory(bytes: usize) -> *mut u8 {
    ptr::with_exposed_provenance_mut(user::allocate(bytes).unwrap_or(0))
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "system" fn shim_free_user_memory(address: *mut u8) {
    user::free(address.addr());
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "system" fn shim_protect_user_memory(address: *mut u8, readable: bool) -> bool {
    user::set_readable(address.addr(), readable)
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "system" fn shim_threads_live() -> u64 {
    threads::live()
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "system" fn shim_threads_created() -> u64 {
    threads::created()
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "system" fn shim_fail_thread(nth: u64) {
    threads::fail_creation(nth);
}

// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "system" fn shim_complaints(sink: LineSink, context: *mut c_void) {
    for line in debug::take_complaints() {
        // SAFETY: the caller's function with the caller's context.
        unsafe { sink(context, line.as_ptr(), line.len()) };
    }
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "system" fn shim_driver_unloaded() {
    report_left();
}

/// Reports what the driver still has, and forgets it.
pub fn report_left() {
    let left = [
        threads::left(),
        handles::left(),
        lock::left(),
        pages::left(),
        registration::left(),
        deferred::forget_all(),
    ];
    for line in left.into_iter().flatten() {
        report::message(&Message::Left(line));
    }
    pool::report_left();
}
