//! The parts of the crate that are written by hand: layouts of the NT headers, statuses, and how
//! the generated types behave.

use core::mem::offset_of;

use dxgk_sys::sizes::Interface;
use dxgk_sys::{
    CM_FULL_RESOURCE_DESCRIPTOR, CM_PARTIAL_RESOURCE_DESCRIPTOR, CM_PARTIAL_RESOURCE_LIST,
    CM_RESOURCE_LIST, D3DDDIFORMAT, DXGK_ALLOCATIONLIST, DXGK_PTE_u0, DXGK_SEGMENTFLAGS,
    DXGKARG_CREATEALLOCATION, DXGKDDI_CREATEALLOCATION, INTERFACE, NTSTATUS,
    PDXGKDDI_CREATEALLOCATION, QUERY_INTERFACE, guid, status,
};

/// A literal list of resources, byte by byte as Windows has it on 64 bits: one bus, one range of
/// memory of 16 MiB at 0xE000_0000.
#[test]
fn a_resource_list_is_read_as_windows_writes_it() {
    let mut bytes = Vec::new();
    for dword in [
        1_u32,
        5,
        0,
        0x0001_0001,
        1,
        0x0000_0103,
        0xE000_0000,
        0,
        0x0100_0000,
    ] {
        bytes.extend_from_slice(&dword.to_le_bytes());
    }
    bytes.resize(size_of::<CM_RESOURCE_LIST>(), 0);
    // SAFETY: as many bytes as the type has, and integers alone.
    let list: CM_RESOURCE_LIST =
        unsafe { bytes.as_ptr().cast::<CM_RESOURCE_LIST>().read_unaligned() };
    let bus = list.List[0].PartialResourceList;
    let memory = bus.PartialDescriptors[0];
    assert_eq!(
        (list.Count, list.List[0].InterfaceType, bus.Count),
        (1, 5, 1)
    );
    assert_eq!(
        (memory.Type, memory.ShareDisposition),
        (dxgk_sys::CmResourceTypeMemory, 1)
    );
    // SAFETY: the type says that the union holds memory.
    let range = unsafe { memory.u.Memory };
    let (start, length) = (range.Start, range.Length);
    // SAFETY: integers, whatever the bytes are.
    let start = unsafe { start.QuadPart };
    assert_eq!((start, length), (0xE000_0000, 0x0100_0000));
}

#[test]
fn layouts_of_the_nt_headers() {
    assert_eq!(size_of::<CM_PARTIAL_RESOURCE_DESCRIPTOR>(), 20);
    assert_eq!(align_of::<CM_PARTIAL_RESOURCE_DESCRIPTOR>(), 4);
    assert_eq!(offset_of!(CM_PARTIAL_RESOURCE_DESCRIPTOR, u), 4);
    assert_eq!(
        offset_of!(CM_PARTIAL_RESOURCE_DESCRIPTOR, u.Memory.Length),
        12
    );
    assert_eq!(
        offset_of!(CM_PARTIAL_RESOURCE_DESCRIPTOR, u.Interrupt.Affinity),
        12
    );
    assert_eq!(
        offset_of!(CM_PARTIAL_RESOURCE_DESCRIPTOR, u.MessageInterruptRaw.Vector),
        8
    );
    assert_eq!(offset_of!(CM_PARTIAL_RESOURCE_LIST, PartialDescriptors), 8);
    assert_eq!(
        offset_of!(CM_FULL_RESOURCE_DESCRIPTOR, PartialResourceList),
        8
    );
    assert_eq!(
        (
            size_of::<CM_RESOURCE_LIST>(),
            offset_of!(CM_RESOURCE_LIST, List)
        ),
        (40, 4)
    );
    assert_eq!(
        (size_of::<INTERFACE>(), offset_of!(INTERFACE, Context)),
        (32, 8)
    );
    assert_eq!(
        (
            size_of::<QUERY_INTERFACE>(),
            offset_of!(QUERY_INTERFACE, Interface)
        ),
        (32, 16)
    );
}

