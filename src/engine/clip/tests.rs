//! Rectangles beside a loop over every pixel.

use proptest::prelude::*;

use super::*;

fn edges() -> impl Strategy<Value = Edges> {
    let near = prop_oneof![8 => -6..14_i32, 1 => Just(i32::MIN), 1 => Just(i32::MAX)];
    let corners = [near.clone(), near.clone(), near.clone(), near];
    // In order for the most part, or little would ever be left of them.
    (corners, prop::bool::weighted(0.9)).prop_map(|([a, b, c, d], ordered)| {
        let pair = |one: i32, other: i32| {
            if ordered {
                (one.min(other), one.max(other))
            } else {
                (one, other)
            }
        };
        let ((left, right), (top, bottom)) = (pair(a, c), pair(b, d));
        Edges::from(Rect {
            left,
            top,
            right,
            bottom,
        })
    })
}

fn has(edges: Edges, (x, y): (i64, i64)) -> bool {
    (edges.left..edges.right).contains(&x) && (edges.top..edges.bottom).contains(&y)
}

fn covers(area: Option<Area>, (x, y): (i64, i64)) -> bool {
    area.is_some_and(|area| {
        let right = i64::from(area.x) + i64::from(area.width);
        let bottom = i64::from(area.y) + i64::from(area.height);
        (i64::from(area.x)..right).contains(&x) && (i64::from(area.y)..bottom).contains(&y)
    })
}

proptest! {
    #[test]
    fn what_is_left_is_what_all_have(
        rectangle in edges(),
        clip in edges(),
        (width, height) in (0..9_u32, 0..9_u32),
    ) {
        let picture = Extent { width, height };
        let left = area(rectangle, clip, picture);
        for y in -8..16 {
            for x in -8..16 {
                let all = [rectangle, clip, picture.into()].iter().all(|edges| has(*edges, (x, y)));
                prop_assert_eq!(covers(left, (x, y)), all);
            }
        }
    }

    #[test]
    fn a_copy_keeps_each_pixel_that_has_both_places(
        source in edges(),
        clip in edges(),
        by in (-9..9_i64, -9..9_i64),
        from in (1..9_u32, 1..9_u32),
        to in (1..9_u32, 1..9_u32),
    ) {
        let extent = |(width, height)| Extent { width, height };
        let (from, to) = (extent(from), extent(to));
        let left = copy(source, by, clip, (from, to));
        for y in -8..16 {
            for x in -8..16 {
                let place = (x + by.0, y + by.1);
                let kept = has(source, (x, y))
                    && has(from.into(), (x, y))
                    && has(clip, place)
                    && has(to.into(), place);
                prop_assert_eq!(covers(left.map(|both| both.from), (x, y)), kept);
                prop_assert_eq!(covers(left.map(|both| both.to), place), kept);
            }
        }
    }
}

#[test]
fn the_farthest_edges_overflow_nothing() {
    let everything = Edges::from(Rect::EVERYTHING);
    let extent = Extent {
        width: u32::MAX,
        height: u32::MAX,
    };
    for by in [i64::MIN, i64::MAX, -1 << 33, 1 << 33] {
        assert_eq!(
            copy(everything, (by, by), everything, (extent, extent)),
            None
        );
    }
    let all = area(everything, everything, extent).expect("pixels");
    assert_eq!((all.x, all.y, all.width), (0, 0, i32::MAX.cast_unsigned()));
}
