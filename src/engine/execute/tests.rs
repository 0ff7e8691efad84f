//! Steps on a small machine: video memory, and an aperture on pages that lie in no order.

mod random;

use std::vec;
use std::vec::Vec;

use crate::engine::execute::{Fault, STEP_BYTES, Step, step};
use crate::engine::permit::Gate;
use crate::engine::record::{self, Map, Operation, Place, Progress, Unmap};
use crate::kernel::host::{Entered, World};
use crate::kernel::testing::pages::Memory;
use crate::kernel::testing::passive;
use crate::kernel::{KernelBuffer, PAGE, Tag};
use crate::memory::aperture::{Aperture, PAGES};
use crate::memory::segments::{APERTURE_BASE, VIDEO_MEMORY_BASE};
use crate::memory::space::{Access, Reserve, Space};

const TAG: Tag = Tag(*b"VmdT");

/// An adapter's memory, and what executes records on it.
struct Machine {
    video: Memory,
    system: Memory,
    aperture: Aperture,
    reserve: Reserve,
    gate: Gate,
    world: World,
    _entered: Entered,
}

impl Machine {
    /// With so many pages of video memory and of system memory. Page `n` of the aperture is page
    /// `7 n + 3`, modulo the number of pages, which 7 must not divide.
    fn new(video: usize, system: usize) -> Self {
        let world = World::new();
        let entered = world.enter();
        let machine = Self {
            video: Memory::new(video),
            system: Memory::new(system),
            aperture: Aperture::try_new(TAG, passive()).unwrap(),
            reserve: Reserve::try_new(TAG, passive()).unwrap(),
            gate: Gate::new(),
            world,
            _entered: entered,
        };
        for page in 0..system {
            let frame = machine.system.frames()[(7 * page + 3) % system];
            assert!(machine.aperture.set(u32::try_from(page).unwrap(), frame));
        }
        machine
    }

    /// Fills both memories with bytes that tell where they are from.
    fn scramble(&self, seed: u64) {
        for memory in [&self.video, &self.system] {
            let bytes = noise(seed, memory.window().bytes());
            assert!(memory.window().write(0, &bytes));
        }
    }

    /// One step of `operation`, which `frames` follow.
    fn step(
        &mut self,
        operation: &Operation,
        frames: &[u64],
        progress: &mut Progress,
    ) -> Result<Step, Fault> {
        let mut buffer = vec![0; record::bytes_with(frames.len())];
        record::encode(&mut buffer, operation, frames).unwrap();
        let permit = self.gate.permit();
        let entered = permit.enter().unwrap();
        let read = record::decode(KernelBuffer::from(&mut buffer[..]), 0, &entered).unwrap();
        drop(entered);
        assert_eq!(read.operation, *operation);
        let space = Space::new(self.video.window(), &self.aperture);
        let mut access = Access::new(space, &mut self.reserve);
        let step = step(
            operation,
            read.frames,
            progress,
            &mut access,
            &permit,
            passive(),
        );
        assert!(self.gate.is_empty());
        step
    }

    /// All steps of `operation`.
    fn run(&mut self, operation: &Operation, frames: &[u64]) -> Result<(), Fault> {
        let mut progress = Progress::default();
        while self.step(operation, frames, &mut progress)? == Step::More {}
        Ok(())
    }

    /// Where the byte at a GPU address is: in system memory or not, and its offset.
    fn place(&self, address: u64) -> (bool, usize) {
        if let Some(offset) = address.checked_sub(APERTURE_BASE) {
            let offset = usize::try_from(offset).unwrap();
            let pages = self.system.frames().len();
            let page = (7 * (offset / PAGE) + 3) % pages;
            return (true, page * PAGE + offset % PAGE);
        }
        (false, usize::try_from(address - VIDEO_MEMORY_BASE).unwrap())
    }

    /// The `bytes` bytes at a GPU address.
    fn read(&self, address: u64, bytes: usize) -> Vec<u8> {
        let (video, system) = (self.video.bytes(), self.system.bytes());
        let mut read = Vec::new();
        while read.len() < bytes {
            let (in_system, offset) = self.place(address + read.len() as u64);
            let piece = (PAGE - offset % PAGE).min(bytes - read.len());
            let memory = if in_system { &system } else { &video };
            read.extend_from_slice(&memory[offset..offset + piece]);
        }
        read
    }

    /// Writes `bytes` to a GPU address.
    fn write(&self, address: u64, bytes: &[u8]) {
        let mut done = 0;
        while done < bytes.len() {
            let (in_system, offset) = self.place(address + done as u64);
            let piece = (PAGE - offset % PAGE).min(bytes.len() - done);
            let memory = if in_system { &self.system } else { &self.video };
            assert!(memory.window().write(offset, &bytes[done..done + piece]));
            done += piece;
        }
    }

    /// All bytes of both memories.
    fn all(&self) -> (Vec<u8>, Vec<u8>) {
        (self.video.bytes(), self.system.bytes())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        assert_eq!(self.world.wrong_pages(), []);
        assert_eq!(self.world.misuses(), []);
    }
}

/// `bytes` bytes that look like none others.
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..bytes).map(|_| next()).collect()
}

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
