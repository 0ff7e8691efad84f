//! A record as a tree: inline containers become types of their own, bit fields become storage
//! words, and a container that is nothing but bit fields becomes a flag word.

use std::collections::HashSet;

use anyhow::{Context, Result, bail, ensure};

use super::data::{Field, Kind, Record};
use super::names::Names;
use super::spelling::rust_type;

/// A record or an inline container of one.
pub struct Container {
    /// Name of its type.
    pub name: String,
    pub kind: Kind,
    /// Bytes.
    pub size: u64,
    /// Bytes.
    pub align: u64,
    /// Bytes; set if the members alone would give a larger alignment.
    pub packed: Option<u64>,
    pub body: Body,
}

pub enum Body {
    Members(Vec<Member>),
    Flags(Word),
}

/// A field of the Rust type.
pub struct Member {
    pub name: String,
    /// Name or label of the entry in the data; empty for storage words.
    pub key: String,
    /// Bytes from the start of the outermost record.
    pub offset: u64,
    /// Bytes.
    size: u64,
    align: u64,
    pub ty: String,
    pub content: Content,
}

pub enum Content {
    /// A field as in the header.
    Plain,
    /// The storage of bit fields.
    Bits(Word),
    /// A container of its own.
    Inline(Container),
}

/// Bit fields that share an integer.
pub struct Word {
    /// `u8` to `u64`.
    pub storage: String,
    pub fields: Vec<BitField>,
    /// The header's names of the whole integer, where it has any.
    pub whole: Vec<String>,
    /// Names or labels of the entries in the data that the word stands for.
    pub keys: Vec<String>,
}

pub struct BitField {
    pub name: String,
    /// Name of the entry in the data.
    pub key: String,
    /// Bits from the least significant bit of the word.
    pub shift: u64,
    pub width: u64,
}

/// The tree of a record.
///
/// # Errors
///
/// Names the record and the field where the data is not what the generator knows, or where Rust
/// would lay the type out in another way than was measured.
pub fn build(names: &Names, record: &Record) -> Result<Container> {
    let builder = Builder { names, record };
    builder
        .container(
            None,
            &record.name,
            record.kind,
            0,
            record.size,
            record.align,
        )
        .with_context(|| format!("{}: record {}", record.header, record.name))
}

struct Builder<'a> {
    names: &'a Names,
    record: &'a Record,
}

