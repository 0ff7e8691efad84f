//! What commands mean, pixel by pixel and byte by byte, beside what the records do.

use vmdisp::ddi::rig::{Pass, Rig};
use vmdisp::engine::emit::ADDRESS;
use vmdisp::engine::record::{Operation, PATCH_FROM, PATCH_TO, RECORD_BYTES};
use vmdisp_abi::command::{Command, Rect};

/// A picture's geometry; `pixel` 0 for a buffer.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub width: i64,
    pub height: i64,
    pub pitch: usize,
    pub pixel: usize,
}

/// The bytes of every allocation.
#[derive(Clone, PartialEq, Eq)]
pub struct Memory(pub Vec<Vec<u8>>);

impl Memory {
    /// Different bytes everywhere.
    pub fn new(rig: &Rig, count: usize) -> Self {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
            (state >> 24) as u8
        };
        let one = |index| (0..rig.bytes(index)).map(|_| next()).collect();
        Self((0..count).map(one).collect())
    }

    /// Does what a command says. `operand`: allocation and offset of a patch location.
    pub fn command(
        &mut self,
        command: &Command,
        operand: impl Fn(u32) -> (usize, usize),
        shapes: &[Shape],
    ) {
        match *command {
            Command::Nop | Command::Marker { .. } => {}
            Command::Copy { from, to, bytes } => {
                let (from, to) = (operand(from), operand(to));
                let read = self.0[from.0][from.1..][..bytes as usize].to_vec();
                self.0[to.0][to.1..][..bytes as usize].copy_from_slice(&read);
            }
            Command::Fill { to, bytes, value } => {
                let to = operand(to);
                let pattern = value.to_le_bytes();
                for (at, byte) in self.0[to.0][to.1..][..bytes as usize]
                    .iter_mut()
                    .enumerate()
                {
                    *byte = pattern[at % 4];
                }
            }
            Command::SurfaceCopy {
                from,
                to,
                source,
                x,
                y,
                clip,
            } => {
                let (from, to) = (operand(from).0, operand(to).0);
                let before = self.0[from].clone();
                let (by_x, by_y) = (
                    i64::from(x) - i64::from(source.left),
                    i64::from(y) - i64::from(source.top),
                );
                for row in 0..shapes[from].height {
                    for column in 0..shapes[from].width {
                        let (to_x, to_y) = (column + by_x, row + by_y);
                        if !inside(&source, column, row) || !inside(&clip, to_x, to_y) {
                            continue;
                        }
                        let Some(at) = shapes[to].byte(to_x, to_y) else {
                            continue;
                        };
                        let read = shapes[from].byte(column, row).unwrap();
                        let pixel = shapes[from].pixel;
                        self.0[to][at..at + pixel].copy_from_slice(&before[read..read + pixel]);
                    }
                }
            }
            Command::SurfaceFill {
                to,
                value,
                rectangle,
                clip,
            } => {
                let to = operand(to).0;
                let shape = shapes[to];
                let pattern = value.to_le_bytes();
                for row in 0..shape.height {
                    for column in 0..shape.width {
                        if inside(&rectangle, column, row) && inside(&clip, column, row) {
                            let at = shape.byte(column, row).unwrap();
                            for byte in 0..shape.pixel {
                                self.0[to][at + byte] = pattern[byte % 4];
                            }
                        }
                    }
                }
            }
        }
    }

    /// Does what the records of a pass say, by their patch locations alone.
    pub fn records(&mut self, pass: &Pass) {
        for (index, record) in pass.records.iter().enumerate() {
            let place = |field: u32| {
                let at = u32::try_from(index * RECORD_BYTES).unwrap() + field;
                let here = |location: &&vmdisp::ddi::rig::Location| {
                    location.driver == ADDRESS && location.patch == at
                };
                let location = pass.patches.iter().find(here).unwrap();
                (location.index as usize, location.offset as usize)
            };
            match *record {
                Operation::Copy(copy) => {
                    let (from, to) = (place(PATCH_FROM), place(PATCH_TO));
                    let bytes = copy.row_bytes as usize;
                    let before = self.0[from.0].clone();
                    for row in 0..copy.rows as usize {
                        let read = &before[from.1 + row * copy.from_pitch as usize..][..bytes];
                        let at = to.1 + row * copy.to_pitch as usize;
                        self.0[to.0][at..at + bytes].copy_from_slice(read);
                    }
                }
                Operation::Fill(fill) => {
                    let to = place(PATCH_TO);
                    let pattern = fill.value.to_le_bytes();
                    for row in 0..fill.rows as usize {
                        let at = to.1 + row * fill.to_pitch as usize;
                        let bytes = &mut self.0[to.0][at..at + fill.row_bytes as usize];
                        for (at, byte) in bytes.iter_mut().enumerate() {
                            *byte = pattern[at % 4];
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

impl Shape {
    fn byte(&self, x: i64, y: i64) -> Option<usize> {
        if !(0..self.width).contains(&x) || !(0..self.height).contains(&y) {
            return None;
        }
        Some(usize::try_from(y).unwrap() * self.pitch + usize::try_from(x).unwrap() * self.pixel)
    }
}

fn inside(rectangle: &Rect, x: i64, y: i64) -> bool {
    (i64::from(rectangle.left)..i64::from(rectangle.right)).contains(&x)
        && (i64::from(rectangle.top)..i64::from(rectangle.bottom)).contains(&y)
}
