//! What must be true of every command buffer, whatever is in it. The fuzz target checks it too.

use std::cell::RefCell;

use vmdisp::ddi::rig::{Member, Owner, Pass, Rig, incoming};
use vmdisp::engine::emit::{ADDRESS, READ_SLOT, REFERENCE, WRITE_SLOT};
use vmdisp::engine::record::{Operation, PATCH_FROM, PATCH_TO, Place, RECORD_BYTES};
use vmdisp::engine::render::Error;
use vmdisp_abi::allocation::{AllocationData, AllocationFlags, Kind};
use vmdisp_abi::command::{COMMAND_BYTES, HEADER_BYTES};
use vmdisp_abi::format::{A8, A8R8G8B8, A16B16G16R16, R5G6B5, X8R8G8B8};

/// The allocations that commands run on: good ones of each size of a pixel, known and unknown places,
/// and one of each kind that must be refused.
pub fn members() -> Vec<Member> {
    let flags = AllocationFlags::empty();
    let picture = |width, height, format| {
        Member::of(AllocationData::picture(
            Kind::Surface,
            width,
            height,
            format,
            flags,
        ))
    };
    let buffer = |bytes| Member::of(AllocationData::buffer(bytes, flags));
    let placed = |member: Member, segment, address| Member {
        place: Some((segment, address)),
        ..member
    };
    let primary = Member::of(AllocationData::primary(0, 96, 64, X8R8G8B8, (60, 1)));
    vec![
        buffer(1000),
        placed(buffer(70_000), 2, 0x2_0000_0000),
        picture(33, 20, A8R8G8B8),
        placed(picture(64, 31, A8R8G8B8), 1, 0x1_0010_0000),
        picture(50, 40, R5G6B5),
        picture(17, 9, A8),
        placed(picture(21, 13, A16B16G16R16), 2, 0x2_0004_0000),
        placed(primary, 1, 0x1_0000_0000),
        // From here on nothing may be written.
        Member {
            write: false,
            ..picture(40, 40, A8R8G8B8)
        },
        Member {
            read_only: true,
            ..buffer(4096)
        },
        // From here on nothing may be used at all.
        Member {
            owner: Owner::Other,
            ..buffer(4096)
        },
        Member {
            owner: Owner::Nobody,
            ..buffer(4096)
        },
        Member {
            owner: Owner::Closed,
            ..buffer(4096)
        },
    ]
}

/// Elements of [`members`] before this one may be written.
const WRITABLE: u32 = 8;
/// Elements of [`members`] before this one may be read.
const USABLE: u32 = 10;

thread_local! {
    static RIG: RefCell<Option<Rig>> = const { RefCell::new(None) };
}

/// Reads `bytes` as what a fuzzer makes of it: how much room there is, a patch-location list, and a
/// command buffer. Bits of the first byte help it along: 1 makes the header a good one, 2 the opcodes, 4
/// the indices of allocations, 8 those of patch locations.
pub fn any_commands(bytes: &[u8]) {
    let Some((&[help, room, locations, count], rest)) = bytes.split_first_chunk() else {
        return;
    };
    let (commands, patches) = parts(help, count, rest);
    let patches: Vec<_> = patches
        .chunks_exact(8)
        .map(|pair| {
            let word = |at: usize| u32::from_le_bytes(pair[at..at + 4].try_into().unwrap());
            let index = if help & 4 == 0 { word(0) } else { word(0) % 14 };
            incoming(index, word(4))
        })
        .collect();
    let room = (usize::from(room) * 16, usize::from(locations));
    RIG.with_borrow_mut(|rig| {
        let rig = rig.get_or_insert_with(|| Rig::new(&members()));
        keep_their_promises(rig, &commands, &patches, room);
    });
}

/// The commands, and then the patch locations in 8 bytes each.
fn parts(help: u8, count: u8, rest: &[u8]) -> (Vec<u8>, &[u8]) {
    let header = usize::from(HEADER_BYTES);
    let bytes = (header + usize::from(count) * COMMAND_BYTES).min(rest.len());
    let (commands, patches) = rest.split_at(bytes);
    let mut commands = commands.to_vec();
    let patch_count = u32::try_from(patches.len() / 8).unwrap().max(1);
    if help & 1 != 0 {
        let whole = commands.len().saturating_sub(header) / COMMAND_BYTES * COMMAND_BYTES;
        commands.resize(header + whole, 0);
        let length = u32::try_from(commands.len()).unwrap();
        commands[..8].copy_from_slice(b"VmCb\x01\0\x10\0");
        commands[8..12].copy_from_slice(&length.to_le_bytes());
        commands[12..16].fill(0);
    }
    for command in commands
        .get_mut(header..)
        .unwrap_or_default()
        .chunks_exact_mut(COMMAND_BYTES)
    {
        let opcode = command[0] % 6 + 1;
        if help & 2 != 0 {
            command[..4].copy_from_slice(&[opcode, 0, 0, 0]);
        }
        if help & 8 != 0 && (2..=5).contains(&opcode) {
            for operand in
                command[4..12]
                    .chunks_exact_mut(4)
                    .take(if opcode % 2 == 0 { 2 } else { 1 })
            {
                let index = u32::from_le_bytes((&*operand).try_into().unwrap()) % patch_count;
                operand.copy_from_slice(&index.to_le_bytes());
            }
        }
    }
    (commands, patches)
}

