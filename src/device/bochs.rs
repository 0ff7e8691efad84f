//! The Bochs display family, PCI 1234:1111: QEMU's `-device VGA` and `-device bochs-display`.
//!
//! Two memory ranges matter: video memory (BAR 0) and a page of registers (BAR 2) that holds the
//! EDID at 0, the VGA registers at 0x400 and the DISPI registers at 0x500, 16 bits each. `VGA` also
//! has the legacy ranges below 1 MiB, which are left alone.
#![forbid(unsafe_code)]

use super::{Hardware, OpenError};
use crate::kernel::complain;
use crate::kernel::dxgkrnl::{Cache, Dxgkrnl, Mapping, Register16};
use crate::kernel::irql::Passive;
use crate::kernel::resources::MemoryRange;

/// Device and vendor id as the first doubleword of configuration space has them.
pub const PCI_ID: u32 = 0x1111_1234;

/// The size of BAR 2 in bytes.
const REGISTER_BYTES: u64 = 4096;
/// Ranges that begin below this physical address are the VGA's legacy ones.
const LEGACY_END: u64 = 1 << 20;
/// The smallest video memory that QEMU gives one of these adapters is 1 MiB.
const SMALLEST_VIDEO_MEMORY: u64 = 1 << 20;

/// Where the DISPI registers begin in BAR 2.
const DISPI: usize = 0x500;
/// DISPI ids from the first version that reports its video memory to the newest.
const DISPI_IDS: core::ops::RangeInclusive<u16> = 0xb0c4..=0xb0c5;

/// The DISPI registers used here, by index.
#[derive(Clone, Copy)]
enum Dispi {
    Id = 0x0,
    /// Bit 0: the DISPI graphics mode is on.
    Enable = 0x4,
    /// Video memory in units of 64 KiB.
    VideoMemory64K = 0xa,
}

impl Dispi {
    /// Where it lies in BAR 2, in bytes.
    const fn offset(self) -> usize {
        DISPI + 2 * self as usize
    }
}

/// One adapter of the family, its registers and video memory mapped.
pub struct Bochs {
    /// BAR 2, not cached.
    registers: Mapping,
    /// BAR 0, write-combined, as far as the adapter has memory behind it.
    video_memory: Mapping,
    physical: u64,
    id: u16,
}

impl Bochs {
    /// Finds the adapter's ranges, maps them, and checks that the device behind them answers.
    ///
    /// # Errors
    ///
    /// [`OpenError::Resources`] if BAR 0 or BAR 2 is not among `ranges`, [`OpenError::Mapping`] if
    /// one cannot be mapped, [`OpenError::NotOurs`] if the DISPI id is unknown or the device reports
    /// no usable video memory.
    pub fn open(
        dxgkrnl: &Dxgkrnl,
        ranges: &[MemoryRange],
        irql: Passive,
    ) -> Result<Self, OpenError> {
        let bars = || ranges.iter().filter(|range| range.physical >= LEGACY_END);
        let Some(registers) = bars().find(|range| range.bytes == REGISTER_BYTES) else {
            complain(
                c"StartDevice",
                c"memory ranges",
                count(ranges),
                c"BAR 2 is not among them",
            );
            return Err(OpenError::Resources);
        };
        let Some(memory) = bars()
            .max_by_key(|range| range.bytes)
            .filter(|range| range.bytes > REGISTER_BYTES)
        else {
            complain(
                c"StartDevice",
                c"memory ranges",
                count(ranges),
                c"BAR 0 is not among them",
            );
            return Err(OpenError::Resources);
        };

        let registers = map(dxgkrnl, *registers, Cache::NonCached, irql)?;
        let id = dispi(&registers, Dispi::Id);
        if !DISPI_IDS.contains(&id) {
            complain(
                c"StartDevice",
                c"DISPI id",
                id.into(),
                c"not 0xb0c4 or 0xb0c5",
            );
            return Err(OpenError::NotOurs);
        }

        // What the device says bounds the BAR: QEMU rounds the BAR up to a power of two.
        let reported = u64::from(dispi(&registers, Dispi::VideoMemory64K)) << 16;
        let bytes = reported.min(memory.bytes);
        if bytes < SMALLEST_VIDEO_MEMORY {
            complain(
                c"StartDevice",
                c"video memory bytes",
                reported,
                c"less than 1 MiB",
            );
            return Err(OpenError::NotOurs);
        }
        let physical = memory.physical;
        let range = MemoryRange { physical, bytes };
        let video_memory = map(dxgkrnl, range, Cache::WriteCombined, irql)?;

        Ok(Self {
            registers,
            video_memory,
            physical,
            id,
        })
    }
}

impl Hardware for Bochs {
    fn id(&self) -> u32 {
        self.id.into()
    }

    fn video_memory(&self) -> MemoryRange {
        MemoryRange {
            physical: self.physical,
            bytes: self.video_memory.bytes(),
        }
    }

    fn text_mode_register(&self) -> Option<Register16> {
        self.registers.register_u16(Dispi::Enable.offset())
    }
}

/// Maps a range, or says which it was that dxgkrnl would not map.
fn map(
    dxgkrnl: &Dxgkrnl,
    range: MemoryRange,
    cache: Cache,
    irql: Passive,
) -> Result<Mapping, OpenError> {
    dxgkrnl.map(range, cache, irql).map_err(|_| {
        complain(
            c"StartDevice",
            c"bytes of a memory range",
            range.bytes,
            c"cannot be mapped",
        );
        OpenError::Mapping
    })
}

/// Reads a DISPI register. Any IRQL.
fn dispi(registers: &Mapping, register: Dispi) -> u16 {
    registers.read_u16(register.offset())
}

fn count(ranges: &[MemoryRange]) -> u64 {
    ranges.len() as u64
}
