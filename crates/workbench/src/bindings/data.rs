//! The measured data: the shape of the JSON file and how it is read.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The only layout of the JSON file that this generator understands.
const SCHEMA: u32 = 1;

/// Everything that one build of the headers declares.
#[derive(Deserialize)]
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
    pub schema: u32,
    pub header: String,
    pub arch: String,
    pub interface: String,
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
        if self.name.is_empty() { self.id.as_deref().unwrap_or_default() } else { &self.name }
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
        /// The part that every schema has.
        #[derive(Deserialize)]
        struct Head {
            meta: HeadMeta,
        }
        #[derive(Deserialize)]
        struct HeadMeta {
            schema: u32,
        }
        let head: Head = serde_json::from_str(text)?;
        let schema = head.meta.schema;
        ensure!(schema == SCHEMA, "meta: schema {schema} is unknown, {SCHEMA} is expected");
        let data: Self = serde_json::from_str(text)?;
        debug_assert_eq!(data.meta.schema, schema);
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
            ensure!(found == expected, "{section}: {found} entries, {expected} are expected");
        }
        Ok(data)
    }
}
