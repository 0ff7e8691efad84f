//! Good and bad patches of a buffer.

use std::string::ToString;
use std::vec::Vec;

use vmdisp_abi::allocation::{AllocationData, AllocationFlags};
use vmdisp_abi::command::{Builder, Command};

use crate::ddi::rig::{Buffers, Member, Rig, element, incoming};
use crate::engine::emit::Written;
use crate::engine::private;
use crate::engine::record::{Operation, Place};

/// Two copies between two buffers and a nop, and where they were put.
fn buffers() -> (Rig, Buffers, Written) {
    let member = Member::of(AllocationData::buffer(4096, AllocationFlags::empty()));
    let rig = Rig::new(&[member, member]);
    let mut room = [0; 16 + 3 * 64];
    let mut builder = Builder::new(&mut room).expect("room");
    builder.copy(0, 1, 8).expect("room");
    builder.push(&Command::Nop).expect("room");
    builder.copy(1, 0, 8).expect("room");
    let patches = [incoming(0, 16), incoming(1, 32)];
    let mut buffers = Buffers::new(256, private::BYTES, 8);
    let translated = rig.render(builder.finish(), &patches, 0, &mut buffers);
    let written = translated.expect("good commands").written;
    (rig, buffers, written)
}

fn places(buffers: &mut Buffers, written: &Written) -> Vec<(u64, u64)> {
    let copies = buffers.pass(written).records.into_iter();
    copies
        .filter_map(|record| match record {
            Operation::Copy(copy) => match (copy.from, copy.to) {
                (Place::Gpu(from), Place::Gpu(to)) => Some((from, to)),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

#[test]
fn each_address_is_that_of_its_allocation_plus_the_offset() {
    let (rig, mut buffers, written) = buffers();
    assert_eq!(places(&mut buffers, &written), [(0, 0), (0, 0)]);
    let opening = rig.list()[0].hDeviceSpecificAllocation;
    for base in [0x1_0000_0000, 0x1_0004_0000] {
        let list = [
            element(opening, true, Some((1, base))),
            element(opening, true, Some((2, 0x2_0000_1000))),
        ];
        buffers.patch(&written, &list);
        let (first, second) = (base + 16, 0x2_0000_1020);
        assert_eq!(
            places(&mut buffers, &written),
            [(first, second), (second, first)]
        );
    }
    assert!(rig.world().take_complaints().is_empty());
}

#[test]
fn an_allocation_that_is_nowhere_gets_no_address_of_before() {
    let (rig, mut buffers, written) = buffers();
    let opening = rig.list()[0].hDeviceSpecificAllocation;
    let good = element(opening, true, Some((1, 0x1_0000_0000)));
    buffers.patch(&written, &[good, good]);
    let wrong = [
        element(opening, true, None),
        element(opening, true, Some((1, u64::MAX))),
    ];
    for wrong in wrong {
        buffers.patch(&written, &[good, good]);
        buffers.patch(&written, &[wrong, good]);
        let second = 0x1_0000_0020;
        assert_eq!(places(&mut buffers, &written), [(0, second), (second, 0)]);
        let lines = rig.world().take_complaints();
        assert_eq!(lines.len(), 1, "one line for both");
        assert!(lines[0].to_string().contains("nowhere"));
    }
    // A list that is too short.
    buffers.patch(&written, &[good]);
    assert_eq!(places(&mut buffers, &written)[0].1, 0);
}

#[test]
fn locations_that_are_nobodys_change_nothing() {
    let (rig, mut buffers, written) = buffers();
    let opening = rig.list()[0].hDeviceSpecificAllocation;
    let good = element(opening, true, Some((1, 0x1_0000_0000)));
    buffers.patch(&written, &[good, good]);
    let before = places(&mut buffers, &written);
    let other = element(opening, true, Some((2, 0x2_0000_0000)));
    let first = buffers.location(0);
    let changes: [fn(&mut dxgk_sys::D3DDDI_PATCHLOCATIONLIST); 6] = [
        |location| location.DriverId = 0,
        |location| location.PatchOffset = 0,
        |location| location.PatchOffset = 12,
        |location| location.PatchOffset = 64 + 8,
        |location| location.PatchOffset = 256,
        |location| location.PatchOffset = u32::MAX,
    ];
    for change in changes {
        let mut location = first;
        change(&mut location);
        buffers.patch_at(&written, &[location], &[other, other]);
        assert_eq!(places(&mut buffers, &written), before);
        assert_eq!(rig.world().take_complaints().len(), 1);
    }
    // One that is a reference has nothing to patch, and nothing to say.
    let mut location = first;
    location.DriverId = crate::engine::emit::REFERENCE;
    buffers.patch_at(&written, &[location], &[other, other]);
    assert_eq!(places(&mut buffers, &written), before);
    assert!(rig.world().take_complaints().is_empty());
}
