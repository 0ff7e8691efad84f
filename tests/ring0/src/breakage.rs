//! Breaks the kernel's own safety nets on purpose, so that the workbench can see that each holds.
//!
//! Each function here does one forbidden thing; its name is what a report must show.

mod deferred;
mod mapping;
mod screen;
mod threads;

use alloc::{boxed::Box, vec::Vec};
use core::{arch::asm, hint::black_box};

use x86_64::{
    VirtAddr,
    instructions::{hlt, tables::lidt},
    structures::{DescriptorTablePointer, idt::InterruptDescriptorTable},
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
        "deaf-hang" => deaf_hang,
        "lock-recursion" => lock_recursion,
        "lock-order" => lock_order,
        "lock-irql" => lock_irql,
        "wait-for-ever" => wait_for_ever,
        "bug-check" => bug_check,
        "timer-absolute" => deferred::timer_absolute,
        "timer-deleted" => deferred::timer_deleted,
        "timer-irql" => deferred::timer_irql,
        "timer-context-freed" => deferred::timer_context_freed,
        "timer-left" => deferred::timer_left,
        "timer-expires" => deferred::timer_expires,
        "dpc-freed" => deferred::dpc_freed,
        "dpc-not-initialised" => deferred::dpc_not_initialised,
        "dpc-irql" => deferred::dpc_irql,
        "dpc-left" => deferred::dpc_left,
        "thread-runs" => threads::thread_runs,
        "thread-preempted" => threads::thread_preempted,
        "thread-stalls" => threads::thread_stalls,
        "thread-fails" => threads::thread_fails,
        "thread-left" => threads::thread_left,
        "thread-handle-left" => threads::thread_handle_left,
        "thread-ends-raised" => threads::thread_ends_raised,
        "thread-ends-in-region" => threads::thread_ends_in_region,
        "thread-deadlock" => threads::thread_deadlock,
        "thread-wait-raised" => threads::thread_wait_raised,
        "thread-event-freed" => threads::thread_event_freed,
        "thread-stack" => threads::thread_stack,
        "thread-closed-twice" => threads::thread_closed_twice,
        "mapping-maps" => mapping::mapping_maps,
        "mapping-twice" => mapping::mapping_twice,
        "mapping-tag" => mapping::mapping_tag,
        "mapping-long" => mapping::mapping_long,
        "mapping-frame" => mapping::mapping_frame,
        "mapping-not-locked" => mapping::mapping_not_locked,
        "mapping-unmapped" => mapping::mapping_unmapped,
        "mapping-list" => mapping::mapping_list,
        "mapping-late" => mapping::mapping_late,
        "mapping-execute" => mapping::mapping_execute,
        "mapping-freed" => mapping::mapping_freed,
        "mapping-pages-freed" => mapping::mapping_pages_freed,
        "mapping-left" => mapping::mapping_left,
        "mapping-irql" => mapping::mapping_irql,
        "user-vanishes" => mapping::user_vanishes,
        "screen-differs" => screen::screen_differs,
        "screen-after-power" => screen::screen_after_power,
        "writes-counted" => screen::writes_counted,
        "panic" => || panic!("on purpose"),
        _ => panic!("no safety net is called {net}"),
    };
    break_it();
    black_box(()); // so that the call above is no jump, and stands in the report
    fault::wrong_use(net, "nothing stopped it", Vec::new())
}

/// A service as the driver calls it: through the stub that notes the caller.
fn service(name: &str) -> u64 {
    nt::resolve(name).expect("a service of that name")
}

#[inline(never)]
fn allocate(bytes: usize) -> *mut u8 {
    type Service = unsafe extern "win64" fn(u64, usize, u32) -> *mut u8;
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("ExAllocatePool2")) };
    // SAFETY: a plain nonpaged block.
    unsafe { service(0x40, bytes, u32::from_le_bytes(*b"Brk ")) }
}

#[inline(never)]
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
    black_box(());
}

#[inline(never)]
fn write_constants() {
    static CONSTANT: u64 = 7;
    write(&raw const CONSTANT as u64);
    black_box(());
}

#[inline(never)]
fn execute_data() {
    let code: [u8; 1] = black_box([0xc3]);
    execute(code.as_ptr() as u64);
    black_box(());
}

#[inline(never)]
fn execute_pool() {
    execute(allocate(4096) as u64);
    black_box(());
}

#[inline(never)]
fn null_read() {
    read(8);
    black_box(());
}

