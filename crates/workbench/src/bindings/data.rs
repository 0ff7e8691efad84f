//! The measured data: the shape of the JSON file and how it is read.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The only layout of the JSON file that this generator understands.
const SCHEMA: u32 = 1;

/// Everything that one build of the headers declares.
pub struct Data {
    pub meta: Meta,
    pub records: Vec<Record>,
    pub enums: Vec<Enum>,
    pub consts: Vec<Const>,
    pub fns: Vec<Function>,
    pub protos: Vec<Prototype>,
    pub aliases: Vec<Alias>,
    pub guids: Vec<Guid>,
    /// Records and enums of other headers.
    pub ext_records: Vec<External>,
    /// Typedefs of other headers.
    pub ext_types: Vec<Alias>,
}

/// Which headers were measured, and how many entries each section must have.
#[derive(Deserialize)]
pub struct Meta {
    pub header: String,
    /// The interface version's name, without DXGKDDI_INTERFACE_VERSION_.
    #[serde(default)]
    pub interface: String,
    #[serde(default)]
    pub interface_value: u32,
    pub counts: Counts,
}

#[derive(Deserialize)]
pub struct Counts {
    pub records: usize,
    pub enums: usize,
    pub consts: usize,
    pub fns: usize,
    pub protos: usize,
    pub aliases: usize,
    pub guids: usize,
    pub ext_records: usize,
    pub ext_types: usize,
}

/// A struct or union.
#[derive(Deserialize)]
pub struct Record {
    #[serde(rename = "n")]
    pub name: String,
    #[serde(rename = "h")]
    pub header: String,
    #[serde(rename = "k")]
    pub kind: Kind,
    /// Bytes.
    pub size: u64,
    /// Bytes.
    pub align: u64,
    pub tag: Option<String>,
    /// The record has a tag and no typedef.
    #[serde(rename = "tagonly", default)]
    pub tag_only: u8,
    /// Further names of the record.
    #[serde(default)]
    pub alias: Vec<String>,
    #[serde(rename = "f")]
    pub fields: Vec<Field>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Struct,
    Union,
}

/// A field, or an inline container of fields.
#[derive(Deserialize)]
pub struct Field {
    /// Dotted inside a named inline container, empty for unnamed containers and padding bits.
    #[serde(rename = "n")]
    pub name: String,
    /// Bits from the start of the outermost record.
    #[serde(rename = "o")]
    pub offset: u64,
    /// Bits of the field's type.
    #[serde(rename = "s")]
    pub size: u64,
    /// Bits that a bit field takes.
    #[serde(rename = "bw")]
    pub width: Option<u64>,
    /// The type as C spells it.
    #[serde(rename = "t")]
    pub spelling: String,
    #[serde(rename = "c")]
    pub class: String,
    /// Label, where this entry is an inline container.
    pub id: Option<String>,
    /// Bytes, where this entry is an inline container.
    #[serde(rename = "al")]
    pub align: Option<u64>,
    /// Label of the inline container that this entry is in.
    #[serde(rename = "in")]
    pub parent: Option<String>,
}

impl Field {
    /// The entry's name in its record: the C name, or the label of an unnamed container.
    pub fn key(&self) -> &str {
        if self.name.is_empty() {
            self.id.as_deref().unwrap_or_default()
        } else {
            &self.name
        }
    }
}

#[derive(Deserialize)]
pub struct Enum {
    #[serde(rename = "n")]
    pub name: String,
    #[serde(rename = "h")]
    pub header: String,
    /// Bytes.
    pub size: u64,
    #[serde(rename = "c")]
    pub class: String,
    pub tag: Option<String>,
    #[serde(rename = "v")]
    pub values: Vec<(String, i64)>,
    /// The enum has a tag and no typedef.
    #[serde(rename = "tagonly", default)]
    pub tag_only: u8,
    /// Only C++ has it.
    #[serde(default)]
    pub cxx: u8,
}

/// A macro that is an integer.
#[derive(Deserialize)]
pub struct Const {
    #[serde(rename = "n")]
    pub name: String,
    #[serde(rename = "h")]
    pub header: String,
    #[serde(rename = "v")]
    pub value: i128,
    #[serde(rename = "c")]
    pub class: String,
    /// The macro's text ends in a semicolon.
    #[serde(default)]
    pub semi: u8,
}

/// A function type or a pointer to one.
#[derive(Deserialize)]
pub struct Function {
    #[serde(rename = "n")]
    pub name: String,
    #[serde(rename = "h")]
    pub header: String,
    #[serde(rename = "k")]
    pub kind: FunctionKind,
    /// The function type that this points to.
    pub of: Option<String>,
    #[serde(default)]
    pub alias_of_ptr: u8,
    #[serde(rename = "ret")]
    pub returns: Option<(String, String)>,
    /// Name, spelling, class.
    #[serde(rename = "p", default)]
    pub parameters: Vec<(String, String, String)>,
    #[serde(default, rename = "va")]
    pub variadic: u8,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum FunctionKind {
    Fn,
    FnPtr,
}

/// A function that a header declares.
#[derive(Deserialize)]
pub struct Prototype {
    #[serde(rename = "n")]
    pub name: String,
    #[serde(rename = "h")]
    pub header: String,
    #[serde(rename = "ret")]
    pub returns: (String, String),
    #[serde(rename = "p", default)]
    pub parameters: Vec<(String, String, String)>,
    /// The header has its body.
    #[serde(default)]
    pub inline: u8,
    #[serde(default, rename = "va")]
    pub variadic: u8,
}

/// Any other typedef.
#[derive(Deserialize)]
pub struct Alias {
    #[serde(rename = "n")]
    pub name: String,
    #[serde(rename = "h")]
    pub header: String,
    #[serde(rename = "t")]
    pub spelling: String,
    #[serde(rename = "c")]
    pub class: String,
}

#[derive(Deserialize)]
pub struct Guid {
    #[serde(rename = "n")]
    pub name: String,
    #[serde(rename = "h")]
    pub header: String,
    #[serde(rename = "v")]
    pub value: String,
}

/// A record or an enum of another header.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum External {
    Record(Record),
    Enum(Enum),
}

