//! The driver's package: its image as it is, its INFs with the edits that Wine needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anstream::println;
use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::inf::INFS;
use crate::package;

/// Windows' driver store, and Wine's folder for drivers, as DIRIDs.
const STORE: &str = "13";
const DRIVERS: &str = "12";

/// A line of an INF that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Which INF.
    pub inf: String,
    /// The line's number, from 1 on.
    pub line: usize,
    /// What it was.
    pub was: String,
    /// What it is; nothing if it is left out.
    pub is: String,
    /// Why.
    pub why: &'static str,
}

/// The driver and its INFs.
#[derive(Debug, Clone)]
pub struct Package {
    /// The image. Its PDB lies beside it.
    pub sys: PathBuf,
    /// Name and text of each INF, edited.
    infs: Vec<(String, String)>,
    /// What was changed in them.
    pub edits: Vec<Edit>,
    /// The folder of a package that was made for this run.
    _made: Option<Rc<TempDir>>,
}

impl Package {
    /// The package in `folder`, or one that is made of the project as `package` makes it.
    ///
    /// # Errors
    ///
    /// Where a file is missing, cannot be read or cannot be built.
    pub fn get(folder: Option<&Path>) -> Result<Self> {
        let made = match folder {
            Some(_) => None,
            None => Some(Rc::new(package::for_tests()?)),
        };
        let made_in = made.as_deref().map(TempDir::path);
        let (sys, texts) = Self::in_folder(folder.or(made_in).context("there is no folder")?)?;
        let (mut infs, mut edits) = (Vec::new(), Vec::new());
        for (name, text) in texts {
            infs.push((name.clone(), edited(&name, &text, &mut edits)));
        }
        Ok(Self {
            sys,
            infs,
            edits,
            _made: made,
        })
    }

    fn in_folder(folder: &Path) -> Result<(PathBuf, Vec<(String, String)>)> {
        let sys = folder.join("vmdisp.sys");
        ensure!(
            sys.is_file(),
            "{} is not there: --package wants a folder with vmdisp.sys and its INFs",
            sys.display()
        );
        let read = |name: &str| {
            let path = folder.join(name).with_extension("inf");
            let text = fs::read_to_string(&path);
            let text = text.with_context(|| format!("reading {}", path.display()))?;
            Ok((name.to_owned(), text))
        };
        Ok((sys, INFS.into_iter().map(read).collect::<Result<_>>()?))
    }

    /// The same INFs with another driver.
    #[must_use]
    pub fn with_driver(&self, sys: &Path) -> Self {
        Self {
            sys: sys.to_owned(),
            ..self.clone()
        }
    }

    /// Writes the package into a folder.
    ///
    /// # Errors
    ///
    /// Where a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let copying = || format!("copying {} to {}", self.sys.display(), folder.display());
        fs::copy(&self.sys, folder.join("vmdisp.sys")).with_context(copying)?;
        for (name, text) in &self.infs {
            let path = folder.join(name).with_extension("inf");
            fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(())
    }

    /// Lists the edits.
    pub fn print_edits(&self) {
        println!("edits that Wine needs, in copies of the INFs; vmdisp.sys is not changed:");
        for edit in &self.edits {
            let is = if edit.is.is_empty() {
                "(left out)"
            } else {
                &edit.is
            };
            println!(
                "  {}.inf:{}  {}  →  {is}  ({})",
                edit.inf, edit.line, edit.was, edit.why
            );
        }
    }
}

/// The text with Wine's edits, which are noted.
fn edited(inf: &str, text: &str, edits: &mut Vec<Edit>) -> String {
    let mut result = String::new();
    for (number, line) in (1..).zip(text.lines()) {
        let (is, why) = edit(line);
        if is != line {
            edits.push(Edit {
                inf: inf.to_owned(),
                line: number,
                was: line.trim_end().to_owned(),
                is: is.trim_end().to_owned(),
                why,
            });
        }
        result.push_str(&is);
        result.push_str("\r\n");
    }
    result
}

/// A line as Wine needs it, and why.
fn edit(line: &str) -> (String, &'static str) {
    let code = line.split(';').next().unwrap_or_default();
    let key = code.split('=').next().unwrap_or_default().trim();
    if key.eq_ignore_ascii_case("CatalogFile") && code.contains('=') {
        return (String::new(), "Wine has no store of catalogs");
    }
    if key.eq_ignore_ascii_case("DefaultDestDir") {
        return (
            line.replace(STORE, DRIVERS),
            "Wine runs no driver from the store; 12 is its folder of drivers",
        );
    }
    if key.eq_ignore_ascii_case("ServiceBinary") {
        return (
            line.replace(&format!("%{STORE}%"), &format!("%{DRIVERS}%")),
            "the same",
        );
    }
    if let Some(decoration) = decoration(code) {
        return (
            line.replace(decoration, ""),
            "Wine looks for sections of NTamd64 without a version",
        );
    }
    (line.to_owned(), "")
}

/// What follows `NTamd64` in a line: `.10.0...19041`.
fn decoration(code: &str) -> Option<&str> {
    const PLATFORM: &str = "NTamd64";
    let at = code.find(PLATFORM)? + PLATFORM.len();
    let rest = code.get(at..)?;
    let end = rest
        .find(|c: char| c != '.' && !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let decoration = rest.get(..end)?;
    (!decoration.is_empty()).then_some(decoration)
}

#[cfg(test)]
mod tests {
    use super::edited;

    #[test]
    fn what_wine_does_not_know_is_edited_and_noted() {
        let inf = "[Version]\r\nCatalogFile = vmdisp.cat\r\nDefaultDestDir = 13\r\n\
                   %P% = Models,NTamd64.10.0...19041\r\n[Models.NTamd64.10.0...19041]\r\n\
                   ServiceBinary  = %13%\\vmdisp.sys\r\n; DIRID 13, NTamd64.10.0\r\n";
        let mut edits = Vec::new();
        let edited = edited("vmdisp", inf, &mut edits);
        let expected = "[Version]\r\n\r\nDefaultDestDir = 12\r\n%P% = Models,NTamd64\r\n\
                        [Models.NTamd64]\r\nServiceBinary  = %12%\\vmdisp.sys\r\n\
                        ; DIRID 13, NTamd64.10.0\r\n";
        assert_eq!(edited, expected);
        let lines: Vec<_> = edits.iter().map(|edit| edit.line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6]);
    }
}
