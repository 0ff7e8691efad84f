//! The caller's memory, piece by piece. Each piece is copied once and lives on the stack.

use core::mem::offset_of;

use dxgk_sys::D3DDDI_PATCHLOCATIONLIST;
use vmdisp_abi::command::{BufferHeader, COMMAND_BYTES, Command, HEADER_BYTES};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Error, Source};
use crate::kernel::irql::Passive;
use crate::kernel::{Fault, UserAddress, complain, copy_from_user};

/// [`COMMAND_BYTES`] beside lengths of 32 bits.
const COMMAND: u32 = 64;
const _: () = assert!(COMMAND as usize == COMMAND_BYTES);

/// Commands that are copied at a time.
const COMMANDS: usize = 4;
/// Patch locations that are copied at a time.
const PATCHES: usize = 6;

/// What a command needs of an incoming patch location.
#[derive(Clone, Copy, Debug)]
pub struct Patch {
    /// `AllocationIndex`
    pub allocation: u32,
    /// `AllocationOffset`, in bytes.
    pub offset: u32,
}

/// A patch location as it lies in the caller's memory.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Raw {
    allocation: u32,
    slot: u32,
    driver: u32,
    offset: u32,
    patch: u32,
    split: u32,
}

const PATCH_BYTES: usize = size_of::<D3DDDI_PATCHLOCATIONLIST>();
const _: () = {
    assert!(size_of::<Raw>() == PATCH_BYTES);
    assert!(offset_of!(Raw, allocation) == offset_of!(D3DDDI_PATCHLOCATIONLIST, AllocationIndex));
    assert!(offset_of!(Raw, slot) == offset_of!(D3DDDI_PATCHLOCATIONLIST, u0));
    assert!(offset_of!(Raw, offset) == offset_of!(D3DDDI_PATCHLOCATIONLIST, AllocationOffset));
};

/// The bits of `D3DDDI_PATCHLOCATIONLIST` beside `SlotId`, which are reserved.
const RESERVED: u32 = 0xFF00_0000;

/// Equal pieces of the caller's memory, and a copy of some that lie side by side.
struct Window<const N: usize, const BYTES: usize> {
    first: UserAddress,
    count: u32,
    /// Which piece the copy begins with, and how many are in it.
    at: u32,
    held: u32,
    copy: [[u8; BYTES]; N],
}

impl<const N: usize, const BYTES: usize> Window<N, BYTES> {
    const fn new(first: UserAddress, count: u32) -> Self {
        Self {
            first,
            count,
            at: 0,
            held: 0,
            copy: [[0; BYTES]; N],
        }
    }

    /// The piece with this index, copied with those behind it unless it is there already. `None` if there
    /// is none.
    fn get(&mut self, index: u32, irql: Passive) -> Result<Option<&[u8; BYTES]>, Fault> {
        if index >= self.count {
            return Ok(None);
        }
        let within = index.checked_sub(self.at);
        if within.is_none_or(|within| within >= self.held) {
            let left = self.count.saturating_sub(index);
            self.held = 0;
            self.held = self.load(index, left, irql)?;
            self.at = index;
        }
        let within = usize::try_from(index.saturating_sub(self.at)).map_err(|_| Fault)?;
        Ok(self.copy.get(within))
    }

    /// Copies pieces from `index` on, at most `most`; how many.
    fn load(&mut self, index: u32, most: u32, irql: Passive) -> Result<u32, Fault> {
        let pieces = usize::try_from(most).map_or(N, |most| most.min(N));
        let to = self.copy.get_mut(..pieces).ok_or(Fault)?;
        let offset = u64::from(index).checked_mul(BYTES as u64).ok_or(Fault)?;
        let from = self.first.0.checked_add(offset).ok_or(Fault)?;
        copy_from_user(to.as_flattened_mut(), UserAddress(from), irql)?;
        u32::try_from(pieces).map_err(|_| Fault)
    }
}

/// One call's commands and patch locations.
pub struct Reader {
    commands: Window<COMMANDS, COMMAND_BYTES>,
    patches: Window<PATCHES, PATCH_BYTES>,
    irql: Passive,
}

impl Reader {
    /// Looks at the header.
    pub fn open(source: Source, irql: Passive) -> Result<Self, Error> {
        let wrong = |field, value: u32, why, error| {
            complain(c"Render", field, value.into(), why);
            Err(error)
        };
        let header_bytes = u32::from(HEADER_BYTES);
        let Some(bytes) = source.length.checked_sub(header_bytes) else {
            return wrong(
                c"CommandLength",
                source.length,
                c"shorter than the header",
                Error::UserBuffer,
            );
        };
        let mut header = [0; HEADER_BYTES as usize];
        copy_from_user(&mut header, source.commands, irql)?;
        let Ok(header) = BufferHeader::read_from_bytes(&header) else {
            return Err(Error::UserBuffer);
        };
        let ours = BufferHeader::new(source.length);
        if (header.header.magic, header.header.version) != (ours.header.magic, ours.header.version)
        {
            return wrong(
                c"header",
                header.header.magic,
                c"not this driver's, or of another version",
                Error::Mismatch,
            );
        }
        let count = bytes / COMMAND;
        if header != ours || !bytes.is_multiple_of(COMMAND) || count == 0 {
            return wrong(
                c"CommandLength",
                source.length,
                c"not what the header says, or no whole commands",
                Error::UserBuffer,
            );
        }
        let first = source.commands.0.checked_add(header_bytes.into());
        Ok(Self {
            commands: Window::new(UserAddress(first.ok_or(Error::UserBuffer)?), count),
            patches: Window::new(source.patches, source.patch_count),
            irql,
        })
    }

    /// How many commands there are.
    pub const fn commands(&self) -> u32 {
        self.commands.count
    }

    /// The command with this index.
    pub fn command(&mut self, index: u32) -> Result<Command, Error> {
        match self.commands.get(index, self.irql)? {
            Some(bytes) => Ok(Command::decode(bytes)?),
            None => Err(Error::UserBuffer),
        }
    }

    /// The patch location with this index.
    pub fn patch(&mut self, index: u32) -> Result<Patch, Error> {
        let wrong = |why| {
            complain(c"Render", c"pPatchLocationListIn", index.into(), why);
            Err(Error::Parameter)
        };
        let Some(bytes) = self.patches.get(index, self.irql)? else {
            return wrong(c"has no such element");
        };
        let Ok(raw) = Raw::read_from_bytes(bytes) else {
            return Err(Error::UserBuffer);
        };
        if raw.slot & RESERVED != 0 {
            return wrong(c"element's reserved bits are not 0");
        }
        Ok(Patch {
            allocation: raw.allocation,
            offset: raw.offset,
        })
    }
}
