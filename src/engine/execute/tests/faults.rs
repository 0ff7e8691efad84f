//! What cannot be executed touches nothing.

use super::*;
use crate::engine::record::{Copy, Fill};
use crate::kernel::host::WrongPages;
use crate::kernel::testing::pages::Memory;
use crate::memory::segments::APERTURE_BYTES;

const VIDEO: Place = Place::Gpu(VIDEO_MEMORY_BASE);

/// A step of what decoding would refuse: a step must refuse it, too.
fn raw_step(machine: &mut Machine, operation: &Operation, frames: &[u64]) -> Result<Step, Fault> {
    let carrier = Operation::Map(Map {
        first_page: 0,
        pages: u32::try_from(frames.len()).unwrap(),
    });
    let mut list = vec![0; record::bytes_with(frames.len())];
    record::encode(&mut list, &carrier, frames).unwrap();
    let permit = machine.gate.permit();
    let entered = permit.enter().unwrap();
    let read = record::decode(KernelBuffer::from(&mut list[..]), 0, &entered).unwrap();
    drop(entered);
    let space = Space::new(machine.video.window(), &machine.aperture);
    let mut access = Access::new(space, &mut machine.reserve);
    let mut progress = Progress::default();
    let result = step(
        operation,
        read.frames,
        &mut progress,
        &mut access,
        &permit,
        passive(),
    );
    assert!(result.is_ok() || progress == Progress::default());
    assert!(machine.gate.is_empty());
    result
}

/// Rows of 8 bytes.
fn copy(from: Place, from_pitch: u32, to: Place, to_pitch: u32, rows: u32) -> Operation {
    Operation::Copy(Copy {
        from,
        from_pitch,
        to,
        to_pitch,
        row_bytes: 8,
        rows,
    })
}

#[test]
fn a_rectangle_that_is_none_or_lies_outside_is_a_fault() {
    let mut machine = Machine::new(16, 16);
    machine.scramble(4);
    let before = machine.all();
    let gpu = Place::Gpu;
    let end = VIDEO_MEMORY_BASE + 16 * 4096;
    let mapped_end = APERTURE_BASE + 16 * 4096;
    let aperture_end = APERTURE_BASE + APERTURE_BYTES;
    let frames = machine.system.frames()[..2].to_vec();
    let listed = |offset| Place::Frames { offset };
    let without_bytes = Operation::Copy(Copy {
        from: VIDEO,
        from_pitch: 0,
        to: VIDEO,
        to_pitch: 0,
        row_bytes: 0,
        rows: 1,
    });
    let cases = [
        (without_bytes, Fault::Rectangle),
        (copy(VIDEO, 8, VIDEO, 8, 0), Fault::Rectangle),
        (copy(VIDEO, 7, VIDEO, 8, 2), Fault::Rectangle),
        (copy(VIDEO, 8, VIDEO, 7, 2), Fault::Rectangle),
        (copy(VIDEO, 0, VIDEO, 8, 2), Fault::Rectangle),
        (copy(gpu(u64::MAX), 8, VIDEO, 8, 1), Fault::Rectangle),
        (copy(VIDEO, 8, gpu(u64::MAX - 6), 8, 1), Fault::Rectangle),
        (copy(VIDEO, 8, gpu(u64::MAX - 8), 8, 1), Fault::Outside),
        (copy(VIDEO, u32::MAX, VIDEO, 8, u32::MAX), Fault::Outside),
        (copy(VIDEO, 8, VIDEO, u32::MAX, u32::MAX), Fault::Outside),
        (copy(gpu(0), 8, VIDEO, 8, 1), Fault::Outside),
        (
            copy(gpu(VIDEO_MEMORY_BASE - 1), 8, VIDEO, 8, 1),
            Fault::Outside,
        ),
        (copy(gpu(end), 8, VIDEO, 8, 1), Fault::Outside),
        (copy(gpu(end - 7), 8, VIDEO, 8, 1), Fault::Outside),
        (copy(VIDEO, 8, gpu(end - 15), 8, 2), Fault::Outside),
        (copy(VIDEO, 8, gpu(aperture_end), 8, 1), Fault::Outside),
        (copy(VIDEO, 8, gpu(aperture_end - 7), 8, 1), Fault::Outside),
        (copy(VIDEO, 8, gpu(APERTURE_BASE - 7), 8, 1), Fault::Outside),
        (copy(VIDEO, 8, gpu(mapped_end), 8, 1), Fault::Unmapped),
        (copy(gpu(mapped_end - 7), 8, VIDEO, 8, 1), Fault::Unmapped),
        (copy(listed(2 * 4096 - 7), 8, VIDEO, 8, 1), Fault::Outside),
        (copy(VIDEO, 8, listed(u64::MAX), 8, 1), Fault::Rectangle),
        (copy(VIDEO, 8, listed(1 << 50), 8, 1), Fault::Outside),
    ];
    for (operation, fault) in cases {
        let result = raw_step(&mut machine, &operation, &frames);
        assert_eq!(result, Err(fault), "{operation:?}");
        let Operation::Copy(copy) = operation else {
            continue;
        };
        if (copy.from, copy.from_pitch) == (VIDEO, 8) {
            let fill = Operation::Fill(Fill {
                to: copy.to,
                to_pitch: copy.to_pitch,
                row_bytes: copy.row_bytes,
                rows: copy.rows,
                value: 0x5555_5555,
            });
            let result = raw_step(&mut machine, &fill, &frames);
            assert_eq!(result, Err(fault), "{fill:?}");
        }
    }
    assert!(before == machine.all());
    for inside in [
        copy(VIDEO, 8, gpu(end - 16), 8, 2),
        copy(gpu(mapped_end - 8), 8, VIDEO, 8, 1),
        copy(listed(2 * 4096 - 8), 8, VIDEO, 8, 1),
    ] {
        assert_eq!(raw_step(&mut machine, &inside, &frames), Ok(Step::Done));
    }
}

