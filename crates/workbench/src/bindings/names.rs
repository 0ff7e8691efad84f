//! What each C name is: the symbol table of the headers.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Result, bail};

use super::data::{Alias, Data, External, FunctionKind};

/// Types that `nt.rs` of the crate writes by hand.
const BY_HAND: &[&str] = &[
    "CM_PARTIAL_RESOURCE_DESCRIPTOR",
    "CM_RESOURCE_LIST",
    "INTERFACE",
    "KSYNCHRONIZE_ROUTINE",
    "QUERY_INTERFACE",
];

/// Symbols by name and by tag.
pub struct Names {
    types: HashMap<String, Type>,
    tags: HashMap<String, String>,
    /// Types that are only pointed at and whose layout nobody knows.
    pub opaque: BTreeSet<String>,
}

/// What a type name stands for.
enum Type {
    /// A record or an enum, with its alignment in bytes.
    Solid(u64),
    /// Another type.
    Alias {
        spelling: String,
        class: String,
        header: String,
    },
    /// A function type: only a pointer to it is a value.
    Function,
    /// A pointer to a function.
    FunctionPointer,
}

impl Names {
    pub fn new(data: &Data) -> Self {
        let mut names = Self {
            types: HashMap::new(),
            tags: HashMap::new(),
            opaque: BTreeSet::new(),
        };
        for alias in data.aliases.iter().chain(&data.ext_types) {
            let entry = Type::Alias {
                spelling: alias.spelling.clone(),
                class: alias.class.clone(),
                header: alias.header.clone(),
            };
            names.types.insert(alias.name.clone(), entry);
        }
        // After the aliases: an enum that C sees as an integer is still the enum here, and a
        // typedef of the same name adds nothing.
        for record in &data.records {
            names.solid(&record.name, record.tag.as_ref(), record.align);
            for alias in &record.alias {
                names.types.insert(alias.clone(), Type::Solid(record.align));
            }
        }
        for item in &data.enums {
            names.solid(&item.name, item.tag.as_ref(), item.size);
        }
        for item in &data.ext_records {
            match item {
                External::Record(record) => {
                    names.solid(&record.name, record.tag.as_ref(), record.align);
                }
                External::Enum(item) => names.solid(&item.name, item.tag.as_ref(), item.size),
            }
        }
        for function in &data.fns {
            let kind = match function.kind {
                FunctionKind::Fn => Type::Function,
                FunctionKind::FnPtr => Type::FunctionPointer,
            };
            names.types.insert(function.name.clone(), kind);
        }
        names
            .types
            .insert("KSYNCHRONIZE_ROUTINE".into(), Type::Function);
        names.find_opaque(data);
        names
    }

    fn solid(&mut self, name: &str, tag: Option<&String>, align: u64) {
        self.types.insert(name.to_owned(), Type::Solid(align));
        self.tags
            .insert(tag.map_or(name, |tag| tag).to_owned(), name.to_owned());
    }

    /// Tags of other headers that appear only behind a pointer.
    fn find_opaque(&mut self, data: &Data) {
        for alias in data.aliases.iter().chain(&data.ext_types) {
            let Some(tag) = tag_of(&alias.spelling) else {
                continue;
            };
            if alias.class.starts_with("enum") || self.tags.contains_key(tag) {
                continue;
            }
            let name = plain(tag);
            self.tags.insert(tag.to_owned(), name.to_owned());
            self.types.insert(name.to_owned(), Type::Solid(1));
            if !BY_HAND.contains(&name) {
                self.opaque.insert(name.to_owned());
            }
        }
        // Spelled without their tag.
        if !self.types.contains_key("OBJECT_ATTRIBUTES") {
            self.opaque.insert("OBJECT_ATTRIBUTES".to_owned());
        }
    }

    /// The type name that a tag has.
    pub fn by_tag(&self, tag: &str) -> Option<&str> {
        self.tags.get(tag).map(String::as_str)
    }

    /// Whether a type of this name will be in the crate.
    pub fn knows(&self, name: &str) -> bool {
        self.types.contains_key(name) || self.opaque.contains(name)
    }

    /// Whether the typedef says more than the record, enum or function of the same name, and is not
    /// another header's as well.
    pub fn is_alias(&self, alias: &Alias) -> bool {
        let known = matches!(self.types.get(&alias.name), Some(Type::Alias { header, .. })
            if *header == alias.header);
        known && alias.name != "__C_ASSERT__"
    }

    /// Whether the name is a function type, so that a pointer to it is a function pointer.
    pub fn is_function(&self, name: &str) -> bool {
        matches!(self.types.get(name), Some(Type::Function))
    }

    /// The alignment in bytes of a value of this spelling and class.
    ///
    /// # Errors
    ///
    /// The class or the name is unknown.
    pub fn align(&self, spelling: &str, class: &str) -> Result<u64> {
        let scalar = class.rsplit(']').next().unwrap_or(class);
        Ok(match scalar {
            "u8" | "i8" | "bool" => 1,
            "u16" | "i16" => 2,
            "u32" | "i32" | "f32" | "enum:i32" => 4,
            "u64" | "i64" | "f64" | "ptr" | "fnptr" => 8,
            "struct" | "union" => {
                let name = base_name(spelling);
                match self.types.get(self.by_tag(name).unwrap_or(name)) {
                    Some(Type::Solid(align)) => *align,
                    Some(Type::Alias {
                        spelling, class, ..
                    }) => self.align(spelling, class)?,
                    _ => bail!("the record {name} is not in the data"),
                }
            }
            _ => bail!("class {class:?} is unknown"),
        })
    }
}

/// The type's name without `const`, `struct`, and array bounds.
fn base_name(spelling: &str) -> &str {
    let spelling = spelling.split('[').next().unwrap_or(spelling).trim();
    spelling.rsplit(' ').next().unwrap_or(spelling)
}

/// The tag in `struct _X *`.
fn tag_of(spelling: &str) -> Option<&str> {
    let spelling = spelling.strip_prefix("__unaligned ").unwrap_or(spelling);
    let spelling = spelling.strip_prefix("const ").unwrap_or(spelling);
    let rest = spelling
        .strip_prefix("struct ")
        .or_else(|| spelling.strip_prefix("union "))?;
    rest.split([' ', '*']).next()
}

/// The name that a tag most likely has: Windows puts underscores before it.
fn plain(tag: &str) -> &str {
    tag.trim_start_matches('_')
}
