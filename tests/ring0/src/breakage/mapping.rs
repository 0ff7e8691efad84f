//! Breaks what reserved addresses, system pages and user memory promise and demand.

use alloc::{format, vec::Vec};
use core::hint::black_box;

use dxgk_port::{Host, SystemPages};

use super::{execute, read, service};
use crate::{cpu::irql, fault, host::Machine, memory::layout::PAGE, nt};

const TAG: u32 = u32::from_le_bytes(*b"Brk ");
const OTHER: u32 = u32::from_le_bytes(*b"Oops");

/// An MDL with room for four pages.
#[repr(C)]
struct List {
    next: u64,
    size: u16,
    flags: u16,
    process: u64,
    addresses: [u64; 2],
    bytes: u32,
    offset: u32,
    frames: [u64; 4],
}

fn list(frames: &[u64]) -> List {
    let mut list = List {
        next: 0,
        size: 48 + 8 * frames.len() as u16,
        flags: 2,
        process: 0,
        addresses: [0; 2],
        bytes: (frames.len() as u64 * PAGE) as u32,
        offset: 0,
        frames: [0; 4],
    };
    list.frames[..frames.len()].copy_from_slice(frames);
    list
}

fn machine() -> Machine {
    Machine::new(Vec::new(), 0)
}

fn pages(count: usize) -> SystemPages {
    machine().system_pages(count).expect("system pages")
}

#[inline(never)]
fn reserve(pages: u64) -> u64 {
    type Service = unsafe extern "win64" fn(u64, u32) -> u64;
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("MmAllocateMappingAddress")) };
    // SAFETY: it takes plain numbers.
    unsafe { service(pages * PAGE, TAG) }
}

#[inline(never)]
fn free(range: u64) {
    type Service = unsafe extern "win64" fn(u64, u32);
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("MmFreeMappingAddress")) };
    // SAFETY: what is wrong with the call is what the service shall find.
    unsafe { service(range, TAG) }
}

#[inline(never)]
fn map(range: u64, tag: u32, list: &mut List) -> u64 {
    type Service = unsafe extern "win64" fn(u64, u32, *mut List, u32) -> u64;
    let name = "MmMapLockedPagesWithReservedMapping";
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service(name)) };
    // SAFETY: what is wrong with the call is what the service shall find.
    unsafe { service(range, tag, list, 1) }
}

#[inline(never)]
fn unmap(address: u64, list: &mut List) {
    type Service = unsafe extern "win64" fn(u64, u32, *mut List);
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("MmUnmapReservedMapping")) };
    // SAFETY: what is wrong with the call is what the service shall find.
    unsafe { service(address, TAG, list) }
}

/// Pages appear in the list's order, one of them twice, and are the port's own; nothing is left.
#[inline(never)]
pub fn mapping_maps() {
    let pages = pages(3);
    for page in 0..3 {
        let address = pages.address.as_ptr().wrapping_add(page * PAGE as usize);
        // SAFETY: the page is the port's.
        unsafe { address.write(page as u8 + 1) };
    }
    let frames = &pages.frames;
    let apart = frames.windows(2).all(|pair| pair[1] != pair[0] + 1);
    let range = reserve(4);
    let mut list = list(&[frames[2], frames[0], frames[1], frames[2]]);
    let address = map(range, TAG, &mut list);
    let seen = [0, 1, 2, 3].map(|page| read(address + page * PAGE));
    // SAFETY: the page is mapped.
    unsafe { ((address + PAGE) as *mut u8).write(9) };
    // SAFETY: the page is the port's.
    let written = unsafe { pages.address.as_ptr().read() };
    unmap(address, &mut list);
    free(range);
    machine().free_system_pages(pages.address);
    let left = nt::left_behind().len();
    let text = format!("{seen:?}, {written} written, apart: {apart}, {left} left");
    fault::wrong_use("MmMapLockedPagesWithReservedMapping", &text, Vec::new());
}

