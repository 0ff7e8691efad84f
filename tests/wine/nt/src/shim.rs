//! What the shim does for the other drivers: its exports.
//!
//! The shim plays the machine under the driver under test, so the port's host asks it for that machine's state.

use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::ptr::NonNull;

use vmdisp_wine_protocol::{MESSAGE_MARK, Message};

use crate::DEVICE_OBJECT;
use crate::control::line_of;

/// A part of the pool: a tag, blocks, bytes.
pub type PoolSink =
    unsafe extern "system" fn(context: *mut c_void, tag: u32, blocks: u64, bytes: u64);
/// A line of text.
pub type LineSink = unsafe extern "system" fn(context: *mut c_void, text: *const u8, bytes: usize);

/// What the driver under test holds of the pool.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct PoolTotals {
    /// Live blocks.
    pub blocks: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// The most bytes that were live at once.
    pub high_water_bytes: u64,
}

#[link(name = "kshim.sys", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "system" {
    fn shim_line(text: *const u8, bytes: usize);
    fn shim_write_file(name: *const u8, name_bytes: usize, data: *const u8, bytes: usize) -> bool;
    fn shim_irql() -> u8;
    fn shim_set_irql(irql: u8);
    fn shim_time_100ns() -> u64;
    fn shim_publish(device: *const DEVICE_OBJECT);
    fn shim_pool(totals: *mut PoolTotals, sink: PoolSink, context: *mut c_void);
    fn shim_pool_calls() -> u64;
    fn shim_fail_pool_call(nth: u64);
    fn shim_system_pages(pages: usize, frames: *mut u64) -> *mut u8;
    fn shim_free_system_pages(address: *mut u8);
    fn shim_user_memory(bytes: usize) -> *mut u8;
    fn shim_free_user_memory(address: *mut u8);
    fn shim_protect_user_memory(address: *mut u8, readable: bool) -> bool;
    fn shim_threads_live() -> u64;
    fn shim_threads_created() -> u64;
    fn shim_fail_thread(nth: u64);
    fn shim_complaints(sink: LineSink, context: *mut c_void);
    fn shim_driver_unloaded();
    fn shim_relax();
    fn shim_thread() -> u64;
}

/// Writes a line of text to the log.
pub fn line(text: &str) {
    // SAFETY: the text is there.
    unsafe { shim_line(text.as_ptr(), text.len()) };
}

/// Writes a line for programs to the log.
pub fn message(message: &Message) {
    let text = line_of(MESSAGE_MARK, message);
    // SAFETY: the text is there.
    unsafe { shim_line(text.as_ptr(), text.len()) };
}

/// Writes a file on drive C. False if it cannot.
pub fn write_file(name: &str, data: &[u8]) -> bool {
    // SAFETY: both are there.
    unsafe { shim_write_file(name.as_ptr(), name.len(), data.as_ptr(), data.len()) }
}

/// The IRQL that the calling thread is at.
pub fn irql() -> u8 {
    // SAFETY: it takes nothing.
    unsafe { shim_irql() }
}

/// Sets it.
pub fn set_irql(irql: u8) {
    // SAFETY: any number is taken.
    unsafe { shim_set_irql(irql) };
}

/// Time in 100 ns.
pub fn time_100ns() -> u64 {
    // SAFETY: it takes nothing.
    unsafe { shim_time_100ns() }
}

/// The calling thread's number.
pub fn thread() -> u64 {
    // SAFETY: it takes nothing.
    unsafe { shim_thread() }
}

/// Lets another thread go on.
pub fn relax() {
    // SAFETY: it takes nothing.
    unsafe { shim_relax() };
}

/// Says which device `\Device\DxgKrnl` is, or that it is gone.
pub fn publish(device: Option<NonNull<DEVICE_OBJECT>>) {
    let device = device.map_or(core::ptr::null(), |device| device.as_ptr().cast_const());
    // SAFETY: it is a device, or none.
    unsafe { shim_publish(device) };
}

