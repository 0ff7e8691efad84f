//! The VGA registers that blank the screen, at ports 0x3C0 to 0x3DF, which BAR 2 shows too.

/// The attribute controller: an index, then data, by turns.
const ATTRIBUTE: usize = 0x00;
/// The miscellaneous output register, for writing; where it is read.
const MISC: usize = 0x02;
const MISC_READ: usize = 0x0c;
/// Input status 1 of a colour adapter; reading it makes the next attribute write an index.
const STATUS_1: usize = 0x1a;
/// The registers of a colour adapter begin here.
const COLOUR: usize = 0x10;

/// Bit of the attribute index: the screen shows something.
const UNBLANKED: u8 = 0x20;
/// Bit of the miscellaneous output register: a colour adapter's registers answer.
const IS_COLOUR: u8 = 0x01;

/// The registers, as after a cold start.
#[derive(Default)]
pub struct Legacy {
    index: u8,
    misc: u8,
    data_next: bool,
    /// What the driver wrote elsewhere changes nothing that is simulated.
    others: [u8; 0x20],
}

impl Legacy {
    /// Whether the adapter shows something.
    pub fn is_unblanked(&self) -> bool {
        self.index & UNBLANKED != 0
    }

    fn answers(&self, offset: usize) -> bool {
        offset < COLOUR || self.misc & IS_COLOUR != 0
    }

    /// Reads port 0x3C0 + `offset`.
    pub fn read(&mut self, offset: usize) -> u8 {
        match offset {
            _ if !self.answers(offset) => u8::MAX,
            ATTRIBUTE if self.data_next => 0,
            ATTRIBUTE => self.index,
            MISC => 0,
            MISC_READ => self.misc,
            STATUS_1 => {
                self.data_next = false;
                0
            }
            _ => self.others.get(offset).copied().unwrap_or(u8::MAX),
        }
    }

    /// Writes port 0x3C0 + `offset`.
    pub fn write(&mut self, offset: usize, value: u8) {
        match offset {
            _ if !self.answers(offset) => {}
            ATTRIBUTE => {
                if !self.data_next {
                    self.index = value & 0x3f;
                }
                self.data_next = !self.data_next;
            }
            MISC => self.misc = value & !0x10,
            _ => {
                if let Some(other) = self.others.get_mut(offset) {
                    *other = value;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_unblanks_and_data_does_not() {
        let mut legacy = Legacy::default();
        legacy.write(ATTRIBUTE, 0);
        legacy.write(ATTRIBUTE, UNBLANKED);
        assert!(!legacy.is_unblanked(), "that was data");
        legacy.write(ATTRIBUTE, 0);
        assert_eq!(legacy.read(STATUS_1), 0xff, "no colour adapter yet");
        legacy.write(ATTRIBUTE, UNBLANKED);
        assert!(!legacy.is_unblanked(), "so that was data too");
        legacy.write(ATTRIBUTE, 0);
        legacy.write(MISC, IS_COLOUR);
        legacy.read(STATUS_1);
        legacy.write(ATTRIBUTE, UNBLANKED);
        assert!(legacy.is_unblanked());
    }
}
