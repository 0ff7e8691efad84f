//! What a PDB says of types and of data.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use pdb2::{
    FallibleIterator as _, PDB, PrimitiveKind, PrimitiveType, SymbolData, TypeData, TypeFinder,
    TypeIndex, TypeInformation,
};

/// Lower indices of types are of primitive ones.
const FIRST_RECORD: u32 = 0x1000;

/// A type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// A structure or union.
    Record {
        /// Its name, with those of its parameters.
        name: String,
        /// Its size in bytes.
        bytes: u64,
        /// Its members that are data.
        fields: Vec<Field>,
    },
    /// A pointer of 8 bytes.
    Pointer(TypeIndex),
    /// An array.
    Array {
        /// What it holds.
        of: TypeIndex,
        /// Its size in bytes.
        bytes: u64,
    },
    /// A number, an enum, or a truth value.
    Number {
        /// Its size in bytes.
        bytes: u64,
        /// Whether it can be negative.
        signed: bool,
        /// Whether it is a truth value.
        truth: bool,
    },
    /// Something that no expression can look into.
    Other,
}

/// A member of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: TypeIndex,
    /// Where it lies in the record, in bytes.
    pub offset: u64,
}

/// A variable of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its address, relative to the image.
    pub address: u32,
    /// Its type.
    pub kind: TypeIndex,
}

/// Types and variables of an image.
pub struct Program {
    types: BTreeMap<TypeIndex, Type>,
    /// The definitions by name.
    names: BTreeMap<String, TypeIndex>,
    /// The variables by name.
    pub variables: BTreeMap<String, Variable>,
    /// Names of the streams that hold files: natvis among them.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Program {
    /// Reads a PDB.
    ///
    /// # Errors
    ///
    /// It is not there, or is none.
    pub fn read(path: &Path) -> Result<Self> {
        let reading = || format!("reading {}", path.display());
        let file = File::open(path).with_context(reading)?;
        Self::from_pdb(PDB::open(file).with_context(reading)?).with_context(reading)
    }

