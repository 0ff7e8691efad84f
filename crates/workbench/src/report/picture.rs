//! Where the pictures of a run are.

use std::path::{Path, PathBuf};

use anstream::println;

/// Says where pictures were kept, from the folder where the command was given if they are below it.
pub fn print_pictures(files: &[PathBuf]) {
    let here = std::env::current_dir().unwrap_or_default();
    for file in files {
        let near: &Path = file.strip_prefix(&here).unwrap_or(file);
        println!("picture  {}", near.display());
    }
}
