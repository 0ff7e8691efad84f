//! Presents beside a plain model: a picture of pixels, and a loop for each rectangle.

// Sizes of a test are small.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]

use core::ops::Range;
use std::string::ToString;
use std::vec;
use std::vec::Vec;

use dxgk_sys::POINT;
use proptest::prelude::*;

use super::*;
use crate::device::ScanOut;
use crate::kernel::host::World;
use crate::kernel::testing::{named, passive, window};

const TURNS: [Rotation; 4] = [
    Rotation::Identity,
    Rotation::Rotate90,
    Rotation::Rotate180,
    Rotation::Rotate270,
];
/// Pixels in front of the picture and behind it, which nobody may write.
const MARGIN: usize = 24;
const UNTOUCHED: u32 = 0xdead_beef;

/// An image in memory, rows `pitch` bytes apart; the last ends with its last pixel.
#[derive(Clone, Debug)]
struct Picture {
    width: usize,
    height: usize,
    pitch: usize,
    bytes: Vec<u8>,
}

impl Picture {
    fn new(width: usize, height: usize, gap: usize, seed: u32) -> Self {
        let pitch = width * PIXEL + gap;
        let mut state = seed | 1;
        let bytes = (0..(height - 1) * pitch + width * PIXEL)
            .map(|_| {
                state = state.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
                (state >> 24) as u8
            })
            .collect();
        Self {
            width,
            height,
            pitch,
            bytes,
        }
    }

    fn pixel(&self, x: usize, y: usize) -> u32 {
        let at = y * self.pitch + x * PIXEL;
        u32::from_le_bytes(self.bytes[at..at + PIXEL].try_into().unwrap())
    }

    fn set(&mut self, x: usize, y: usize, pixel: u32) {
        let at = y * self.pitch + x * PIXEL;
        self.bytes[at..at + PIXEL].copy_from_slice(&pixel.to_le_bytes());
    }
}

/// Video memory with a picture in it.
#[derive(Clone, PartialEq, Debug)]
struct Video {
    memory: Vec<u32>,
    scan_out: ScanOut,
}

impl Video {
    /// With room for an image of that size when it is turned so.
    fn new(width: usize, height: usize, turn: Rotation) -> Self {
        let (width, height) = match turn {
            Rotation::Identity | Rotation::Rotate180 => (width, height),
            Rotation::Rotate90 | Rotation::Rotate270 => (height, width),
        };
        let pitch = (width * PIXEL).next_multiple_of(64);
        Self {
            memory: vec![UNTOUCHED; height * pitch / PIXEL + 2 * MARGIN],
            scan_out: ScanOut {
                width: width as u32,
                height: height as u32,
                pitch: pitch as u32,
                offset: (MARGIN * PIXEL) as u64,
            },
        }
    }

    /// The pixel of the picture that a pixel of an image becomes.
    fn place(&mut self, x: usize, y: usize, turn: Rotation) -> &mut u32 {
        let (width, height) = (self.scan_out.width as usize, self.scan_out.height as usize);
        let (column, row) = match turn {
            Rotation::Identity => (x, y),
            Rotation::Rotate90 => (y, height - 1 - x),
            Rotation::Rotate180 => (width - 1 - x, height - 1 - y),
            Rotation::Rotate270 => (width - 1 - y, x),
        };
        &mut self.memory[MARGIN + row * self.scan_out.pitch as usize / PIXEL + column]
    }

    /// What lies between the rows belongs to nobody: a copy of all rows in one go may write it.
    fn without_gaps(mut self) -> Self {
        let pitch = self.scan_out.pitch as usize / PIXEL;
        let rows = self.memory[MARGIN..].chunks_exact_mut(pitch);
        for row in rows.take(self.scan_out.height as usize) {
            row[self.scan_out.width as usize..].fill(0);
        }
        self
    }

    fn show(&mut self, present: &Present<'_>, turn: Rotation) -> Result<(), NotShown> {
        let window = window(&mut self.memory);
        let canvas = Canvas::new(&window, &self.scan_out).unwrap();
        present.check()?;
        present.show(&canvas, turn, passive())
    }
}

