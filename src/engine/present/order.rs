//! In which order the rectangles of a move within one picture are copied.
//!
//! A rectangle that is written before it was read would be copied twice. Windows describes regions in
//! bands: rectangles from top to bottom, and in a band (those with one `top`) from left to right. So
//! bands are gone through against the direction of the move, and so are the rectangles of a band. Each
//! copy takes care of its own overlap.

use dxgk_sys::RECT;

/// Which way to go through a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// Nothing that is written is read.
    AsTheyCome,
    /// Within one picture.
    Against {
        /// The last band first: the move goes down.
        up: bool,
        /// The last rectangle of a band first: the move goes right.
        left: bool,
    },
}

impl Order {
    /// For a move by so many columns and rows.
    #[must_use]
    pub const fn of_move((x, y): (i64, i64)) -> Self {
        Self::Against {
            up: y > 0,
            left: x > 0,
        }
    }
}

/// The rectangles of a list in an order.
pub struct Rectangles<'a> {
    /// Those whose band has not been begun.
    rest: &'a [RECT],
    /// Those of the band.
    band: &'a [RECT],
    order: Order,
}

impl<'a> Rectangles<'a> {
    /// Goes through `list`.
    #[must_use]
    pub const fn new(list: &'a [RECT], order: Order) -> Self {
        Self {
            rest: list,
            band: &[],
            order,
        }
    }

    /// Takes the next band off the rest.
    fn next_band(&mut self, up: bool) -> Option<()> {
        let first = if up {
            self.rest.last()
        } else {
            self.rest.first()
        }?;
        let same = |rectangle: &&RECT| rectangle.top == first.top;
        let at = if up {
            let length = self.rest.iter().rev().take_while(same).count();
            self.rest.len().saturating_sub(length)
        } else {
            self.rest.iter().take_while(same).count()
        };
        let (before, after) = self.rest.split_at_checked(at)?;
        (self.rest, self.band) = if up { (before, after) } else { (after, before) };
        Some(())
    }
}

impl Iterator for Rectangles<'_> {
    type Item = RECT;

    fn next(&mut self) -> Option<RECT> {
        let (up, left) = match self.order {
            Order::AsTheyCome => {
                let (first, rest) = self.rest.split_first()?;
                self.rest = rest;
                return Some(*first);
            }
            Order::Against { up, left } => (up, left),
        };
        if self.band.is_empty() {
            self.next_band(up)?;
        }
        let (taken, band) = if left {
            self.band.split_last()?
        } else {
            self.band.split_first()?
        };
        self.band = band;
        Some(*taken)
    }
}
