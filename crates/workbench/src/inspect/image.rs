//! A driver's image, taken apart.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use object::LittleEndian as LE;
use object::pe::{
    IMAGE_DIRECTORY_ENTRY_EXCEPTION, IMAGE_FILE_MACHINE_AMD64, IMAGE_REL_BASED_DIR64,
    IMAGE_SCN_MEM_DISCARDABLE, IMAGE_SCN_MEM_EXECUTE, IMAGE_SCN_MEM_WRITE,
};
use object::read::Object as _;
use object::read::pe::{ImageThunkData as _, PeFile64};

use super::checksum::checksum;
use super::guard::{self, Guard};
use super::resources;
use super::symbols;
use super::unwind::{self, RuntimeFunction};

/// What the checks look at. Addresses are relative to the image's start.
#[derive(Debug, Clone, Default)]
pub struct Image {
    /// The image as it lies in memory.
    pub memory: Vec<u8>,
    pub header: Header,
    pub guard: Guard,
    pub sections: Vec<Section>,
    /// The version in its resources.
    pub version: Option<[u16; 4]>,
    /// Everything that is code, sorted, without overlap or gap within a section.
    pub functions: Vec<Function>,
    /// Stack frames, from the unwind information of x64.
    pub frames: Vec<RuntimeFunction>,
    pub imports: Vec<Import>,
    /// Where the image holds an absolute address of its own (base relocations).
    pub pointers: Vec<Pointer>,
}

/// Fields of the headers that matter.
#[derive(Debug, Clone, Default)]
pub struct Header {
    /// IMAGE_FILE_MACHINE_*.
    pub machine: u16,
    pub subsystem: u16,
    /// IMAGE_DLLCHARACTERISTICS_*.
    pub characteristics: u16,
    /// Where DriverEntry is.
    pub entry: u32,
    /// The checksum that the header has, and the one that the file has.
    pub checksum: (u32, u32),
}

/// A section.
#[derive(Debug, Clone)]
pub struct Section {
    pub name: String,
    pub start: u32,
    pub end: u32,
    pub writable: bool,
    pub executable: bool,
    /// Its memory is given back after DriverEntry.
    pub discardable: bool,
}

/// A piece of code with a name.
#[derive(Debug, Clone)]
pub struct Function {
    pub start: u32,
    pub end: u32,
    /// All names of the address, demangled: the linker folds functions of equal code. None if the
    /// symbols do not say.
    pub names: Vec<String>,
}

/// A function of another image.
#[derive(Debug, Clone)]
pub struct Import {
    pub library: String,
    pub name: String,
    /// Where its address is kept.
    pub slot: u32,
}

/// An address in the image's data.
#[derive(Debug, Clone, Copy)]
pub struct Pointer {
    pub at: u32,
    pub to: u32,
}

impl Function {
    /// The first of its names.
    pub fn name(&self) -> String {
        self.names
            .first()
            .cloned()
            .unwrap_or_else(|| format!("code at {:#x}", self.start))
    }
}

impl Image {
    /// Reads an image and the PDB beside it.
    ///
    /// # Errors
    ///
    /// It is no 64-bit PE image, or its PDB is missing or another's.
    pub fn read(file: &Path) -> Result<Self> {
        let context = || format!("reading {}", file.display());
        let data = fs::read(file).with_context(context)?;
        let pe = PeFile64::parse(&*data).with_context(context)?;
        let mut image = Self::parse(&data, &pe).with_context(context)?;

        let identity = pe.pdb_info()?.context("the image names no PDB")?;
        let pdb = file.with_extension("pdb");
        let named = symbols::read(&pdb, identity.guid(), identity.age())
            .with_context(|| format!("reading {}", pdb.display()))?;
        let code = image
            .sections
            .iter()
            .filter(|section| section.executable)
            .cloned()
            .collect();
        image.functions = symbols::functions(code, &image.frames, named);
        Ok(image)
    }

    /// The function that has an address.
    pub fn function_at(&self, address: u32) -> Option<&Function> {
        let after = self
            .functions
            .partition_point(|function| function.start <= address);
        let function = self.functions.get(after.checked_sub(1)?)?;
        (address < function.end).then_some(function)
    }

    /// The bytes of a piece of code.
    pub fn code(&self, function: &Function) -> &[u8] {
        self.memory
            .get(function.start as usize..function.end as usize)
            .unwrap_or_default()
    }

