//! What the loader takes from a PE file, checked.

use alloc::{format, string::String, vec::Vec};

use object::{
    LittleEndian as LE,
    pe::{
        self, IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE, IMAGE_FILE_MACHINE_AMD64,
        IMAGE_REL_BASED_ABSOLUTE, IMAGE_REL_BASED_DIR64, IMAGE_SUBSYSTEM_NATIVE, ImageNtHeaders64,
    },
    read::pe::{ImageNtHeaders, ImageOptionalHeader, Import, PeFile64},
};

use crate::memory::{layout::PAGE, paging::Protection};

/// A section of the image.
pub struct Section<'data> {
    /// Offset in the image, a multiple of a page.
    pub offset: u64,
    /// Pages that it takes.
    pub pages: u64,
    /// What the file has of it; the rest is zero.
    pub data: &'data [u8],
    /// What it may be used for.
    pub protection: Protection,
    /// Whether it is given back after `DriverEntry`.
    pub discardable: bool,
}

/// An entry of the import table.
pub struct Slot<'data> {
    /// Name of the module, as written.
    pub module: &'data [u8],
    /// Name of the import.
    pub name: &'data [u8],
    /// Offset in the image of the eight bytes that take the address.
    pub offset: u64,
}

/// A driver's file, taken apart.
pub struct Parsed<'data> {
    /// The address that it was linked for.
    pub preferred_base: u64,
    /// Bytes of the image.
    pub size: u64,
    /// Offset of `DriverEntry`.
    pub entry: u64,
    /// What is before the first section.
    pub headers: &'data [u8],
    /// The sections in the order of their offsets.
    pub sections: Vec<Section<'data>>,
    /// Offsets of the eight-byte addresses that move with the image.
    pub relocations: Vec<u64>,
    /// The import table.
    pub imports: Vec<Slot<'data>>,
}

/// Takes `file` apart.
///
/// # Errors
///
/// What makes it no driver that this kernel loads.
pub fn parse(file: &[u8]) -> Result<Parsed<'_>, String> {
    let broken = |error: object::Error| format!("{error}");
    let image = PeFile64::parse(file).map_err(broken)?;
    let header = image.nt_headers().optional_header();
    if image.nt_headers().file_header().machine.get(LE) != IMAGE_FILE_MACHINE_AMD64 {
        return Err("it is not for x64".into());
    }
    if header.subsystem() != IMAGE_SUBSYSTEM_NATIVE {
        return Err("its subsystem is not native".into());
    }
    if !header
        .dll_characteristics()
        .contains(IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE)
    {
        return Err("it cannot be moved (no /DYNAMICBASE)".into());
    }
    if u64::from(header.section_alignment()) != PAGE {
        return Err("its sections are not aligned to pages".into());
    }
    let size = u64::from(header.size_of_image());
    let sections = sections(file, &image, size)?;
    let entry = u64::from(header.address_of_entry_point());
    let enters_code = sections.iter().any(|section| {
        let range = section.offset..section.offset + section.pages * PAGE;
        section.protection == Protection::ReadExecute && range.contains(&entry)
    });
    if !enters_code {
        return Err(format!(
            "its entry point, offset {entry:#x}, is not in code"
        ));
    }
    let headers = file
        .get(..header.size_of_headers() as usize)
        .ok_or("its headers are cut off")?;
    Ok(Parsed {
        preferred_base: header.image_base(),
        size,
        entry,
        headers,
        sections,
        relocations: relocations(file, &image, size)?,
        imports: imports(&image).map_err(broken)?,
    })
}

fn sections<'data>(
    file: &'data [u8],
    image: &PeFile64<'data>,
    size: u64,
) -> Result<Vec<Section<'data>>, String> {
    let mut found = Vec::new();
    let mut next = PAGE;
    for section in image.section_table().iter() {
        let name = String::from_utf8_lossy(section.raw_name()).into_owned();
        let data = section
            .pe_data(file)
            .map_err(|error| format!("section {name}: {error}"))?;
        let (offset, bytes) = section.pe_address_range();
        let (offset, bytes) = (u64::from(offset), u64::from(bytes).max(1));
        let pages = bytes.div_ceil(PAGE);
        if !offset.is_multiple_of(PAGE)
            || offset < next
            || offset + pages * PAGE > size.next_multiple_of(PAGE)
        {
            return Err(format!("section {name} is out of place"));
        }
        next = offset + pages * PAGE;
        let flags = section.characteristics.get(LE);
        let writable = flags.contains(pe::IMAGE_SCN_MEM_WRITE);
        let protection = match (writable, flags.contains(pe::IMAGE_SCN_MEM_EXECUTE)) {
            (true, true) => return Err(format!("section {name} is writable and executable")),
            (true, false) => Protection::ReadWrite,
            (false, true) => Protection::ReadExecute,
            (false, false) => Protection::Read,
        };
        let discardable = flags.contains(pe::IMAGE_SCN_MEM_DISCARDABLE);
        found.push(Section {
            offset,
            pages,
            data,
            protection,
            discardable,
        });
    }
    Ok(found)
}

fn relocations(file: &[u8], image: &PeFile64<'_>, size: u64) -> Result<Vec<u64>, String> {
    let broken = |error: object::Error| format!("its relocations: {error}");
    let mut found = Vec::new();
    let blocks = image
        .data_directories()
        .relocation_blocks(file, &image.section_table())
        .map_err(broken)?;
    for block in blocks.into_iter().flatten() {
        for relocation in block.map_err(broken)? {
            let offset = u64::from(relocation.virtual_address);
            match relocation.typ {
                IMAGE_REL_BASED_ABSOLUTE => {}
                IMAGE_REL_BASED_DIR64 if offset + 8 <= size => found.push(offset),
                _ => return Err(format!("a relocation at offset {offset:#x} is not known")),
            }
        }
    }
    Ok(found)
}

fn imports<'data>(image: &PeFile64<'data>) -> Result<Vec<Slot<'data>>, object::Error> {
    let mut found = Vec::new();
    let Some(table) = image.import_table()? else {
        return Ok(found);
    };
    let mut modules = table.descriptors()?;
    while let Some(module) = modules.next()? {
        let first = module.first_thunk.get(LE);
        let names = module.original_first_thunk.get(LE);
        let mut thunks = table.thunks(if names == 0 { first } else { names })?;
        let mut offset = u64::from(first);
        while let Some(thunk) = thunks.next::<ImageNtHeaders64>()? {
            let name = match table.import::<ImageNtHeaders64>(thunk)? {
                Import::Name(_, name) => name,
                Import::Ordinal(_) => b"(an ordinal)".as_slice(),
            };
            found.push(Slot {
                module: table.name(module.name.get(LE))?,
                name,
                offset,
            });
            offset += 8;
        }
    }
    Ok(found)
}