/// Translates the commands and checks all that comes out. `room` is in bytes and in patch locations.
pub fn keep_their_promises(
    rig: &Rig,
    commands: &[u8],
    patches: &[dxgk_sys::D3DDDI_PATCHLOCATIONLIST],
    room: (usize, usize),
) {
    let translated = rig.render_all(commands, patches, room);
    let complaints = rig.world().take_complaints();
    match translated {
        Ok(passes) => {
            assert_eq!(complaints.len(), 0);
            let count = (commands.len() - usize::from(HEADER_BYTES)) / COMMAND_BYTES;
            let records: usize = passes.iter().map(|pass| pass.records.len()).sum();
            assert_eq!(records, count, "a record for each command");
            for pass in &passes {
                check(rig, pass, room);
            }
        }
        Err(Error::Insufficient) => assert_eq!(complaints.len(), 0),
        // One line of the call, not one for each wrong command.
        Err(_) => assert_eq!(complaints.len(), 1),
    }
}

/// No record leaves an allocation, writes what may only be read, or has an address that no patch location
/// and no allocation gave it.
pub fn check(rig: &Rig, pass: &Pass, room: (usize, usize)) {
    let bytes = pass.records.len() * RECORD_BYTES;
    assert!(bytes <= room.0 && pass.patches.len() <= room.1);
    assert_eq!(pass.private, Some(u32::try_from(bytes).unwrap()));
    let mut split = 0;
    for location in &pass.patches {
        assert!(location.split >= split, "split points go up");
        split = location.split;
        assert!(
            (location.split as usize).is_multiple_of(RECORD_BYTES)
                && (location.split as usize) < bytes
        );
        let writes = location.slot == WRITE_SLOT;
        assert!(writes || location.slot == READ_SLOT);
        assert!(location.index < if writes { WRITABLE } else { USABLE });
        assert!(u64::from(location.offset) < rig.bytes(location.index as usize));
        let field = if writes { PATCH_TO } else { PATCH_FROM };
        match location.driver {
            ADDRESS => assert_eq!(location.patch, location.split + field),
            REFERENCE => assert_eq!(location.patch, location.split),
            other => panic!("driver id {other}"),
        }
    }
    for (index, record) in pass.records.iter().enumerate() {
        let begin = u32::try_from(index * RECORD_BYTES).unwrap();
        let place = |place: Place, field, pitch: u32, row_bytes: u32, rows: u32| {
            let at = begin + field;
            let mut here = pass
                .patches
                .iter()
                .filter(|location| location.driver == ADDRESS && location.patch == at);
            let location = here.next().expect("a patch location for the place");
            assert!(here.next().is_none(), "two for one place");
            let bytes = u64::from(pitch) * u64::from(rows - 1) + u64::from(row_bytes);
            let end = u64::from(location.offset) + bytes;
            assert!(
                end <= rig.bytes(location.index as usize),
                "beyond the allocation"
            );
            let element = members()[location.index as usize].place;
            let expected = element.map_or(0, |(_, base)| base + u64::from(location.offset));
            assert_eq!(place, Place::Gpu(expected), "pre-patched");
        };
        match *record {
            Operation::Copy(copy) => {
                place(
                    copy.from,
                    PATCH_FROM,
                    copy.from_pitch,
                    copy.row_bytes,
                    copy.rows,
                );
                place(copy.to, PATCH_TO, copy.to_pitch, copy.row_bytes, copy.rows);
            }
            Operation::Fill(fill) => {
                place(fill.to, PATCH_TO, fill.to_pitch, fill.row_bytes, fill.rows);
            }
            Operation::Nop | Operation::Marker { .. } => {}
            Operation::Map(_) | Operation::Unmap(_) => panic!("no user maps pages"),
        }
    }
}