#[inline(never)]
fn user_half() {
    read(0x7fff_0000_0000);
    black_box(());
}

/// The boot code's page must be mapped by its physical address no more.
#[inline(never)]
fn identity() {
    read(1 << 20);
    black_box(());
}

/// Needs guard mode.
#[inline(never)]
fn pool_overrun() {
    let block = allocate(96);
    write(block as u64 + 96);
    black_box(());
}

/// Needs guard mode.
#[inline(never)]
fn pool_use_after_free() {
    let block = allocate(96);
    free(block, *b"Brk ");
    read(block as u64 + 8);
    black_box(());
}

#[inline(never)]
fn pool_double_free() {
    let block = allocate(96);
    free(block, *b"Brk ");
    free(block, *b"Brk ");
    black_box(());
}

#[inline(never)]
fn pool_wrong_tag() {
    free(allocate(96), *b"Oops");
    black_box(());
}

/// A byte behind the block that no page boundary can catch.
#[inline(never)]
fn pool_slack() {
    let block = allocate(100);
    write(block as u64 + 100);
    free(block, *b"Brk ");
    black_box(());
}

#[inline(never)]
fn pool_irql() {
    irql::set(irql::HIGH_LEVEL);
    allocate(96);
    black_box(());
}

/// The same physical memory must not be executable by its other address either.
#[inline(never)]
fn execute_direct() {
    let block = allocate(4096) as u64;
    let (physical, _) = paging::translate(block).expect("a mapped block");
    execute(direct(physical).as_u64());
    black_box(());
}

#[inline(never)]
fn acquire(lock: &mut usize) -> u8 {
    type Service = unsafe extern "win64" fn(*mut usize) -> u8;
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("KeAcquireSpinLockRaiseToDpc")) };
    // SAFETY: the lock outlives the call, which is all that the service needs.
    unsafe { service(lock) }
}

#[inline(never)]
fn release(lock: &mut usize, level: u8) {
    type Service = unsafe extern "win64" fn(*mut usize, u8);
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("KeReleaseSpinLock")) };
    // SAFETY: what is wrong with the call is what the service shall find.
    unsafe { service(lock, level) }
}

#[inline(never)]
fn lock_recursion() {
    let mut lock = 0;
    acquire(&mut lock);
    acquire(&mut lock);
    black_box(());
}

#[inline(never)]
fn lock_order() {
    let (mut first, mut second) = (0, 0);
    let level = acquire(&mut first);
    acquire(&mut second);
    release(&mut first, level);
    black_box(());
}

#[inline(never)]
fn lock_irql() {
    let mut lock = 0;
    let level = acquire(&mut lock);
    irql::set(level);
    release(&mut lock, level);
    black_box(());
}

#[inline(never)]
fn wait_for_ever() {
    type Initialize = unsafe extern "win64" fn(*mut u64, u32, u8);
    type Wait = unsafe extern "win64" fn(*mut u64, u32, u8, u8, *const i64) -> i32;
    let mut event = [0; 3];
    // SAFETY: the service has this type.
    let initialize: Initialize = unsafe { core::mem::transmute(service("KeInitializeEvent")) };
    // SAFETY: the event has the size of one.
    unsafe { initialize(event.as_mut_ptr(), 0, 0) }
    // SAFETY: the service has this type.
    let wait: Wait = unsafe { core::mem::transmute(service("KeWaitForSingleObject")) };
    // SAFETY: what is wrong with the call is what the service shall find.
    unsafe { wait(event.as_mut_ptr(), 0, 0, 0, core::ptr::null()) };
}

#[inline(never)]
fn bug_check() {
    type Service = unsafe extern "win64" fn(u32, u64, u64, u64, u64) -> !;
    // SAFETY: the service has this type.
    let service: Service = unsafe { core::mem::transmute(service("KeBugCheckEx")) };
    // SAFETY: it takes plain numbers.
    unsafe { service(0xe2, 1, 2, 3, 4) }
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

/// A handler that never returns answers nothing.
#[inline(never)]
fn deaf_hang() {
    let mut table = Box::new(InterruptDescriptorTable::new());
    let deaf = VirtAddr::new(deaf as *const () as u64);
    // SAFETY: the handler takes nothing and never returns.
    unsafe { table.non_maskable_interrupt.set_handler_addr(deaf) };
    Box::leak(table).load();
    hang();
}

/// Where a non-maskable interrupt then ends.
extern "sysv64" fn deaf() -> ! {
    loop {
        core::hint::spin_loop();
    }
}
