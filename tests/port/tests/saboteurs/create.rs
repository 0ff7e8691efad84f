//! CreateAllocation.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]
#![allow(clippy::cast_ptr_alignment)] // the page says BYTE*, the port aligns

use std::ptr;
use std::slice;

use dxgk_port::{Adapter, Create, Into, Settings};
use dxgk_sys::status::*;
use dxgk_sys::*;

use super::at;
use super::common::miniport::{self as good, Allocation, Blob, context};
use super::common::{machine, scenario};

/// Creations that differ from the good one by what `bend` does to each element of a successful call.
macro_rules! elements {
    ($($name:ident($before:ident, $after:ident) $bend:block)*) => {
        ddi_fn! {$(
            unsafe fn $name(this: PVOID, argument: *mut DXGKARG_CREATEALLOCATION) -> NTSTATUS {
                let before = infos(argument).to_vec();
                let status = unsafe { good::create_allocation(this, argument) };
                if status == STATUS_SUCCESS {
                    for ($before, $after) in before.iter().zip(infos(argument)) {
                        let _ = $before;
                        $bend
                    }
                }
                status
            }
        )*}
    };
}

/// The elements of an argument.
fn infos<'a>(argument: *mut DXGKARG_CREATEALLOCATION) -> &'a mut [DXGK_ALLOCATIONINFO] {
    let argument = unsafe { &*argument };
    match argument.NumAllocations {
        0 => &mut [],
        count => unsafe { slice::from_raw_parts_mut(argument.pAllocationInfo, count as usize) },
    }
}

fn is_primary(info: &DXGK_ALLOCATIONINFO) -> bool {
    unsafe { (*info.hAllocation.cast::<Allocation>()).blob.primary != 0 }
}

type Flags = DXGK_ALLOCATIONINFOFLAGS;

elements! {
    no_size(before, after) { after.Size = before.Size }
    size_0(_before, after) { after.Size = 0 }
    size_beyond(_before, after) { after.Size = 1 << 40 }
    no_alignment(before, after) { after.u0 = before.u0 }
    alignment_3(_before, after) { after.u0.Alignment = 3 }
    no_pitch_size(before, after) { after.PitchAlignedSize = before.PitchAlignedSize }
    small_pitch_size(_before, after) { after.PitchAlignedSize = after.Size - 1 }
    no_bank(before, after) { after.HintedBank = before.HintedBank }
    bank_1(_before, after) { after.HintedBank.set_Bank0(1) }
    no_preference(before, after) { after.PreferredSegment = before.PreferredSegment }
    prefers_7(_before, after) { after.PreferredSegment.set_SegmentId0(7) }
    prefers_reserved_bits(_before, after) {
        let bits = after.PreferredSegment.bits() | 1 << 30;
        after.PreferredSegment = DXGK_SEGMENTPREFERENCE::from_bits_retain(bits);
    }
    no_write_set(before, after) { after.SupportedWriteSegmentSet = before.SupportedWriteSegmentSet }
    nowhere_to_write(_before, after) {
        after.SupportedWriteSegmentSet = 0;
        after.u1.SupportedReadSegmentSet = 1;
    }
    segment_9(_before, after) { after.SupportedWriteSegmentSet |= 1 << 8 }
    unequal_sets(_before, after) { after.u1.SupportedReadSegmentSet = 0 }
    no_eviction(before, after) { after.EvictionSegmentSet = before.EvictionSegmentSet }
    evicts_to_memory(_before, after) { after.EvictionSegmentSet = 1 }
    no_renaming(before, after) { after.u2 = before.u2 }
    no_flags(before, after) { after.u3 = before.u3 }
    modern_flags(_before, after) {
        after.u3.Flags = Flags::CpuVisible | Flags::from_bits_retain(1 << 15);
    }
    no_hint(before, after) { after.pAllocationUsageHint = before.pAllocationUsageHint }
    no_priority(before, after) { after.AllocationPriority = before.AllocationPriority }
    priority_0(_before, after) { after.AllocationPriority = 0 }
    reserved_flags2(_before, after) { after.Flags2 = DXGK_ALLOCATIONINFOFLAGS2::from_bits_retain(1 << 30) }
    cached_unseen(_before, after) {
        if !is_primary(after) {
            after.u3.Flags = Flags::Cached;
        }
    }
    protected_and_permanent(_before, after) {
        if !is_primary(after) {
            after.u3.Flags = Flags::Protected | Flags::PermanentSysMem;
        }
    }
    alternate_address(_before, after) { after.u3.Flags = Flags::CpuVisible | Flags::UseAlternateVA }
    history_at_the_end(_before, after) {
        after.u3.Flags = Flags::CpuVisible | Flags::HistoryBuffer | Flags::FromEndOfSegment;
    }
    explicit_residency(_before, after) {
        after.u3.FlagsWddm2 = DXGK_ALLOCATIONINFOFLAGS_WDDM2_0::CpuVisible
            | DXGK_ALLOCATIONINFOFLAGS_WDDM2_0::ExplicitResidencyNotification;
    }
    cached_primary(_before, after) { after.u3.Flags = Flags::CpuVisible | Flags::Cached }
    primary_in_the_aperture(_before, after) { after.SupportedWriteSegmentSet = 3 }
    writes_its_input(_before, after) { after.PrivateDriverDataSize += 1 }
    writes_private_data(_before, after) {
        unsafe { after.pPrivateDriverData.cast::<u8>().write(0) };
    }
}

