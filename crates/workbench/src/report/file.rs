//! A result as a file, for other programs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// Writes `value` as JSON to `path`, whose folder is made if that alone is not there.
///
/// # Errors
///
/// Where the folder or the file cannot be written, with its name.
pub fn write_json(path: &Path, value: &Value) -> Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        // A folder that cannot be made is told by the file that cannot be written.
        let _ = fs::create_dir(folder);
    }
    fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))
}
