//! Names in inline code: files, rows, identifiers, symbols, pool tags, parameters, debug lines, options.

use std::collections::BTreeSet;

use crate::pages::{self, Code, Page};
use crate::{commands, nothing_wrong, sources};

/// Pages about other people's drivers and files.
const CONTRACT: &str = "docs/ddi-contract.md";

/// Words that look like identifiers of ours and are others'.
const FOREIGN_WORDS: &[&str] = &[
    "kernel_mode", // a feature of Microsoft's crate tracelogging
];

/// Inline code of all pages but the contract's, with its page.
fn codes(pages: &[Page]) -> impl Iterator<Item = (&Page, &Code)> {
    let ours = pages.iter().filter(|page| page.name != CONTRACT);
    ours.flat_map(|page| page.codes.iter().map(move |code| (page, code)))
}

/// A file or a folder, whole or from a folder on; `edid*` is any that begins so.
#[test]
fn paths_exist() {
    let pages = pages::read();
    let sources = sources::get();
    let tops = [
        "src/",
        "tests/",
        "crates/",
        "debugger/",
        "inf/",
        "docs/",
        "fuzz/",
        "benches/",
        ".ci/",
        ".github/",
    ];
    let ends = [
        ".rs", ".js", ".mjs", ".inx", ".toml", ".natvis", ".yml", ".md",
    ];
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (page, code) in codes(&pages) {
        for word in code.text.split_whitespace() {
            let from_top = tops.iter().any(|top| word.starts_with(top));
            let is_file =
                ends.iter().any(|end| word.ends_with(end)) && !word.starts_with(['*', '.']);
            if !(from_top || is_file) || word.contains(":\\") {
                continue;
            }
            seen += 1;
            let word = word.trim_end_matches('/');
            let there = match word.strip_suffix('*') {
                Some(begin) => sources.paths.iter().any(|path| path.starts_with(begin)),
                None if from_top => {
                    sources.paths.contains(word) || sources.paths.contains(&format!("{word}.rs"))
                }
                None => sources
                    .paths
                    .iter()
                    .any(|path| path == word || path.ends_with(&format!("/{word}"))),
            };
            if !there {
                wrong.push(format!("{}: `{word}`: no such file", page.at(code.line)));
            }
        }
    }
    assert!(seen > 100, "{seen}");
    nothing_wrong(&wrong);
}

/// What is called a row, in a sentence or by its table's column.
#[test]
fn rows_exist() {
    let pages = pages::read();
    let rows = sources::rows();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (page, code) in codes(&pages) {
        let by_column = code.column.as_deref() == Some("row");
        let is_file = code.text.contains(['/', '.']);
        if is_file || !(by_column || follows_rows(&code.before)) {
            continue;
        }
        seen += 1;
        if !rows.contains(&code.text) {
            wrong.push(format!(
                "{}: `{}`: no such row",
                page.at(code.line),
                code.text
            ));
        }
    }
    assert!(seen > 60, "{seen}");
    nothing_wrong(&wrong);
}

/// Whether what comes next is called a row: `row `, or `rows ` and others before it.
fn follows_rows(before: &str) -> bool {
    let mut rest = before;
    loop {
        rest = rest.trim_end_matches([' ', ',']);
        if let Some(head) = rest.strip_suffix(" and") {
            rest = head;
        } else if let Some(head) = rest.strip_suffix('`') {
            let Some((head, name)) = head.rsplit_once('`') else {
                return false;
            };
            if name.contains(['/', ' ', '.']) {
                return false;
            }
            rest = head;
        } else {
            let word = rest.rsplit([' ', ',', ';', '(']).next().unwrap_or_default();
            return ["row", "Row", "rows", "Rows"].contains(&word) && before.ends_with(' ');
        }
    }
}