impl Data {
    /// Reads and checks the file.
    ///
    /// # Errors
    ///
    /// The file is missing, is not JSON of the known shape, or lacks entries.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("cannot use {}", path.display()))
    }

    /// As [`Data::read`], from text.
    pub fn parse(text: &str) -> Result<Self> {
        let file: Value = serde_json::from_str(text)?;
        let schema = &file["meta"]["schema"];
        ensure!(
            *schema == SCHEMA,
            "meta: schema {schema} is unknown, {SCHEMA} is expected"
        );
        let data = Self {
            meta: Meta::deserialize(&file["meta"]).context("meta")?,
            records: section(&file, "records")?,
            enums: section(&file, "enums")?,
            consts: section(&file, "consts")?,
            fns: section(&file, "fns")?,
            protos: section(&file, "protos")?,
            aliases: section(&file, "aliases")?,
            guids: section(&file, "guids")?,
            ext_records: section(&file, "ext_records")?,
            ext_types: section(&file, "ext_types")?,
        };
        let counts = &data.meta.counts;
        for (section, found, expected) in [
            ("records", data.records.len(), counts.records),
            ("enums", data.enums.len(), counts.enums),
            ("consts", data.consts.len(), counts.consts),
            ("fns", data.fns.len(), counts.fns),
            ("protos", data.protos.len(), counts.protos),
            ("aliases", data.aliases.len(), counts.aliases),
            ("guids", data.guids.len(), counts.guids),
            ("ext_records", data.ext_records.len(), counts.ext_records),
            ("ext_types", data.ext_types.len(), counts.ext_types),
        ] {
            ensure!(
                found == expected,
                "{section}: {found} entries, {expected} are expected"
            );
        }
        Ok(data)
    }
}

/// A section of the file, entry by entry so that a message can name the entry and the field.
fn section<T: DeserializeOwned>(file: &Value, name: &str) -> Result<Vec<T>> {
    let entries = file[name]
        .as_array()
        .with_context(|| format!("section {name:?} is missing"))?;
    entries
        .iter()
        .map(|entry| {
            T::deserialize(entry).with_context(|| match bad_field(entry) {
                Some(field) => format!("{name}: {}: field {field}", entry["n"]),
                None => format!("{name}: {}", entry["n"]),
            })
        })
        .collect()
}

/// The first field of a record that cannot be read.
fn bad_field(entry: &Value) -> Option<&Value> {
    let fields = entry["f"].as_array()?;
    let bad = |field: &&Value| Field::deserialize(*field).is_err();
    fields.iter().find(bad).map(|field| &field["n"])
}

#[cfg(test)]
mod tests {
    use super::Data;
    use serde_json::{Value, json};

    /// A small file of the known shape.
    fn file() -> Value {
        json!({
            "meta": {"schema": 1, "header": "1.0", "counts": {
                "records": 1, "enums": 0, "consts": 0, "fns": 0, "protos": 0, "aliases": 0,
                "guids": 0, "ext_records": 0, "ext_types": 0}},
            "records": [{"n": "R", "h": "a.h", "k": "struct", "size": 4, "align": 4,
                "f": [{"n": "Count", "o": 0, "s": 32, "t": "UINT", "c": "u32"}]}],
            "enums": [], "consts": [], "fns": [], "protos": [], "aliases": [], "guids": [],
            "ext_records": [], "ext_types": [],
        })
    }

    fn message(file: &Value) -> String {
        Data::parse(&file.to_string())
            .err()
            .map(|error| format!("{error:#}"))
            .unwrap_or_default()
    }

    #[test]
    fn a_good_file_is_read() {
        assert_eq!(message(&file()), "");
    }

    #[test]
    fn an_unknown_schema_is_refused() {
        let mut file = file();
        file["meta"]["schema"] = json!(2);
        assert_eq!(message(&file), "meta: schema 2 is unknown, 1 is expected");
    }

    #[test]
    fn a_bad_field_is_named() {
        let mut file = file();
        file["records"][0]["f"][0]["o"] = json!("far");
        let message = message(&file);
        assert!(
            message.starts_with("records: \"R\": field \"Count\": invalid type"),
            "{message}"
        );
    }

    #[test]
    fn a_missing_entry_is_noticed() {
        let mut file = file();
        file["records"] = json!([]);
        assert_eq!(message(&file), "records: 0 entries, 1 are expected");
    }
}
