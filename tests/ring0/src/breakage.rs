//! Breaks the kernel's own safety nets on purpose, so that the workbench can see that each holds.
//!
//! Each function here does one forbidden thing; its name is what a report must show.

use alloc::vec::Vec;
use core::{arch::asm, hint::black_box};

use x86_64::{
    instructions::{hlt, tables::lidt},
    structures::DescriptorTablePointer,
};

use crate::{
    cpu::irql,
    fault,
    memory::{direct, paging},
    nt,
};

/// Does the forbidden thing named `net`.
///
/// # Panics
///
/// Where there is no such name.
pub fn break_net(net: &str) -> ! {
    let break_it = match net {
        "write-code" => write_code,
        "write-constants" => write_constants,
        "execute-data" => execute_data,
        "execute-pool" => execute_pool,
        "execute-direct" => execute_direct,
        "null-read" => null_read,
        "user-half" => user_half,
        "identity" => identity,
        "pool-overrun" => pool_overrun,
        "pool-use-after-free" => pool_use_after_free,
        "pool-double-free" => pool_double_free,
        "pool-wrong-tag" => pool_wrong_tag,
        "pool-slack" => pool_slack,
        "pool-irql" => pool_irql,
        "stack-overflow" => stack_overflow,
        "triple-fault" => triple_fault,
        "hang" => hang,
        "panic" => || panic!("on purpose"),
        _ => panic!("no safety net is called {net}"),
    };
    break_it();
    fault::wrong_use(net, "nothing stopped it", Vec::new())
}

/// A service as the driver calls it: through the stub that notes the caller.
fn service(name: &str) -> u64 {
    nt::resolve(name).expect("a service of that name")
}

fn allocate(bytes: usize) -> *mut u8 {
    type Service = unsafe extern "win64" fn(u64, usize, u32) -> *mut u8;
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("ExAllocatePool2")) };
    // SAFETY: a plain nonpaged block.
    unsafe { service(0x40, bytes, u32::from_le_bytes(*b"Brk ")) }
}

fn free(block: *mut u8, tag: [u8; 4]) {
    type Service = unsafe extern "win64" fn(*mut u8, u32);
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("ExFreePoolWithTag")) };
    // SAFETY: what is wrong with the call is what the service shall find.
    unsafe { service(block, u32::from_le_bytes(tag)) }
}

#[inline(never)]
fn write(address: u64) {
    // SAFETY: none; the processor shall refuse it.
    unsafe { (black_box(address) as *mut u8).write_volatile(1) }
}

#[inline(never)]
fn read(address: u64) -> u8 {
    // SAFETY: none; the processor shall refuse it.
    unsafe { (black_box(address) as *const u8).read_volatile() }
}

#[inline(never)]
fn execute(address: u64) {
    // SAFETY: none; the processor shall refuse it.
    unsafe { asm!("call {}", in(reg) address, clobber_abi("sysv64")) }
}

#[inline(never)]
fn write_code() {
    write(write_code as *const () as u64);
}

#[inline(never)]
fn write_constants() {
    static CONSTANT: u64 = 7;
    write(&raw const CONSTANT as u64);
}

#[inline(never)]
fn execute_data() {
    let code: [u8; 1] = black_box([0xc3]);
    execute(code.as_ptr() as u64);
}

#[inline(never)]
fn execute_pool() {
    execute(allocate(4096) as u64);
}

#[inline(never)]
fn null_read() {
    read(8);
}

#[inline(never)]
fn user_half() {
    read(0x7fff_0000_0000);
}

/// The boot code's page must be mapped by its physical address no more.
#[inline(never)]
fn identity() {
    read(1 << 20);
}

/// Needs guard mode.
#[inline(never)]
fn pool_overrun() {
    let block = allocate(96);
    write(block as u64 + 96);
}

/// Needs guard mode.
#[inline(never)]
fn pool_use_after_free() {
    let block = allocate(96);
    free(block, *b"Brk ");
    read(block as u64 + 8);
}

#[inline(never)]
fn pool_double_free() {
    let block = allocate(96);
    free(block, *b"Brk ");
    free(block, *b"Brk ");
}

#[inline(never)]
fn pool_wrong_tag() {
    free(allocate(96), *b"Oops");
}

/// A byte behind the block that no page boundary can catch.
#[inline(never)]
fn pool_slack() {
    let block = allocate(100);
    write(block as u64 + 100);
    free(block, *b"Brk ");
}

#[inline(never)]
fn pool_irql() {
    irql::set(irql::HIGH_LEVEL);
    allocate(96);
}

/// The same physical memory must not be executable by its other address either.
#[inline(never)]
fn execute_direct() {
    let block = allocate(4096) as u64;
    let (physical, _) = paging::translate(block).expect("a mapped block");
    execute(direct(physical).as_u64());
}

#[expect(unconditional_recursion, reason = "that is what it is for")]
#[inline(never)]
fn stack_overflow() {
    let frame = black_box([0_u8; 512]);
    stack_overflow();
    black_box(frame);
}

#[inline(never)]
fn triple_fault() {
    let none = DescriptorTablePointer {
        limit: 0,
        base: direct(0),
    };
    // SAFETY: none; the next exception shall end the machine.
    unsafe { lidt(&none) }
    read(8);
}

#[inline(never)]
fn hang() {
    loop {
        hlt();
    }
}