#[test]
fn flag_words_keep_every_bit() {
    let mut flags = DXGK_SEGMENTFLAGS::from_bits_retain(0x8000_0000);
    assert_eq!(flags.bits(), 0x8000_0000);
    flags |= DXGK_SEGMENTFLAGS::Aperture | DXGK_SEGMENTFLAGS::CpuVisible;
    assert_eq!(flags.bits(), 0x8000_0005);
    assert_eq!(
        !DXGK_SEGMENTFLAGS::ZERO,
        DXGK_SEGMENTFLAGS::from_bits_retain(!0)
    );
    let debug = format!(
        "{:?}",
        DXGK_SEGMENTFLAGS::Aperture | DXGK_SEGMENTFLAGS::CpuVisible
    );
    assert_eq!(debug, "Aperture | CpuVisible");
}

#[test]
fn fields_of_several_bits_leave_their_neighbours_alone() {
    let mut entry = DXGK_ALLOCATIONLIST::ZERO;
    entry.s0 = entry.s0.with_SegmentId(0xFF);
    assert_eq!(
        entry.s0.bits(),
        0x3E,
        "higher bits of the value are dropped"
    );
    entry.s0.set_SegmentId(2);
    assert_eq!((entry.s0.SegmentId(), entry.s0.Reserved()), (2, 0));
    let wide = DXGK_PTE_u0::ZERO.with_Reserved(u64::MAX);
    assert_eq!(wide.bits(), 0xFFFF_FFFF_FFF0_0000);
}

#[test]
fn enums_know_their_names() {
    assert_eq!(D3DDDIFORMAT(21), D3DDDIFORMAT::D3DDDIFMT_A8R8G8B8);
    assert_eq!(D3DDDIFORMAT(21).name(), Some("D3DDDIFMT_A8R8G8B8"));
    assert_eq!(D3DDDIFORMAT(-5).name(), None);
}

#[test]
fn guids_are_written_as_they_are_read() {
    let id = guid(0x6629_A591_3B79_4CF3_924A_11E8_E781_1671);
    assert_eq!(
        (id.Data1, id.Data2, id.Data3),
        (0x6629_A591, 0x3B79, 0x4CF3)
    );
    assert_eq!(id.Data4, [0x92, 0x4A, 0x11, 0xE8, 0xE7, 0x81, 0x16, 0x71]);
}

dxgk_sys::ddi_fn! {
    /// Refuses every allocation.
    unsafe fn refuse(
        _adapter: dxgk_sys::HANDLE,
        _arguments: *mut DXGKARG_CREATEALLOCATION,
    ) -> NTSTATUS {
        status::STATUS_NO_MEMORY
    }
}

/// `ddi_fn!` defines what the function types of the crate are.
#[test]
fn a_function_fits_its_type_and_can_be_called() {
    let function: DXGKDDI_CREATEALLOCATION = refuse;
    let pointer: PDXGKDDI_CREATEALLOCATION = Some(function);
    assert!(pointer.is_some());
    let mut arguments = DXGKARG_CREATEALLOCATION::ZERO;
    // SAFETY: the function looks at neither argument.
    let status = unsafe { function(core::ptr::null_mut(), &raw mut arguments) };
    assert_eq!(status::name(status), Some("STATUS_NO_MEMORY"));
    assert!(!status::is_success(status));
}

#[test]
fn statuses_differ_and_the_informational_ones_are_success() {
    for (index, (name, value)) in status::ALL.iter().enumerate() {
        assert_eq!(status::name(*value), Some(*name), "a value twice");
        let error = value.cast_unsigned() >> 30 == 3;
        assert_eq!(status::is_success(*value), !error, "{name}");
        assert!(index == 0 || status::ALL[index - 1].1.cast_unsigned() < value.cast_unsigned());
    }
    assert_eq!(
        status::STATUS_GRAPHICS_DRIVER_MISMATCH.cast_unsigned(),
        0xC01E_0009
    );
    assert_eq!(status::STATUS_NO_MEMORY.cast_unsigned(), 0xC000_0017);
}

#[test]
fn interface_versions_are_found_by_their_number() {
    assert_eq!(Interface::from_value(0x4002), Some(Interface::Wddm1_3));
    assert_eq!(Interface::from_value(0x4001), None);
    assert!(Interface::ALL.is_sorted());
}