impl Builder<'_> {
    fn container(
        &self,
        label: Option<&str>,
        name: &str,
        kind: Kind,
        base: u64,
        size: u64,
        align: u64,
    ) -> Result<Container> {
        let body = match self.flags(label, kind, base, size)? {
            Some(word) => Body::Flags(word),
            None => Body::Members(self.members(label, kind)?),
        };
        let mut container = Container {
            name: name.to_owned(),
            kind,
            size,
            align,
            packed: None,
            body,
        };
        container.fit(base)?;
        Ok(container)
    }

    fn children(&self, label: Option<&str>) -> impl Iterator<Item = &Field> {
        self.record
            .fields
            .iter()
            .filter(move |field| field.parent.as_deref() == label)
    }

    /// The container as one word, if it is bit fields and at most integers over all of them.
    fn flags(&self, label: Option<&str>, kind: Kind, base: u64, size: u64) -> Result<Option<Word>> {
        let Some(storage) = storage(size * 8) else {
            return Ok(None);
        };
        // Most flag words are a struct whose only member is an unnamed union.
        let children: Vec<&Field> = self.children(label).collect();
        if let [
            Field {
                id: Some(id),
                name,
                spelling,
                size: bits,
                ..
            },
        ] = children.as_slice()
            && spelling == "union"
            && name.is_empty()
            && *bits == size * 8
        {
            let mut word = self.flags(Some(id), Kind::Union, base, size)?;
            if let Some(word) = &mut word {
                word.keys.push(id.clone());
            }
            return Ok(word);
        }
        let mut word = Word {
            storage: storage.to_owned(),
            fields: Vec::new(),
            whole: Vec::new(),
            keys: Vec::new(),
        };
        let mut named_inner = false;
        for field in children {
            if field.width.is_some() {
                if field.size != size * 8 {
                    return Ok(None);
                }
                word.fields.extend(bit_field(field, base)?);
            } else if let Some(id) = &field.id {
                if field.spelling != "struct" || field.size != size * 8 {
                    return Ok(None);
                }
                named_inner |= !field.name.is_empty();
                word.keys.push(field.key().to_owned());
                for bit in self.children(Some(id)) {
                    if bit.width.is_none() || bit.size != size * 8 {
                        return Ok(None);
                    }
                    word.fields.extend(bit_field(bit, base)?);
                }
            } else if kind == Kind::Union && field.class == storage {
                word.whole.push(last(&field.name).to_owned());
                word.keys.push(field.name.clone());
            } else {
                return Ok(None);
            }
        }
        let unique: HashSet<&str> = word
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        let usable = !word.fields.is_empty()
            && unique.len() == word.fields.len()
            && (!named_inner || !word.whole.is_empty());
        Ok(usable.then_some(word))
    }

    fn members(&self, label: Option<&str>, kind: Kind) -> Result<Vec<Member>> {
        let mut members: Vec<Member> = Vec::new();
        for field in self.children(label) {
            let context = || format!("field {:?} at bit {}", field.name, field.offset);
            if field.width.is_some() {
                ensure!(
                    kind == Kind::Struct,
                    "{}: bit field beside others in a union",
                    context()
                );
                Self::bit_member(&mut members, field).with_context(context)?;
            } else {
                members.push(self.member(field).with_context(context)?);
            }
        }
        ensure!(!members.is_empty(), "no fields");
        Ok(members)
    }

    fn member(&self, field: &Field) -> Result<Member> {
        ensure!(
            field.offset.is_multiple_of(8) && field.size.is_multiple_of(8),
            "not whole bytes"
        );
        let (offset, size) = (field.offset / 8, field.size / 8);
        let Some(id) = &field.id else {
            return Ok(Member {
                name: last(&field.name).to_owned(),
                key: field.name.clone(),
                offset,
                size,
                align: self.names.align(&field.spelling, &field.class)?,
                ty: rust_type(self.names, &field.spelling)?,
                content: Content::Plain,
            });
        };
        let kind = match field.spelling.as_str() {
            "struct" => Kind::Struct,
            "union" => Kind::Union,
            other => bail!("an inline container cannot be {other:?}"),
        };
        let align = field
            .align
            .context("an inline container needs its alignment (\"al\")")?;
        let short = id.trim_start_matches('@');
        let (name, path) = if field.name.is_empty() {
            (short.to_owned(), short.to_owned())
        } else {
            (last(&field.name).to_owned(), field.name.replace('.', "_"))
        };
        let ty = format!("{}_{path}", self.record.name);
        let inner = self.container(Some(id), &ty, kind, offset * 8, size, align)?;
        let key = field.key().to_owned();
        Ok(Member {
            name,
            key,
            offset,
            size,
            align,
            ty,
            content: Content::Inline(inner),
        })
    }

    /// Adds a bit field to the last storage word, or to a new one as Microsoft's compiler does:
    /// when the type has another size or no room is left.
    fn bit_member(members: &mut Vec<Member>, field: &Field) -> Result<()> {
        let end = field.offset + field.width.unwrap_or(0);
        if let Some(Member {
            offset,
            size,
            content: Content::Bits(word),
            ..
        }) = members.last_mut()
            && *size * 8 == field.size
            && end <= (*offset + *size) * 8
        {
            word.fields.extend(bit_field(field, *offset * 8)?);
            return Ok(());
        }
        ensure!(
            field.offset.is_multiple_of(8),
            "a storage word must start at a byte"
        );
        let storage = storage(field.size).context("no integer of this size")?;
        let count = members
            .iter()
            .filter(|m| matches!(m.content, Content::Bits(_)))
            .count();
        let word = Word {
            storage: storage.to_owned(),
            fields: bit_field(field, field.offset)?.into_iter().collect(),
            whole: Vec::new(),
            keys: Vec::new(),
        };
        members.push(Member {
            name: format!("bits{count}"),
            key: String::new(),
            offset: field.offset / 8,
            size: field.size / 8,
            align: field.size / 8,
            ty: storage.to_owned(),
            content: Content::Bits(word),
        });
        Ok(())
    }
}