/// `snake_case`, which is how the sources name functions, modules, rows and files.
#[test]
fn identifiers_exist() {
    let pages = pages::read();
    let sources = sources::get();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (page, code) in codes(&pages) {
        let text = code.text.trim_end_matches("()").trim_end_matches('!');
        let is_plain =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        let is_snake = text.contains('_')
            && text.starts_with(|letter: char| letter.is_ascii_lowercase())
            && text.chars().all(is_plain);
        if !is_snake {
            continue;
        }
        seen += 1;
        let file = sources.paths.iter().any(|path| {
            path.ends_with(&format!("/{text}.rs")) || path.ends_with(&format!("/{text}"))
        });
        if !sources.words.contains(text) && !file && !FOREIGN_WORDS.contains(&text) {
            wrong.push(format!(
                "{}: `{text}`: no source has that word",
                page.at(code.line)
            ));
        }
    }
    assert!(seen > 80, "{seen}");
    nothing_wrong(&wrong);
}

/// `vmdisp!vmdisp::module::name`.
#[test]
fn symbols_exist() {
    let pages = pages::read();
    let sources = sources::get();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for page in &pages {
        for (line, text) in (1..).zip(page.text.lines()) {
            for rest in text.split("vmdisp!").skip(1) {
                let is_path =
                    |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
                let symbol = rest
                    .split(|letter| !is_path(letter))
                    .next()
                    .unwrap_or_default();
                seen += 1;
                let parts: Vec<_> = symbol.split("::").collect();
                if !symbol_exists(sources, &parts) {
                    wrong.push(format!(
                        "{}: vmdisp!{symbol}: no such symbol",
                        page.at(line)
                    ));
                }
            }
        }
    }
    assert!(seen >= 2, "{seen}");
    nothing_wrong(&wrong);
}

/// A module, or something that a module defines.
fn symbol_exists(sources: &sources::Sources, parts: &[&str]) -> bool {
    let ["vmdisp", modules @ .., last] = parts else {
        return false;
    };
    let text = |modules: &[&str]| {
        let path = format!("src/{}", modules.join("/"));
        sources
            .text(&format!("{path}.rs"))
            .or_else(|| sources.text(&format!("{path}/mod.rs")))
    };
    let whole: Vec<_> = modules.iter().chain([last]).copied().collect();
    let defines = |text: &str| {
        let kinds = ["static", "fn", "struct", "enum", "const"];
        kinds
            .iter()
            .any(|kind| text.contains(&format!("{kind} {last}")))
    };
    text(&whole).is_some() || text(modules).is_some_and(defines)
}

/// `VmdX`: each tag that pages name is in the driver, and each of the driver's is in debugging.md's table.
#[test]
fn pool_tags_exist() {
    let pages = pages::read();
    let mut tags = BTreeSet::new();
    for source in sources::get().driver() {
        for rest in source.split(": Tag = Tag(*b\"Vmd").skip(1) {
            tags.insert(format!("Vmd{}", &rest[..1]));
        }
    }
    assert!(tags.len() >= 8, "{tags:?}");
    tags.remove("VmdT"); // of src/engine/testing.rs
    let mut wrong = Vec::new();
    let mut in_table = BTreeSet::new();
    for page in &pages {
        for (line, text) in (1..).zip(page.text.lines()) {
            for rest in text.split("Vmd").skip(1) {
                let tag = format!("Vmd{}", rest.chars().next().unwrap_or(' '));
                if !tags.contains(&tag) && !tag.ends_with(['?', '*']) {
                    wrong.push(format!("{}: {tag}: no such pool tag", page.at(line)));
                }
            }
        }
        let listed = page
            .codes
            .iter()
            .filter(|code| code.column.as_deref() == Some("tag"));
        in_table.extend(listed.map(|code| code.text.clone()));
    }
    wrong.extend(
        tags.difference(&in_table)
            .map(|tag| format!("docs/debugging.md: no line for the pool tag {tag}")),
    );
    nothing_wrong(&wrong);
}

