//! Video memory as the driver writes it.

use crate::kernel::Window;
use crate::kernel::dxgkrnl::Mapping;

/// Video memory, mapped write-combined. Every write is bounds-checked, and no reference to its bytes
/// is ever made: the host reads them whenever it draws. Any IRQL.
pub struct FrameBuffer {
    mapping: Mapping,
    /// How much of the mapping is for pictures, in bytes.
    bytes: usize,
}

impl FrameBuffer {
    /// The first `bytes` bytes of a mapping, or all of it.
    #[must_use]
    pub fn new(mapping: Mapping, bytes: usize) -> Self {
        let bytes = bytes.min(mapping.window().bytes());
        Self { mapping, bytes }
    }

    /// Its size in bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// All that is mapped, which may be more than is for pictures.
    #[must_use]
    pub fn mapped(&self) -> Window<'_> {
        self.mapping.window()
    }

    /// What is for pictures.
    #[must_use]
    pub fn pictures(&self) -> Window<'_> {
        let all = self.mapping.window();
        all.part(0, self.bytes).unwrap_or(all)
    }

    /// Copies `bytes` to `offset`; `false`, and nothing, unless all of them fit.
    #[inline]
    #[must_use]
    pub fn write(&self, offset: usize, bytes: &[u8]) -> bool {
        self.fits(offset, bytes.len()) && self.mapping.window().write(offset, bytes)
    }

    /// Makes `bytes` bytes at `offset` zero, which is black; `false`, and nothing, unless they fit.
    #[must_use]
    pub fn clear(&self, offset: usize, bytes: usize) -> bool {
        self.fits(offset, bytes) && self.mapping.window().clear(offset, bytes)
    }

    /// Whether so many bytes at `offset` lie inside.
    #[must_use]
    pub fn fits(&self, offset: usize, bytes: usize) -> bool {
        offset
            .checked_add(bytes)
            .is_some_and(|end| end <= self.bytes)
    }
}
