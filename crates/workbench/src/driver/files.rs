//! Files that are made again and again but change seldom.
//!
//! Cargo builds anew what is younger than its last build, and wdk-sys takes a minute, so a file that
//! would not change is left alone.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result};

/// Writes `content` to `path` unless it is there already. Says whether it wrote.
pub fn write_if_changed(path: &Path, content: &[u8]) -> Result<bool> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    fs::write(path, content).with_context(|| format!("writing {}", path.display()))?;
    Ok(true)
}

/// Makes `link` lead to `target`, whatever it led to before.
#[cfg(unix)]
pub fn link(target: &Path, link: &Path) -> Result<()> {
    if fs::read_link(link).is_ok_and(|old| old == target) {
        return Ok(());
    }
    match fs::remove_file(link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("replacing {}", link.display()));
        }
        _ => {}
    }
    std::os::unix::fs::symlink(target, link).with_context(|| format!("linking {}", link.display()))
}

/// Windows has a WDK and never asks.
#[cfg(not(unix))]
pub fn link(_target: &Path, _link: &Path) -> Result<()> {
    Err(io::Error::from(io::ErrorKind::Unsupported)).context("a kit is made on Unix only")
}