type Corners = (i32, i32, i32, i32);

fn rect((left, top, right, bottom): Corners) -> RECT {
    RECT {
        left,
        top,
        right,
        bottom,
    }
}

/// The pixels of a rectangle that an image of that size has.
fn inside((left, top, right, bottom): Corners, picture: &Picture) -> Vec<(usize, usize)> {
    let range =
        |from: i32, to: i32, size: usize| -> Range<i32> { from.max(0)..to.min(size as i32) };
    range(top, bottom, picture.height)
        .flat_map(|y| range(left, right, picture.width).map(move |x| (x as usize, y as usize)))
        .collect()
}

fn present<'call>(
    image: &'call Picture,
    moves: &'call [D3DKMT_MOVE_RECT],
    dirty: &'call [RECT],
) -> Present<'call> {
    Present {
        image: named(&image.bytes),
        pitch: image.pitch as i32,
        pixel: 4,
        rotate: true,
        moves,
        dirty,
    }
}

/// A world in which the tests' memory is the system's, or a program's.
fn world(user: bool) -> World {
    let world = World::new();
    if !user {
        world.set_highest_user_address(0);
    }
    world
}

/// The whole of any image, or any rectangle.
fn corners() -> impl Strategy<Value = Corners> {
    prop_oneof![1 => Just((0, 0, i32::MAX, i32::MAX)), 5 => any_corners()]
}

prop_compose! {
    /// Mostly within a screen of 80 by 60, sometimes far outside or inside out.
    fn any_corners()(
        left in prop_oneof![8 => -10..90_i32, 1 => any::<i32>()],
        top in prop_oneof![8 => -10..70_i32, 1 => any::<i32>()],
        width in prop_oneof![8 => 0..90_i32, 1 => any::<i32>()],
        height in prop_oneof![8 => 0..70_i32, 1 => any::<i32>()],
    ) -> Corners {
        (left, top, left.saturating_add(width), top.saturating_add(height))
    }
}