#[inline(never)]
pub fn mapping_twice() {
    let pages = pages(1);
    let (range, mut list) = (reserve(1), list(&pages.frames));
    map(range, TAG, &mut list);
    list.flags = 2;
    map(range, TAG, &mut list);
    black_box(());
}

#[inline(never)]
pub fn mapping_tag() {
    let mut list = list(&pages(1).frames);
    map(reserve(1), OTHER, &mut list);
    black_box(());
}

#[inline(never)]
pub fn mapping_long() {
    let mut list = list(&pages(2).frames);
    map(reserve(1), TAG, &mut list);
    black_box(());
}

/// A frame that nobody was given: the port's own heap, perhaps.
#[inline(never)]
pub fn mapping_frame() {
    let mut list = list(&[0x123]);
    map(reserve(1), TAG, &mut list);
    black_box(());
}

#[inline(never)]
pub fn mapping_not_locked() {
    let mut list = list(&pages(1).frames);
    list.flags = 0;
    map(reserve(1), TAG, &mut list);
    black_box(());
}

#[inline(never)]
pub fn mapping_unmapped() {
    let mut list = list(&pages(1).frames);
    unmap(reserve(1), &mut list);
    black_box(());
}

/// Another list than the map's.
#[inline(never)]
pub fn mapping_list() {
    let pages = pages(1);
    let (range, mut first, mut second) = (reserve(1), list(&pages.frames), list(&pages.frames));
    map(range, TAG, &mut first);
    unmap(range, &mut second);
    black_box(());
}

#[inline(never)]
pub fn mapping_late() {
    let pages = pages(1);
    let (range, mut list) = (reserve(1), list(&pages.frames));
    let address = map(range, TAG, &mut list);
    unmap(address, &mut list);
    read(address);
    black_box(());
}

#[inline(never)]
pub fn mapping_execute() {
    let pages = pages(1);
    let mut list = list(&pages.frames);
    execute(map(reserve(1), TAG, &mut list));
    black_box(());
}

#[inline(never)]
pub fn mapping_freed() {
    let pages = pages(1);
    let (range, mut list) = (reserve(1), list(&pages.frames));
    map(range, TAG, &mut list);
    free(range);
    black_box(());
}

/// The system gets pages back that the driver has mapped.
#[inline(never)]
pub fn mapping_pages_freed() {
    let pages = pages(2);
    let mut list = list(&pages.frames);
    map(reserve(2), TAG, &mut list);
    machine().free_system_pages(pages.address);
    black_box(());
}

#[inline(never)]
pub fn mapping_left() {
    reserve(2);
    fault::wrong_use("unload", "the driver left something", nt::left_behind());
}

#[inline(never)]
pub fn mapping_irql() {
    irql::set(irql::DISPATCH_LEVEL);
    reserve(2);
    black_box(());
}

/// A copy from user memory ends where a page is gone, and goes through when it is back.
#[inline(never)]
pub fn user_vanishes() {
    type Service = unsafe extern "win64" fn(*mut u8, u64, usize, u32, *mut usize) -> i32;
    let machine = machine();
    let memory = machine.user_memory(2 * PAGE as usize).expect("user memory");
    let second = memory.as_ptr().wrapping_add(PAGE as usize);
    // SAFETY: the page is there.
    unsafe { second.write(7) };
    let second = core::ptr::NonNull::new(second).expect("an address");
    let from = memory.as_ptr() as u64 + PAGE - 2;
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("MmCopyMemory")) };
    let copy = || {
        let (mut bytes, mut copied) = ([0; 4], 0);
        // SAFETY: the buffer has four bytes.
        let status = unsafe { service(bytes.as_mut_ptr(), from, 4, 2, &raw mut copied) };
        (status, copied, bytes[2])
    };
    machine.protect_user_memory(second, false);
    let (gone, some, _) = copy();
    machine.protect_user_memory(second, true);
    let (back, all, byte) = copy();
    machine.free_user_memory(memory);
    let text = format!("{gone:#x} after {some} bytes, then {back} after {all}, {byte}");
    fault::wrong_use("MmCopyMemory", &text, Vec::new());
}
