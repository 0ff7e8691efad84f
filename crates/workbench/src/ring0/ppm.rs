//! The pictures that QEMU's screendump writes: PPM, eight bits a colour.

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
    let wanted = u64::from(width) * u64::from(height) * 3;
    ensure!(
        rest.len() as u64 == wanted,
        "{} bytes of pixels instead of {wanted}",
        rest.len()
    );
    let pixels = rest.chunks_exact(3).map(|pixel| match pixel {
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
