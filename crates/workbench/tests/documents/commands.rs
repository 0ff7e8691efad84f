//! The commands that pages name: each line of a block without a label, and inline code that begins with
//! a program's name.

use crate::pages::Page;
use crate::{programs, sources};

/// A command, and where it stands.
#[derive(Clone)]
pub struct Command {
    pub at: String,
    /// As it is written, on one line.
    pub text: String,
    pub words: Vec<String>,
}

/// All commands of the pages.
pub fn all(pages: &[Page]) -> Vec<Command> {
    let mut commands = Vec::new();
    for page in pages {
        for block in page.blocks.iter().filter(|block| block.info.is_empty()) {
            commands.extend(of_block(page, block.line, &block.text));
        }
        for code in &page.codes {
            if let Some(text) = inline(&code.text) {
                commands.push(Command::new(page.at(code.line), text));
            }
        }
    }
    commands
}

impl Command {
    fn new(at: String, text: String) -> Self {
        let words = split(&text);
        Self { at, text, words }
    }

    pub fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// The words behind the program.
    pub fn arguments(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }
}

/// The commands of a block: a line each, or several lines that end with a backslash.
fn of_block(page: &Page, first: usize, text: &str) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in (first..).zip(text.lines()) {
        let (begun, mut whole) = open.take().unwrap_or((number, String::new()));
        let line = without_remark(line).trim();
        if let Some(line) = line.strip_suffix('\\') {
            whole.push_str(line);
            open = Some((begun, whole));
        } else if !line.is_empty() {
            whole.push_str(line);
            commands.push(Command::new(page.at(begun), whole));
        }
    }
    assert!(open.is_none(), "{}: ends in a backslash", page.at(first));
    commands
}

/// A line without the remark at its end.
fn without_remark(line: &str) -> &str {
    line.split_once(" # ").map_or(line, |(command, _)| command)
}

/// Inline code as a command: it begins with a program that is known and says what to do with it, or it
/// is a subcommand of the tool with its options.
fn inline(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    let first = words.next()?;
    let second = words.next();
    if second.is_some() && programs::is_known(first) || first.starts_with("!vmdisp_") {
        return Some(text.to_owned());
    }
    let options = text.split_whitespace().any(|word| word.starts_with("--"));
    (sources::helps().contains_key(first) && options).then(|| format!("cargo run -- {text}"))
}

/// The words of a command line; double quotes keep words together.
pub fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for letter in text.chars() {
        match letter {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            _ if letter.is_whitespace() && !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[test]
fn lines_become_commands() {
    let text = "```\ncargo run -- a \\\n  --b \"c d\"   # why\n\ncargo test\n```\n\n`cargo run -- x`, `cargo`, `ring0 --rows`.\n";
    let page = Page::parse("p.md".to_owned(), text.to_owned());
    let commands = all(&[page]);
    let texts: Vec<_> = commands
        .iter()
        .map(|command| command.words.join("|"))
        .collect();
    assert_eq!(
        texts,
        [
            "cargo|run|--|a|--b|c d",
            "cargo|test",
            "cargo|run|--|x",
            "cargo|run|--|ring0|--rows"
        ]
    );
    assert_eq!(commands[1].at, "p.md:5");
}
