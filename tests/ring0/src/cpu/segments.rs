//! The descriptor table, and the stacks that exceptions switch to.

use spin::Once;
use x86_64::{
    VirtAddr,
    instructions::{
        segmentation::{CS, DS, ES, SS, Segment},
        tables::load_tss,
    },
    structures::{
        gdt::{Descriptor, GlobalDescriptorTable},
        tss::TaskStateSegment,
    },
};

use crate::memory::stack;

/// Which interrupt stack a double fault takes: it must work where the kernel's stack is used up.
pub const DOUBLE_FAULT_STACK: u16 = 0;
/// Which interrupt stack a non-maskable interrupt takes: it may come at any instruction.
pub const NMI_STACK: u16 = 1;

/// Pages of each interrupt stack.
const PAGES: u64 = 8;

static TASK: Once<TaskStateSegment> = Once::new();
static TABLE: Once<GlobalDescriptorTable> = Once::new();

/// Loads the kernel's own segments, replacing the boot code's, which are about to vanish.
pub fn set_up() {
    let task = TASK.call_once(|| {
        let mut task = TaskStateSegment::new();
        for number in [DOUBLE_FAULT_STACK, NMI_STACK] {
            task.interrupt_stack_table[usize::from(number)] = VirtAddr::new(stack::allocate(PAGES));
        }
        task
    });
    let mut table = GlobalDescriptorTable::new();
    let code = table.append(Descriptor::kernel_code_segment());
    let data = table.append(Descriptor::kernel_data_segment());
    let task = table.append(Descriptor::tss_segment(task));
    TABLE.call_once(|| table).load();
    // SAFETY: the selector is that of a 64-bit code segment in the table just loaded.
    unsafe { CS::set_reg(code) }
    // SAFETY: the selector is that of a data segment in the table just loaded.
    unsafe { SS::set_reg(data) }
    // SAFETY: as above.
    unsafe { DS::set_reg(data) }
    // SAFETY: as above.
    unsafe { ES::set_reg(data) }
    // SAFETY: the selector is that of a task segment in the table just loaded, and static.
    unsafe { load_tss(task) }
}
