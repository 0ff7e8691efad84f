//! Every field of the private data, right and wrong.

extern crate std;

use std::vec::Vec;

use vmdisp_abi::format::{A8, A8R8G8B8, A16B16G16R16F, X8R8G8B8};
use zerocopy::{IntoBytes, transmute};

use super::*;
use crate::allocation::Allocation;
use crate::kernel::host::World;
use crate::kernel::testing::{caller_data, null_data, passive};
use crate::memory::segments::Segments;

const CALL: &CStr = c"Test";
const VIDEO_MEMORY: u64 = 16 << 20;
const LEAST_PITCH: u32 = 2816;

fn sizes() -> Sizes {
    let segments = Segments::new();
    segments.set(0xe000_0000, VIDEO_MEMORY, LEAST_PITCH);
    segments.sizes()
}

/// Reads `bytes` as the private data of an allocation.
fn fetch(bytes: &[u8]) -> Result<Allocation, Refusal> {
    let data = caller_data(bytes, u32::try_from(bytes.len()).unwrap());
    read(data)
}

fn read(data: CallerData<'_>) -> Result<Allocation, Refusal> {
    let sizes = sizes();
    let (words, decided) = Reader::new(CALL, sizes, passive()).read(data)?;
    Ok(Allocation::new(&words, &decided))
}

/// The refusal of `data`, which must come with one debug line that names `field`.
fn refused(data: &AllocationData, field: &str) -> Refusal {
    let world = World::new();
    let _entered = world.enter();
    let refusal = fetch(data.as_bytes()).expect_err(field);
    let complaints = world.take_complaints();
    let fields: Vec<_> = complaints
        .iter()
        .map(|line| line.field.to_string_lossy())
        .collect();
    assert_eq!(fields, [field]);
    refusal
}

fn surface() -> AllocationData {
    AllocationData::picture(Kind::Surface, 100, 50, A8R8G8B8, AllocationFlags::empty())
}

fn primary() -> AllocationData {
    AllocationData::primary(0, 1024, 768, X8R8G8B8, (60, 1))
}

