//! Drivers that are broken in one place, made from a good one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use object::{
    LittleEndian as LE,
    pe::{IMAGE_SCN_MEM_EXECUTE, IMAGE_SCN_MEM_WRITE},
    read::pe::{ImageNtHeaders, ImageOptionalHeader, PeFile64},
};
use tempfile::TempDir;

use crate::inspect::image::{Function, Image};

/// Breaks the driver in `file` in one place. Where it was read from says where its PDB lies.
pub type Damage = fn(file: &mut [u8], from: &Path) -> Result<()>;

/// A broken copy of a driver, with its PDB beside it, in a folder that goes with it.
pub struct Damaged {
    folder: TempDir,
    name: PathBuf,
}

impl Damaged {
    /// A copy of `driver` with this damage.
    ///
    /// # Errors
    ///
    /// Where the driver cannot be read or has no such place.
    pub fn new(driver: &Path, damage: impl FnOnce(&mut [u8], &Path) -> Result<()>) -> Result<Self> {
        let reading = || format!("reading {}", driver.display());
        let mut file = fs::read(driver).with_context(reading)?;
        damage(&mut file, driver)
            .with_context(|| format!("damaging a copy of {}", driver.display()))?;
        let folder = tempfile::tempdir()?;
        let name = PathBuf::from(driver.file_name().unwrap_or_default());
        let damaged = Self { folder, name };
        fs::write(damaged.path(), file)?;
        let pdb = driver.with_extension("pdb");
        if pdb.is_file() {
            fs::copy(pdb, damaged.path().with_extension("pdb"))?;
        }
        Ok(damaged)
    }

    /// Where the copy is.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }
}

/// Its import of `ExAllocatePool2` is of something that no kernel has.
pub fn misspelt_import(file: &mut [u8], _from: &Path) -> Result<()> {
    other_import(file, "ExAllocatePool2", "ExAllocateP00l2")
}

/// It imports a function of another name, which has as many letters.
pub fn other_import(file: &mut [u8], name: &str, other: &str) -> Result<()> {
    ensure!(
        name.len() == other.len(),
        "{name} and {other} differ in length"
    );
    let whole = [name.as_bytes(), &[0]].concat();
    let at = file.windows(whole.len()).position(|bytes| bytes == whole);
    let at = at.with_context(|| format!("it does not import {name}"))?;
    file[at..at + name.len()].copy_from_slice(other.as_bytes());
    Ok(())
}

/// Its writable data are executable too.
pub fn executable_data(file: &mut [u8], _from: &Path) -> Result<()> {
    let (section, flags) = {
        let image = PeFile64::parse(&*file)?;
        let section = image
            .section_table()
            .iter()
            .find(|section| section.raw_name() == b".data");
        let section = section.context("it has no section .data")?;
        let flags = &raw const section.characteristics as usize - file.as_ptr() as usize;
        (flags, section.characteristics.get(LE))
    };
    ensure!(
        flags.contains(IMAGE_SCN_MEM_WRITE),
        "its section .data cannot be written"
    );
    let flags = flags.0 | IMAGE_SCN_MEM_EXECUTE.0;
    file[section..section + 4].copy_from_slice(&flags.to_le_bytes());
    Ok(())
}

/// Its first instruction is none.
pub fn invalid_entry(file: &mut [u8], _from: &Path) -> Result<()> {
    let image = PeFile64::parse(&*file)?;
    let entry = image
        .nt_headers()
        .optional_header()
        .address_of_entry_point();
    invalid_instruction(file, entry)
}

/// The first instruction of the function of that name is none.
pub fn invalid_function(file: &mut [u8], from: &Path, name: &str) -> Result<()> {
    let image = Image::read(from)?;
    let is_it = |function: &&Function| function.names.iter().any(|known| known == name);
    let function = image.functions.iter().find(is_it);
    let function = function.with_context(|| format!("it has no function {name}"))?;
    invalid_instruction(file, function.start)
}

/// Writes an instruction that is none to an address in the image.
fn invalid_instruction(file: &mut [u8], address: u32) -> Result<()> {
    let at = {
        let image = PeFile64::parse(&*file)?;
        let sections = image.section_table();
        let mut places = sections
            .iter()
            .filter_map(|section| section.pe_file_range_at(address));
        places.next().context("the address is in no section")?.0 as usize
    };
    file[at..at + 2].copy_from_slice(&[0x0f, 0x0b]); // UD2
    Ok(())
}
