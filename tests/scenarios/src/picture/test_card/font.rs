//! The few letters of a test card, five columns by seven rows.

/// Rows of a letter.
pub const ROWS: u32 = 7;
/// Columns from a letter to the next: its five, and one between.
pub const PITCH: u32 = 6;

/// Which letter stands between width and height.
const TIMES: u8 = 10;

/// The rows of the digits and of a multiplication sign; the leftmost column is bit 4.
const LETTERS: [[u8; ROWS as usize]; 11] = [
    [
        0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110,
    ],
    [
        0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110,
    ],
    [
        0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111,
    ],
    [
        0b01110, 0b10001, 0b00001, 0b00110, 0b00001, 0b10001, 0b01110,
    ],
    [
        0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010,
    ],
    [
        0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110,
    ],
    [
        0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110,
    ],
    [
        0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000,
    ],
    [
        0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110,
    ],
    [
        0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100,
    ],
    [
        0b00000, 0b10001, 0b01010, 0b00100, 0b01010, 0b10001, 0b00000,
    ],
];

/// The letters of a size, and how many there are.
pub fn size(width: u32, height: u32) -> ([u8; 21], u32) {
    let mut letters = [0; 21];
    let mut count = 0;
    // From the last digit on: the letters are turned round in the end.
    let mut put = |letter: u8| {
        if let Some(place) = letters.get_mut(count) {
            *place = letter;
            count += 1;
        }
    };
    digits(height, &mut put);
    put(TIMES);
    digits(width, &mut put);
    letters[..count].reverse();
    (letters, u32::try_from(count).unwrap_or(0))
}

/// The digits of a number, from the last on.
fn digits(mut number: u32, put: &mut impl FnMut(u8)) {
    loop {
        put(u8::try_from(number % 10).unwrap_or(0));
        number /= 10;
        if number == 0 {
            return;
        }
    }
}

/// Whether a dot of a letter is lit; those between letters are not.
pub fn is_lit(letter: u8, column: u32, row: u32) -> bool {
    let rows = LETTERS.get(usize::from(letter));
    let dots = rows.and_then(|rows| rows.get(row as usize));
    column < 5 && dots.is_some_and(|dots| dots >> (4 - column) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_from_left_to_right() {
        let (letters, count) = size(1280, 800);
        assert_eq!(letters[..count as usize], [1, 2, 8, 0, TIMES, 8, 0, 0]);
        assert_eq!(size(u32::MAX, u32::MAX).1, 21);
        assert!(is_lit(1, 2, 0) && !is_lit(1, 0, 0) && !is_lit(1, 5, 0) && !is_lit(1, 2, 7));
    }
}