impl Container {
    /// Lays the container out as Rust will, packs it if that is needed, and compares.
    fn fit(&mut self, base: u64) -> Result<()> {
        let (natural, end) = match &self.body {
            Body::Flags(_) => (self.size, self.size),
            Body::Members(members) => {
                let natural = members.iter().map(|member| member.align).max().unwrap_or(1);
                let mut end = 0;
                for member in members {
                    let start = match self.kind {
                        Kind::Union => 0,
                        Kind::Struct => up(end, member.align.min(self.align)),
                    };
                    ensure!(
                        base / 8 + start == member.offset,
                        "field {:?}: measured at byte {}, Rust would put it at {}",
                        member.name,
                        member.offset,
                        base / 8 + start,
                    );
                    end = end.max(start + member.size);
                }
                (natural, end)
            }
        };
        ensure!(
            natural >= self.align,
            "{}: measured alignment {} is above that of the fields, {natural}",
            self.name,
            self.align,
        );
        self.packed = (natural > self.align).then_some(self.align);
        let size = up(end, self.align);
        ensure!(
            size == self.size,
            "{}: measured {} bytes, Rust has {size}",
            self.name,
            self.size
        );
        Ok(())
    }

    /// Every container of the tree, the innermost first.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Container)) {
        if let Body::Members(members) = &self.body {
            for member in members {
                if let Content::Inline(inner) = &member.content {
                    inner.walk(visit);
                }
            }
        }
        visit(self);
    }
}

/// The bit field of an entry; nothing for unnamed padding.
fn bit_field(field: &Field, base: u64) -> Result<Option<BitField>> {
    let width = field.width.context("not a bit field")?;
    let shift = field
        .offset
        .checked_sub(base)
        .context("bit field before its storage")?;
    ensure!(
        width > 0 && shift + width <= field.size,
        "field {:?}: outside its storage",
        field.name
    );
    let name = last(&field.name).to_owned();
    Ok((!name.is_empty()).then(|| BitField {
        name,
        key: field.name.clone(),
        shift,
        width,
    }))
}

/// The integer type of so many bits.
fn storage(bits: u64) -> Option<&'static str> {
    match bits {
        8 => Some("u8"),
        16 => Some("u16"),
        32 => Some("u32"),
        64 => Some("u64"),
        _ => None,
    }
}

/// The field's own name without those of the containers around it.
fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn up(value: u64, align: u64) -> u64 {
    value.div_ceil(align) * align
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::data::{Data, Record};
    use super::super::names::Names;
    use super::build;

    /// What the generator says to a record with this one field, which is measured at 4 bytes.
    fn message(field: &serde_json::Value) -> String {
        let record =
            json!({"n": "R", "h": "a.h", "k": "struct", "size": 4, "align": 4, "f": [field]});
        let file = json!({
            "meta": {"schema": 1, "header": "1.0", "counts": {
                "records": 0, "enums": 0, "consts": 0, "fns": 0, "protos": 0, "aliases": 0,
                "guids": 0, "ext_records": 0, "ext_types": 1}},
            "records": [], "enums": [], "consts": [], "fns": [], "protos": [], "aliases": [],
            "guids": [], "ext_records": [],
            "ext_types": [{"n": "UINT", "h": "b.h", "t": "unsigned int", "c": "u32", "size": 4}],
        });
        let names = Names::new(&Data::parse(&file.to_string()).unwrap());
        let record: Record = serde_json::from_value(record).unwrap();
        build(&names, &record)
            .err()
            .map(|error| format!("{error:#}"))
            .unwrap_or_default()
    }

    #[test]
    fn a_plain_field_is_understood() {
        assert_eq!(
            message(&json!({"n": "F", "o": 0, "s": 32, "t": "UINT", "c": "u32"})),
            ""
        );
    }

    #[test]
    fn an_unknown_class_is_named_with_its_field_and_record() {
        let message = message(&json!({"n": "F", "o": 0, "s": 32, "t": "UINT", "c": "u33"}));
        assert_eq!(
            message,
            "a.h: record R: field \"F\" at bit 0: class \"u33\" is unknown"
        );
    }

    #[test]
    fn an_unknown_type_is_named() {
        let message = message(&json!({"n": "F", "o": 0, "s": 32, "t": "HUH", "c": "u32"}));
        assert_eq!(
            message,
            "a.h: record R: field \"F\" at bit 0: type \"HUH\": the name is not in the data"
        );
    }

    #[test]
    fn a_layout_that_rust_would_not_give_is_refused() {
        let message = message(&json!({"n": "F", "o": 8, "s": 32, "t": "UINT", "c": "u32"}));
        assert_eq!(
            message,
            "a.h: record R: field \"F\": measured at byte 1, Rust would put it at 0"
        );
    }
}
