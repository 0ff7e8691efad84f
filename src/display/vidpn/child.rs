//! The one child device: a video output with a monitor (contract: Q1, Q2).
#![forbid(unsafe_code)]

use crate::display::edid::Edid;

/// Why there are no bytes of a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoDescriptor {
    /// There is no such child.
    NotSupported,
    /// The monitor has no EDID, or a broken one.
    None,
    /// Its EDID ends before that.
    NoMore,
}

/// Copies the EDID from `offset` on into `to`: all of it or nothing, since no count says how much came.
///
/// # Errors
///
/// See [`NoDescriptor`]; `to` is left alone then.
pub fn descriptor(edid: &Edid, offset: u32, to: &mut [u8]) -> Result<(), NoDescriptor> {
    let bytes = edid.blocks().as_flattened();
    if bytes.is_empty() {
        return Err(NoDescriptor::None);
    }
    let offset = usize::try_from(offset).map_err(|_| NoDescriptor::NoMore)?;
    let rest = bytes.get(offset..).ok_or(NoDescriptor::NoMore)?;
    let from = rest.get(..to.len()).ok_or(NoDescriptor::NoMore)?;
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    /// A base block that announces one extension, and that.
    fn edid(extension: bool) -> Edid {
        let mut bytes = [0_u8; 256];
        bytes[..8].copy_from_slice(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]);
        (bytes[18], bytes[19], bytes[126]) = (1, 4, 1);
        (bytes[128], bytes[129], bytes[200]) = (2, 3, 77);
        for block in bytes.as_chunks_mut::<128>().0 {
            block[127] = block.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
        }
        let end = if extension { 256 } else { 128 };
        Edid::new(&bytes[..end])
    }

    #[test]
    fn blocks_are_read_by_their_offset() {
        let edid = edid(true);
        let whole: Vec<u8> = edid.blocks().concat();
        assert_eq!(whole.len(), 256);
        for (offset, length) in [(0, 128), (128, 128), (0, 256), (64, 64), (255, 1), (0, 0)] {
            let mut to = std::vec![0xAA; length];
            assert_eq!(descriptor(&edid, offset, &mut to), Ok(()));
            let from = offset as usize;
            assert_eq!(to, whole[from..from + length]);
        }
    }

    #[test]
    fn beyond_the_end_there_is_no_more() {
        let edid = edid(false);
        for offset in [128, 129, 256, u32::MAX] {
            let mut to = [0xAA; 128];
            assert_eq!(
                descriptor(&edid, offset, &mut to),
                Err(NoDescriptor::NoMore)
            );
            assert_eq!(to, [0xAA; 128]);
        }
        for (offset, length) in [(0, 256), (1, 128), (127, 2)] {
            let mut to = std::vec![0xAA; length];
            assert_eq!(
                descriptor(&edid, offset, &mut to),
                Err(NoDescriptor::NoMore)
            );
            assert!(to.iter().all(|byte| *byte == 0xAA), "not a part of it");
        }
    }

    #[test]
    fn a_monitor_without_an_edid_has_no_descriptor() {
        let mut to = [0xAA; 128];
        assert_eq!(descriptor(&Edid::NONE, 0, &mut to), Err(NoDescriptor::None));
        assert_eq!(
            descriptor(&Edid::NONE, 128, &mut to),
            Err(NoDescriptor::None)
        );
        assert_eq!(to, [0xAA; 128]);
    }
}
