//! What is in the good miniport's DMA and paging buffers, and what its engine makes of it.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::ptr;

use super::Context;
use crate::common::machine::FRAMEBUFFER_BYTES;

pub const NOP: u32 = 0;
/// `bytes` from the GPU address `from` to `to`.
pub const COPY: u32 = 1;
/// `bytes` of `value` at the GPU address `to`.
pub const FILL: u32 = 2;

/// A command, in user mode's buffers and in the engine's alike.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Command {
    pub kind: u32,
    pub value: u32,
    pub from: u64,
    pub to: u64,
    pub bytes: u64,
    pub tail: [u64; 4],
}

pub const COMMAND_BYTES: u32 = 64;
/// Where the two addresses are in a command.
pub const FROM: u32 = 8;
pub const TO: u32 = 16;

impl Command {
    pub fn bytes(self) -> [u8; 64] {
        unsafe { std::mem::transmute(self) }
    }

    /// The command at an address.
    pub unsafe fn read(at: *const u8) -> Self {
        unsafe { at.cast::<Self>().read_unaligned() }
    }

    pub unsafe fn write(self, at: *mut u8) {
        unsafe { at.cast::<Self>().write_unaligned(self) };
    }
}

/// Aperture pages from page `to` on show the `bytes` frames of the tail.
pub const MAP: u32 = 3;
/// `bytes` aperture pages from page `to` on show the page at the physical address `from`.
pub const UNMAP: u32 = 4;

/// Where the aperture segment begins.
pub const APERTURE: u64 = 0x1000_0000;
/// With this bit an address is a physical one.
pub const PHYSICAL: u64 = 1 << 63;
const PAGE: u64 = 4096;

/// Where the CPU finds a GPU address; NULL if that many bytes are not there in one piece.
pub fn resolve(context: &Context, address: u64, bytes: u64) -> *mut u8 {
    let offset = usize::try_from(address % PAGE).unwrap();
    let one_page = address % PAGE + bytes <= PAGE;
    let page = |physical: u64| {
        let start = context.machine().frame(physical / PAGE);
        if start.is_null() || !one_page {
            ptr::null_mut()
        } else {
            start.wrapping_add(offset)
        }
    };
    if address & PHYSICAL != 0 {
        return page(address & !PHYSICAL);
    }
    if address >= APERTURE {
        let aperture = context.aperture.lock().unwrap();
        let mapped = aperture.get(&((address - APERTURE) / PAGE)).copied();
        drop(aperture);
        return mapped.map_or(ptr::null_mut(), page);
    }
    let end = address.checked_add(bytes);
    if end.is_none_or(|end| end > u64::from(FRAMEBUFFER_BYTES)) || context.framebuffer.is_null() {
        return ptr::null_mut();
    }
    context
        .framebuffer
        .cast::<u8>()
        .wrapping_add(usize::try_from(address).unwrap())
}

/// Carries a command out. What it cannot reach it leaves alone.
pub fn run(context: &Context, command: &Command) {
    match command.kind {
        COPY => copy(context, command),
        FILL => fill(context, command),
        MAP => {
            let mut aperture = context.aperture.lock().unwrap();
            let count = usize::try_from(command.bytes).unwrap().min(4);
            for (page, frame) in (command.to..).zip(&command.tail[..count]) {
                aperture.insert(page, frame * PAGE);
            }
        }
        UNMAP => {
            let mut aperture = context.aperture.lock().unwrap();
            for page in command.to..command.to + command.bytes {
                aperture.insert(page, command.from);
            }
        }
        _ => {}
    }
}

fn copy(context: &Context, command: &Command) {
    let (from, to) = (command.from, command.to);
    let whole = resolve(context, from, command.bytes);
    let target = resolve(context, to, command.bytes);
    if !whole.is_null() && !target.is_null() {
        unsafe { ptr::copy(whole, target, usize::try_from(command.bytes).unwrap()) };
        return;
    }
    let mut done = 0;
    while done < command.bytes {
        let left = |address: u64| PAGE - (address + done) % PAGE;
        let bytes = left(from).min(left(to)).min(command.bytes - done);
        let source = resolve(context, from + done, bytes);
        let target = resolve(context, to + done, bytes);
        if !source.is_null() && !target.is_null() {
            unsafe { ptr::copy(source, target, usize::try_from(bytes).unwrap()) };
        }
        done += bytes;
    }
}

fn fill(context: &Context, command: &Command) {
    for at in (0..command.bytes).step_by(4) {
        let to = resolve(context, command.to + at, 4);
        if !to.is_null() {
            unsafe { to.cast::<u32>().write_unaligned(command.value) };
        }
    }
}
