//! A small kernel that runs vmdisp.sys at ring 0, for tests in QEMU.
//!
//! It boots by PVH (`boot`), gives itself page tables in which nothing is both
//! writable and executable (`memory`), loads the driver's image from `fw_cfg`
//! (`image`), plays the part of ntoskrnl that the driver imports (`nt`), and
//! hands the machine's display adapters (`pci`) to the port, which plays
//! dxgkrnl. Whatever goes wrong ends the run with a report (`fault`) that the
//! workbench reads from COM1.
#![no_std]
#![no_main]

extern crate alloc;

mod boot;
mod breakage;
mod cpu;
mod display;
mod driver;
mod fault;
mod fw_cfg;
mod host;
mod image;
mod memory;
mod nt;
mod pci;
mod run;
mod serial;
mod threads;

use core::arch::asm;

use memory::{frames::FRAMES, heap, layout, paging, stack};
use vmdisp_ring0_protocol::{DRIVER_FILE, End, Job, OPTIONS_FILE, Options};

/// Pages of the stack that everything runs on, the driver's calls included.
const STACK_PAGES: u64 = 64;

/// Where the boot code comes out: in the high half, on the boot tables and the boot stack.
///
/// # Safety
///
/// `start_info` is what the PVH loader passed, and this runs once.
unsafe extern "sysv64" fn early(start_info: u64) -> ! {
    serial::set_up();
    // What is below belongs to the firmware, the boot code and the kernel's image. The boot
    // tables reach no further than 4 GiB.
    let first = paging::kernel_end();
    // SAFETY: this function's promise.
    let map = unsafe { boot::memory_map(start_info) };
    let usable = map
        .filter(|region| region.end > first && region.end <= 4 << 30)
        .map(|region| boot::Region {
            start: region.start.max(first),
            end: region.end,
        });
    for region in usable.clone() {
        // SAFETY: RAM above the kernel's image is nobody's yet.
        unsafe { FRAMES.lock().add(region) }
    }
    // SAFETY: the boot tables are active, and there are frames.
    unsafe { paging::take_over(usable) }
    heap::set_up();
    let stack = stack::allocate(STACK_PAGES);
    // SAFETY: the new stack is mapped; nothing of the old one is needed any more.
    unsafe {
        asm!(
            "mov rsp, {stack}",
            "xor ebp, ebp",
            "call {main}",
            "ud2",
            stack = in(reg) stack,
            main = sym main,
            options(noreturn),
        )
    }
}

/// On the kernel's own tables and stack.
extern "sysv64" fn main() -> ! {
    threads::set_up();
    cpu::segments::set_up();
    cpu::exceptions::set_up();
    cpu::clock::set_up();
    cpu::apic::set_up();
    cpu::irql::set(cpu::irql::PASSIVE_LEVEL);
    x86_64::instructions::interrupts::enable();
    let options = options();
    let pages = paging::audit();
    log!(
        "small kernel: image {:#x}, {pages} pages mapped, none writable and executable",
        layout::KERNEL
    );
    nt::pool::set_up(options.guard);
    nt::set_parameters(&options.parameters);
    cpu::clock::set_counts(options.counts);
    nt::set_verified(options.verified);
    if options.trace {
        nt::write_all_lines();
    }
    if let Job::Break(net) = &options.job {
        breakage::break_net(net);
    }
    let file = fw_cfg::file(DRIVER_FILE).expect("the workbench passes a driver");
    run::run(file, &options);
    fault::end(End::Done)
}

/// What the workbench asks for.
fn options() -> Options {
    let Some(file) = fw_cfg::file(OPTIONS_FILE) else {
        return Options::default();
    };
    serde_json::from_slice(&file).unwrap_or_else(|error| panic!("{OPTIONS_FILE}: {error}"))
}
