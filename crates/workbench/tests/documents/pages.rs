//! README.md and docs/ as Markdown: blocks of commands, inline code, links, headings.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// The project's folder.
pub fn root() -> PathBuf {
    let workbench = Path::new(env!("CARGO_MANIFEST_DIR"));
    workbench.join("../..").canonicalize().expect("the project")
}

/// A page.
pub struct Page {
    /// Its path from the project's folder.
    pub name: String,
    pub text: String,
    pub blocks: Vec<Block>,
    pub codes: Vec<Code>,
    pub links: Vec<Link>,
    /// What a link can have behind its `#`.
    pub anchors: Vec<String>,
}

/// A fenced block.
pub struct Block {
    /// Where it begins.
    pub line: usize,
    /// What stands behind the fence: nothing for commands, `text` for what is shown.
    pub info: String,
    pub text: String,
}

/// Inline code.
pub struct Code {
    pub line: usize,
    pub text: String,
    /// What stands before it in its paragraph or cell.
    pub before: String,
    /// The head of the table's column that it is in.
    pub column: Option<String>,
}

/// A link.
pub struct Link {
    pub line: usize,
    pub target: String,
}

/// All pages.
pub fn read() -> Vec<Page> {
    let root = root();
    let mut names = vec!["README.md".to_owned()];
    for entry in fs::read_dir(root.join("docs")).expect("docs/") {
        let name = entry.expect("an entry of docs/").file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".md") {
            names.push(format!("docs/{name}"));
        }
    }
    names.sort();
    assert!(names.len() > 10, "{names:?}");
    let page = |name: String| {
        let text = fs::read_to_string(root.join(&name)).expect("a page");
        Page::parse(name, text)
    };
    names.into_iter().map(page).collect()
}

impl Page {
    /// Takes a page apart.
    pub fn parse(name: String, text: String) -> Self {
        let mut reader = Reader::default();
        let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
        for (event, place) in Parser::new_ext(&text, options).into_offset_iter() {
            reader.take(event, || line_of(&text, &place));
        }
        Self {
            blocks: reader.blocks,
            codes: reader.codes,
            links: reader.links,
            anchors: reader.anchors,
            name,
            text,
        }
    }

    /// Where to look, for a message.
    pub fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.name)
    }
}

fn line_of(text: &str, place: &Range<usize>) -> usize {
    text[..place.start].matches('\n').count() + 1
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    codes: Vec<Code>,
    links: Vec<Link>,
    anchors: Vec<String>,
    /// How often a heading's anchor was there already.
    repeated: BTreeMap<String, usize>,
    in_block: bool,
    in_head: bool,
    /// The text of the paragraph, cell or heading so far.
    before: String,
    heads: Vec<String>,
    column: Option<usize>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, line: impl Fn() -> usize) {
        match event {
            Event::Start(tag) => self.start(tag, line),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.in_block => {
                if let Some(block) = self.blocks.last_mut() {
                    block.text.push_str(&text);
                }
            }
            Event::Text(text) => self.before.push_str(&text),
            Event::SoftBreak | Event::HardBreak => self.before.push(' '),
            Event::Code(text) => {
                let column = self.column.and_then(|at| self.heads.get(at)).cloned();
                self.codes.push(Code {
                    line: line(),
                    text: text.to_string(),
                    before: self.before.clone(),
                    column,
                });
                self.before.push('`');
                self.before.push_str(&text);
                self.before.push('`');
            }
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>, line: impl Fn() -> usize) {
        match tag {
            Tag::CodeBlock(kind) => {
                let info = match kind {
                    CodeBlockKind::Fenced(info) => info.to_string(),
                    CodeBlockKind::Indented => "indented".to_owned(),
                };
                self.in_block = true;
                self.blocks.push(Block {
                    line: line() + 1,
                    info,
                    text: String::new(),
                });
            }
            Tag::Link { dest_url, .. } => self.links.push(Link {
                line: line(),
                target: dest_url.to_string(),
            }),
            Tag::TableHead => {
                self.in_head = true;
                self.heads.clear();
            }
            Tag::TableRow => self.column = None,
            Tag::TableCell => {
                self.before.clear();
                if !self.in_head {
                    self.column = Some(self.column.map_or(0, |at| at + 1));
                }
            }
            Tag::Paragraph | Tag::Heading { .. } | Tag::Item => self.before.clear(),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::CodeBlock => self.in_block = false,
            TagEnd::Heading(_) => {
                let anchor = anchor(&self.before);
                let times = self.repeated.entry(anchor.clone()).or_default();
                self.anchors.push(match times {
                    0 => anchor,
                    _ => format!("{anchor}-{times}"),
                });
                *times += 1;
            }
            TagEnd::TableCell if self.in_head => self.heads.push(self.before.clone()),
            TagEnd::TableHead => self.in_head = false,
            TagEnd::Table => {
                self.heads.clear();
                self.column = None;
            }
            _ => {}
        }
    }
}

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let kept = |letter: char| match letter {
        ' ' => Some('-'),
        '-' | '_' => Some(letter),
        _ if letter.is_alphanumeric() => Some(letter),
        _ => None,
    };
    heading.to_lowercase().chars().filter_map(kept).collect()
}

#[test]
fn a_page_is_taken_apart() {
    let text = "# A `b`, c\n\nRows `x_y` and `z`, [there](a.md#b).\n\n| row | why |\n|---|---|\n| `q` | `r` |\n\n\
                1. x\n\n   ```\n   cargo run\n   ```\n\n# A b c\n";
    let page = Page::parse("a.md".to_owned(), text.to_owned());
    assert_eq!(page.anchors, ["a-b-c", "a-b-c-1"]);
    let codes: Vec<_> = page
        .codes
        .iter()
        .map(|code| (code.line, code.text.as_str(), code.column.as_deref()))
        .collect();
    assert_eq!(
        codes,
        [
            (1, "b", None),
            (3, "x_y", None),
            (3, "z", None),
            (7, "q", Some("row")),
            (7, "r", Some("why"))
        ]
    );
    assert_eq!(page.codes[2].before, "Rows `x_y` and ");
    assert_eq!(page.links[0].target, "a.md#b");
    assert_eq!(page.blocks[0].text, "cargo run\n");
    assert_eq!(page.blocks[0].line, 12);
}
