//! From an address in a Windows image to a function and a line, by the image's PDB.

use std::{
    fmt::Write,
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use pdb_addr2line::{ContextPdbData, TypeFormatterFlags, pdb::PDB};
use vmdisp_ring0_protocol::Image;

use crate::driver::SOURCES;

/// Functions are named without their types.
const NAMES: TypeFormatterFlags = TypeFormatterFlags::NO_FUNCTION_RETURN
    .union(TypeFormatterFlags::NO_ARGUMENTS)
    .union(TypeFormatterFlags::NAME_ONLY);

/// A function, and the file and line in it.
pub type Place = (String, Option<String>, Option<u32>);

/// An image, where it was loaded, and its PDB if it can be read.
pub struct Loaded {
    image: Image,
    name: String,
    pdb: Option<ContextPdbData<'static, 'static, File>>,
}

impl Loaded {
    /// The image in the file at `path`, whose PDB lies beside it. Why the PDB cannot be read comes with it.
    pub fn read(path: &Path, image: Image) -> (Self, Option<anyhow::Error>) {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let (pdb, error) = match pdb(path) {
            Ok(pdb) => (Some(pdb), None),
            Err(error) => (None, Some(error)),
        };
        (Self { image, name, pdb }, error)
    }

    /// The code at `address`, as `module!function (file:line)`, innermost inlined function first. None if it is in
    /// another image.
    pub fn at(&self, address: u64) -> Option<String> {
        let offset = address
            .checked_sub(self.image.base)
            .filter(|offset| *offset < self.image.size)?;
        let offset = u32::try_from(offset).ok()?;
        let name = &self.name;
        let unnamed = || format!("{name}+{offset:#x}");
        let Some(context) = self
            .pdb
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
}

/// Inlined functions as one line of text.
pub fn written(module: &str, frames: impl Iterator<Item = Place>) -> String {
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
    let workbench = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = workbench.ancestors().nth(2).unwrap_or(workbench);
    let project = project.display().to_string().replace('\\', "/");
    // The driver's symbols have a name of their own for it.
    let inside = file
        .strip_prefix(&project)
        .or_else(|| file.strip_prefix(SOURCES));
    match inside {
        Some(inside) => inside.trim_start_matches('/').to_owned(),
        None => file,
    }
}

/// The PDB that lies beside an image.
fn pdb(image: &Path) -> Result<ContextPdbData<'static, 'static, File>> {
    let path: PathBuf = image.with_extension("pdb");
    let reading = || format!("reading {}", path.display());
    let file = File::open(&path).with_context(reading)?;
    let pdb = PDB::open(file).with_context(reading)?;
    ContextPdbData::try_from_pdb(pdb).with_context(reading)
}