/// What the driver holds of the pool, and the same by tag.
pub fn pool() -> (PoolTotals, Vec<(u32, u64, u64)>) {
    unsafe extern "system" fn add(context: *mut c_void, tag: u32, blocks: u64, bytes: u64) {
        // SAFETY: the list below.
        let list = unsafe { &mut *context.cast::<Vec<(u32, u64, u64)>>() };
        list.push((tag, blocks, bytes));
    }
    let (mut totals, mut tags) = (PoolTotals::default(), Vec::new());
    // SAFETY: both live through the call, and `add` knows the list.
    unsafe { shim_pool(&raw mut totals, add, (&raw mut tags).cast()) };
    (totals, tags)
}

/// Calls of the pool so far.
pub fn pool_calls() -> u64 {
    // SAFETY: it takes nothing.
    unsafe { shim_pool_calls() }
}

/// Makes the n-th call of the pool from now fail.
pub fn fail_pool_call(nth: Option<u64>) {
    // SAFETY: any number is taken.
    unsafe { shim_fail_pool_call(nth.unwrap_or(0)) };
}

/// Zeroed pages of system memory and their frame numbers.
pub fn system_pages(pages: usize) -> Option<(NonNull<u8>, Vec<u64>)> {
    let mut frames = alloc::vec![0; pages];
    // SAFETY: the list has room for so many numbers.
    let address = unsafe { shim_system_pages(pages, frames.as_mut_ptr()) };
    Some((NonNull::new(address)?, frames))
}

/// Gives them back.
pub fn free_system_pages(address: NonNull<u8>) {
    // SAFETY: an address that was not given ends the run.
    unsafe { shim_free_system_pages(address.as_ptr()) };
}

/// Zeroed memory that stands for a program's.
pub fn user_memory(bytes: usize) -> Option<NonNull<u8>> {
    // SAFETY: any number is taken.
    NonNull::new(unsafe { shim_user_memory(bytes) })
}

/// Gives it back.
pub fn free_user_memory(address: NonNull<u8>) {
    // SAFETY: an address that was not given ends the run.
    unsafe { shim_free_user_memory(address.as_ptr()) };
}

/// Takes a page of it away, or brings it back. False if it cannot.
pub fn protect_user_memory(address: NonNull<u8>, readable: bool) -> bool {
    // SAFETY: an address that was not given ends the run.
    unsafe { shim_protect_user_memory(address.as_ptr(), readable) }
}

/// System threads of the driver that live.
pub fn threads_live() -> u64 {
    // SAFETY: it takes nothing.
    unsafe { shim_threads_live() }
}

/// System threads that the driver has asked for.
pub fn threads_created() -> u64 {
    // SAFETY: it takes nothing.
    unsafe { shim_threads_created() }
}

/// Makes the n-th creation from now fail.
pub fn fail_thread(nth: Option<u64>) {
    // SAFETY: any number is taken.
    unsafe { shim_fail_thread(nth.unwrap_or(0)) };
}

/// The driver's debug lines since the last call.
pub fn take_complaints() -> Vec<String> {
    unsafe extern "system" fn add(context: *mut c_void, text: *const u8, bytes: usize) {
        // SAFETY: the list below.
        let list = unsafe { &mut *context.cast::<Vec<String>>() };
        // SAFETY: the shim has so many bytes there.
        let text = unsafe { core::slice::from_raw_parts(text, bytes) };
        list.push(String::from_utf8_lossy(text).into_owned());
    }
    let mut lines = Vec::new();
    // SAFETY: the list lives through the call, and `add` knows it.
    unsafe { shim_complaints(add, (&raw mut lines).cast()) };
    lines
}

/// The driver has been unloaded: what it left is reported.
pub fn driver_unloaded() {
    // SAFETY: it takes nothing.
    unsafe { shim_driver_unloaded() };
}
