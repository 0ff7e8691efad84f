//! The order in which a copy of a rectangle takes its rows.
//!
//! Where source and destination overlap, the result must be as if all of the source had been read
//! first, and a copy can be interrupted anywhere. A row that moves down (to a lower address) can only
//! overwrite rows of the source before its own, and its own from the beginning; one that moves up only
//! rows after its own, and its own from the end. That holds because the rows of either side do not overlap
//! each other. So rows that move down are copied in ascending order with bytes ascending, the others in
//! descending order with bytes descending. With different pitches a rectangle can have both kinds; since
//! how far a row moves grows or shrinks from row to row, each kind is one run of rows, and neither overwrites what the other
//! still has to read.
//!
//! All of that depends on the distance between the two sides only, which stays as it is when their allocation is moved
//! between two steps. Sides that do not overlap, as those in two allocations never do, are copied in
//! ascending order wherever they are.

use super::record::{Copy, Place};
use crate::kernel::moves::Direction;

/// The order of a copy's rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Order {
    rows: u32,
    /// How many rows the first run has.
    first: u32,
    /// In which direction the first run goes; the second one goes in the other.
    begins: Direction,
}

/// The row that comes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turn {
    /// Which, from 0.
    pub row: u32,
    /// In which direction its bytes and the rows after it are taken.
    pub direction: Direction,
    /// How many rows are left in this direction, this one included.
    pub left: u32,
}

impl Order {
    /// The order of `copy`, whose rows do not overlap each other.
    #[must_use]
    pub fn of(copy: &Copy) -> Self {
        let ((Place::Gpu(from), Place::Gpu(to))
        | (Place::Frames { offset: from }, Place::Frames { offset: to })) = (copy.from, copy.to)
        else {
            return Self::ascending(copy.rows);
        };
        let far = |pitch: u32| {
            u64::from(copy.rows.saturating_sub(1)) * u64::from(pitch) + u64::from(copy.row_bytes)
        };
        let apart = |low: u64, pitch: u32, high: u64| high - low >= far(pitch);
        let disjoint = if from <= to {
            apart(from, copy.from_pitch, to)
        } else {
            apart(to, copy.to_pitch, from)
        };
        if disjoint {
            return Self::ascending(copy.rows);
        }
        let (from_pitch, to_pitch) = (u64::from(copy.from_pitch), u64::from(copy.to_pitch));
        let (begins, first) = if to_pitch >= from_pitch {
            // How far a row moves grows: those that move down come first.
            let down = match (from.saturating_sub(to), to_pitch - from_pitch) {
                (0, _) => 0,
                (_, 0) => u64::MAX,
                (below, growth) => below.div_ceil(growth),
            };
            (Direction::Up, down)
        } else {
            // It shrinks: those that stay or move up come first.
            let up = match to.checked_sub(from) {
                None => 0,
                Some(above) => above / (from_pitch - to_pitch) + 1,
            };
            (Direction::Down, up)
        };
        Self {
            rows: copy.rows,
            first: u32::try_from(first).unwrap_or(u32::MAX).min(copy.rows),
            begins,
        }
    }

    const fn ascending(rows: u32) -> Self {
        Self {
            rows,
            first: rows,
            begins: Direction::Up,
        }
    }

    /// Which row comes when so many are done; `None` if all are.
    #[must_use]
    pub const fn turn(&self, done: u32) -> Option<Turn> {
        if done >= self.rows {
            return None;
        }
        let in_first = done < self.first;
        Some(match (self.begins, in_first) {
            (Direction::Up, true) => Turn {
                row: done,
                direction: Direction::Up,
                left: self.first - done,
            },
            (Direction::Up, false) => Turn {
                row: self.rows - 1 - (done - self.first),
                direction: Direction::Down,
                left: self.rows - done,
            },
            (Direction::Down, true) => Turn {
                row: self.first - 1 - done,
                direction: Direction::Down,
                left: self.first - done,
            },
            (Direction::Down, false) => Turn {
                row: done,
                direction: Direction::Up,
                left: self.rows - done,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn order(from: u64, from_pitch: u32, to: u64, to_pitch: u32, rows: u32) -> Vec<(u32, bool)> {
        let order = Order::of(&Copy {
            from: Place::Gpu(from),
            from_pitch,
            to: Place::Gpu(to),
            to_pitch,
            row_bytes: 4,
            rows,
        });
        let turns = (0..).map_while(|done| order.turn(done));
        turns
            .map(|turn| (turn.row, turn.direction == Direction::Up))
            .collect()
    }

    #[test]
    fn rows_that_move_down_go_up_and_the_others_down() {
        assert_eq!(order(0, 8, 100, 8, 2), [(0, true), (1, true)]);
        assert_eq!(order(100, 8, 0, 8, 2), [(0, true), (1, true)]);
        assert_eq!(order(0, 8, 4, 8, 2), [(1, false), (0, false)]);
        assert_eq!(order(4, 8, 0, 8, 2), [(0, true), (1, true)]);
        // Rows 0 and 1 move down by 8 and 2, rows 2 and 3 up by 4 and 10.
        assert_eq!(
            order(8, 4, 0, 10, 4),
            [(0, true), (1, true), (3, false), (2, false)]
        );
        // Row 0 moves up by 8, row 1 by 2, the others down.
        assert_eq!(
            order(0, 10, 8, 4, 4),
            [(1, false), (0, false), (2, true), (3, true)]
        );
    }

    #[test]
    fn where_the_allocation_lies_changes_nothing() {
        for base in [0, 1 << 32, 8 << 30] {
            assert_eq!(order(base + 8, 4, base, 10, 4), order(8, 4, 0, 10, 4));
        }
    }
}
