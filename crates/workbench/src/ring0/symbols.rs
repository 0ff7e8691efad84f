//! From an address to a function and a line: the driver's by its PDB, the kernel's by its DWARF.

use std::path::Path;

use addr2line::Loader;
use anyhow::{Context, Result};
use vmdisp_ring0_protocol::Image;

use crate::faults::Names;
use crate::images::{Loaded, written};

/// Knows the code of one run.
pub struct Symbols {
    kernel: Option<Loader>,
    driver: Option<Loaded>,
    /// What could not be read, for people.
    pub complaints: Vec<String>,
}

impl Symbols {
    /// Reads what there is for a kernel, and for a driver that was loaded at `image`.
    pub fn read(kernel: &Path, driver: Option<(&Path, Image)>) -> Self {
        let mut complaints = Vec::new();
        let loader: Result<Loader> = Loader::new(kernel)
            .map_err(|error| anyhow::anyhow!("{error}"))
            .with_context(|| format!("reading the symbols of {}", kernel.display()));
        let kernel = loader
            .map_err(|error| complaints.push(format!("{error:#}")))
            .ok();
        let driver = driver.map(|(path, image)| {
            let (driver, error) = Loaded::read(path, image);
            complaints.extend(error.map(|error| format!("{error:#}")));
            driver
        });
        Self {
            kernel,
            driver,
            complaints,
        }
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

impl Names for Symbols {
    /// Innermost inlined function first.
    fn at(&self, address: u64) -> String {
        self.driver
            .as_ref()
            .and_then(|driver| driver.at(address))
            .or_else(|| self.of_kernel(address))
            .unwrap_or_else(|| format!("{address:#x}"))
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
