//! The text of the tests' tables: every name of the data beside what the compiler made of it.

use std::fmt::Write as _;

use anyhow::Result;

use super::data::{Data, External, Record};
use super::emit;
use super::names::Names;
use super::tree::{self, Body, Container, Content, Word};

/// The table of records.
pub fn records(data: &Data, names: &Names, source: &str) -> Result<String> {
    let mut out = emit::head(
        "Every record of the data as the compiler lays it out.",
        source,
    );
    out.push_str(
        "use super::{Bits, Field, Record, bits, field, flag, record, whole};\nuse dxgk_sys::*;\n\n\
         pub static RECORDS: &[Record] = &[\n",
    );
    let external = data.ext_records.iter().filter_map(|item| match item {
        External::Record(record) => Some(record),
        External::Enum(_) => None,
    });
    for item in data.records.iter().chain(external) {
        record(&mut out, names, item)?;
    }
    out.push_str("];\n");
    Ok(out)
}

fn record(out: &mut String, names: &Names, item: &Record) -> Result<()> {
    let tree = tree::build(names, item)?;
    let mut rows = Rows {
        record: &item.name,
        fields: String::new(),
        bits: String::new(),
    };
    rows.container(&tree, "");
    let _ = writeln!(
        out,
        "    record!({}, &[{}], &[{}]),",
        item.name, rows.fields, rows.bits
    );
    Ok(())
}

struct Rows<'a> {
    record: &'a str,
    fields: String,
    bits: String,
}

impl Rows<'_> {
    fn container(&mut self, container: &Container, path: &str) {
        match &container.body {
            Body::Flags(word) => self.word(word, path, Some(&container.name)),
            Body::Members(members) => {
                for member in members {
                    let inner = format!(
                        "{path}{}{}",
                        if path.is_empty() { "" } else { "." },
                        member.name
                    );
                    if !member.key.is_empty() {
                        self.field(&member.key, &inner);
                    }
                    match &member.content {
                        Content::Plain => {}
                        Content::Bits(word) => self.word(word, path, None),
                        Content::Inline(container) => self.container(container, &inner),
                    }
                }
            }
        }
    }

    fn field(&mut self, key: &str, path: &str) {
        let record = self.record;
        let _ = if path.is_empty() {
            write!(self.fields, "\n        whole!({record}, {key:?}),")
        } else {
            write!(self.fields, "\n        field!({record}, {key:?}, {path}),")
        };
    }

    /// A word's bit fields; `flags` is the type of a flag word.
    fn word(&mut self, word: &Word, path: &str, flags: Option<&str>) {
        for key in &word.keys {
            self.field(key, path);
        }
        let record = self.record;
        for field in &word.fields {
            let (name, key) = (&field.name, &field.key);
            let _ = match flags {
                Some(ty) if field.width == 1 => {
                    write!(
                        self.bits,
                        "\n        flag!({record}, {key:?}, ({path}), {ty}::{name}),"
                    )
                }
                _ => {
                    write!(
                        self.bits,
                        "\n        bits!({record}, {key:?}, ({path}), {name}, set_{name}),"
                    )
                }
            };
        }
    }
}

/// The tables of everything that is not a record.
pub fn values(data: &Data, source: &str) -> String {
    let mut out = emit::head(
        "Every other name of the data as the compiler sees it.",
        source,
    );
    out.push_str("use super::{Constant, Enum, Function, constant, enumeration, function};\nuse dxgk_sys::*;\n");
    let mut table = |name: &str, ty: &str, rows: &mut dyn Iterator<Item = String>| {
        let _ = writeln!(out, "\npub static {name}: &[{ty}] = &[");
        for row in rows {
            let _ = writeln!(out, "    {row},");
        }
        out.push_str("];\n");
    };
    let external = data.ext_records.iter().filter_map(|item| match item {
        External::Record(_) => None,
        External::Enum(item) => Some(item),
    });
    let mut enums = data
        .enums
        .iter()
        .chain(external)
        .map(|item| format!("enumeration!({})", item.name));
    table("ENUMS", "Enum", &mut enums);
    let mut constants = data
        .consts
        .iter()
        .map(|item| format!("constant!({})", item.name));
    table("CONSTANTS", "Constant", &mut constants);
    let mut guids = data
        .guids
        .iter()
        .map(|item| format!("({:?}, {})", item.name, item.name));
    table("GUIDS", "(&str, GUID)", &mut guids);
    let mut functions = data
        .fns
        .iter()
        .map(|item| format!("function!({})", item.name));
    table("FUNCTIONS", "Function", &mut functions);
    let mut inline = data
        .protos
        .iter()
        .filter(|item| item.inline == 1)
        .map(|item| format!("function!(functions::{})", item.name));
    table("INLINE_PROTOTYPES", "Function", &mut inline);
    // The size of the function's own type, which does not refer to the symbol: nothing to link.
    let mut linked = data
        .protos
        .iter()
        .filter(|item| item.inline == 0)
        .map(|item| format!("({:?}, size_of_val(&functions::{}))", item.name, item.name));
    table("LINKED_PROTOTYPES", "(&str, usize)", &mut linked);
    out
}