/// One change to good data, and the field that the refusal names.
type Wrong = (&'static str, fn(&mut AllocationData));

#[test]
fn good_data_are_taken() {
    let spec = fetch(surface().as_bytes()).unwrap();
    assert_eq!((spec.pitch(), spec.bytes()), (448, 448 * 50));
    assert_eq!(spec.segments(), SegmentSet::BOTH);

    let spec = fetch(primary().as_bytes()).unwrap();
    assert_eq!((spec.pitch(), spec.bytes()), (4096, 4096 * 768));
    assert_eq!(
        (spec.segments(), spec.refresh()),
        (SegmentSet::VIDEO_MEMORY, (60, 1))
    );

    let buffer = AllocationData::buffer(1, AllocationFlags::empty());
    assert_eq!(fetch(buffer.as_bytes()).unwrap().bytes(), 1);
}

#[test]
fn a_wrong_picture_is_malformed() {
    let wrongs: [Wrong; 14] = [
        ("kind", |data| data.kind = 0),
        ("kind", |data| data.kind = 7),
        ("flags", |data| data.flags = 1 << 3),
        ("flags", |data| {
            data.flags = AllocationFlags::CPU_READS.bits();
        }),
        ("reserved", |data| data.reserved = 1),
        ("width", |data| data.width = 0),
        ("width", |data| data.width = MAX_DIMENSION + 1),
        ("height", |data| data.height = 0),
        ("height", |data| data.height = u32::MAX),
        ("format", |data| data.format = 0),
        ("pitch", |data| data.pitch = 384),
        ("pitch", |data| data.pitch = 450),
        ("buffer_bytes", |data| data.buffer_bytes = 1),
        ("vidpn_source", |data| data.vidpn_source = 0),
    ];
    for (field, change) in wrongs {
        let mut data = surface();
        change(&mut data);
        assert_eq!(refused(&data, field), Refusal::Malformed, "{field}");
    }
}

#[test]
fn a_wrong_primary_is_malformed() {
    let wrongs: [Wrong; 6] = [
        ("format", |data| data.format = A8),
        ("vidpn_source", |data| data.vidpn_source = 1),
        ("refresh_denominator", |data| data.refresh_denominator = 0),
        ("flags", |data| {
            data.flags = AllocationFlags::SYSTEM_MEMORY.bits();
        }),
        ("flags", |data| {
            data.flags = (AllocationFlags::CPU_VISIBLE | AllocationFlags::CPU_READS).bits();
        }),
        ("Size", |data| data.height = 2049),
    ];
    for (field, change) in wrongs {
        let mut data = primary();
        change(&mut data);
        assert_eq!(refused(&data, field), Refusal::Malformed, "{field}");
    }
    // Half of video memory is the most.
    let mut data = primary();
    data.height = 2048;
    assert_eq!(fetch(data.as_bytes()).unwrap().bytes() * 2, VIDEO_MEMORY);
}

#[test]
fn a_wrong_buffer_is_malformed() {
    let wrongs: [Wrong; 6] = [
        ("buffer_bytes", |data| data.buffer_bytes = 0),
        ("Size", |data| data.buffer_bytes = u64::MAX),
        ("width", |data| data.width = 1),
        ("height", |data| data.height = 1),
        ("format", |data| data.format = A8),
        ("refresh_numerator", |data| data.refresh_denominator = 1),
    ];
    for (field, change) in wrongs {
        let mut data = AllocationData::buffer(4096, AllocationFlags::empty());
        change(&mut data);
        assert_eq!(refused(&data, field), Refusal::Malformed, "{field}");
    }
}

#[test]
fn another_version_is_a_mismatch_whatever_its_size() {
    let mut data = surface();
    data.header.version = 2;
    assert_eq!(refused(&data, "version"), Refusal::Mismatch);
    assert_eq!(fetch(&data.as_bytes()[..8]), Err(Refusal::Mismatch));
    let longer = [data.as_bytes(), &[0; 8]].concat();
    assert_eq!(fetch(&longer), Err(Refusal::Mismatch));
    data.header.magic = 0;
    assert_eq!(refused(&data, "magic"), Refusal::Mismatch);
}

#[test]
fn the_size_is_exact() {
    let data = surface();
    for size in 0..56 {
        assert_eq!(
            fetch(&data.as_bytes()[..size]),
            Err(Refusal::Malformed),
            "{size}"
        );
    }
    let longer = [data.as_bytes(), &[0]].concat();
    assert_eq!(fetch(&longer), Err(Refusal::Malformed));
    let mut data = surface();
    data.header.bytes = 57;
    assert_eq!(refused(&data, "bytes"), Refusal::Malformed);
}

#[test]
fn null_data_are_malformed() {
    for size in [0, 1, 55, 56, 57, u32::MAX] {
        let data = null_data(size);
        assert_eq!(read(data), Err(Refusal::Malformed), "{size}");
    }
}

#[test]
fn the_largest_picture_does_not_overflow() {
    let mut data = surface();
    data.width = MAX_DIMENSION;
    data.height = MAX_DIMENSION;
    data.format = A16B16G16R16F;
    data.pitch = !63;
    assert_eq!(refused(&data, "Size"), Refusal::Malformed);
}

#[test]
fn a_kind_has_its_segments() {
    let cpu = AllocationFlags::CPU_VISIBLE;
    let reads = cpu | AllocationFlags::CPU_READS;
    for (kind, flags, set) in [
        (Kind::Surface, cpu, SegmentSet::BOTH),
        (Kind::Surface, reads, SegmentSet::APERTURE),
        (
            Kind::Surface,
            AllocationFlags::SYSTEM_MEMORY,
            SegmentSet::APERTURE,
        ),
        (Kind::Shadow, reads, SegmentSet::APERTURE),
        (Kind::Staging, reads, SegmentSet::APERTURE),
        (Kind::Gdi, AllocationFlags::empty(), SegmentSet::BOTH),
        (Kind::Gdi, cpu, SegmentSet::APERTURE),
    ] {
        let data = AllocationData::picture(kind, 64, 64, A8R8G8B8, flags);
        assert_eq!(
            fetch(data.as_bytes()).unwrap().segments(),
            set,
            "{kind:?} {flags:?}"
        );
    }
}

/// What is plainly right is right, and all that is right but for primaries is plainly so.
#[test]
fn the_quick_look_says_what_the_close_look_says() {
    let world = World::new();
    let _entered = world.enter();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut below = |limit: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % u64::try_from(limit).unwrap()).unwrap()
    };
    let mut right = [0_usize; 8];
    for round in 0..200_000 {
        let mut data = match below(6) {
            0 => primary(),
            1 | 2 => AllocationData::buffer(1, AllocationFlags::empty()),
            _ => surface(),
        };
        for _ in 0..below(6) {
            let sizes = [
                0,
                1,
                63,
                64,
                65,
                100,
                448,
                4096,
                16_383,
                16_384,
                16_385,
                u32::MAX,
            ];
            let size = sizes[below(sizes.len())];
            match below(12) {
                0 | 1 => data.kind = u32::try_from(below(9)).unwrap(),
                2 | 3 => data.flags = u32::try_from(below(10)).unwrap(),
                4 => data.width = size,
                5 => data.height = size,
                6 | 7 => data.format = u32::try_from(below(140)).unwrap(),
                8 => data.pitch = size,
                9 => data.buffer_bytes = [0, 1, VIDEO_MEMORY, 256 << 20, u64::MAX][below(5)],
                10 => data.refresh_denominator = size,
                _ => match below(4) {
                    0 => data.kind |= 1 << below(32),
                    1 => data.flags |= 1 << below(32),
                    2 => data.vidpn_source = size,
                    _ => data.reserved = size,
                },
            }
        }
        let quick = plain::accept(&transmute!(data), &sizes());
        let close = complete(CALL, &data, &sizes()).ok();
        if let Some(kind) = Kind::from_number(data.kind).filter(|_| close.is_some()) {
            right[kind as usize] += 1;
        }
        if quick.is_some() {
            assert_eq!(quick, close, "round {round}: {data:?}");
        } else if let Some(close) = close {
            let plain = data.kind != Kind::Primary as u32;
            let fits = close.bytes.get() <= sizes().smallest();
            assert!(!plain || !fits, "round {round}: {data:?}");
        }
        if round % 1000 == 0 {
            drop(world.take_complaints());
        }
    }
    assert!(right[1..7].iter().all(|count| *count > 100), "{right:?}");
}

