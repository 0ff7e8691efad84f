//! The model beside a slower one, and beside cases that were worked out by hand.

use alloc::vec;

use super::*;

const SHAPE: Shape = Shape::Picture {
    width: 7,
    height: 5,
    pixel: 4,
    pitch: 64,
};

/// Two pictures, every pixel of them another.
fn contents() -> Contents<u32> {
    let content = |seed: u32| {
        let mut content = Content::new(SHAPE);
        for (at, byte) in (seed..).zip(&mut content.bytes) {
            *byte = (at.wrapping_mul(0x9e37_79b1) >> 24) as u8;
        }
        content
    };
    BTreeMap::from([(1, content(3)), (2, content(1000))])
}

fn work(command: Command) -> Work<u32> {
    let operand = |allocation| Operand {
        allocation,
        offset: 0,
    };
    Work {
        commands: vec![command],
        operands: vec![operand(1), operand(2)],
    }
}

fn rect(left: i32, top: i32, right: i32, bottom: i32) -> Rect {
    Rect {
        left,
        top,
        right,
        bottom,
    }
}

/// What a copy of pixels does, pixel by pixel.
fn slowly(from: &Content, to: &Content, source: &Rect, place: (i32, i32), clip: &Rect) -> Vec<u8> {
    let mut bytes = to.bytes.clone();
    for y in 0..5i32 {
        for x in 0..7i32 {
            let (sx, sy) = (x - place.0 + source.left, y - place.1 + source.top);
            let inside = |rect: &Rect, x, y| {
                (rect.left..rect.right).contains(&x) && (rect.top..rect.bottom).contains(&y)
            };
            let seen = inside(source, sx, sy) && inside(&rect(0, 0, 7, 5), sx, sy);
            if seen && inside(clip, x, y) {
                let at = to.at(x.cast_unsigned(), y.cast_unsigned());
                let begin = from.at(sx.cast_unsigned(), sy.cast_unsigned());
                bytes[at..at + 4].copy_from_slice(&from.bytes[begin..begin + 4]);
            }
        }
    }
    bytes
}

#[test]
fn copies_of_pixels_are_clipped_on_all_sides() {
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..20_000 {
        let mut edge = |most: i32| random.i32(-3..most + 3);
        let (left, top) = (edge(7), edge(5));
        let source = rect(left, top, left + edge(7).max(0), top + edge(5).max(0));
        let place = (edge(7), edge(5));
        let (left, top) = (edge(7), edge(5));
        let clip = rect(left, top, left + edge(7).max(0), top + edge(5).max(0));
        let to = u32::from(round % 2 == 0);
        let mut contents = contents();
        let expected = slowly(&contents[&1], &contents[&(to + 1)], &source, place, &clip);
        let (x, y) = place;
        let copy = Command::SurfaceCopy {
            from: 0,
            to,
            source,
            x,
            y,
            clip,
        };
        work(copy).execute(&mut contents);
        assert_eq!(
            contents[&(to + 1)].bytes,
            expected,
            "{source:?} to {place:?}"
        );
    }
}

#[test]
fn a_copy_of_bytes_reads_all_first() {
    let mut contents = contents();
    let before = contents[&1].bytes.clone();
    let copy = Command::Copy {
        from: 0,
        to: 1,
        bytes: 100,
    };
    let operand = |offset| Operand {
        allocation: 1,
        offset,
    };
    let work = Work {
        commands: vec![copy],
        operands: vec![operand(10), operand(13)],
    };
    work.execute(&mut contents);
    assert_eq!(contents[&1].bytes[13..113], before[10..110]);
    assert_eq!(contents[&1].bytes[..13], before[..13]);
    assert_eq!(contents[&1].bytes[113..], before[113..]);
}

#[test]
fn fills_repeat_and_are_cut_short() {
    let mut contents = contents();
    let fill = Command::Fill {
        to: 1,
        bytes: 6,
        value: 0x0403_0201,
    };
    let before = contents[&2].bytes.clone();
    work(fill).execute(&mut contents);
    assert_eq!(contents[&2].bytes[..6], [1, 2, 3, 4, 1, 2]);
    assert_eq!(contents[&2].bytes[6..], before[6..]);

    let fill = Command::SurfaceFill {
        to: 0,
        value: 0x0403_0201,
        rectangle: rect(5, 4, 100, 100),
        clip: Rect::EVERYTHING,
    };
    let before = contents[&1].bytes.clone();
    work(fill).execute(&mut contents);
    let at = 4 * 64 + 5 * 4;
    assert_eq!(contents[&1].bytes[at..at + 8], [1, 2, 3, 4, 1, 2, 3, 4]);
    assert_eq!(contents[&1].bytes[..at], before[..at]);
    assert_eq!(contents[&1].bytes[at + 8..], before[at + 8..]);
}

#[test]
fn pixels_of_eight_bytes_get_the_value_twice() {
    let shape = Shape::Picture {
        width: 2,
        height: 1,
        pixel: 8,
        pitch: 64,
    };
    let mut contents = BTreeMap::from([(1, Content::new(shape))]);
    let fill = Command::SurfaceFill {
        to: 0,
        value: 0x0403_0201,
        rectangle: rect(1, 0, 2, 1),
        clip: Rect::EVERYTHING,
    };
    work(fill).execute(&mut contents);
    let row = &contents[&1].bytes;
    assert_eq!(row[..8], [0; 8]);
    assert_eq!(row[8..16], [1, 2, 3, 4, 1, 2, 3, 4]);
}

#[test]
fn what_was_half_done_is_known_again_once_all_of_it_is_written() {
    let mut contents = contents();
    let fill = |bytes| {
        work(Command::Fill {
            to: 0,
            bytes,
            value: 1,
        })
    };
    fill(1).spoil(&mut contents);
    assert!(!contents[&1].known && contents[&2].known);
    fill(4).execute(&mut contents);
    assert!(!contents[&1].known);
    // What is copied from it is no better.
    let copy = Command::SurfaceCopy {
        from: 0,
        to: 1,
        source: rect(0, 0, 7, 5),
        x: 0,
        y: 0,
        clip: Rect::EVERYTHING,
    };
    work(copy).execute(&mut contents);
    assert!(!contents[&2].known);
    fill(5 * 64).execute(&mut contents);
    assert!(contents[&1].known);
}
