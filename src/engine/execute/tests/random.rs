//! Random rectangles, interrupted after every step and moved in the middle, beside a copy that reads
//! all of the source first.

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::*;
use crate::engine::record::{Copy, Fill};

/// Pages of an allocation, and of each segment.
const ALLOCATION: usize = 60;
const SEGMENT: usize = 150;

/// A rectangle copied within an allocation, or between two: offsets and pitches.
#[derive(Clone, Copy, Debug)]
struct Shape {
    from: usize,
    from_pitch: usize,
    to: usize,
    to_pitch: usize,
    row_bytes: usize,
    rows: usize,
}

impl Shape {
    /// Bytes from the first to the last of a side.
    fn extent(&self, pitch: usize) -> usize {
        (self.rows - 1) * pitch + self.row_bytes
    }

    /// What `to` becomes; without `from` it is copied within.
    fn expected(&self, from: Option<&[u8]>, to: &[u8]) -> Vec<u8> {
        let source = from.unwrap_or(to);
        let mut result = to.to_vec();
        for row in 0..self.rows {
            let from = self.from + row * self.from_pitch;
            let to = self.to + row * self.to_pitch;
            result[to..to + self.row_bytes].copy_from_slice(&source[from..from + self.row_bytes]);
        }
        result
    }

    fn operation(&self, from: u64, to: u64) -> Operation {
        let number = |size: usize| u32::try_from(size).unwrap();
        Operation::Copy(Copy {
            from: Place::Gpu(from + self.from as u64),
            from_pitch: number(self.from_pitch),
            to: Place::Gpu(to + self.to as u64),
            to_pitch: number(self.to_pitch),
            row_bytes: number(self.row_bytes),
            rows: number(self.rows),
        })
    }
}

fn shapes() -> impl Strategy<Value = Shape> {
    let row_bytes = prop_oneof![1_usize..40, 1_usize..3000, 30_000_usize..120_000];
    let gaps = || prop_oneof![3 => Just(0_usize), 3 => 0_usize..64, 1 => 0_usize..5000];
    let far = prop_oneof![3 => -70_i64..70, 2 => -6000_i64..6000, 1 => -200_000_i64..200_000];
    let start = any::<prop::sample::Index>();
    (
        row_bytes,
        1_usize..24,
        gaps(),
        gaps(),
        any::<bool>(),
        far,
        start,
    )
        .prop_map(|(row_bytes, rows, from_gap, to_gap, alike, far, start)| {
            let to_gap = if alike { from_gap } else { to_gap };
            let mut shape = Shape {
                from: 0,
                from_pitch: row_bytes + from_gap,
                to: 0,
                to_pitch: row_bytes + to_gap,
                row_bytes,
                rows,
            };
            let all = ALLOCATION * PAGE;
            while shape.extent(shape.from_pitch.max(shape.to_pitch)) > all {
                shape.rows -= 1;
            }
            shape.from = start.index(all - shape.extent(shape.from_pitch) + 1);
            let last = all - shape.extent(shape.to_pitch);
            let to = i64::try_from(shape.from).unwrap() + far;
            shape.to = usize::try_from(to.max(0)).unwrap().min(last);
            shape
        })
}

/// Where an allocation can be: at the beginning or end of either segment, or anywhere.
fn places() -> impl Strategy<Value = u64> {
    let last = ((SEGMENT - ALLOCATION) * PAGE) as u64;
    let page = |offset: u64| offset / PAGE as u64 * PAGE as u64;
    let offset = prop_oneof![Just(0), Just(last), (0..last).prop_map(page)];
    (any::<bool>(), offset).prop_map(|(aperture, offset)| {
        offset
            + if aperture {
                APERTURE_BASE
            } else {
                VIDEO_MEMORY_BASE
            }
    })
}

/// Moves an allocation, and spoils where it was.
fn moved(machine: &Machine, from: &mut u64, to: u64) {
    let bytes = machine.read(*from, ALLOCATION * PAGE);
    machine.write(*from, &vec![0xdd; bytes.len()]);
    machine.write(to, &bytes);
    *from = to;
}

fn config() -> Config {
    Config {
        cases: 96,
        failure_persistence: None,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_copy_within_an_allocation_that_moves(
        shape in shapes(),
        mut place in places(),
        moves in prop::collection::vec(prop::option::of(places()), 0..6),
    ) {
        let mut machine = Machine::new(SEGMENT, SEGMENT);
        let before = noise(9, ALLOCATION * PAGE);
        machine.write(place, &before);
        let expected = shape.expected(None, &before);
        let mut progress = Progress::default();
        let mut moves = moves.into_iter();
        while machine.step(&shape.operation(place, place), &[], &mut progress) == Ok(Step::More) {
            if let Some(to) = moves.next().flatten() {
                moved(&machine, &mut place, to);
            }
        }
        prop_assert!(machine.read(place, ALLOCATION * PAGE) == expected);
    }

    #[test]
    fn a_copy_between_two_allocations_that_change_places(
        shape in shapes(),
        aperture in any::<(bool, bool)>(),
        changes in prop::collection::vec(any::<bool>(), 0..6),
    ) {
        let mut machine = Machine::new(SEGMENT, SEGMENT);
        let half = (SEGMENT / 2 * PAGE) as u64;
        let base = |aperture| if aperture { APERTURE_BASE } else { VIDEO_MEMORY_BASE };
        let (mut from, mut to) = (base(aperture.0), base(aperture.1) + half);
        let all = ALLOCATION * PAGE;
        let (source, before) = (noise(10, all), noise(11, all));
        machine.write(from, &source);
        machine.write(to, &before);
        let mut progress = Progress::default();
        let mut changes = changes.into_iter();
        while machine.step(&shape.operation(from, to), &[], &mut progress) == Ok(Step::More) {
            if changes.next() == Some(true) {
                let bytes = (machine.read(from, all), machine.read(to, all));
                core::mem::swap(&mut from, &mut to);
                machine.write(from, &bytes.0);
                machine.write(to, &bytes.1);
            }
        }
        prop_assert!(machine.read(from, all) == source);
        prop_assert!(machine.read(to, all) == shape.expected(Some(&source), &before));
    }

    #[test]
    fn a_fill_that_is_interrupted(
        shape in shapes(),
        mut place in places(),
        value in any::<u32>(),
        moves in prop::collection::vec(prop::option::of(places()), 0..6),
    ) {
        let mut machine = Machine::new(SEGMENT, SEGMENT);
        let before = noise(12, ALLOCATION * PAGE);
        machine.write(place, &before);
        let mut expected = before;
        for row in 0..shape.rows {
            let row = &mut expected[shape.to + row * shape.to_pitch..][..shape.row_bytes];
            for (byte, fill) in row.iter_mut().zip(value.to_le_bytes().into_iter().cycle()) {
                *byte = fill;
            }
        }
        let fill = |place: u64| Operation::Fill(Fill {
            to: Place::Gpu(place + shape.to as u64),
            to_pitch: u32::try_from(shape.to_pitch).unwrap(),
            row_bytes: u32::try_from(shape.row_bytes).unwrap(),
            rows: u32::try_from(shape.rows).unwrap(),
            value,
        });
        let mut progress = Progress::default();
        let mut moves = moves.into_iter();
        while machine.step(&fill(place), &[], &mut progress) == Ok(Step::More) {
            if let Some(to) = moves.next().flatten() {
                moved(&machine, &mut place, to);
            }
        }
        prop_assert!(machine.read(place, ALLOCATION * PAGE) == expected);
    }
}