ddi_fn! {
    unsafe fn not_supported(this: PVOID, argument: *mut DXGKARG_CREATEALLOCATION) -> NTSTATUS {
        match unsafe { good::create_allocation(this, argument) } {
            STATUS_INVALID_PARAMETER => STATUS_NOT_SUPPORTED,
            status => status,
        }
    }

    unsafe fn always_a_resource(this: PVOID, argument: *mut DXGKARG_CREATEALLOCATION) -> NTSTATUS {
        let status = unsafe { good::create_allocation(this, argument) };
        let argument = unsafe { &mut *argument };
        if status == STATUS_SUCCESS && argument.Flags.is_empty() {
            argument.hResource = ptr::without_provenance_mut(0x1230);
        }
        status
    }

    unsafe fn drops_the_resource(this: PVOID, argument: *mut DXGKARG_CREATEALLOCATION) -> NTSTATUS {
        let before = unsafe { (*argument).hResource };
        let status = unsafe { good::create_allocation(this, argument) };
        if status == STATUS_SUCCESS && !before.is_null() {
            unsafe { context(this) }.free(before);
            unsafe { (*argument).hResource = ptr::null_mut() };
        }
        status
    }

    unsafe fn null_handle(this: PVOID, argument: *mut DXGKARG_CREATEALLOCATION) -> NTSTATUS {
        let status = unsafe { good::create_allocation(this, argument) };
        if status == STATUS_SUCCESS {
            for info in infos(argument) {
                unsafe { context(this) }.free(info.hAllocation);
                info.hAllocation = ptr::null_mut();
            }
        }
        status
    }

    unsafe fn handle_unset(this: PVOID, argument: *mut DXGKARG_CREATEALLOCATION) -> NTSTATUS {
        let before = infos(argument).to_vec();
        let status = unsafe { good::create_allocation(this, argument) };
        if status == STATUS_SUCCESS {
            for (before, info) in before.iter().zip(infos(argument)) {
                unsafe { context(this) }.free(info.hAllocation);
                info.hAllocation = before.hAllocation;
            }
        }
        status
    }

    unsafe fn one_handle(this: PVOID, argument: *mut DXGKARG_CREATEALLOCATION) -> NTSTATUS {
        let status = unsafe { good::create_allocation(this, argument) };
        if status == STATUS_SUCCESS && let [first, rest @ ..] = infos(argument) {
            for info in rest {
                unsafe { context(this) }.free(info.hAllocation);
                info.hAllocation = first.hAllocation;
            }
        }
        status
    }

    unsafe fn dangling_handle(this: PVOID, argument: *mut DXGKARG_CREATEALLOCATION) -> NTSTATUS {
        let status = unsafe { good::create_allocation(this, argument) };
        if status != STATUS_SUCCESS && let [first, ..] = infos(argument) {
            first.hAllocation = ptr::without_provenance_mut(0x1230);
        }
        status
    }

    unsafe fn dangling_resource(this: PVOID, argument: *mut DXGKARG_CREATEALLOCATION) -> NTSTATUS {
        let status = unsafe { good::create_allocation(this, argument) };
        if status != STATUS_SUCCESS {
            unsafe { (*argument).hResource = ptr::without_provenance_mut(0x1230) };
        }
        status
    }

    /// Does not roll back.
    unsafe fn keeps_a_block(this: PVOID, argument: *mut DXGKARG_CREATEALLOCATION) -> NTSTATUS {
        let status = unsafe { good::create_allocation(this, argument) };
        if status != STATUS_SUCCESS {
            unsafe { context(this) }.make(0u64);
        }
        status
    }

    unsafe fn writes_the_count(this: PVOID, argument: *mut DXGKARG_CREATEALLOCATION) -> NTSTATUS {
        let status = unsafe { good::create_allocation(this, argument) };
        if status != STATUS_SUCCESS {
            unsafe { (*argument).NumAllocations = 0 };
        }
        status
    }

    unsafe fn large_pages(this: PVOID, argument: *const DXGKARG_QUERYADAPTERINFO) -> NTSTATUS {
        let status = unsafe { good::query_adapter_info(this, argument) };
        let argument = unsafe { &*argument };
        let segments = DXGK_QUERYADAPTERINFOTYPE::DXGKQAITYPE_QUERYSEGMENT4;
        if status == STATUS_SUCCESS && argument.Type == segments {
            let head = argument.pOutputData.cast::<DXGK_QUERYSEGMENTOUT4>();
            let first = unsafe { (*head).pSegmentDescriptor.cast::<DXGK_SEGMENTDESCRIPTOR4>() };
            if !first.is_null() {
                unsafe { (*first).Flags |= DXGK_SEGMENTFLAGS::Use64KBPages };
            }
        }
        status
    }
}

