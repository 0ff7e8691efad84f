//! A command buffer, put together in memory of the caller's.

use zerocopy::IntoBytes;

use super::{BufferHeader, COMMAND_BYTES, Command, HEADER_BYTES, Rect};

/// There is no room for another command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Puts commands one behind the other, and the header before them.
#[derive(Debug)]
pub struct Builder<'a> {
    room: &'a mut [u8],
    used: usize,
}

impl<'a> Builder<'a> {
    /// Begins a buffer in `room`.
    ///
    /// # Errors
    ///
    /// [`Full`] if not even the header fits.
    pub fn new(room: &'a mut [u8]) -> Result<Self, Full> {
        let used = usize::from(HEADER_BYTES);
        if room.len() < used {
            return Err(Full);
        }
        Ok(Self { room, used })
    }

    /// Adds a command.
    ///
    /// # Errors
    ///
    /// [`Full`], and nothing is added.
    pub fn push(&mut self, command: &Command) -> Result<(), Full> {
        let end = self.used.checked_add(COMMAND_BYTES).ok_or(Full)?;
        let place = self.room.get_mut(self.used..end).ok_or(Full)?;
        place.copy_from_slice(&command.encode());
        self.used = end;
        Ok(())
    }

    /// Adds a command that does nothing.
    ///
    /// # Errors
    ///
    /// [`Full`]
    pub fn nop(&mut self) -> Result<(), Full> {
        self.push(&Command::Nop)
    }

    /// Adds a copy of `bytes` bytes between two patch locations.
    ///
    /// # Errors
    ///
    /// [`Full`]
    pub fn copy(&mut self, from: u32, to: u32, bytes: u32) -> Result<(), Full> {
        self.push(&Command::Copy { from, to, bytes })
    }

    /// Adds a fill of `bytes` bytes at a patch location with `value`.
    ///
    /// # Errors
    ///
    /// [`Full`]
    pub fn fill(&mut self, to: u32, bytes: u32, value: u32) -> Result<(), Full> {
        self.push(&Command::Fill { to, bytes, value })
    }

    /// Adds a copy of the pixels in `source` to (`x`, `y`) of another picture, not clipped by the
    /// command.
    ///
    /// # Errors
    ///
    /// [`Full`]
    pub fn surface_copy(
        &mut self,
        from: u32,
        to: u32,
        source: Rect,
        (x, y): (i32, i32),
    ) -> Result<(), Full> {
        self.push(&Command::SurfaceCopy {
            from,
            to,
            source,
            x,
            y,
            clip: Rect::EVERYTHING,
        })
    }

    /// Adds a fill of the pixels in `rectangle`, not clipped by the command.
    ///
    /// # Errors
    ///
    /// [`Full`]
    pub fn surface_fill(&mut self, to: u32, rectangle: Rect, value: u32) -> Result<(), Full> {
        self.push(&Command::SurfaceFill {
            to,
            value,
            rectangle,
            clip: Rect::EVERYTHING,
        })
    }

    /// Adds a marker.
    ///
    /// # Errors
    ///
    /// [`Full`]
    pub fn marker(&mut self, value: u64) -> Result<(), Full> {
        self.push(&Command::Marker { value })
    }

    /// How many commands there are.
    #[must_use]
    pub fn commands(&self) -> usize {
        self.used.saturating_sub(usize::from(HEADER_BYTES)) / COMMAND_BYTES
    }

    /// Writes the header. The buffer is what is returned: `CommandLength` is its length.
    #[must_use]
    pub fn finish(self) -> &'a [u8] {
        let Self { room, used } = self;
        // A buffer is far shorter than 4 GiB; one that is not says so by a length that is wrong.
        let header = BufferHeader::new(u32::try_from(used).unwrap_or(0));
        let (buffer, _) = room.split_at_mut_checked(used).unwrap_or_default();
        if let Some(place) = buffer.first_chunk_mut::<{ HEADER_BYTES as usize }>() {
            place.copy_from_slice(header.as_bytes());
        }
        buffer
    }
}
