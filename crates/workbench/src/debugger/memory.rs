//! What a memory image of QEMU's holds: an ELF core with the processor's registers.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use object::elf::{FileHeader64, PT_LOAD, PT_NOTE};
use object::read::elf::{FileHeader as _, ProgramHeader as _};
use object::{Endianness, LittleEndian};

/// Where headers and notes are: at the beginning.
const BEGINNING: u64 = 1 << 20;

/// Where CR3 is in QEMU's own note on a processor: behind version and size, 16 registers, RIP,
/// RFLAGS, ten segments of 24 bytes, CR0, CR1 and CR2.
const CR3: usize = 8 + 16 * 8 + 16 + 10 * 24 + 3 * 8;

/// A memory image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Physical address, bytes, and where they are in the file.
    pub pieces: Vec<(u64, u64, u64)>,
    /// Physical address of the page table's root.
    pub root: u64,
}

impl Image {
    /// Reads the headers of an image.
    ///
    /// # Errors
    ///
    /// It is not there, or not of QEMU's.
    pub fn read(path: &Path) -> Result<Self> {
        let reading = || format!("reading the memory image {}", path.display());
        let file = File::open(path).with_context(reading)?;
        let mut bytes = Vec::new();
        file.take(BEGINNING)
            .read_to_end(&mut bytes)
            .with_context(reading)?;
        Self::of(&bytes).with_context(reading)
    }

    fn of(bytes: &[u8]) -> Result<Self> {
        let header = FileHeader64::<Endianness>::parse(bytes)?;
        let order = header.endian()?;
        let (mut pieces, mut root) = (Vec::new(), None);
        for program in header.program_headers(order, bytes)? {
            match program.p_type(order) {
                PT_LOAD => pieces.push((
                    program.p_paddr(order),
                    program.p_filesz(order),
                    program.p_offset(order),
                )),
                PT_NOTE => {
                    let Some(mut notes) = program.notes(order, bytes)? else {
                        continue;
                    };
                    while let Some(note) = notes.next()? {
                        if note.name() == b"QEMU" && root.is_none() {
                            root = note.desc().get(CR3..CR3 + 8);
                        }
                    }
                }
                _ => {}
            }
        }
        let root = root.context("it has no note of QEMU's on a processor")?;
        ensure!(!pieces.is_empty(), "it holds no memory");
        Ok(Self {
            pieces,
            root: object::U64::<LittleEndian>::from_bytes(root.try_into()?).get(LittleEndian),
        })
    }
}