macro_rules! create {
    ($name:ident) => {
        create!(0x4002, $name)
    };
    ($version:literal, $name:ident) => {
        at($version, |table| {
            table.DxgkDdiCreateAllocation = Some($name)
        })
    };
}

saboteurs! {
    bad_blobs_are_not_supported breaks "C2" "G6" => create!(not_supported);
    every_creation_has_a_resource breaks "C10" => create!(always_a_resource);
    an_addition_drops_the_resource breaks "C11" => create!(drops_the_resource);
    handles_are_null breaks "C13" => create!(null_handle);
    handles_are_not_set breaks "C13" => create!(handle_unset);
    all_have_one_handle breaks "C13" => create!(one_handle);
    size_is_not_set breaks "C14" => create!(no_size);
    size_is_0 breaks "C14" => create!(size_0);
    size_is_beyond_all_segments breaks "C14" => create!(size_beyond);
    alignment_is_not_set breaks "C15" => create!(no_alignment);
    alignment_is_3 breaks "C15" => create!(alignment_3);
    alignment_is_below_the_page breaks "C15" => at(0x5023, |table| {
        table.DxgkDdiQueryAdapterInfo = Some(large_pages);
    });
    pitch_aligned_size_is_not_set breaks "C16" => create!(no_pitch_size);
    pitch_aligned_size_is_too_small breaks "C16" => create!(small_pitch_size);
    hinted_bank_is_not_set breaks "C17" => create!(no_bank);
    hinted_bank_does_not_exist breaks "C17" => create!(bank_1);
    preferred_segment_is_not_set breaks "C18" => create!(no_preference);
    preferred_segment_is_not_supported breaks "C18" => create!(prefers_7);
    preferred_segment_has_reserved_bits breaks "C18" => create!(prefers_reserved_bits);
    write_set_is_not_set breaks "C19" => create!(no_write_set);
    write_set_is_empty breaks "C19" => create!(nowhere_to_write);
    write_set_has_an_unknown_segment breaks "C19" => create!(segment_9);
    sets_differ_in_wddm_2 breaks "C19" => create!(0x5023, unequal_sets);
    eviction_set_is_not_set breaks "C20" => create!(no_eviction);
    evicts_to_a_memory_segment breaks "C20" => create!(evicts_to_memory);
    renaming_length_is_not_set breaks "C21" => create!(no_renaming);
    flags_are_not_set breaks "C22" => create!(no_flags);
    flags_of_a_later_version breaks "C22" => create!(modern_flags);
    usage_hint_is_not_set breaks "C23" => create!(no_hint);
    priority_is_not_set breaks "C24" => create!(no_priority);
    priority_is_0 breaks "C24" => create!(priority_0);
    reserved_bits_of_flags2 breaks "C25" => create!(0x11007, reserved_flags2);
    cached_but_not_visible breaks "C27" => create!(cached_unseen);
    system_memory_of_two_kinds breaks "C28" => create!(protected_and_permanent);
    alternate_address_of_no_primary breaks "C29" => create!(alternate_address);
    history_buffer_with_other_flags breaks "C31" => create!(history_at_the_end);
    residency_without_physical_access breaks "C32" => create!(0x5023, explicit_residency);
    the_primary_is_cached breaks "C33" => create!(cached_primary);
    the_primary_may_be_in_the_aperture breaks "C33" => create!(primary_in_the_aperture);
    a_failed_call_leaves_a_handle breaks "C34" => create!(dangling_handle);
    a_failed_call_leaves_a_resource breaks "C34" => create!(dangling_resource);
    a_failed_call_leaves_a_block breaks "C34" "L5" => create!(keeps_a_block);
    the_count_is_written breaks "B2.13" => create!(writes_the_count);
    the_size_of_private_data_is_written breaks "B2.13" => create!(writes_its_input);
    private_data_is_written breaks "B2.13" => create!(writes_private_data);
}