    fn from_pdb(mut pdb: PDB<'_, File>) -> Result<Self> {
        let mut program = Self {
            types: BTreeMap::new(),
            names: BTreeMap::new(),
            variables: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        program.types(&pdb.type_information()?)?;
        let addresses = pdb.address_map()?;
        let globals = pdb.global_symbols()?;
        let mut symbols = globals.iter();
        while let Some(symbol) = symbols.next()? {
            if let Ok(SymbolData::Data(data)) = symbol.parse()
                && let Some(address) = data.offset.to_rva(&addresses)
            {
                let variable = Variable {
                    address: address.0,
                    kind: data.type_index,
                };
                let name = data.name.to_string().into_owned();
                program.variables.insert(name, variable);
            }
        }
        let streams: Vec<_> = {
            let information = pdb.pdb_information()?;
            let names = information.stream_names()?;
            let own =
                |name: &pdb2::StreamName<'_>| (name.name.to_string().into_owned(), name.stream_id);
            names.iter().map(own).collect()
        };
        for (name, stream) in streams {
            if let Some(file) = name.strip_prefix("/src/files/")
                && let Some(stream) = pdb.raw_stream(stream)?
            {
                program.files.insert(file.to_owned(), stream.to_vec());
            }
        }
        Ok(program)
    }

    fn types(&mut self, information: &TypeInformation<'_>) -> Result<()> {
        let mut finder = information.finder();
        for index in (0..FIRST_RECORD).map(TypeIndex) {
            if let Ok(TypeData::Primitive(found)) = finder.find(index).and_then(|item| item.parse())
            {
                self.types.insert(index, primitive(index, found));
            }
        }
        let mut items = information.iter();
        while let Some(item) = items.next()? {
            finder.update(&items);
            let (index, Ok(data)) = (item.index(), item.parse()) else {
                continue;
            };
            self.add(index, &data, &finder)?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        index: TypeIndex,
        data: &TypeData<'_>,
        finder: &TypeFinder<'_>,
    ) -> Result<()> {
        let found = match data {
            TypeData::Class(class) => {
                let forward = class.properties.forward_reference();
                self.record(
                    &class.name.to_string(),
                    class.size,
                    class.fields,
                    forward,
                    finder,
                )?
            }
            TypeData::Union(union) => {
                let forward = union.properties.forward_reference();
                let fields = (!forward).then_some(union.fields);
                self.record(&union.name.to_string(), union.size, fields, forward, finder)?
            }
            TypeData::Pointer(pointer) => Some(Type::Pointer(pointer.underlying_type)),
            TypeData::Array(array) => Some(Type::Array {
                of: array.element_type,
                bytes: array.dimensions.last().copied().unwrap_or(0).into(),
            }),
            TypeData::Enumeration(kind) => Some(self.kind(kind.underlying_type)),
            TypeData::Modifier(modifier) => Some(self.kind(modifier.underlying_type)),
            _ => None,
        };
        if let Some(found) = found {
            if let Type::Record { name, .. } = &found {
                self.names.insert(name.clone(), index);
            }
            self.types.insert(index, found);
        }
        Ok(())
    }

    /// A record; what is only declared goes by its name.
    fn record(
        &mut self,
        name: &str,
        bytes: u64,
        fields: Option<TypeIndex>,
        forward: bool,
        finder: &TypeFinder<'_>,
    ) -> Result<Option<Type>> {
        let mut record = Type::Record {
            name: name.to_owned(),
            bytes,
            fields: Vec::new(),
        };
        if forward {
            return Ok((!self.names.contains_key(name)).then_some(record));
        }
        if let Type::Record { fields: to, .. } = &mut record {
            let mut next = fields;
            while let Some(list) = next {
                let TypeData::FieldList(list) = finder.find(list)?.parse()? else {
                    break;
                };
                for field in &list.fields {
                    if let TypeData::Member(member) = field {
                        to.push(Field {
                            name: member.name.to_string().into_owned(),
                            kind: member.field_type,
                            offset: member.offset,
                        });
                    }
                }
                next = list.continuation;
            }
        }
        Ok(Some(record))
    }

    /// The type with this index; a definition where the index is of a declaration.
    pub fn kind(&self, index: TypeIndex) -> Type {
        match self.types.get(&index) {
            Some(Type::Record { name, .. }) => {
                let defined = self.names.get(name).and_then(|index| self.types.get(index));
                defined.cloned().unwrap_or(Type::Other)
            }
            Some(found) => found.clone(),
            None => Type::Other,
        }
    }

    /// The index of the definition of a record that is called so.
    pub fn named(&self, name: &str) -> Option<TypeIndex> {
        self.names.get(name).copied()
    }

    /// Names of all records.
    pub fn records(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// The size of a type in bytes.
    pub fn bytes(&self, index: TypeIndex) -> u64 {
        match self.kind(index) {
            Type::Record { bytes, .. } | Type::Array { bytes, .. } | Type::Number { bytes, .. } => {
                bytes
            }
            Type::Pointer(_) => 8,
            Type::Other => 0,
        }
    }
}

fn primitive(index: TypeIndex, found: PrimitiveType) -> Type {
    if found.indirection.is_some() {
        // A pointer to a primitive has the primitive's index and some bits.
        return Type::Pointer(TypeIndex(index.0 & 0xff));
    }
    let number = |bytes, signed| Type::Number {
        bytes,
        signed,
        truth: false,
    };
    match found.kind {
        PrimitiveKind::Bool8 => Type::Number {
            bytes: 1,
            signed: false,
            truth: true,
        },
        PrimitiveKind::Char | PrimitiveKind::RChar | PrimitiveKind::I8 => number(1, true),
        PrimitiveKind::UChar | PrimitiveKind::U8 | PrimitiveKind::Char8 => number(1, false),
        PrimitiveKind::Short | PrimitiveKind::I16 => number(2, true),
        PrimitiveKind::UShort | PrimitiveKind::U16 | PrimitiveKind::RChar16 => number(2, false),
        PrimitiveKind::Long | PrimitiveKind::I32 => number(4, true),
        PrimitiveKind::ULong | PrimitiveKind::U32 | PrimitiveKind::RChar32 => number(4, false),
        PrimitiveKind::Quad | PrimitiveKind::I64 => number(8, true),
        PrimitiveKind::UQuad | PrimitiveKind::U64 => number(8, false),
        _ => Type::Other,
    }
}