    fn parse(data: &[u8], pe: &PeFile64<'_>) -> Result<Self> {
        let optional = &pe.nt_headers().optional_header;
        let machine = pe.nt_headers().file_header.machine.get(LE);
        let header = Header {
            machine: machine.0,
            entry: optional.address_of_entry_point.get(LE),
            subsystem: optional.subsystem.get(LE).0,
            characteristics: optional.dll_characteristics.get(LE).0,
            checksum: (
                optional.check_sum.get(LE),
                checksum(data, checksum_field(pe))?,
            ),
        };
        let base = optional.image_base.get(LE);
        let memory = memory(data, pe)?;
        let mut frames = Vec::new();
        if machine == IMAGE_FILE_MACHINE_AMD64
            && let Some(directory) = pe.data_directory(IMAGE_DIRECTORY_ENTRY_EXCEPTION)
        {
            frames = unwind::parse(&memory, directory.address_range())?;
        }
        Ok(Self {
            guard: guard::read(&memory, pe),
            header,
            sections: sections(pe),
            version: resources::version(data, pe)?,
            functions: Vec::new(),
            frames,
            imports: imports(pe)?,
            pointers: pointers(data, pe, base, &memory)?,
            memory,
        })
    }
}

/// Where the header has its checksum: behind "MZ", the signature and the file header.
fn checksum_field(pe: &PeFile64<'_>) -> usize {
    const IN_OPTIONAL_HEADER: usize = 64;
    pe.dos_header().nt_headers_offset() as usize + 4 + 20 + IN_OPTIONAL_HEADER
}

/// Lays the sections out as the loader does.
fn memory(data: &[u8], pe: &PeFile64<'_>) -> Result<Vec<u8>> {
    const LARGEST: usize = 64 << 20;
    let size = pe.nt_headers().optional_header.size_of_image.get(LE) as usize;
    ensure!(size <= LARGEST, "an image of {size} bytes");
    let mut memory = vec![0; size];
    for section in pe.section_table().iter() {
        let start = section.virtual_address.get(LE) as usize;
        let content = section.pe_data(data)?;
        let length = content.len().min(section.virtual_size.get(LE) as usize);
        let Some(to) = memory.get_mut(start..start + length) else {
            bail!("a section lies outside the image");
        };
        to.copy_from_slice(&content[..length]);
    }
    Ok(memory)
}

fn sections(pe: &PeFile64<'_>) -> Vec<Section> {
    let section = |section: &object::pe::ImageSectionHeader| {
        let flags = section.characteristics.get(LE).0;
        let start = section.virtual_address.get(LE);
        Section {
            name: String::from_utf8_lossy(section.raw_name()).into_owned(),
            discardable: flags & IMAGE_SCN_MEM_DISCARDABLE.0 != 0,
            start,
            end: start.saturating_add(section.virtual_size.get(LE)),
            writable: flags & IMAGE_SCN_MEM_WRITE.0 != 0,
            executable: flags & IMAGE_SCN_MEM_EXECUTE.0 != 0,
        }
    };
    pe.section_table().iter().map(section).collect()
}

fn imports(pe: &PeFile64<'_>) -> Result<Vec<Import>> {
    let mut found = Vec::new();
    let Some(table) = pe.import_table()? else {
        return Ok(found);
    };
    let mut descriptors = table.descriptors()?;
    while let Some(descriptor) = descriptors.next()? {
        let library = String::from_utf8_lossy(table.name(descriptor.name.get(LE))?).into_owned();
        let mut thunks = table.thunks(descriptor.original_first_thunk.get(LE))?;
        let mut slot = descriptor.first_thunk.get(LE);
        while let Some(thunk) = thunks.next::<object::pe::ImageNtHeaders64>()? {
            let name = if thunk.is_ordinal() {
                format!("#{}", thunk.ordinal())
            } else {
                String::from_utf8_lossy(table.hint_name(thunk.address())?.1).into_owned()
            };
            found.push(Import {
                library: library.clone(),
                name,
                slot,
            });
            slot += 8;
        }
    }
    Ok(found)
}

fn pointers(data: &[u8], pe: &PeFile64<'_>, base: u64, memory: &[u8]) -> Result<Vec<Pointer>> {
    let mut found = Vec::new();
    let Some(mut blocks) = pe
        .data_directories()
        .relocation_blocks(data, &pe.section_table())?
    else {
        return Ok(found);
    };
    while let Some(block) = blocks.next()? {
        for relocation in block.filter(|relocation| relocation.typ == IMAGE_REL_BASED_DIR64) {
            let at = relocation.virtual_address;
            let bytes = memory
                .get(at as usize..)
                .and_then(|rest| rest.first_chunk());
            let bytes = bytes.context("a relocation lies outside the image")?;
            if let Ok(to) = u32::try_from(u64::from_le_bytes(*bytes).wrapping_sub(base)) {
                found.push(Pointer { at, to });
            }
        }
    }
    Ok(found)
}