proptest! {
    /// Every rectangle arrives, turned, and nothing else is written.
    #[test]
    fn rectangles_arrive(
        (width, height) in (1..80_usize, 1..60_usize),
        gap in prop_oneof![Just(0_usize), 0..200_usize, Just(64), Just(4)],
        fitting in any::<bool>(),
        turn in prop::sample::select(&TURNS[..]),
        rotate in any::<bool>(),
        user in any::<bool>(),
        rects in prop::collection::vec(corners(), 0..6),
        seed in any::<u32>(),
    ) {
        let world = world(user);
        let _entered = world.enter();
        let done = if rotate { turn } else { Rotation::Identity };
        let mut video = Video::new(width, height, done);
        let gap = if fitting { (width * PIXEL).next_multiple_of(64) - width * PIXEL } else { gap };
        let image = Picture::new(width, height, gap, seed);
        let dirty: Vec<_> = rects.iter().copied().map(rect).collect();
        let request = Present { rotate, ..present(&image, &[], &dirty) };
        let mut expected = video.clone();
        for corners in &rects {
            for (x, y) in inside(*corners, &image) {
                *expected.place(x, y, done) = image.pixel(x, y);
            }
        }
        prop_assert_eq!(video.show(&request, turn), Ok(()));
        prop_assert_eq!(video.without_gaps(), expected.without_gaps());
        prop_assert_eq!(world.live_blocks(), 0);
    }

    /// A frame that came from the one before by moves on the screen and by changes looks as if the
    /// moves had been made on the screen.
    #[test]
    fn moves_come_out_as_on_the_screen(
        (width, height) in (1..80_usize, 1..60_usize),
        turn in prop::sample::select(&TURNS[..]),
        user in any::<bool>(),
        moves in prop::collection::vec((corners(), 0..80_i32, 0..60_i32), 1..4),
        changes in prop::collection::vec(corners(), 0..4),
        seed in any::<u32>(),
    ) {
        let world = world(user);
        let _entered = world.enter();
        let mut video = Video::new(width, height, turn);
        let before = Picture::new(width, height, 0, seed);
        let all = [rect((0, 0, i32::MAX, i32::MAX))];
        prop_assert_eq!(video.show(&present(&before, &[], &all), turn), Ok(()));

        // The model's screen, in the image's coordinates, and the program's new frame beside it.
        let mut screen = before;
        let mut list = Vec::new();
        for (corners, from_x, from_y) in moves {
            let old = screen.clone();
            let (left, top) = (corners.0.max(0), corners.1.max(0));
            for (x, y) in inside(corners, &old) {
                let (dx, dy) = (x - left as usize, y - top as usize);
                let (from_x, from_y) = (from_x as usize + dx, from_y as usize + dy);
                if from_x < width && from_y < height {
                    screen.set(x, y, old.pixel(from_x, from_y));
                }
            }
            list.push(D3DKMT_MOVE_RECT {
                SourcePoint: POINT { x: from_x, y: from_y },
                DestRect: rect((left, top, corners.2, corners.3)),
            });
        }
        let mut frame = screen.clone();
        let fresh = Picture::new(width, height, 0, !seed);
        for corners in &changes {
            for (x, y) in inside(*corners, &frame) {
                frame.set(x, y, fresh.pixel(x, y));
                screen.set(x, y, fresh.pixel(x, y));
            }
        }
        let dirty: Vec<_> = changes.iter().copied().map(rect).collect();
        prop_assert_eq!(video.show(&present(&frame, &list, &dirty), turn), Ok(()));
        let mut expected = video.clone();
        for y in 0..height {
            for x in 0..width {
                *expected.place(x, y, turn) = screen.pixel(x, y);
            }
        }
        prop_assert_eq!(video, expected);
    }

    /// Whatever the numbers say, what is refused is refused, and nothing outside the picture is
    /// written.
    #[test]
    fn hostile_numbers_do_no_harm(
        pitch in prop_oneof![any::<i32>(), 0..300_i32],
        pixel in prop_oneof![Just(4_u32), any::<u32>()],
        turn in prop::sample::select(&TURNS[..]),
        rects in prop::collection::vec(prop_oneof![any::<Corners>(), corners()], 1..4),
    ) {
        let world = world(true);
        let _entered = world.enter();
        let mut video = Video::new(30, 20, turn);
        let before = video.clone();
        let image = Picture::new(30, 20, 0, 1);
        // Whatever is not the image cannot be read: the numbers may name any place.
        let start = image.bytes.as_ptr().addr() as u64;
        world.fault_user_range(start + image.bytes.len() as u64..u64::MAX);
        let dirty: Vec<_> = rects.iter().copied().map(rect).collect();
        let request = Present { pitch, pixel, ..present(&image, &[], &dirty) };
        let sane = pixel == 4 && pitch >= 120;
        let end = |(x, y): (usize, usize)| y as u64 * u64::from(pitch.unsigned_abs()) + x as u64 * 4 + 4;
        let mut pixels = rects.iter().flat_map(|corners| inside(*corners, &image));
        let readable = pixels.all(|pixel| end(pixel) <= image.bytes.len() as u64);
        let expected = match (sane, readable) {
            (true, true) => Ok(()),
            (true, false) => Err(NotShown::Unreadable),
            (false, _) => Err(NotShown::InvalidParameter),
        };
        prop_assert_eq!(video.show(&request, turn), expected);
        if !sane {
            prop_assert_eq!(&video, &before);
        }
        let rows = video.scan_out.height as usize * video.scan_out.pitch as usize / PIXEL;
        let (front, rest) = video.memory.split_at(MARGIN);
        prop_assert!(front.iter().chain(&rest[rows..]).all(|pixel| *pixel == UNTOUCHED));
        prop_assert_eq!(world.live_blocks(), 0);
    }
}

