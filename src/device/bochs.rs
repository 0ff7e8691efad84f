//! The Bochs display family, PCI 1234:1111: QEMU's `-device VGA` and `-device bochs-display`.
//!
//! Two memory ranges matter: video memory (BAR 0) and a page of registers (BAR 2) that holds the
//! EDID at 0, the VGA registers at 0x400 and the DISPI registers at 0x500, 16 bits each. `VGA` also
//! has the legacy ranges below 1 MiB, which are left alone.
#![forbid(unsafe_code)]

pub(super) mod engine;
pub(super) mod registers;

use engine::{Abilities, Engine};
use registers::{Dispi, Registers, enable};

use super::{Direct, FrameBuffer, Hardware, NotTaken, OpenError, ScanOut, ScanOutLimits};
use crate::kernel::complain;
use crate::kernel::dxgkrnl::{Cache, Dxgkrnl, Mapping};
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

/// DISPI ids from the first version that reports its video memory to the newest.
const DISPI_IDS: core::ops::RangeInclusive<u16> = 0xb0c4..=0xb0c5;

/// Bytes of a block of monitor data, and where it says how many more there are.
const EDID_BLOCK: usize = 128;
const EDID_EXTENSIONS: usize = 126;
/// Where the monitor's data end: `VGA` has three blocks there, `bochs-display` two.
const EDID_END: usize = 3 * EDID_BLOCK;
/// What a block of monitor data begins with.
const EDID_BEGINNING: [u8; 2] = [0, 0xff];

/// The VGA rounds widths down to multiples of 8 pixels.
const VGA_WIDTH_MULTIPLE: u32 = 8;

/// One adapter of the family, its registers and video memory mapped.
pub struct Bochs {
    /// BAR 2, not cached.
    registers: Mapping,
    /// BAR 0, write-combined, as far as the adapter has memory behind it.
    frame_buffer: FrameBuffer,
    physical: u64,
    id: u16,
    abilities: Abilities,
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
        let answers = Registers(registers.window());
        let id = answers.read(Dispi::Id);
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
        let reported = u64::from(answers.read(Dispi::VideoMemory64K)) << 16;
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
        let memory = map(dxgkrnl, range, Cache::WriteCombined, irql)?;

        let abilities = abilities(answers);
        let engine = Engine {
            registers: answers,
            memory: memory.window(),
            abilities,
        };
        let bytes = engine.picture_memory();
        Ok(Self {
            frame_buffer: FrameBuffer::new(memory, bytes),
            registers,
            physical,
            id,
            abilities,
        })
    }

    fn engine(&self) -> Engine<'_> {
        Engine {
            registers: Registers(self.registers.window()),
            memory: self.frame_buffer.mapped(),
            abilities: self.abilities,
        }
    }
}

/// Finds out what the adapter has. The mode that it is in stays.
fn abilities(registers: Registers<'_>) -> Abilities {
    let size = || [Dispi::Width, Dispi::Height].map(|register| registers.read(register));
    let before = registers.read(Dispi::Enable);
    let current = size();
    registers.write(Dispi::Enable, before | enable::CAPS);
    let largest = size();
    registers.write(Dispi::Enable, before);
    // `bochs-display` reports nothing, and takes whatever the registers hold.
    let [most_x, most_y] = if largest == current {
        [u16::MAX; 2]
    } else {
        largest
    };
    Abilities {
        vga: registers.has_vga(),
        most_x,
        most_y,
    }
}

impl Hardware for Bochs {
    fn id(&self) -> u32 {
        self.id.into()
    }

    fn video_memory(&self) -> MemoryRange {
        MemoryRange {
            physical: self.physical,
            bytes: self.frame_buffer.bytes() as u64,
        }
    }

    fn edid(&self, to: &mut [u8]) -> usize {
        let registers = self.registers.window();
        for (offset, byte) in to.iter_mut().take(EDID_END).enumerate() {
            *byte = registers.read_u8(offset);
        }
        if !to.starts_with(&EDID_BEGINNING) {
            return 0;
        }
        let extensions = to.get(EDID_EXTENSIONS).copied().map_or(0, usize::from);
        let bytes = EDID_BLOCK * (1 + extensions);
        bytes.min(to.len()).min(EDID_END)
    }

    fn scan_out_limits(&self) -> ScanOutLimits {
        let Abilities {
            vga,
            most_x,
            most_y,
        } = self.abilities;
        let width_multiple = if vga { VGA_WIDTH_MULTIPLE } else { 1 };
        let memory = self.frame_buffer.bytes() as u64;
        ScanOutLimits {
            // The offsets have the same limits as the sizes.
            largest_width: most_x.into(),
            largest_height: most_y.into(),
            width_multiple,
            least_pitch: self.abilities.least_pitch(memory),
        }
    }

    fn set_mode(&self, scan_out: &ScanOut, _irql: Passive) -> Result<(), NotTaken> {
        self.engine().set_mode(scan_out, false)
    }

    fn frame_buffer(&self) -> &FrameBuffer {
        &self.frame_buffer
    }

    fn arm(&self, direct: &Direct, found: Option<ScanOut>) {
        direct.arm(&self.engine(), found);
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

fn count(ranges: &[MemoryRange]) -> u64 {
    ranges.len() as u64
}
