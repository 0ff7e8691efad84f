//! What there is that pages can name: files, identifiers, strings, rows, packages.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command as Process;
use std::sync::OnceLock;

use vmdisp_scenarios::{GROUPS, all_rows};

use crate::pages;

/// The project's files.
pub struct Sources {
    /// Each file and folder, from the project's folder.
    pub paths: BTreeSet<String>,
    /// What is written in each of them, but for Markdown.
    pub texts: Vec<(String, String)>,
    /// Every word of letters, digits and underscores in them.
    pub words: BTreeSet<String>,
}

/// Folders that hold no sources.
const LEFT_OUT: &[&str] = &["target", ".git", "corpus", "artifacts", "node_modules"];

pub fn get() -> &'static Sources {
    static SOURCES: OnceLock<Sources> = OnceLock::new();
    SOURCES.get_or_init(|| {
        let mut sources = Sources {
            paths: BTreeSet::new(),
            texts: Vec::new(),
            words: BTreeSet::new(),
        };
        let root = pages::root();
        sources.walk(&root, &root);
        assert!(sources.texts.len() > 300, "{}", sources.texts.len());
        sources
    })
}

impl Sources {
    fn walk(&mut self, root: &Path, folder: &Path) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path
                .strip_prefix(root)
                .expect("a path within")
                .to_string_lossy();
            let name = name.replace('\\', "/");
            let last = name.rsplit('/').next().unwrap_or_default();
            if path.is_dir() {
                self.paths.insert(name.clone());
                if !LEFT_OUT.contains(&last) {
                    self.walk(root, &path);
                }
                continue;
            }
            let is_page = Path::new(last)
                .extension()
                .is_some_and(|extension| extension == "md");
            let is_this = name.contains("tests/documents/");
            self.paths.insert(name.clone());
            if is_page || is_this || last == "Cargo.lock" {
                continue;
            }
            if let Ok(text) = fs::read_to_string(&path) {
                let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
                let words = text.split(|letter| !is_letter(letter));
                self.words
                    .extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
                self.texts.push((name, text));
            }
        }
    }

    /// The file of this path.
    pub fn text(&self, path: &str) -> Option<&str> {
        let found = self.texts.iter().find(|(name, _)| name == path);
        found.map(|(_, text)| text.as_str())
    }

    /// The driver's own sources.
    pub fn driver(&self) -> impl Iterator<Item = &str> {
        let of_driver = self
            .texts
            .iter()
            .filter(|(name, _)| name.starts_with("src/"));
        of_driver.map(|(_, text)| text.as_str())
    }

    /// Whether the driver has this C string.
    pub fn has_c_string(&self, text: &str) -> bool {
        let literal = format!("c\"{}\"", text.replace('\\', "\\\\"));
        self.driver().any(|source| source.contains(&literal))
    }
}

/// The scenarios' rows and groups.
pub fn rows() -> BTreeSet<String> {
    let rows = all_rows().map(|row| row.name.to_owned());
    rows.chain(GROUPS.iter().map(|group| group.name.to_owned()))
        .collect()
}

/// The commands that `debugger/vmdisp.js` adds to WinDbg.
pub fn debugger_commands() -> BTreeSet<&'static str> {
    let script = get().text("debugger/vmdisp.js").expect("the script");
    let names = script.split("functionAlias(").skip(1);
    let commands: BTreeSet<_> = names.filter_map(|rest| rest.split('"').nth(1)).collect();
    assert!(commands.len() >= 5, "{commands:?}");
    commands
}

/// Names of the workspace's packages.
pub fn packages() -> BTreeSet<String> {
    let manifests = get()
        .texts
        .iter()
        .filter(|(name, _)| name.ends_with("Cargo.toml"));
    let names = manifests.filter_map(|(_, text)| {
        let (_, package) = text.split_once("[package]")?;
        package.split_once("name = \"")?.1.split('"').next()
    });
    names.map(str::to_owned).collect()
}

/// The workbench's subcommands with their help, and its own under the empty name.
pub fn helps() -> &'static BTreeMap<String, String> {
    static HELPS: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    HELPS.get_or_init(|| {
        let help = |arguments: &[&str]| {
            let mut process = Process::new(env!("CARGO_BIN_EXE_workbench"));
            let output = process
                .args(arguments)
                .output()
                .expect("the workbench starts");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let top = help(&["--help"]);
        let (_, list) = top.split_once("Commands:").expect("a list of commands");
        let lines = list
            .lines()
            .skip(1)
            .map_while(|line| line.strip_prefix("  "));
        let names = lines.filter_map(|line| line.split(' ').next().filter(|name| !name.is_empty()));
        let names = names.filter(|name| *name != "help");
        let mut helps: BTreeMap<_, _> = names
            .map(|name| (name.to_owned(), help(&["help", name])))
            .collect();
        assert!(helps.len() >= 8, "{helps:?}");
        helps.insert(String::new(), top);
        helps
    })
}