#[test]
fn a_page_that_is_gone_ends_the_present_and_leaves_what_was_shown() {
    for turn in TURNS {
        let world = world(true);
        let _entered = world.enter();
        let image = Picture::new(200, 300, 64, 7);
        let mut video = Video::new(200, 300, turn);
        let start = image.bytes.as_ptr().addr() as u64;
        let row = |row: u64| start + row * image.pitch as u64;
        world.fault_user_range(row(250)..row(251));
        let first = rect((0, 0, 200, 200));
        let both = [first, rect((0, 200, 200, 300))];
        let result = video.show(&present(&image, &[], &both), turn);
        assert_eq!(result, Err(NotShown::Unreadable));
        for y in 0..200 {
            for x in 0..200 {
                assert_eq!(*video.place(x, y, turn), image.pixel(x, y));
            }
        }
        assert_eq!(*video.place(0, 250, turn), UNTOUCHED);
        assert_eq!(world.live_blocks(), 0);
        assert_eq!(video.show(&present(&image, &[], &[first]), turn), Ok(()));
    }
}

#[test]
fn an_image_that_ends_beyond_user_memory_is_refused() {
    let world = World::new();
    let _entered = world.enter();
    let image = Picture::new(64, 64, 0, 7);
    let start = image.bytes.as_ptr().addr() as u64;
    world.set_highest_user_address(start + 60 * 256 - 1);
    let mut video = Video::new(64, 64, Rotation::Identity);
    let mut show = |bottom| {
        let dirty = [rect((0, 0, 64, bottom))];
        video.show(&present(&image, &[], &dirty), Rotation::Identity)
    };
    assert_eq!(show(60), Ok(()));
    assert_eq!(show(61), Err(NotShown::Unreadable));
}

#[test]
fn user_memory_needs_pool_and_says_when_there_is_none() {
    let world = world(true);
    let _entered = world.enter();
    let image = Picture::new(64, 64, 0, 7);
    let mut video = Video::new(64, 64, Rotation::Identity);
    let before = video.clone();
    let dirty = [rect((0, 0, 64, 64))];
    world.fail_pool_call(Some(1));
    let result = video.show(&present(&image, &[], &dirty), Rotation::Identity);
    assert_eq!(result, Err(NotShown::NoMemory));
    assert_eq!(video, before);
    world.fail_pool_call(None);
    // The system's memory needs none.
    world.set_highest_user_address(0);
    world.fail_pool_call(Some(1));
    assert_eq!(
        video.show(&present(&image, &[], &dirty), Rotation::Identity),
        Ok(())
    );
}

#[test]
fn rows_wider_than_a_piece_arrive() {
    let world = world(true);
    let _entered = world.enter();
    let image = Picture::new(20_000, 3, 0, 9);
    for turn in TURNS {
        let mut video = Video::new(20_000, 3, turn);
        let dirty = [rect((1, 0, 19_999, 3))];
        assert_eq!(video.show(&present(&image, &[], &dirty), turn), Ok(()));
        for (x, y) in [(1, 0), (16_384, 1), (16_385, 2), (19_998, 2)] {
            assert_eq!(*video.place(x, y, turn), image.pixel(x, y), "{x} {y}");
        }
        assert_eq!(*video.place(0, 0, turn), UNTOUCHED);
        assert_eq!(*video.place(19_999, 2, turn), UNTOUCHED);
    }
}

#[test]
fn nothing_to_copy_needs_no_image() {
    let world = world(true);
    let _entered = world.enter();
    let mut video = Video::new(8, 8, Rotation::Identity);
    let nothing = Present {
        image: None,
        pitch: 32,
        pixel: 4,
        rotate: false,
        moves: &[],
        dirty: &[],
    };
    assert_eq!(video.show(&nothing, Rotation::Identity), Ok(()));
    let something = Present {
        dirty: &[rect((0, 0, 1, 1))],
        ..nothing
    };
    let refused = video.show(&something, Rotation::Identity);
    assert_eq!(refused, Err(NotShown::InvalidParameter));
    let complaints = world.take_complaints();
    assert_eq!(complaints.len(), 1);
    assert!(complaints[0].to_string().contains("pSource"));
}
