//! From an address to a function and a line: the driver's by its PDB, the kernel's by its DWARF.

use std::{
    fmt::Write,
    fs::File,
    path::{Path, PathBuf},
};

use addr2line::Loader;
use anyhow::{Context, Result};
use pdb_addr2line::{ContextPdbData, TypeFormatterFlags, pdb::PDB};
use vmdisp_ring0_protocol::Image;

use crate::driver::SOURCES;

/// Functions are named without their types.
const NAMES: TypeFormatterFlags = TypeFormatterFlags::NO_FUNCTION_RETURN
    .union(TypeFormatterFlags::NO_ARGUMENTS)
    .union(TypeFormatterFlags::NAME_ONLY);

/// Knows the code of one run.
pub struct Symbols {
    kernel: Option<Loader>,
    driver: Option<(
        Image,
        String,
        Option<ContextPdbData<'static, 'static, File>>,
    )>,
    /// What could not be read, for people.
    pub complaints: Vec<String>,
}

impl Symbols {
    /// Reads what there is for a kernel, and for a driver that was loaded at `image`.
    pub fn read(kernel: &Path, driver: Option<(&Path, Image)>) -> Self {
        let mut complaints = Vec::new();
        let mut keep = |result: Result<_>| {
            result
                .map_err(|error| complaints.push(format!("{error:#}")))
                .ok()
        };
        let kernel = Loader::new(kernel)
            .map_err(|error| anyhow::anyhow!("{error}"))
            .with_context(|| format!("reading the symbols of {}", kernel.display()));
        let driver = driver.map(|(path, image)| {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            (image, name, keep(pdb(path)))
        });
        let kernel = kernel
            .map_err(|error| complaints.push(format!("{error:#}")))
            .ok();
        Self {
            kernel,
            driver,
            complaints,
        }
    }

    /// The code at `address`, as `module!function (file:line)`, innermost inlined function first.
    pub fn at(&self, address: u64) -> String {
        self.of_driver(address)
            .or_else(|| self.of_kernel(address))
            .unwrap_or_else(|| format!("{address:#x}"))
    }

    /// The code that made the call which returns to `address`.
    pub fn before(&self, address: u64) -> String {
        self.at(address.wrapping_sub(1))
    }

    fn of_driver(&self, address: u64) -> Option<String> {
        let (image, name, pdb) = self.driver.as_ref()?;
        let offset = address
            .checked_sub(image.base)
            .filter(|offset| *offset < image.size)?;
        let offset = u32::try_from(offset).ok()?;
        let unnamed = || format!("{name}+{offset:#x}");
        let Some(context) = pdb
            .as_ref()
            .and_then(|pdb| pdb.make_context_with_formatter_flags(NAMES).ok())
        else {
            return Some(unnamed());
        };
        let Ok(Some(procedure)) = context.find_frames(offset) else {
            return Some(unnamed());
        };
        let frames = procedure.frames.iter().map(|frame| {
            let function = frame.function.as_deref().unwrap_or("?").to_owned();
            (
                function,
                frame.file.as_deref().map(str::to_owned),
                frame.line,
            )
        });
        Some(written(name, frames))
    }

    fn of_kernel(&self, address: u64) -> Option<String> {
        let kernel = self.kernel.as_ref()?;
        let mut found = Vec::new();
        let mut frames = kernel.find_frames(address).ok()?;
        while let Ok(Some(frame)) = frames.next() {
            let function = frame
                .function
                .as_ref()
                .and_then(|name| name.demangle().ok());
            let function = function.map_or_else(|| "?".to_owned(), |name| plain(&name));
            let (file, line) = frame.location.map_or((None, None), |location| {
                (location.file.map(str::to_owned), location.line)
            });
            found.push((function, file, line));
        }
        if found.is_empty() {
            let symbol = kernel.find_symbol(address)?;
            found.push((plain(symbol), None, None));
        }
        Some(written("kernel", found.into_iter()))
    }
}

/// `name` without the hash that Rust's mangling ends with.
fn plain(name: &str) -> String {
    let name = format!("{:#}", rustc_demangle::demangle(name));
    match name.rsplit_once("::") {
        Some((path, hash)) if hash.len() == 17 && hash.starts_with('h') => path.to_owned(),
        _ => name,
    }
}

/// A function, and the file and line in it.
type Place = (String, Option<String>, Option<u32>);

fn written(module: &str, frames: impl Iterator<Item = Place>) -> String {
    let frames: Vec<Place> = frames.collect();
    // What was inlined from the standard library says little, unless there is nothing else.
    let own = |(_, file, _): &&Place| !file.as_deref().is_some_and(|file| file.contains("/rustc/"));
    let mut own: Vec<&Place> = frames.iter().filter(own).collect();
    if own.is_empty() {
        own = frames.iter().take(1).collect();
    }
    let mut text = String::new();
    for (function, file, line) in own {
        let separator = if text.is_empty() { "" } else { " inlined in " };
        let _ = write!(text, "{separator}{module}!{function}");
        if let Some(file) = file {
            let line = line.map(|line| format!(":{line}")).unwrap_or_default();
            let _ = write!(text, " ({}{line})", shortened(file));
        }
    }
    text
}

/// `file` relative to the project, where it lies in it.
fn shortened(file: &str) -> String {
    let file = file.replace('\\', "/");
    let project = super::project().display().to_string().replace('\\', "/");
    // The driver's symbols have a name of their own for it.
    let inside = file
        .strip_prefix(&project)
        .or_else(|| file.strip_prefix(SOURCES));
    match inside {
        Some(inside) => inside.trim_start_matches('/').to_owned(),
        None => file,
    }
}

/// The PDB that lies beside a driver.
fn pdb(driver: &Path) -> Result<ContextPdbData<'static, 'static, File>> {
    let path: PathBuf = driver.with_extension("pdb");
    let reading = || format!("reading {}", path.display());
    let file = File::open(&path).with_context(reading)?;
    let pdb = PDB::open(file).with_context(reading)?;
    ContextPdbData::try_from_pdb(pdb).with_context(reading)
}
