//! The order of rectangles in a move within one picture.

use std::vec;
use std::vec::Vec;

use dxgk_sys::RECT;
use proptest::prelude::*;

use super::super::order::{Order, Rectangles};
use super::rect;

/// A picture of numbers, moved by rectangles in their order, each as if its source were read first.
fn moved(list: &[RECT], by: (i64, i64), order: Order) -> Vec<u32> {
    let mut picture: Vec<u32> = (0..SIDE * SIDE).collect();
    for rectangle in Rectangles::new(list, order) {
        let before = picture.clone();
        each_pixel(&rectangle, |x, y| {
            if let (Some(to), Some(from)) = (index(x, y), index(x - by.0, y - by.1)) {
                picture[to] = before[from];
            }
        });
    }
    picture
}

const SIDE: u32 = 24;

fn index(x: i64, y: i64) -> Option<usize> {
    let side = i64::from(SIDE);
    let inside = (0..side).contains(&x) && (0..side).contains(&y);
    inside.then(|| usize::try_from(y * side + x).expect("inside"))
}

fn each_pixel(rectangle: &RECT, mut each: impl FnMut(i64, i64)) {
    for y in rectangle.top..rectangle.bottom {
        for x in rectangle.left..rectangle.right {
            each(y_of(x), y_of(y));
        }
    }
}

fn y_of(value: i32) -> i64 {
    value.into()
}

/// Bands from top to bottom, rectangles from left to right, as regions of Windows are.
fn region() -> impl Strategy<Value = Vec<[i32; 4]>> {
    let spans = prop::collection::vec((0..4_i32, 1..6_i32), 0..4);
    prop::collection::vec((0..2_i32, 1..5_i32, spans), 1..6).prop_map(|bands| {
        let mut list = vec![];
        let mut top = 0;
        for (gap, height, spans) in bands {
            top += gap;
            let mut left = 0;
            for (gap, width) in spans {
                left += gap;
                list.push([left, top, left + width, top + height]);
                left += width;
            }
            top += height;
        }
        list
    })
}

fn rects(list: &[[i32; 4]]) -> Vec<RECT> {
    let one = |[left, top, right, bottom]: &[i32; 4]| rect(*left, *top, *right, *bottom);
    list.iter().map(one).collect()
}

proptest! {
    #[test]
    fn a_move_within_one_picture_reads_what_was_there_before(
        list in region(),
        by in (-7..8_i64, -7..8_i64),
    ) {
        let list = rects(&list);
        let original: Vec<u32> = (0..SIDE * SIDE).collect();
        let mut expected = original.clone();
        for rectangle in &list {
            each_pixel(rectangle, |x, y| {
                if let (Some(to), Some(from)) = (index(x, y), index(x - by.0, y - by.1)) {
                    expected[to] = original[from];
                }
            });
        }
        prop_assert_eq!(moved(&list, by, Order::of_move(by)), expected);
    }

    #[test]
    fn every_rectangle_comes_once_in_every_order(list in region(), by in (-1..2_i64, -1..2_i64)) {
        let list = rects(&list);
        let key = |rectangle: &RECT| (rectangle.top, rectangle.left);
        let mut found: Vec<_> = Rectangles::new(&list, Order::of_move(by)).map(|found| key(&found)).collect();
        found.sort_unstable();
        prop_assert_eq!(found, list.iter().map(key).collect::<Vec<_>>());
    }
}
