//! Pictures as QEMU's screendump writes them: PPM, eight bits a colour.

use anyhow::{Context, Result, ensure};
use vmdisp_in_process::Shown;

/// Reads a picture.
///
/// # Errors
///
/// Where it is no such picture, or not whole.
pub fn read(file: &[u8]) -> Result<Shown> {
    // Magic number, width, height and greatest value, with a single space before the pixels.
    let mut rest = file;
    let mut word = || -> Result<&str> {
        let end = rest.iter().position(u8::is_ascii_whitespace);
        let (word, after) = rest.split_at(end.context("it ends in its header")?);
        rest = &after[1..];
        Ok(std::str::from_utf8(word)?)
    };
    ensure!(word()? == "P6", "it is no binary PPM");
    let width: u32 = word()?.parse().context("its width")?;
    let height: u32 = word()?.parse().context("its height")?;
    ensure!(word()? == "255", "a colour of it has not eight bits");
    let row = usize::try_from(width)?.saturating_mul(3);
    let rows = usize::try_from(height)?;
    let wanted = row.saturating_mul(rows);
    // QEMU before 8 writes whole rows of its own picture, which are multiples of four bytes.
    let padded = row.next_multiple_of(4);
    let stride = if rest.len() == padded.saturating_mul(rows) {
        padded
    } else {
        row
    };
    ensure!(
        rest.len() == stride.saturating_mul(rows),
        "{} bytes of pixels instead of {wanted}",
        rest.len()
    );
    let rows = rest.chunks_exact(stride.max(1)).map(|whole| &whole[..row]);
    let pixels = rows
        .flat_map(|row| row.chunks_exact(3))
        .map(|pixel| match pixel {
            [red, green, blue] => u32::from_be_bytes([0, *red, *green, *blue]),
            _ => 0,
        });
    Ok(Shown::new(width, height, pixels.collect()))
}

#[cfg(test)]
mod tests {
    use super::read;
    use vmdisp_scenarios::Picture;

    #[test]
    fn a_picture_is_read_and_half_of_one_is_not() {
        let black = b"P6\n2 1\n255\n\0\0\0\0\0\0";
        assert_eq!(read(black).unwrap().compare(&Picture::Black).differing, 0);
        let blue = b"P6\n2 1\n255\n\0\0\0\0\0\x07";
        let look = read(blue).unwrap().compare(&Picture::Black);
        assert_eq!(
            (look.width, look.height, look.first),
            (2, 1, Some((1, 0, 0, 7)))
        );
        // Rows of QEMU 7: padded with two bytes.
        let padded = b"P6\n2 2\n255\n\0\0\0\0\0\x07\xff\xff\0\0\x08\0\0\0\xff\xff";
        let look = read(padded).unwrap().compare(&Picture::Black);
        assert_eq!((look.differing, look.first), (2, Some((1, 0, 0, 7))));
        for bad in [
            &black[..16],
            b"P5\n2 1\n255\n\0\0",
            b"P6\n2",
            b"P6\n2 1\n65535\n",
        ] {
            assert!(read(bad).is_err());
        }
    }
}
