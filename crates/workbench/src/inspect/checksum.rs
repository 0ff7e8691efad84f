//! The checksum of a PE image, which the kernel's loader verifies for drivers.

use anyhow::{Context, Result};

/// The checksum of a file whose header keeps it at `field`: the sum of its 16-bit words with the
/// carry added back in, the field taken as zero, plus its length.
///
/// # Errors
///
/// The file is over 4 GiB, or the field is not in it.
pub fn checksum(file: &[u8], field: usize) -> Result<u32> {
    let length = u32::try_from(file.len()).context("a file of over 4 GiB")?;
    let stored = file
        .get(field..field + 4)
        .context("the file has no checksum field")?;
    let mut sum = words(file);
    // One's complement arithmetic: taking a word away is adding its complement.
    for word in stored.chunks(2) {
        sum += u64::from(!u16::from_le_bytes([word[0], word[1]]));
    }
    Ok(u32::from(folded(sum)).wrapping_add(length))
}

fn words(bytes: &[u8]) -> u64 {
    let words = bytes.chunks(2).map(|word| {
        let high = word.get(1).copied().unwrap_or_default();
        u64::from(u16::from_le_bytes([word[0], high]))
    });
    words.sum()
}

/// Adds the carries back in.
fn folded(mut sum: u64) -> u16 {
    loop {
        match u16::try_from(sum) {
            Ok(sum) => return sum,
            Err(_) => sum = (sum & 0xFFFF) + (sum >> 16),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::checksum;

    #[test]
    fn words_are_added_with_their_carry_and_the_length() {
        let file = [0xFF, 0xFF, 0x02, 0x00, 0, 0, 0, 0, 0x10];
        // 0xFFFF + 2 + 0x10 = 0x10011, folded 0x12, and nine bytes.
        assert_eq!(checksum(&file, 4).expect("it has a field"), 0x12 + 9);
    }

    #[test]
    fn what_the_field_holds_does_not_matter() {
        let with = |field: [u8; 4]| {
            let file = [&[1, 2, 3, 4], field.as_slice(), &[5, 6]].concat();
            checksum(&file, 4).expect("it has a field")
        };
        assert_eq!(with([0; 4]), with([0x4B, 0xC7, 0x01, 0x00]));
        assert_eq!(with([0; 4]), 0x0201 + 0x0403 + 0x0605 + 10);
    }

    #[test]
    fn a_changed_byte_changes_it() {
        let sum = |byte| checksum(&[byte, 0, 0, 0, 0, 0], 2).expect("it has a field");
        assert_ne!(sum(1), sum(2));
    }
}
