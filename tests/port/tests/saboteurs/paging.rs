//! Bad drivers of paging: what BuildPagingBuffer returns, where it writes, and what its commands do.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use dxgk_port::Report;
use dxgk_sys::status::*;
use dxgk_sys::*;

use super::common::miniport::commands::{COPY, Command, FILL, MAP, NOP, PHYSICAL, UNMAP};
use super::common::miniport::paging as good;
use super::common::paging;

type Kind = DXGK_BUILDPAGINGBUFFER_OPERATION;
type Build = ddi!(fn(adapter: HANDLE, argument: *mut DXGKARG_BUILDPAGINGBUFFER) -> NTSTATUS);

fn with(build: Build) -> Report {
    let mut table = good::table();
    table.DxgkDdiBuildPagingBuffer = Some(build);
    paging::run(&table)
}

/// Builds as the good one does, and then something else with the argument.
macro_rules! after {
    ($($name:ident ($argument:ident, $status:ident) $body:block)*) => {
        ddi_fn! {
            $(unsafe fn $name(_this: HANDLE, $argument: *mut DXGKARG_BUILDPAGINGBUFFER) -> NTSTATUS {
                #[allow(unused_mut, unused_assignments)]
                let mut $status = unsafe { good::build($argument, |_| ()) };
                #[allow(unused_variables)]
                let $argument = unsafe { &mut *$argument };
                $body
                $status
            })*
        }
    };
}

/// Builds as the good one does, with other commands.
macro_rules! bends {
    ($($name:ident ($command:ident) $body:block)*) => {
        ddi_fn! {
            $(unsafe fn $name(_this: HANDLE, argument: *mut DXGKARG_BUILDPAGINGBUFFER) -> NTSTATUS {
                unsafe { good::build(argument, |$command: &mut Command| $body) }
            })*
        }
    };
}

after! {
    invalid (argument, status) {
        status = STATUS_INVALID_PARAMETER;
    }
    invalid_at_first (argument, status) {
        if argument.Operation == Kind::DXGK_OPERATION_FILL {
            status = STATUS_NO_MEMORY;
        }
    }
    refuses_the_unknown (argument, status) {
        if argument.Operation.0 > 22 {
            status = STATUS_NOT_SUPPORTED;
        }
    }
    notes_the_unknown (argument, status) {
        if argument.Operation.0 > 22 {
            unsafe { Command::default().write(argument.pDmaBuffer.cast()) };
            argument.pDmaBuffer = argument.pDmaBuffer.wrapping_byte_add(64);
        }
    }
    writes_behind (argument, status) {
        let page = argument.pDmaBuffer.addr() | 4095;
        let end = argument.pDmaBuffer.with_addr(page + 1);
        unsafe { end.cast::<u8>().write(1) };
    }
    points_behind (argument, status) {
        argument.pDmaBuffer = argument.pDmaBuffer.wrapping_byte_add(8192);
    }
    writes_behind_private (argument, status) {
        unsafe { argument.pDmaBufferPrivateData.cast::<u8>().wrapping_add(64).write(1) };
    }
    points_behind_private (argument, status) {
        argument.pDmaBufferPrivateData = argument.pDmaBufferPrivateData.wrapping_byte_add(65);
    }
    shrinks_oddly (argument, status) {
        argument.DmaSize = 1;
    }
    changes_its_operation (argument, status) {
        if argument.Operation == Kind::DXGK_OPERATION_FILL {
            unsafe { argument.u0.Fill.FillPattern ^= 1 };
        }
    }
    forgets_to_advance (argument, status) {
        if argument.Operation == Kind::DXGK_OPERATION_FILL {
            argument.pDmaBuffer = argument.pDmaBuffer.wrapping_byte_sub(64);
        }
    }
}

ddi_fn! {
    unsafe fn always_busy(_this: HANDLE, argument: *mut DXGKARG_BUILDPAGINGBUFFER) -> NTSTATUS {
        match unsafe { (*argument).Operation } {
            Kind::DXGK_OPERATION_TRANSFER => STATUS_GRAPHICS_ALLOCATION_BUSY,
            _ => unsafe { good::build(argument, |_| ()) },
        }
    }

    /// As its page allows: it waits for the flag.
    unsafe fn busy_until_idle(_this: HANDLE, argument: *mut DXGKARG_BUILDPAGINGBUFFER) -> NTSTATUS {
        let idle = |flags: DXGK_TRANSFERFLAGS| flags.contains(DXGK_TRANSFERFLAGS::AllocationIsIdle);
        match unsafe { (*argument).Operation } {
            Kind::DXGK_OPERATION_TRANSFER if unsafe { !idle((*argument).u0.Transfer.Flags) } => {
                STATUS_GRAPHICS_ALLOCATION_BUSY
            }
            _ => unsafe { good::build(argument, |_| ()) },
        }
    }

    unsafe fn never_enough(_this: HANDLE, _argument: *mut DXGKARG_BUILDPAGINGBUFFER) -> NTSTATUS {
        STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER
    }

    unsafe fn refuses_nobody(_this: HANDLE, argument: *mut DXGKARG_BUILDPAGINGBUFFER) -> NTSTATUS {
        let transfer = unsafe { (*argument).Operation } == Kind::DXGK_OPERATION_TRANSFER;
        if transfer && unsafe { (*argument).u0.Transfer.hAllocation.is_null() } {
            return STATUS_SUCCESS;
        }
        unsafe { good::build(argument, |_| ()) }
    }

    unsafe fn refuses_the_lost(_this: HANDLE, argument: *mut DXGKARG_BUILDPAGINGBUFFER) -> NTSTATUS {
        let transfer = unsafe { (*argument).Operation } == Kind::DXGK_OPERATION_TRANSFER;
        if transfer && unsafe { (*argument).u0.Transfer.TransferSize } == 0 {
            return STATUS_INVALID_PARAMETER;
        }
        unsafe { good::build(argument, |_| ()) }
    }

    /// The offset counts in segments only.
    unsafe fn forgets_the_offset(_this: HANDLE, argument: *mut DXGKARG_BUILDPAGINGBUFFER) -> NTSTATUS {
        let record = unsafe { &mut *argument };
        if record.Operation != Kind::DXGK_OPERATION_TRANSFER {
            return unsafe { good::build(argument, |_| ()) };
        }
        let kept = unsafe { record.u0.Transfer.MdlOffset };
        record.u0.Transfer.MdlOffset = 0;
        let status = unsafe { good::build(argument, |_| ()) };
        record.u0.Transfer.MdlOffset = kept;
        status
    }
}

