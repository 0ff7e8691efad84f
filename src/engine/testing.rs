//! A small machine for tests: video memory, an aperture on pages that lie in no order, and what executes records on
//! them.

use std::vec;
use std::vec::Vec;

use super::execute::{Fault, Step, step};
use super::permit::Gate;
use super::record::{self, Operation, Progress};
use crate::kernel::host::{Entered, World, WrongPages};
use crate::kernel::testing::pages::Memory;
use crate::kernel::testing::passive;
use crate::kernel::{KernelBuffer, PAGE, Tag};
use crate::memory::aperture::Aperture;
use crate::memory::segments::{APERTURE_BASE, VIDEO_MEMORY_BASE};
use crate::memory::space::{Access, Reserve, Space};

const TAG: Tag = Tag(*b"VmdT");

/// An adapter's memory, and what executes records on it.
pub struct Machine {
    pub video: Memory,
    pub system: Memory,
    pub aperture: Aperture,
    pub reserve: Reserve,
    pub gate: Gate,
    /// What the world will have recorded in the end.
    pub expected: Vec<WrongPages>,
    pub world: World,
    _entered: Entered,
}

impl Machine {
    /// With so many pages of video memory and of system memory. Page `n` of the aperture is page
    /// `7 n + 3`, modulo the number of pages, which 7 must not divide.
    pub fn new(video: usize, system: usize) -> Self {
        let world = World::new();
        let entered = world.enter();
        let machine = Self {
            video: Memory::new(video),
            system: Memory::new(system),
            aperture: Aperture::try_new(TAG, passive()).unwrap(),
            reserve: Reserve::try_new(TAG, passive()).unwrap(),
            gate: Gate::new(),
            expected: Vec::new(),
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
    pub fn scramble(&self, seed: u64) {
        for memory in [&self.video, &self.system] {
            let bytes = noise(seed, memory.window().bytes());
            assert!(memory.window().write(0, &bytes));
        }
    }

    /// One step of `operation`, which `frames` follow.
    pub fn step(
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

    /// All steps of the records in `buffer`.
    pub fn run_buffer(&mut self, buffer: &mut [u8]) -> Result<(), Fault> {
        let mut offset = 0;
        while offset < buffer.len() {
            let permit = self.gate.permit();
            let entered = permit.enter().unwrap();
            let read = record::decode(KernelBuffer::from(&mut *buffer), offset, &entered).unwrap();
            drop(entered);
            let space = Space::new(self.video.window(), &self.aperture);
            let mut access = Access::new(space, &mut self.reserve);
            let mut progress = Progress::default();
            while step(
                &read.operation,
                read.frames,
                &mut progress,
                &mut access,
                &permit,
                passive(),
            )? == Step::More
            {}
            offset = read.next;
        }
        Ok(())
    }

    /// All steps of `operation`.
    pub fn run(&mut self, operation: &Operation, frames: &[u64]) -> Result<(), Fault> {
        let mut progress = Progress::default();
        while self.step(operation, frames, &mut progress)? == Step::More {}
        Ok(())
    }

    /// Where the byte at a GPU address is: in system memory or not, and its offset.
    pub fn place(&self, address: u64) -> (bool, usize) {
        if let Some(offset) = address.checked_sub(APERTURE_BASE) {
            let offset = usize::try_from(offset).unwrap();
            let pages = self.system.frames().len();
            let page = (7 * (offset / PAGE) + 3) % pages;
            return (true, page * PAGE + offset % PAGE);
        }
        (false, usize::try_from(address - VIDEO_MEMORY_BASE).unwrap())
    }

    /// The `bytes` bytes at a GPU address.
    pub fn read(&self, address: u64, bytes: usize) -> Vec<u8> {
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
    pub fn write(&self, address: u64, bytes: &[u8]) {
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
    pub fn all(&self) -> (Vec<u8>, Vec<u8>) {
        (self.video.bytes(), self.system.bytes())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        assert_eq!(self.world.wrong_pages(), self.expected);
        assert_eq!(self.world.misuses(), []);
    }
}

/// `bytes` bytes that look like none others.
pub fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..bytes).map(|_| next()).collect()
}