#[test]
fn pages_outside_of_the_aperture_are_a_fault() {
    let mut machine = Machine::new(1, 4);
    let map = |first_page, pages| Operation::Map(Map { first_page, pages });
    let unmap = |first_page, pages, dummy| {
        Operation::Unmap(Unmap {
            first_page,
            pages,
            dummy,
        })
    };
    let table = |machine: &Machine| -> Vec<_> {
        (0..PAGES)
            .map(|page| machine.aperture.frame(page))
            .collect()
    };
    let before = table(&machine);
    for operation in [
        map(PAGES - 1, 2),
        map(PAGES, 1),
        map(u32::MAX, 2),
        map(0, 3),
        unmap(PAGES, 1, 5),
        unmap(1, PAGES, 5),
        unmap(u32::MAX, u32::MAX, 5),
        unmap(0, 4, u64::MAX),
        unmap(0, 4, 1 << 40),
    ] {
        let result = raw_step(&mut machine, &operation, &[1, 2]);
        assert_eq!(result, Err(Fault::Outside), "{operation:?}");
    }
    assert!(table(&machine) == before);
}

#[test]
fn progress_that_cannot_be_is_a_fault() {
    let mut machine = Machine::new(4, 4);
    machine.scramble(5);
    let before = machine.all();
    let copy = copy(VIDEO, 8, Place::Gpu(VIDEO_MEMORY_BASE + 4096), 8, 4);
    let fill = Operation::Fill(Fill {
        to: VIDEO,
        to_pitch: 8,
        row_bytes: 8,
        rows: 4,
        value: 0,
    });
    let unmap = Operation::Unmap(Unmap {
        first_page: 0,
        pages: 4,
        dummy: 0,
    });
    for (row, byte) in [(5, 0), (4, 1), (u32::MAX, 0), (0, 8), (3, u32::MAX)] {
        for operation in [&copy, &fill, &unmap] {
            if row < 4 && *operation == unmap {
                continue; // pages have no bytes
            }
            let mut progress = Progress { row, byte };
            let result = machine.step(operation, &[], &mut progress);
            assert_eq!(result, Err(Fault::Progress), "{operation:?} {progress:?}");
        }
    }
    assert!(before == machine.all());
}

#[test]
fn a_page_that_the_system_will_not_map_is_a_fault() {
    let mut machine = Machine::new(4, 4);
    machine.scramble(6);
    let gone = Memory::new(1);
    let frame = gone.frames()[0];
    drop(gone);
    assert!(machine.aperture.set(1, frame));
    let before = machine.all();
    let bytes = u32::try_from(2 * PAGE).unwrap();
    let aperture = Place::Gpu(APERTURE_BASE);
    for operation in [
        linear(aperture, VIDEO, bytes),
        linear(VIDEO, aperture, bytes),
    ] {
        assert_eq!(machine.run(&operation, &[]), Err(Fault::Mapping));
    }
    assert!(before == machine.all());
    machine.expected = vec![WrongPages::NoFrame(frame); 2];
}

#[test]
fn nothing_is_touched_without_a_permit() {
    let mut machine = Machine::new(4, 4);
    machine.scramble(7);
    let before = machine.all();
    let permit = machine.gate.permit();
    machine.gate.shut();
    let mut list = vec![0; 64];
    record::encode(&mut list, &Operation::Nop, &[]).unwrap();
    let newer = machine.gate.permit();
    let entered = newer.enter().unwrap();
    let read = record::decode(KernelBuffer::from(&mut list[..]), 0, &entered).unwrap();
    drop(entered);
    for operation in [
        copy(VIDEO, 8, Place::Gpu(APERTURE_BASE), 8, 2),
        Operation::Fill(Fill {
            to: VIDEO,
            to_pitch: 8,
            row_bytes: 8,
            rows: 2,
            value: 0,
        }),
        Operation::Unmap(Unmap {
            first_page: 0,
            pages: 1,
            dummy: 0,
        }),
    ] {
        let space = Space::new(machine.video.window(), &machine.aperture);
        let mut access = Access::new(space, &mut machine.reserve);
        let mut progress = Progress::default();
        let shut = step(
            &operation,
            read.frames,
            &mut progress,
            &mut access,
            &permit,
            passive(),
        );
        assert_eq!((shut, progress), (Ok(Step::Shut), Progress::default()));
    }
    assert!(before == machine.all());
    assert_eq!(machine.aperture.frame(0), Some(machine.system.frames()[3]));
}

#[test]
fn an_end_outside_is_seen_before_the_first_step() {
    let mut machine = Machine::new(64, 64);
    machine.scramble(8);
    let before = machine.all();
    // More than a step, and a byte more than there are pages.
    let frames = machine.system.frames()[..20].to_vec();
    let bytes = u32::try_from(20 * PAGE + 1).unwrap();
    let listed = Place::Frames { offset: 0 };
    let end = Place::Gpu(VIDEO_MEMORY_BASE + 44 * 4096);
    for operation in [
        linear(listed, VIDEO, bytes),
        linear(VIDEO, listed, bytes),
        linear(VIDEO, end, bytes),
        linear(end, VIDEO, bytes),
    ] {
        let result = raw_step(&mut machine, &operation, &frames);
        assert_eq!(result, Err(Fault::Outside), "{operation:?}");
    }
    assert!(before == machine.all());
}