/// Without counting blocks the leak of a failed call shows at RemoveDevice, and nothing else does.
#[test]
fn a_leak_shows_at_remove() {
    let mut table = good::table(0x4002);
    table.DxgkDdiCreateAllocation = Some(keeps_a_block);
    let report = scenario::run_with(&table, Settings::default());
    assert_eq!(report.broken(), ["L5"]);
    assert_eq!(report.leaks[0].tag, "Mini");
    assert_eq!(report.leaks[0].after, "RemoveDevice");
    let _ = machine::irql();
}

/// The good miniport, started.
fn started() -> (dxgk_port::Port, Adapter) {
    let (port, _machine) = scenario::boot(&good::table(0x4002), Settings::default());
    let adapter = port.add_device(0).unwrap();
    adapter.start().unwrap();
    (port, adapter)
}

#[test]
fn what_a_creation_made_is_known() {
    let (port, adapter) = started();
    let device = scenario::device(&adapter).unwrap();
    let blob = Blob::new(16, 8).bytes();
    let create = Create {
        group: b"g",
        elements: &[&blob, &blob],
        into: Into::NewResource,
    };
    let made = device.create(&create).unwrap();
    let view = adapter.allocation(made.allocations[1]).unwrap();
    assert_eq!(view.info.size, 16 * 8 * 4);
    assert_eq!(view.private, blob);
    assert_eq!(view.resource, made.resource);
    let resource = adapter.resource(made.resource.unwrap()).unwrap();
    assert_eq!(resource.allocations, made.allocations);
    assert_eq!(adapter.live().allocations, 2);
    device.destroy_resource(made.resource.unwrap()).unwrap();
    assert!(adapter.allocation(made.allocations[1]).is_none());
    assert_eq!(
        device.destroy_allocations(&made.allocations),
        Err(STATUS_INVALID_HANDLE)
    );
    adapter.remove().unwrap();
    port.unload();
    assert!(port.report().is_clean());
}