/// install.md lists the values of `Parameters` that the driver reads, and no others.
#[test]
fn parameters_are_those_that_are_read() {
    let pages = pages::read();
    let install = pages
        .iter()
        .find(|page| page.name == "docs/install.md")
        .expect("the page");
    let told: BTreeSet<_> = install
        .codes
        .iter()
        .filter(|code| code.column.as_deref() == Some("value"))
        .map(|code| code.text.clone())
        .collect();
    let source = sources::get()
        .text("src/adapter/parameters.rs")
        .expect("the source");
    let (_, code) = source
        .split_once("/// `DisplayOnly`")
        .expect("the functions that read");
    let read: BTreeSet<_> = code
        .split("c\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect();
    assert!(read.len() >= 3, "{read:?}");
    assert_eq!(told, read);
}

/// `vmdisp: CALL: FIELD = 0x1: WHY` and `vmdisp: CALL: WHAT = 0x1`: each part is a string of the driver's.
#[test]
fn debug_lines_are_the_drivers() {
    let pages = pages::read();
    let sources = sources::get();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for page in &pages {
        let blocks = page
            .blocks
            .iter()
            .flat_map(|block| (block.line..).zip(block.text.lines()));
        let codes = page
            .codes
            .iter()
            .map(|code| (code.line, code.text.as_str()));
        for (line, text) in blocks.chain(codes) {
            let Some(said) = text.trim().strip_prefix("vmdisp: ") else {
                continue;
            };
            seen += 1;
            let Some((left, right)) = said.split_once(" = 0x") else {
                wrong.push(format!(
                    "{}: `{text}`: no debug line has that form",
                    page.at(line)
                ));
                continue;
            };
            let (call, field) = left.split_once(": ").unwrap_or((left, ""));
            let why = right.split_once(": ").map(|(_, why)| why);
            for part in [call, field].into_iter().chain(why) {
                if !sources.has_c_string(part) {
                    wrong.push(format!(
                        "{}: `{text}`: the driver never says \"{part}\"",
                        page.at(line)
                    ));
                }
            }
        }
    }
    assert!(seen >= 10, "{seen}");
    nothing_wrong(&wrong);
}

/// Files of a package: each INF is made from one in inf/, each catalog is named in one, and the rest is
/// named by the workbench.
#[test]
fn files_of_a_package_exist() {
    let pages = pages::read();
    let sources = sources::get();
    let mut wrong = Vec::new();
    for (page, code) in codes(&pages) {
        for word in code.text.split_whitespace() {
            let there = match word.rsplit_once('.') {
                Some((_, "inf")) if word.starts_with("oemNN") => true,
                Some((name, "inf")) if name.starts_with("vmdisp") => {
                    sources.paths.contains(&format!("inf/{name}.inx"))
                }
                Some((name, "cat")) if name.starts_with("vmdisp") => sources
                    .text(&format!("inf/{name}.inx"))
                    .is_some_and(|text| text.contains(&format!("CatalogFile = {word}"))),
                Some((name, "cer")) if name.starts_with("vmdisp") => sources
                    .texts
                    .iter()
                    .any(|(_, text)| text.contains(&format!("\"{word}\""))),
                _ => true,
            };
            if !there {
                wrong.push(format!(
                    "{}: `{word}`: no package has that file",
                    page.at(code.line)
                ));
            }
        }
    }
    nothing_wrong(&wrong);
}

/// `--option` alone: one of the workbench's.
#[test]
fn options_exist() {
    let helps: Vec<_> = sources::helps().values().collect();
    let pages = pages::read();
    let mut wrong = Vec::new();
    for (page, code) in codes(&pages) {
        let words = commands::split(&code.text);
        let Some(option) = words
            .first()
            .filter(|word| word.starts_with("--") && word.len() > 2)
        else {
            continue;
        };
        let known = |text: &String| {
            text.split([' ', ',', '\n', '=', '['])
                .any(|word| word == option)
        };
        if !helps.iter().any(|text| known(text))
            && !["--dev", "--ignored"].contains(&option.as_str())
        {
            wrong.push(format!(
                "{}: `{}`: no command has {option}",
                page.at(code.line),
                code.text
            ));
        }
    }
    nothing_wrong(&wrong);
}

#[test]
fn a_row_is_recognized() {
    for before in [
        "row ",
        "see rows `a_b`, ",
        "(rows `a`, `b` and ",
        "Row ",
        "as rows `a`, `b`, ",
    ] {
        assert!(follows_rows(before), "{before}");
    }
    for before in [
        "the ",
        "rows of `a` and ",
        "row `a`; `b` ",
        "row `a/b.rs`, ",
        "rows",
    ] {
        assert!(!follows_rows(before), "{before}");
    }
}
