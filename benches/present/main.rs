//! PresentDisplayOnly beside a plain `memcpy` of as many bytes into the same video memory.
//!
//! `cargo bench --bench present` starts the display-only driver in this process, commits a mode and
//! presents through the port. Both sides take turns, and each number is a median. At the end it prints
//! the table of docs/performance.md.

// Numbers of a benchmark are small.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]

mod stage;

use std::hint::black_box;
use std::time::{Duration, Instant};

use dxgk_sys::{D3DKMDT_VIDPN_PRESENT_PATH_ROTATION as Rotation, RECT};

use stage::{HEIGHT, Stage, WIDTH};

/// Bytes of a frame.
const FRAME: usize = WIDTH * HEIGHT * 4;
/// The side of a small rectangle, in pixels.
const SMALL: usize = 64;

/// What is measured.
struct Case {
    name: &'static str,
    rotation: Rotation,
    /// Whether the image is in user memory.
    user: bool,
    /// Bytes beyond a row of the image.
    gap: usize,
    rects: Vec<RECT>,
}

impl Case {
    fn new(name: &'static str, rects: Vec<RECT>) -> Self {
        Self {
            name,
            rotation: Rotation::D3DKMDT_VPPR_IDENTITY,
            user: false,
            gap: 0,
            rects,
        }
    }

    fn turned(name: &'static str, rotation: Rotation) -> Self {
        Self {
            rotation,
            ..Self::new(name, vec![rect(0, 0, HEIGHT.max(WIDTH), HEIGHT.max(WIDTH))])
        }
    }

    /// Bytes of all rectangles.
    fn bytes(&self) -> usize {
        let area = |rect: &RECT| {
            let width = rect.right.min(WIDTH as i32) - rect.left;
            let height = rect.bottom.min(HEIGHT as i32) - rect.top;
            (width * height) as usize * 4
        };
        if self.rotation == Rotation::D3DKMDT_VPPR_IDENTITY {
            self.rects.iter().map(area).sum()
        } else {
            FRAME
        }
    }
}

fn rect(left: usize, top: usize, right: usize, bottom: usize) -> RECT {
    RECT {
        left: left as i32,
        top: top as i32,
        right: right as i32,
        bottom: bottom as i32,
    }
}

fn cases() -> Vec<Case> {
    let full = || vec![rect(0, 0, WIDTH, HEIGHT)];
    let (columns, rows) = (WIDTH / SMALL, HEIGHT / SMALL);
    let small = || {
        (0..columns * rows)
            .map(|index| (index % columns * SMALL, index / columns * SMALL))
            .map(|(left, top)| rect(left, top, left + SMALL, top + SMALL))
            .collect()
    };
    vec![
        Case::new("full frame, pitches alike", full()),
        Case {
            gap: 64,
            ..Case::new("full frame, another pitch", full())
        },
        Case::new("480 rectangles of 64 x 64", small()),
        Case::turned(
            "full frame, turned by 90 degrees",
            Rotation::D3DKMDT_VPPR_ROTATE90,
        ),
        Case::turned(
            "full frame, turned by 180 degrees",
            Rotation::D3DKMDT_VPPR_ROTATE180,
        ),
        Case::turned(
            "full frame, turned by 270 degrees",
            Rotation::D3DKMDT_VPPR_ROTATE270,
        ),
        Case {
            user: true,
            ..Case::new("full frame, user memory", full())
        },
        Case {
            user: true,
            ..Case::new("480 rectangles of 64 x 64, user memory", small())
        },
    ]
}

fn main() {
    // `cargo test --benches` runs it once, to see that it works.
    let rounds = if std::env::args().any(|argument| argument == "--bench") {
        101
    } else {
        1
    };
    println!("Gigabytes a second, {WIDTH} x {HEIGHT} (median of {rounds} rounds):\n");
    println!("| | PresentDisplayOnly | memcpy | ratio |");
    println!("|---|---|---|---|");
    for case in cases() {
        let stage = Stage::open(case.rotation);
        let image =
            vec![0x5a_u8; FRAME.max((WIDTH.max(HEIGHT) * 4 + case.gap) * WIDTH.max(HEIGHT))];
        stage.place_in_user_memory(case.user);
        let present = || {
            let begin = Instant::now();
            stage.present(&image, case.gap, &case.rects);
            begin.elapsed()
        };
        let copy = || {
            let begin = Instant::now();
            stage.copy(black_box(&image[..case.bytes()]));
            begin.elapsed()
        };
        let (mut presents, mut copies) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            // Who comes first finds other caches than who comes second.
            if round % 2 == 0 {
                presents.push(present());
                copies.push(copy());
            } else {
                copies.push(copy());
                presents.push(present());
            }
        }
        let rate = |times| case.bytes() as f64 / median(times).as_secs_f64() / 1e9;
        let (present, copy) = (rate(presents), rate(copies));
        let ratio = present / copy;
        println!("| {} | {present:.1} | {copy:.1} | {ratio:.2} |", case.name);
        stage.close();
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
