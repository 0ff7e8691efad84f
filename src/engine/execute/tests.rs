//! Steps on a small machine.

mod faults;
mod random;

use std::vec;
use std::vec::Vec;

use crate::engine::execute::{Fault, STEP_BYTES, Step, step};
use crate::engine::record::{self, Map, Operation, Place, Progress, Unmap};
use crate::engine::testing::{Machine, noise};
use crate::kernel::testing::passive;
use crate::kernel::{KernelBuffer, PAGE};
use crate::memory::aperture::PAGES;
use crate::memory::segments::{APERTURE_BASE, VIDEO_MEMORY_BASE};
use crate::memory::space::{Access, Space};

fn linear(from: Place, to: Place, bytes: u32) -> Operation {
    Operation::Copy(record::Copy {
        from,
        from_pitch: bytes,
        to,
        to_pitch: bytes,
        row_bytes: bytes,
        rows: 1,
    })
}

#[test]
fn a_step_touches_no_more_than_its_bytes() {
    let mut machine = Machine::new(64, 64);
    machine.scramble(1);
    let before = machine.read(VIDEO_MEMORY_BASE + 5, 200_000);
    let copy = linear(
        Place::Gpu(VIDEO_MEMORY_BASE + 5),
        Place::Gpu(APERTURE_BASE + 9),
        200_000,
    );
    let mut progress = Progress::default();
    let mut steps = 0;
    loop {
        let then = machine.all();
        let step = machine.step(&copy, &[], &mut progress).unwrap();
        let now = machine.all();
        let changed = then.1.iter().zip(&now.1).filter(|(a, b)| a != b).count();
        assert!((1..=STEP_BYTES).contains(&changed), "{changed}");
        assert_eq!(then.0, now.0);
        steps += 1;
        if step == Step::Done {
            break;
        }
        assert_eq!((progress.row, progress.byte), (0, 65536 * steps));
    }
    assert_eq!((steps, progress), (4, Progress { row: 1, byte: 0 }));
    assert_eq!(machine.read(APERTURE_BASE + 9, 200_000), before);
    // What is done stays done.
    assert_eq!(machine.step(&copy, &[], &mut progress), Ok(Step::Done));
}

#[test]
fn both_sides_can_be_pages_that_came_along() {
    let mut machine = Machine::new(4, 40);
    machine.scramble(2);
    let frames: Vec<u64> = machine.system.frames().to_vec();
    let before = machine.system.bytes();
    // The first 20 pages, backwards, into the others.
    let list: Vec<u64> = frames[..20]
        .iter()
        .rev()
        .chain(&frames[20..])
        .copied()
        .collect();
    let offset = 20 * PAGE as u64;
    let bytes = 20 * PAGE;
    let copy = linear(
        Place::Frames { offset: 0 },
        Place::Frames { offset },
        u32::try_from(bytes).unwrap(),
    );
    machine.run(&copy, &list).unwrap();
    let after = machine.system.bytes();
    assert_eq!(after[..bytes], before[..bytes]);
    for page in 0..20 {
        let (from, to) = ((19 - page) * PAGE, bytes + page * PAGE);
        assert_eq!(after[to..to + PAGE], before[from..from + PAGE]);
    }
}

#[test]
fn mapping_goes_page_by_page_in_order() {
    let mut machine = Machine::new(1, 1);
    let frames: Vec<u64> = (100..3600).collect();
    let map = Operation::Map(Map {
        first_page: PAGES - 3500,
        pages: 3500,
    });
    let mut progress = Progress::default();
    let mut steps = 1;
    while machine.step(&map, &frames, &mut progress).unwrap() == Step::More {
        let done = progress.row;
        assert_eq!(machine.aperture.frame(PAGES - 3500 + done), None);
        assert_eq!(
            machine.aperture.frame(PAGES - 3501 + done),
            Some(u64::from(done) + 99)
        );
        steps += 1;
    }
    assert_eq!(steps, 4);
    let table = |machine: &Machine, page| machine.aperture.frame(PAGES - 3500 + page);
    assert!((0..3500).all(|page| table(&machine, page) == Some(u64::from(page) + 100)));
    let unmap = Operation::Unmap(Unmap {
        first_page: PAGES - 3000,
        pages: 2000,
        dummy: 7,
    });
    machine.run(&unmap, &[]).unwrap();
    assert!((0..3500).all(|page| {
        let dummy = (500..2500).contains(&page);
        table(&machine, page) == Some(if dummy { 7 } else { u64::from(page) + 100 })
    }));
}

#[test]
fn an_unmapped_range_reads_and_writes_the_dummy_page() {
    let mut machine = Machine::new(8, 8);
    machine.scramble(3);
    let dummy = machine.system.frames()[5];
    let unmap = Operation::Unmap(Unmap {
        first_page: 0,
        pages: 4,
        dummy,
    });
    machine.run(&unmap, &[]).unwrap();
    let before = machine.all();
    let bytes = u32::try_from(2 * PAGE).unwrap();
    let (video, aperture) = (
        Place::Gpu(VIDEO_MEMORY_BASE),
        Place::Gpu(APERTURE_BASE + 4096),
    );
    machine.run(&linear(aperture, video, bytes), &[]).unwrap();
    let page = |bytes: &[u8], page: usize| bytes[page * PAGE..][..PAGE].to_vec();
    let after = machine.all();
    assert_eq!(page(&after.0, 0), page(&before.1, 5));
    assert_eq!(page(&after.0, 1), page(&before.1, 5));
    let video = Place::Gpu(VIDEO_MEMORY_BASE + 4 * 4096);
    machine.run(&linear(video, aperture, bytes), &[]).unwrap();
    let last = machine.all();
    // Both pages were written there, one after the other, and no other page was.
    assert_eq!(page(&last.1, 5), page(&before.0, 5));
    assert!(
        (0..8)
            .filter(|at| *at != 5)
            .all(|at| page(&last.1, at) == page(&before.1, at))
    );
}
