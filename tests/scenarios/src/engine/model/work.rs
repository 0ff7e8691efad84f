//! Work of a queue, and what it does to contents.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use dxgk_port::AllocationId;
use vmdisp_abi::command::{Command, Rect};

use super::content::{Content, Shape};

/// An operand of a command: an allocation, and a byte offset in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand<K> {
    /// Which.
    pub allocation: K,
    /// Bytes.
    pub offset: u64,
}

/// What one call of Render or Present asks for: commands that name their operands by index.
#[derive(Clone, Debug)]
pub struct Work<K = AllocationId> {
    /// In order.
    pub commands: Vec<Command>,
    /// What the commands' indices name.
    pub operands: Vec<Operand<K>>,
}

/// All contents there are.
type Contents<K> = BTreeMap<K, Content>;

impl<K: Copy + Ord> Work<K> {
    /// The allocations that are written.
    pub fn written(&self) -> impl Iterator<Item = K> {
        let written = self.commands.iter().filter_map(|command| match command {
            Command::Copy { to, .. }
            | Command::Fill { to, .. }
            | Command::SurfaceCopy { to, .. }
            | Command::SurfaceFill { to, .. } => Some(*to),
            Command::Nop | Command::Marker { .. } => None,
        });
        written.filter_map(|to| Some(self.operands.get(to as usize)?.allocation))
    }

    /// Some of it may have been done, nobody knows what.
    pub fn spoil(&self, contents: &mut Contents<K>) {
        for allocation in self.written() {
            if let Some(content) = contents.get_mut(&allocation) {
                content.known = false;
            }
        }
    }

    /// Does it.
    pub fn execute(&self, contents: &mut Contents<K>) {
        for command in &self.commands {
            self.command(command, contents);
        }
    }

    fn operand(&self, index: u32) -> Option<Operand<K>> {
        self.operands.get(index as usize).copied()
    }

    /// Does one command. Operands that are gone make it do nothing.
    fn command(&self, command: &Command, contents: &mut Contents<K>) -> Option<()> {
        match *command {
            Command::Nop | Command::Marker { .. } => {}
            Command::Copy { from, to, bytes } => {
                let (from, to) = (self.operand(from)?, self.operand(to)?);
                let source = contents.get(&from.allocation)?;
                let begin = usize::try_from(from.offset).ok()?;
                let all = bytes as usize >= contents.get(&to.allocation)?.bytes.len();
                let known = source.known;
                let copied = source.bytes.get(begin..begin + bytes as usize)?.to_vec();
                let content = contents.get_mut(&to.allocation)?;
                content.write(to.offset, &copied);
                content.known = known && (all || content.known);
            }
            Command::Fill { to, bytes, value } => {
                let to = self.operand(to)?;
                let content = contents.get_mut(&to.allocation)?;
                let begin = usize::try_from(to.offset).ok()?;
                let part = content.bytes.get_mut(begin..begin + bytes as usize)?;
                repeat(part, &value.to_le_bytes());
                content.known |= bytes as usize >= content.bytes.len();
            }
            Command::SurfaceCopy {
                from,
                to,
                source,
                x,
                y,
                clip,
            } => {
                let (from, to) = (self.operand(from)?.allocation, self.operand(to)?.allocation);
                copy_pixels(contents, from, to, &source, (x, y), &clip)?;
            }
            Command::SurfaceFill {
                to,
                value,
                rectangle,
                clip,
            } => {
                let content = contents.get_mut(&self.operand(to)?.allocation)?;
                fill_pixels(content, value, &rectangle, &clip);
            }
        }
        Some(())
    }
}

/// Writes `value` over and over; the last one may be cut short.
fn repeat(part: &mut [u8], value: &[u8]) {
    for piece in part.chunks_mut(value.len()) {
        piece.copy_from_slice(&value[..piece.len()]);
    }
}

/// A rectangle with room for every sum of edges.
#[derive(Clone, Copy)]
struct Wide {
    left: i64,
    top: i64,
    right: i64,
    bottom: i64,
}

impl Wide {
    fn of(rect: &Rect) -> Self {
        Self {
            left: rect.left.into(),
            top: rect.top.into(),
            right: rect.right.into(),
            bottom: rect.bottom.into(),
        }
    }

    /// All of a picture.
    fn whole(shape: &Shape) -> Self {
        let (width, height) = shape.size();
        Self {
            left: 0,
            top: 0,
            right: width.into(),
            bottom: height.into(),
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        }
    }

    fn moved(self, (x, y): (i64, i64)) -> Self {
        Self {
            left: self.left + x,
            top: self.top + y,
            right: self.right + x,
            bottom: self.bottom + y,
        }
    }

    /// Its rows, with its first column and its width; nothing if it is empty.
    fn rows(self) -> impl Iterator<Item = (u32, u32, u32)> {
        let width = u32::try_from(self.right - self.left).unwrap_or(0);
        let rows = if width == 0 {
            0..0
        } else {
            self.top..self.bottom
        };
        let left = u32::try_from(self.left).unwrap_or(0);
        rows.map(move |y| (u32::try_from(y).unwrap_or(0), left, width))
    }
}

fn fill_pixels(content: &mut Content, value: u32, rectangle: &Rect, clip: &Rect) {
    let pixel = content.shape.pixel() as usize;
    let mut bits = [0; 8];
    repeat(&mut bits, &value.to_le_bytes());
    let part = Wide::of(rectangle)
        .and(Wide::of(clip))
        .and(Wide::whole(&content.shape));
    for (y, x, width) in part.rows() {
        let at = content.at(x, y);
        let row = content.bytes.get_mut(at..at + width as usize * pixel);
        repeat(row.unwrap_or_default(), &bits[..pixel]);
    }
}

fn copy_pixels<K: Copy + Ord>(
    contents: &mut Contents<K>,
    from: K,
    to: K,
    source: &Rect,
    (x, y): (i32, i32),
    clip: &Rect,
) -> Option<()> {
    let read = contents.get(&from)?;
    let written = contents.get(&to)?;
    let pixel = read.shape.pixel() as usize;
    let way = (
        i64::from(x) - i64::from(source.left),
        i64::from(y) - i64::from(source.top),
    );
    let part = Wide::of(source)
        .and(Wide::whole(&read.shape))
        .moved(way)
        .and(Wide::of(clip))
        .and(Wide::whole(&written.shape));
    let known = read.known;
    // All is read before anything is written: the two may be one.
    let mut copied = Vec::new();
    for (y, x, width) in part.moved((-way.0, -way.1)).rows() {
        let at = read.at(x, y);
        copied.extend_from_slice(read.bytes.get(at..at + width as usize * pixel)?);
    }
    let content = contents.get_mut(&to)?;
    let mut left = copied.as_slice();
    for (y, x, width) in part.rows() {
        let (row, rest) = left.split_at(width as usize * pixel);
        let at = content.at(x, y);
        content
            .bytes
            .get_mut(at..at + row.len())?
            .copy_from_slice(row);
        left = rest;
    }
    content.known &= known || copied.is_empty();
    Some(())
}

#[cfg(test)]
mod tests;
