//! The files of a package.

use anstream::println;
use anstyle::{AnsiColor, Style};
use tabled::builder::Builder;

use super::number::{counted, grouped};
use super::table::print;
use super::verdict::mark;

const BAD: Style = AnsiColor::Red.on_default().bold();

/// A file, and what was found of it.
pub struct File {
    pub name: String,
    pub bytes: u64,
    /// The beginning of its SHA-256 digest.
    pub digest: String,
    /// What was found right, a line each.
    pub checked: Vec<String>,
    /// What is wrong, a line each.
    pub wrong: Vec<String>,
}

/// Prints a package's files and the verdict.
pub fn print_package(files: &[File]) {
    let mut table = Builder::new();
    table.push_record(["file", "bytes", "SHA-256", "checked"]);
    for file in files {
        let wrong = file.wrong.iter();
        let wrong = wrong.map(|what| format!("{BAD}wrong:{BAD:#} {what}"));
        let lines = wrong.chain(file.checked.iter().cloned());
        let head = [file.name.clone(), grouped(file.bytes), file.digest.clone()];
        // A row a line: a cell of several lines would be wrapped as if they were one.
        for (index, line) in lines.enumerate() {
            let head = if index == 0 {
                head.clone()
            } else {
                Default::default()
            };
            table.push_record(head.into_iter().chain([line]));
        }
    }
    print(table, &[1]);
    let wrong: u64 = files.iter().map(|file| file.wrong.len() as u64).sum();
    let text = format!(
        "{}, {wrong} wrong",
        counted(files.len() as u64, "file", "files")
    );
    println!("{}", mark(wrong == 0, &text));
}
