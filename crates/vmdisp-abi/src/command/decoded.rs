//! From 64 bytes to a command: what can be said of it without knowing its operands.

use zerocopy::transmute;

use super::{COMMAND_BYTES, Copy, Fill, Marker, Nop, Opcode, Rect, SurfaceCopy, SurfaceFill};

/// A command whose opcode is known, whose reserved places are zero, and whose rectangles have their
/// edges in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// See [`Nop`].
    Nop,
    /// See [`Copy`].
    Copy {
        /// Index into the patch-location list.
        from: u32,
        /// Index into the patch-location list.
        to: u32,
        /// How many.
        bytes: u32,
    },
    /// See [`Fill`].
    Fill {
        /// Index into the patch-location list.
        to: u32,
        /// How many.
        bytes: u32,
        /// What they become.
        value: u32,
    },
    /// See [`SurfaceCopy`].
    SurfaceCopy {
        /// Index into the patch-location list.
        from: u32,
        /// Index into the patch-location list.
        to: u32,
        /// In pixels of the source.
        source: Rect,
        /// Where the rectangle's first column goes.
        x: i32,
        /// Where the rectangle's first row goes.
        y: i32,
        /// In pixels of the destination.
        clip: Rect,
    },
    /// See [`SurfaceFill`].
    SurfaceFill {
        /// Index into the patch-location list.
        to: u32,
        /// The pixel.
        value: u32,
        /// In pixels.
        rectangle: Rect,
        /// In pixels.
        clip: Rect,
    },
    /// See [`Marker`].
    Marker {
        /// The number.
        value: u64,
    },
}

/// Why bytes are no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// No opcode has this number.
    Opcode(u32),
    /// A reserved place is not zero. The number is the opcode.
    Reserved(u32),
    /// A rectangle's edges are exchanged. The number is the opcode.
    Rectangle(u32),
}

impl Command {
    /// Reads a command.
    ///
    /// # Errors
    ///
    /// [`Wrong`]
    pub fn decode(bytes: &[u8; COMMAND_BYTES]) -> Result<Self, Wrong> {
        let [a, b, c, d, ..] = *bytes;
        let number = u32::from_le_bytes([a, b, c, d]);
        let opcode = Opcode::from_number(number).ok_or(Wrong::Opcode(number))?;
        let zero = |all: bool| {
            if all {
                Ok(())
            } else {
                Err(Wrong::Reserved(number))
            }
        };
        let in_order = |rectangles: [&Rect; 2]| {
            if rectangles.iter().all(|rectangle| rectangle.in_order()) {
                Ok(())
            } else {
                Err(Wrong::Rectangle(number))
            }
        };
        Ok(match opcode {
            Opcode::Nop => {
                let raw: Nop = transmute!(*bytes);
                zero(raw.reserved == [0; 15])?;
                Self::Nop
            }
            Opcode::Copy => {
                let raw: Copy = transmute!(*bytes);
                zero(raw.reserved == [0; 12])?;
                Self::Copy {
                    from: raw.from,
                    to: raw.to,
                    bytes: raw.bytes,
                }
            }
            Opcode::Fill => {
                let raw: Fill = transmute!(*bytes);
                zero(raw.reserved == [0; 12])?;
                Self::Fill {
                    to: raw.to,
                    bytes: raw.bytes,
                    value: raw.value,
                }
            }
            Opcode::SurfaceCopy => {
                let raw: SurfaceCopy = transmute!(*bytes);
                zero(raw.reserved == 0 && raw.reserved_too == [0; 2])?;
                in_order([&raw.source, &raw.clip])?;
                Self::SurfaceCopy {
                    from: raw.from,
                    to: raw.to,
                    source: raw.source,
                    x: raw.x,
                    y: raw.y,
                    clip: raw.clip,
                }
            }
            Opcode::SurfaceFill => {
                let raw: SurfaceFill = transmute!(*bytes);
                zero(raw.reserved == 0 && raw.reserved_too == [0; 4])?;
                in_order([&raw.rectangle, &raw.clip])?;
                Self::SurfaceFill {
                    to: raw.to,
                    value: raw.value,
                    rectangle: raw.rectangle,
                    clip: raw.clip,
                }
            }
            Opcode::Marker => {
                let raw: Marker = transmute!(*bytes);
                zero(raw.reserved == 0 && raw.reserved_too == [0; 12])?;
                Self::Marker { value: raw.value }
            }
        })
    }

    /// Writes the command: what [`Command::decode`] reads.
    pub fn encode(&self) -> [u8; COMMAND_BYTES] {
        match *self {
            Self::Nop => transmute!(Nop {
                opcode: Opcode::Nop as u32,
                reserved: [0; 15],
            }),
            Self::Copy { from, to, bytes } => transmute!(Copy {
                opcode: Opcode::Copy as u32,
                from,
                to,
                bytes,
                reserved: [0; 12],
            }),
            Self::Fill { to, bytes, value } => transmute!(Fill {
                opcode: Opcode::Fill as u32,
                to,
                bytes,
                value,
                reserved: [0; 12],
            }),
            Self::SurfaceCopy {
                from,
                to,
                source,
                x,
                y,
                clip,
            } => transmute!(SurfaceCopy {
                opcode: Opcode::SurfaceCopy as u32,
                from,
                to,
                reserved: 0,
                source,
                x,
                y,
                clip,
                reserved_too: [0; 2],
            }),
            Self::SurfaceFill {
                to,
                value,
                rectangle,
                clip,
            } => transmute!(SurfaceFill {
                opcode: Opcode::SurfaceFill as u32,
                to,
                value,
                reserved: 0,
                rectangle,
                clip,
                reserved_too: [0; 4],
            }),
            Self::Marker { value } => transmute!(Marker {
                opcode: Opcode::Marker as u32,
                reserved: 0,
                value,
                reserved_too: [0; 12],
            }),
        }
    }
}