/// What was decided last is good for data that are the same, and for those alone.
#[test]
fn a_reader_remembers_only_what_it_has_checked() {
    let world = World::new();
    let _entered = world.enter();
    let sizes = sizes();
    let mut reader = Reader::new(CALL, sizes, passive());
    let mut read = |data: &AllocationData| {
        let bytes = data.as_bytes();
        let (words, decided) = reader.read(caller_data(bytes, 56))?;
        Ok(Allocation::new(&words, &decided))
    };
    let nothing = AllocationData::new_zeroed();
    assert_eq!(read(&nothing), Err(Refusal::Mismatch), "as it begins");
    let mut unkind = nothing;
    unkind.header = surface().header;
    assert_eq!(read(&unkind), Err(Refusal::Malformed));
    assert_eq!(read(&unkind), Err(Refusal::Malformed), "a second time");
    let good = read(&surface()).unwrap();
    assert_eq!(read(&surface()), Ok(good));
    // Any byte may make the difference.
    for byte in 0..56 {
        let mut changed = surface();
        changed.as_mut_bytes()[byte] ^= 0x80;
        let once = fetch(changed.as_bytes());
        assert_eq!(read(&changed), once, "byte {byte}");
        assert_eq!(read(&changed), once, "byte {byte}, a second time");
        assert_eq!(read(&surface()), Ok(good), "byte {byte} as it was");
    }
}
