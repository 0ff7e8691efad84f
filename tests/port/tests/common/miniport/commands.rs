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

/// Where the CPU finds a GPU address; NULL if that many bytes are not there.
pub fn resolve(context: &Context, address: u64, bytes: u64) -> *mut u8 {
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
    let to = resolve(context, command.to, command.bytes);
    let bytes = usize::try_from(command.bytes).unwrap();
    match command.kind {
        COPY => {
            let from = resolve(context, command.from, command.bytes);
            if !from.is_null() && !to.is_null() {
                unsafe { ptr::copy(from, to, bytes) };
            }
        }
        FILL if !to.is_null() => {
            for at in (0..bytes).step_by(4) {
                unsafe {
                    to.wrapping_add(at)
                        .cast::<u32>()
                        .write_unaligned(command.value);
                };
            }
        }
        _ => {}
    }
}
