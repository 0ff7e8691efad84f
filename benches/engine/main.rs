//! The engine's copies and fills of a 1920x1080 frame beside a plain `memcpy` or `memset` of as many bytes
//! in the same memory.
//!
//! `cargo bench --bench engine` executes records step by step as the engine's thread does: decoded, pages mapped,
//! the permit asked. Both sides take turns, and the best turn counts. Then it measures presents of a frame the whole
//! way, from DxgkDdiPresent through the port to the fence. It prints both tables of docs/performance.md;
//! `cargo bench --bench engine -- present` measures the presents alone.

// Numbers of a benchmark are small.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]

mod present;

use std::hint::black_box;
use std::ptr;
use std::time::{Duration, Instant};

use vmdisp::engine::execute::{Step, step};
use vmdisp::engine::permit::Gate;
use vmdisp::engine::record::{self, Copy, Fill, Operation, Place, Progress};
use vmdisp::kernel::host::World;
use vmdisp::kernel::irql::Passive;
use vmdisp::kernel::{KernelBuffer, Tag, Window};
use vmdisp::memory::aperture::Aperture;
use vmdisp::memory::segments::{APERTURE_BASE, VIDEO_MEMORY_BASE};
use vmdisp::memory::space::{Access, Reserve, Space};

const WIDTH: u32 = 1920;
const HEIGHT: u32 = 1080;
/// Bytes of a row of the frame.
const ROW: u32 = WIDTH * 4;
/// Bytes of a frame.
const FRAME: usize = (ROW * HEIGHT) as usize;
/// Between the rows of another pitch.
const GAP: u32 = 256;
/// Room for one frame of either pitch, in pages.
const PAGES: usize = 2304;

/// Where a frame is.
#[derive(Clone, Copy)]
enum At {
    Video(u64),
    Aperture,
}

impl At {
    fn place(self) -> Place {
        Place::Gpu(match self {
            Self::Video(offset) => VIDEO_MEMORY_BASE + offset,
            Self::Aperture => APERTURE_BASE,
        })
    }
}

/// Where the second frame begins.
const SECOND: u64 = PAGES as u64 * 4096;

fn copy(
    from: At,
    from_pitch: u32,
    to: At,
    to_pitch: u32,
    (row_bytes, rows): (u32, u32),
) -> Operation {
    Operation::Copy(Copy {
        from: from.place(),
        from_pitch,
        to: to.place(),
        to_pitch,
        row_bytes,
        rows,
    })
}

fn cases() -> Vec<(&'static str, Operation)> {
    let frame = (ROW, HEIGHT);
    let (first, second) = (At::Video(0), At::Video(SECOND));
    let scrolled = At::Video(u64::from(ROW));
    let but_one = (ROW, HEIGHT - 1);
    vec![
        (
            "full frame, video memory to video memory",
            copy(first, ROW, second, ROW, frame),
        ),
        (
            "full frame, to another pitch",
            copy(first, ROW, second, ROW + GAP, frame),
        ),
        (
            "full frame, aperture to video memory",
            copy(At::Aperture, ROW, second, ROW, frame),
        ),
        (
            "full frame, video memory to aperture",
            copy(first, ROW, At::Aperture, ROW, frame),
        ),
        (
            "scrolled up by a row, in place",
            copy(scrolled, ROW, first, ROW, but_one),
        ),
        (
            "scrolled down by a row, in place",
            copy(first, ROW, scrolled, ROW, but_one),
        ),
        (
            "full frame, filled",
            Operation::Fill(Fill {
                to: second.place(),
                to_pitch: ROW,
                row_bytes: ROW,
                rows: HEIGHT,
                value: 0x0055_aa55,
            }),
        ),
    ]
}

fn main() {
    let has = |word: &str| std::env::args().any(|argument| argument == word);
    // `cargo test --benches` runs it once, to see that it works.
    let rounds = if has("--bench") { 151 } else { 1 };
    if !has("present") {
        steps(rounds);
    }
    present::run(rounds);
}

/// Records, step by step.
fn steps(rounds: usize) {
    let world = World::bare();
    let _entered = world.enter();
    // SAFETY: this thread is at PASSIVE_LEVEL.
    let irql = unsafe { Passive::assume() };
    let tag = Tag(*b"VmdB");
    let video = world.system_pages(2 * PAGES).unwrap();
    let system = world.system_pages(PAGES).unwrap();
    // SAFETY: so many bytes, until the end.
    let window = unsafe { Window::from_raw(video.address, 2 * PAGES * 4096) };
    let aperture = Aperture::try_new(tag, irql).unwrap();
    for (page, frame) in (0..).zip(&system.frames) {
        assert!(aperture.set(page, *frame));
    }
    let mut reserve = Reserve::try_new(tag, irql).unwrap();
    let gate = Gate::new();
    println!("Gigabytes a second, {WIDTH} x {HEIGHT} (best of {rounds} rounds):\n");
    println!("| | engine | memcpy or memset | ratio |");
    println!("|---|---|---|---|");
    for (name, operation) in cases() {
        let mut buffer = vec![0; 64];
        record::encode(&mut buffer, &operation, &[]).unwrap();
        let space = Space::new(window, &aperture);
        let mut access = Access::new(space, &mut reserve);
        let mut execute = || {
            let begin = Instant::now();
            let permit = gate.permit();
            let entered = permit.enter().unwrap();
            let read = record::decode(KernelBuffer::from(&mut buffer[..]), 0, &entered).unwrap();
            drop(entered);
            let mut progress = Progress::default();
            while step(
                &read.operation,
                read.frames,
                &mut progress,
                &mut access,
                &permit,
                irql,
            ) == Ok(Step::More)
            {}
            assert_eq!(progress.byte, 0);
            begin.elapsed()
        };
        let plain = || {
            let begin = Instant::now();
            let (first, second) = (video.address.as_ptr(), window.part(SECOND as usize, FRAME));
            let second = second.unwrap().base().as_ptr();
            let pages = system.address.as_ptr();
            let row = ROW as usize;
            let (from, to, bytes) = match name {
                "full frame, filled" => (None, second, FRAME),
                "full frame, aperture to video memory" => (Some(pages), second, FRAME),
                "full frame, video memory to aperture" => (Some(first), pages, FRAME),
                "scrolled up by a row, in place" => {
                    (Some(first.wrapping_add(row)), first, FRAME - row)
                }
                "scrolled down by a row, in place" => {
                    (Some(first), first.wrapping_add(row), FRAME - row)
                }
                _ => (Some(first), second, FRAME),
            };
            match from {
                // SAFETY: there is room for a frame.
                None => unsafe { to.write_bytes(black_box(0x55), bytes) },
                // SAFETY: each is room for a frame, and they may overlap.
                Some(from) => unsafe { ptr::copy(from, to, bytes) },
            }
            begin.elapsed()
        };
        let (mut engine, mut machine) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            // Who comes first finds other caches than who comes second.
            if round % 2 == 0 {
                engine.push(execute());
                machine.push(plain());
            } else {
                machine.push(plain());
                engine.push(execute());
            }
        }
        let (engine, machine) = (speed(&engine), speed(&machine));
        println!(
            "| {name} | {engine:.1} | {machine:.1} | {:.2} |",
            engine / machine
        );
    }
    world.free_system_pages(video.address);
    world.free_system_pages(system.address);
}

/// Gigabytes a second of the best.
fn speed(times: &[Duration]) -> f64 {
    let best = times.iter().min().expect("a round");
    FRAME as f64 / best.as_secs_f64() / 1e9
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
