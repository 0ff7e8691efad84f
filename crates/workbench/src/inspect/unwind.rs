//! The unwind information of x64 images: where functions begin and end, and how large their stack
//! frames are (Microsoft's page "x64 exception handling").

use anyhow::{Context, Result, ensure};

/// A function with a stack frame. Functions without one may have no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuntimeFunction {
    pub start: u32,
    pub end: u32,
    /// Bytes of stack that its prologue takes: what it allocates and what it pushes.
    pub frame: u32,
    /// Whether this is a later part of a function whose beginning has an entry of its own.
    pub chained: bool,
}

const PUSH_NONVOLATILE: u8 = 0;
const ALLOC_LARGE: u8 = 1;
const ALLOC_SMALL: u8 = 2;
const SET_FRAME_REGISTER: u8 = 3;
const SAVE_NONVOLATILE: u8 = 4;
const SAVE_NONVOLATILE_FAR: u8 = 5;
const EPILOG: u8 = 6;
const SAVE_XMM128: u8 = 8;
const SAVE_XMM128_FAR: u8 = 9;
const PUSH_MACHINE_FRAME: u8 = 10;

/// The flag of information that continues another function's.
const CHAINED: u8 = 4;

/// How far chains of information are followed.
const LONGEST_CHAIN: u32 = 32;

/// Reads the exception directory, which lies at `(start, bytes)` in an image's memory.
///
/// # Errors
///
/// The information is cut short or has a code that is not documented.
pub fn parse(memory: &[u8], (start, bytes): (u32, u32)) -> Result<Vec<RuntimeFunction>> {
    let entries = (0..bytes / 12).map(|index| entry(memory, start + index * 12));
    entries.collect()
}

fn entry(memory: &[u8], at: u32) -> Result<RuntimeFunction> {
    let (start, end, information) = (
        word(memory, at)?,
        word(memory, at + 4)?,
        word(memory, at + 8)?,
    );
    let (frame, chained) =
        frame(memory, information, LONGEST_CHAIN).with_context(|| format!("code at {start:#x}"))?;
    Ok(RuntimeFunction {
        start,
        end,
        frame,
        chained,
    })
}

/// The size of a frame, and whether it continues another's.
fn frame(memory: &[u8], information: u32, chain: u32) -> Result<(u32, bool)> {
    ensure!(chain > 0, "its unwind information has no end");
    let header: [u8; 4] = bytes(memory, information)?;
    let flags = header[0] >> 3;
    let slots = u32::from(header[2]);
    let mut size = 0;
    let mut slot = 0;
    while slot < slots {
        let [_, code] = bytes(memory, information + 4 + slot * 2)?;
        let operand = |index: u32| -> Result<u32> {
            Ok(u32::from(u16::from_le_bytes(bytes(
                memory,
                information + 4 + (slot + index) * 2,
            )?)))
        };
        let info = code >> 4;
        let taken;
        (taken, slot) = match code & 0xF {
            PUSH_NONVOLATILE => (8, slot + 1),
            ALLOC_LARGE if info == 0 => (operand(1)? * 8, slot + 2),
            ALLOC_LARGE => (operand(1)? | operand(2)? << 16, slot + 3),
            ALLOC_SMALL => (u32::from(info) * 8 + 8, slot + 1),
            SET_FRAME_REGISTER => (0, slot + 1),
            SAVE_NONVOLATILE | SAVE_XMM128 | EPILOG => (0, slot + 2),
            SAVE_NONVOLATILE_FAR | SAVE_XMM128_FAR => (0, slot + 3),
            PUSH_MACHINE_FRAME => (40 + u32::from(info) * 8, slot + 1),
            other => anyhow::bail!("unwind code {other} is not documented"),
        };
        size += taken;
    }
    let chained = flags & CHAINED != 0;
    if chained {
        // The codes are followed, on an even slot, by the entry of what this continues.
        let parent = information + 4 + slots.next_multiple_of(2) * 2;
        size += frame(memory, word(memory, parent + 8)?, chain - 1)?.0;
    }
    Ok((size, chained))
}

fn word(memory: &[u8], at: u32) -> Result<u32> {
    Ok(u32::from_le_bytes(bytes(memory, at)?))
}

fn bytes<const N: usize>(memory: &[u8], at: u32) -> Result<[u8; N]> {
    let found = memory
        .get(at as usize..)
        .and_then(|rest| rest.first_chunk());
    found
        .copied()
        .context("the unwind information is cut short")
}

#[cfg(test)]
mod tests {
    use super::{RuntimeFunction, parse};

    /// An image of one entry at 0 and its information, codes and what follows them, at 16.
    fn frame_of(flags: u8, codes: &[u8], after: &[u8]) -> anyhow::Result<RuntimeFunction> {
        let mut memory = [0x1000_u32, 0x1100, 16, 0].map(u32::to_le_bytes).concat();
        let slots = u8::try_from(codes.len() / 2).expect("few codes");
        memory.extend([flags << 3 | 1, 0, slots, 0]);
        memory.extend(codes);
        memory.extend(after);
        Ok(parse(&memory, (0, 12))?[0])
    }

    #[test]
    fn pushes_and_allocations_add_up() {
        let codes = [9, 0x32, 5, 0x30, 4, 0x50]; // allocate 4 * 8, push rbx, push rbp
        let function = frame_of(0, &codes, &[]).expect("it is whole");
        let expected = RuntimeFunction {
            start: 0x1000,
            end: 0x1100,
            frame: 48,
            chained: false,
        };
        assert_eq!(function, expected);
    }

    #[test]
    fn large_frames_are_counted_in_both_forms() {
        let eighths = frame_of(0, &[9, 0x01, 0x82, 0x00], &[]).expect("it is whole");
        assert_eq!(eighths.frame, 0x82 * 8);
        let bytes = frame_of(0, &[9, 0x11, 0x08, 0x00, 0x01, 0x00], &[]).expect("it is whole");
        assert_eq!(bytes.frame, 0x1_0008);
    }

    #[test]
    fn saves_and_frame_registers_take_nothing() {
        let codes = [
            9, 0x03, 8, 0x68, 2, 0, 7, 0x64, 1, 0, 6, 0x69, 1, 0, 2, 0, 4, 0x22,
        ];
        assert_eq!(frame_of(0, &codes, &[]).expect("it is whole").frame, 24);
    }

    #[test]
    fn a_later_part_has_its_beginning_s_frame_as_well() {
        // The chained entry follows one code and a slot of padding; its own information at 36.
        let mut after = vec![0, 0];
        after.extend([0x0900_u32, 0x1000, 36].map(u32::to_le_bytes).concat());
        after.extend([1, 0, 1, 0, 4, 0xF2, 0, 0]);
        let function = frame_of(4, &[4, 0x30], &after).expect("it is whole");
        assert_eq!((function.frame, function.chained), (8 + 128, true));
    }

    #[test]
    fn unknown_codes_and_short_tables_are_errors() {
        assert!(frame_of(0, &[1, 0x07], &[]).is_err());
        assert!(frame_of(0, &[9, 0x01], &[]).is_err());
        assert!(frame_of(4, &[], &[]).is_err());
    }
}