bends! {
    fills_with_zero (command) {
        if command.kind == FILL {
            command.value = 0;
        }
    }
    leaves_the_mapping (command) {
        if command.kind == UNMAP {
            command.kind = NOP;
        }
    }
    unmaps_to_nowhere (command) {
        if command.kind == UNMAP {
            command.from = 0;
        }
    }
    maps_too_little (command) {
        if command.kind == MAP {
            command.bytes -= 1;
        }
    }
    copies_too_little (command) {
        if command.kind == COPY {
            command.bytes -= 1;
        }
    }
    copies_the_wrong_way (command) {
        if command.kind == COPY && command.from & PHYSICAL == 0 {
            std::mem::swap(&mut command.from, &mut command.to);
        }
    }
}

fn ended(report: Report, parameter: u64) -> Report {
    let bugcheck = report.bugcheck.as_ref().expect("the machine stops");
    assert_eq!(bugcheck.code, 0x10E);
    assert_eq!(bugcheck.parameters[0], parameter);
    report
}

#[test]
fn busy_until_the_allocation_is_idle_is_fine() {
    let report = with(busy_until_idle);
    assert!(report.is_clean(), "{:#?}", report.violations);
    assert!(
        report.calls["BuildPagingBuffer"]
            .statuses
            .contains_key("0xc01e0102")
    );
}

bad_drivers! {
    paging_is_refused breaks "G6" "P3" saying "0xc000000d" => ended(with(invalid), 0xB);
    a_fill_fails breaks "G6" "P3" saying "0xc0000017" => ended(with(invalid_at_first), 0xB);
    idle_is_busy breaks "P3" saying "idle" => ended(with(always_busy), 0xB);
    no_buffer_is_enough breaks "P3" saying "too small" => with(never_enough);
    unknown_operations_are_refused breaks "G6" "P2" "P3" saying "is not taken" => ended(with(refuses_the_unknown), 0xB);
    unknown_operations_are_noted breaks "P2" saying "no version" => with(notes_the_unknown);
    a_byte_behind_the_buffer breaks "P5" saying "beyond the buffer" => ended(with(writes_behind), 0x12);
    a_pointer_behind_the_buffer breaks "P5" saying "beyond the buffer" => ended(with(points_behind), 0x12);
    a_byte_behind_private_data breaks "P5" saying "beyond the private" => ended(with(writes_behind_private), 0x13);
    a_pointer_behind_private_data breaks "P5" saying "beyond the private" => ended(with(points_behind_private), 0x13);
    a_size_that_means_nothing breaks "P5" saying "DmaSize" => with(shrinks_oddly);
    operations_are_changed breaks "B2.13" saying "[in]" => with(changes_its_operation);
    fills_are_not_counted breaks "P5" saying "FILL" => with(forgets_to_advance);
    raw_copies_are_ignored breaks "P4" "P5" saying "and back" => with(refuses_nobody);
    lost_content_is_a_mistake breaks "G6" "P3" "P6" saying "is not taken" => ended(with(refuses_the_lost), 0xB);
    parts_begin_at_the_first_page breaks "P4" "P5" saying "and back" => with(forgets_the_offset);
    patterns_are_lost breaks "P5" saying "FILL" => with(fills_with_zero);
    unmapped_pages_stay breaks "P5" saying "dummy" => with(leaves_the_mapping);
    unmapped_pages_are_nowhere breaks "P5" saying "dummy" => with(unmaps_to_nowhere);
    a_page_is_not_mapped breaks "P4" "P5" saying "aperture" => with(maps_too_little);
    a_byte_is_not_copied breaks "P4" "P5" saying "and back" => with(copies_too_little);
    copies_go_the_other_way breaks "P4" "P5" saying "and back" => with(copies_the_wrong_way);
}
