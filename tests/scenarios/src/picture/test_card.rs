//! A test card: what a person looks at to see whether a screen is right.
//!
//! Everything is a fraction of the picture's size and integer arithmetic, so that every machine comes to
//! the same pixels: a white line around the very edge, circles that must be round, bars of the colours
//! and of what they are mixed from, ramps from black, lines of one, two and four pixels, and the size.

mod font;

const WHITE: u32 = 0x00ff_ffff;
const BLACK: u32 = 0;
const GRID: u32 = 0x0058_6a78;

/// The colour bars, from the brightest on.
const BARS: [u32; 8] = [
    0x00ff_ffff,
    0x00ff_ff00,
    0x0000_ffff,
    0x0000_ff00,
    0x00ff_00ff,
    0x00ff_0000,
    0x0000_00ff,
    0x0000_0000,
];

/// What a ramp goes up in: grey, red, green, blue.
const RAMPS: [u32; 4] = [0x0001_0101, 0x0001_0000, 0x0000_0100, 0x0000_0001];

/// A card of some size.
#[derive(Clone, Copy)]
pub struct TestCard {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

impl TestCard {
    /// The pixel in column `x` of row `y`: `0x00RRGGBB`.
    pub fn pixel(self, x: u32, y: u32) -> u32 {
        if x == 0 || y == 0 || x + 1 == self.width || y + 1 == self.height {
            return WHITE;
        }
        self.text(x, y)
            .or_else(|| self.circles(x, y))
            .or_else(|| self.middle(x, y))
            .unwrap_or_else(|| self.ground(x, y))
    }

    /// The side of a square of the grid.
    fn cell(self) -> u32 {
        (self.height / 12).max(4)
    }

    /// `n` twelfths of the height.
    fn row(self, n: u32) -> u32 {
        self.height * n / 12
    }

    /// The size in letters, on a black plate in the middle.
    fn text(self, x: u32, y: u32) -> Option<u32> {
        let (letters, count) = font::size(self.width, self.height);
        // As large as fits into a twelfth of the height and half of the width.
        let columns = count * font::PITCH + 1;
        let dot = (self.row(1) / (font::ROWS + 2))
            .min(self.width / 2 / columns)
            .max(1);
        let (wide, high) = (columns * dot, (font::ROWS + 2) * dot);
        let left = (self.width.saturating_sub(wide)) / 2;
        let top = (self.height.saturating_sub(high)) / 2;
        let (x, y) = (x.checked_sub(left)?, y.checked_sub(top)?);
        if x >= wide || y >= high {
            return None;
        }
        let (column, row) = (x / dot, (y / dot).checked_sub(1));
        let lit = row.zip(column.checked_sub(1)).is_some_and(|(row, column)| {
            let letter = letters.get((column / font::PITCH) as usize).copied();
            letter.is_some_and(|letter| font::is_lit(letter, column % font::PITCH, row))
        });
        Some(if lit { WHITE } else { BLACK })
    }

    /// A large circle around the middle, and a small one in each corner.
    fn circles(self, x: u32, y: u32) -> Option<u32> {
        let cell = self.cell();
        let corner = |at: u32, size: u32| {
            if at < size / 2 {
                2 * cell
            } else {
                size.saturating_sub(2 * cell)
            }
        };
        let (near_x, near_y) = (corner(x, self.width), corner(y, self.height));
        let large = self.width.min(self.height) * 11 / 24;
        let on = is_on_circle(x, y, self.width / 2, self.height / 2, large)
            || is_on_circle(x, y, near_x, near_y, cell * 3 / 2);
        on.then_some(WHITE)
    }

    /// Bars, ramps and fine lines.
    fn middle(self, x: u32, y: u32) -> Option<u32> {
        let left = self.width * 2 / 9;
        let wide = self.width - 2 * left;
        let x = x.checked_sub(left).filter(|x| *x < wide)?;
        let within = |from: u32, to: u32| (self.row(from)..self.row(to)).contains(&y);
        if within(2, 5) {
            let bar = (x * 8 / wide) as usize;
            BARS.get(bar).copied()
        } else if within(7, 9) {
            let ramp = ((y - self.row(7)) * 4 / (self.row(9) - self.row(7)).max(1)) as usize;
            let step = u32::try_from(u64::from(x) * 256 / u64::from(wide)).unwrap_or(255);
            RAMPS.get(ramp).map(|unit| unit * step)
        } else if within(9, 10) {
            let fine = 1 << (x * 3 / wide);
            // Upright, lying, and both.
            let lit = match (y - self.row(9)) * 3 / (self.row(10) - self.row(9)).max(1) {
                0 => x / fine % 2,
                1 => y / fine % 2,
                _ => (x / fine + y / fine) % 2,
            };
            Some(if lit == 0 { WHITE } else { BLACK })
        } else {
            None
        }
    }

    /// A grid of squares on a ground that grows darker downwards.
    fn ground(self, x: u32, y: u32) -> u32 {
        let cell = self.cell();
        // Counted from the middle, so that the sides are alike.
        let on = |at: u32, size: u32| (at + cell * size - size / 2).is_multiple_of(cell);
        if on(x, self.width) || on(y, self.height) {
            return GRID;
        }
        let light = 0x48 - 0x30 * y / self.height.max(1);
        (light / 2) << 16 | (light * 3 / 4) << 8 | light
    }
}

/// Whether a place is on the circle with that middle and radius, to the width of a line.
fn is_on_circle(x: u32, y: u32, middle_x: u32, middle_y: u32, radius: u32) -> bool {
    let square = |value: u32| u64::from(value) * u64::from(value);
    let distance = square(x.abs_diff(middle_x)) + square(y.abs_diff(middle_y));
    let line = radius / 100 + 1;
    (square(radius.saturating_sub(line))..square(radius)).contains(&distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_has_a_card_with_a_line_around_it() {
        for (width, height) in [
            (640, 480),
            (1366, 768),
            (3840, 2160),
            (64, 64),
            (1, 1),
            (16000, 100),
        ] {
            let card = TestCard { width, height };
            for x in (0..width).step_by((width as usize / 97).max(1)) {
                assert_eq!(
                    (card.pixel(x, 0), card.pixel(x, height - 1)),
                    (WHITE, WHITE)
                );
                for y in 0..height {
                    assert!(card.pixel(x, y) <= WHITE);
                }
            }
        }
    }

    #[test]
    fn bars_and_ramps_are_where_they_should_be() {
        let card = TestCard {
            width: 1440,
            height: 1200,
        };
        let bars = [0, 1, 2, 3, 4, 5, 6, 7].map(|bar| card.pixel(370 + 100 * bar, 400));
        assert_eq!(bars, BARS);
        assert_eq!(card.pixel(320 + 400, 720), 0x0080_8080);
        assert_eq!(card.pixel(320 + 400, 770), 0x0080_0000);
        assert_eq!(card.pixel(320 + 799, 890), 0x0000_00ff);
    }

    #[test]
    fn another_size_is_another_card() {
        let text = |width| {
            let card = TestCard { width, height: 480 };
            let row = |y| (0..320).map(move |x| card.pixel(width / 2 - 160 + x, y));
            (220..260)
                .flat_map(row)
                .filter(|pixel| *pixel == WHITE)
                .count()
        };
        assert_ne!(text(640), text(642));
    }
}
