//! A command buffer of Render's, and beside it the same work for the model.

use alloc::vec;
use alloc::vec::Vec;

use dxgk_port::{AllocationId, FullPresent, Patch, Use};
use dxgk_sys::{DXGK_PRESENTFLAGS, RECT};
use vmdisp_abi::command::{Builder, COMMAND_BYTES, Command, HEADER_BYTES, Rect};

use super::model::work::{Operand, Work};

/// Commands with their operands.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    commands: Vec<Command>,
    /// What the patch list names.
    operands: Vec<Operand<AllocationId>>,
    uses: Vec<Use>,
    patches: Vec<Patch>,
}

impl Batch {
    /// No commands yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A copy of `bytes` bytes between offsets in allocations.
    pub fn copy(&mut self, from: (AllocationId, u32), to: (AllocationId, u32), bytes: u32) {
        let (from, to) = (self.read(from), self.write(to));
        self.commands.push(Command::Copy { from, to, bytes });
    }

    /// A fill of `bytes` bytes.
    pub fn fill(&mut self, to: (AllocationId, u32), bytes: u32, value: u32) {
        let to = self.write(to);
        self.commands.push(Command::Fill { to, bytes, value });
    }

    /// A copy of pixels.
    pub fn copy_pixels(
        &mut self,
        from: AllocationId,
        to: AllocationId,
        source: Rect,
        (x, y): (i32, i32),
        clip: Rect,
    ) {
        let (from, to) = (self.read((from, 0)), self.write((to, 0)));
        self.commands.push(Command::SurfaceCopy {
            from,
            to,
            source,
            x,
            y,
            clip,
        });
    }

    /// A fill of pixels.
    pub fn fill_pixels(&mut self, to: AllocationId, rectangle: Rect, value: u32, clip: Rect) {
        let to = self.write((to, 0));
        self.commands.push(Command::SurfaceFill {
            to,
            value,
            rectangle,
            clip,
        });
    }

    /// A number that the engine keeps.
    pub fn marker(&mut self, value: u64) {
        self.commands.push(Command::Marker { value });
    }

    /// Nothing.
    pub fn nop(&mut self) {
        self.commands.push(Command::Nop);
    }

    fn read(&mut self, (allocation, offset): (AllocationId, u32)) -> u32 {
        self.operand(allocation, offset, false)
    }

    fn write(&mut self, (allocation, offset): (AllocationId, u32)) -> u32 {
        self.operand(allocation, offset, true)
    }

    fn operand(&mut self, allocation: AllocationId, offset: u32, write: bool) -> u32 {
        let known = self
            .uses
            .iter()
            .position(|known| known.allocation == allocation);
        let used = known.unwrap_or_else(|| {
            let write = false;
            self.uses.push(Use { allocation, write });
            self.uses.len() - 1
        });
        self.uses[used].write |= write;
        self.operands.push(Operand {
            allocation,
            offset: offset.into(),
        });
        self.patches.push(Patch {
            used: used as u32,
            allocation_offset: offset,
            ..Patch::default()
        });
        self.patches.len() as u32 - 1
    }

    /// The bytes that a user-mode driver hands over.
    pub fn bytes(&self) -> Vec<u8> {
        let mut room = vec![0; usize::from(HEADER_BYTES) + self.commands.len() * COMMAND_BYTES];
        let Ok(mut builder) = Builder::new(&mut room) else {
            return Vec::new();
        };
        for command in &self.commands {
            // There is room for each of them.
            if builder.push(command).is_err() {
                return Vec::new();
            }
        }
        builder.finish().to_vec()
    }

    /// The allocation list.
    pub fn uses(&self) -> &[Use] {
        &self.uses
    }

    /// The patch-location list.
    pub fn patches(&self) -> &[Patch] {
        &self.patches
    }

    /// The same for the model.
    pub fn work(&self) -> Work {
        Work {
            commands: self.commands.clone(),
            operands: self.operands.clone(),
        }
    }
}

/// A rectangle of the DDI's.
pub fn area(left: i32, top: i32, width: i32, height: i32) -> RECT {
    RECT {
        left,
        top,
        right: left + width,
        bottom: top + height,
    }
}

/// The same rectangle for a command.
pub fn rect(rect: &RECT) -> Rect {
    Rect {
        left: rect.left,
        top: rect.top,
        right: rect.right,
        bottom: rect.bottom,
    }
}

/// What a present does, for the model. A flip does nothing to memory.
pub fn present_work(present: &FullPresent<'_>) -> Work {
    let mut batch = Batch::new();
    match *present {
        FullPresent::Blt {
            source,
            source_rect,
            destination,
            destination_rect,
            sub_rects,
            ..
        } => {
            let place = (destination_rect.left, destination_rect.top);
            for part in parts(&destination_rect, sub_rects) {
                batch.copy_pixels(source, destination, rect(&source_rect), place, part);
            }
        }
        FullPresent::ColorFill {
            destination,
            destination_rect,
            sub_rects,
            color,
        } => {
            for part in parts(&destination_rect, sub_rects) {
                batch.fill_pixels(destination, rect(&destination_rect), color, part);
            }
        }
        FullPresent::Flip { .. } => {}
    }
    batch.work()
}

/// The parts of the destination that are written.
fn parts(destination: &RECT, sub_rects: &[RECT]) -> Vec<Rect> {
    if sub_rects.is_empty() {
        return vec![rect(destination)];
    }
    sub_rects.iter().map(rect).collect()
}

/// A plain copy of a rectangle to another as large.
pub fn blt(
    source: AllocationId,
    source_rect: RECT,
    destination: AllocationId,
    (left, top): (i32, i32),
    sub_rects: &[RECT],
) -> FullPresent<'_> {
    let (width, height) = (
        source_rect.right - source_rect.left,
        source_rect.bottom - source_rect.top,
    );
    FullPresent::Blt {
        source,
        source_rect,
        destination,
        destination_rect: RECT {
            left,
            top,
            right: left + width,
            bottom: top + height,
        },
        sub_rects,
        flags: DXGK_PRESENTFLAGS::empty(),
        color: 0,
    }
}
