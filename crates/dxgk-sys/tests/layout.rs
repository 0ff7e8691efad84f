//! Compares every name of the crate with the measured data, which is read here and now: a record,
//! field, enumerator, constant or function that the tables lack is a failure, too.
//!
//! `cargo test -p dxgk-sys -- --nocapture` prints how much was compared.

mod table;

use std::collections::HashMap;

use dxgk_sys::sizes::{self, Interface};
use serde_json::Value;
use table::values::{CONSTANTS, ENUMS, FUNCTIONS, GUIDS, INLINE_PROTOTYPES, LINKED_PROTOTYPES};
use table::{Field, Function, Record, records::RECORDS};

/// Says how much was checked, also where the test harness keeps what a passing test prints.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "checked {}", format_args!($($text)*));
    }};
}

/// The JSON file, parsed.
fn data() -> Value {
    serde_json::from_str(include_str!("../data/26100-x64-wddm3_2.json")).expect("JSON")
}

fn list<'a>(value: &'a Value, section: &str) -> &'a [Value] {
    value[section]
        .as_array()
        .unwrap_or_else(|| panic!("no section {section}"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("no {key:?} in {value}"))
}

fn number(value: &Value, key: &str) -> usize {
    let number = value[key]
        .as_u64()
        .unwrap_or_else(|| panic!("no {key:?} in {value}"));
    number.try_into().expect("a small number")
}

/// Pairs the entries of the data with the rows of a table by name; none may be left over.
fn pair<'d, 't, T>(
    what: &str,
    entries: impl Iterator<Item = &'d Value>,
    rows: &'t [T],
    name: impl Fn(&T) -> &str,
) -> Vec<(&'d Value, &'t T)> {
    let mut by_name: HashMap<&str, &T> = rows.iter().map(|row| (name(row), row)).collect();
    assert_eq!(
        by_name.len(),
        rows.len(),
        "{what}: the table has a name twice"
    );
    let pairs = entries
        .map(|entry| {
            let name = text(entry, "n");
            let row = by_name
                .remove(name)
                .unwrap_or_else(|| panic!("{what} {name} is missing"));
            (entry, row)
        })
        .collect();
    assert!(
        by_name.is_empty(),
        "{what}: not in the data: {:?}",
        by_name.keys()
    );
    pairs
}

/// The records of the data: the headers' own and those of other headers that they use.
fn record_pairs(data: &Value) -> Vec<(&Value, &'static Record)> {
    let external = list(data, "ext_records")
        .iter()
        .filter(|entry| entry["k"] != "enum");
    pair(
        "record",
        list(data, "records").iter().chain(external),
        RECORDS,
        |record| record.name,
    )
}

/// The key of a field entry in the tables.
fn key(entry: &Value) -> &str {
    match text(entry, "n") {
        "" => entry["id"].as_str().unwrap_or_default(),
        name => name,
    }
}

#[test]
fn records_are_as_large_and_aligned_as_measured() {
    let data = data();
    let pairs = record_pairs(&data);
    for (entry, record) in &pairs {
        assert_eq!(
            record.size,
            number(entry, "size"),
            "size of {}",
            record.name
        );
        assert_eq!(
            record.align,
            number(entry, "align"),
            "alignment of {}",
            record.name
        );
    }
    assert_eq!(list(&data, "records").len(), 714);
    say!("{} records: size and alignment", pairs.len());
}

#[test]
fn fields_are_where_they_were_measured() {
    let data = data();
    let mut count = 0;
    for (entry, record) in record_pairs(&data) {
        let mut fields: HashMap<&str, &Field> = record
            .fields
            .iter()
            .map(|field| (field.key, field))
            .collect();
        assert_eq!(
            fields.len(),
            record.fields.len(),
            "{}: a key twice",
            record.name
        );
        for entry in list(entry, "f")
            .iter()
            .filter(|entry| entry["bw"].is_null())
        {
            let name = format!("{}.{}", record.name, key(entry));
            let field = fields
                .remove(key(entry))
                .unwrap_or_else(|| panic!("{name} is missing"));
            assert_eq!(
                field.offset * 8,
                number(entry, "o"),
                "offset of {name} in bits"
            );
            assert_eq!(field.size * 8, number(entry, "s"), "size of {name} in bits");
            if !entry["al"].is_null() {
                assert_eq!(field.align, number(entry, "al"), "alignment of {name}");
            }
            count += 1;
        }
        assert!(
            fields.is_empty(),
            "{}: not in the data: {:?}",
            record.name,
            fields.keys()
        );
    }
    say!("{count} fields: offset and size");
}

/// Writes each bit field into a record of zeros and into one of ones and compares all bytes.
#[test]
fn bit_fields_are_where_they_were_measured() {
    let data = data();
    let (mut count, mut unnamed) = (0, 0);
    for (entry, record) in record_pairs(&data) {
        let mut accessors: HashMap<&str, _> =
            record.bits.iter().map(|bits| (bits.key, bits)).collect();
        assert_eq!(
            accessors.len(),
            record.bits.len(),
            "{}: a key twice",
            record.name
        );
        for entry in list(entry, "f")
            .iter()
            .filter(|entry| !entry["bw"].is_null())
        {
            if key(entry).is_empty() {
                unnamed += 1;
                continue;
            }
            let name = format!("{}.{}", record.name, key(entry));
            let bits = accessors
                .remove(key(entry))
                .unwrap_or_else(|| panic!("{name} is missing"));
            let (offset, width) = (number(entry, "o"), number(entry, "bw"));
            let most = u64::MAX >> (64 - width);
            // All bits of the field, only its lowest, only its highest.
            for value in [most, 1, 1 << (width - 1)] {
                for background in [0x00, 0xFF] {
                    let mut bytes = vec![background; record.size];
                    (bits.write)(&mut bytes, value);
                    let expected = with_bits(background, record.size, offset, width, value);
                    assert_eq!(
                        bytes, expected,
                        "{name} = {value:#x} over {background:#04x}"
                    );
                    assert_eq!((bits.read)(&bytes), value, "{name} read back");
                }
            }
            count += 1;
        }
        assert!(
            accessors.is_empty(),
            "{}: not in the data: {:?}",
            record.name,
            accessors.keys()
        );
    }
    say!("{count} bit fields: every byte after a write, and the value read back");
    say!("{unnamed} bit field without a name: nothing to compare");
}

/// Bytes of one value with a bit field put in, one bit after the other.
fn with_bits(background: u8, size: usize, offset: usize, width: usize, value: u64) -> Vec<u8> {
    let mut bytes = vec![background; size];
    for bit in 0..width {
        let mask = 1 << ((offset + bit) % 8);
        let byte = &mut bytes[(offset + bit) / 8];
        *byte = if value >> bit & 1 == 1 {
            *byte | mask
        } else {
            *byte & !mask
        };
    }
    bytes
}

#[test]
fn enums_have_the_measured_values() {
    let data = data();
    let external = list(&data, "ext_records")
        .iter()
        .filter(|entry| entry["k"] == "enum");
    let entries = list(&data, "enums").iter().chain(external);
    let pairs = pair("enum", entries, ENUMS, |item| item.name);
    let mut count = 0;
    for (entry, item) in &pairs {
        assert_eq!(item.size, number(entry, "size"), "size of {}", item.name);
        let expected: Vec<(&str, i64)> = list(entry, "v")
            .iter()
            .map(|pair| {
                let value = pair[1].as_i64().expect("an integer");
                // The data has them as a signed compiler sees them, the crate as the enum's type.
                let value = match text(entry, "c") {
                    "u8" => value & 0xFF,
                    "u32" => value & 0xFFFF_FFFF,
                    _ => value,
                };
                (pair[0].as_str().expect("a name"), value)
            })
            .collect();
        let values = (item.values)();
        assert_eq!(
            values.len(),
            expected.len(),
            "number of values of {}",
            item.name
        );
        for (value, expected) in values.iter().zip(&expected) {
            assert_eq!(value, expected, "value of {}", item.name);
        }
        count += expected.len();
    }
    assert_eq!(list(&data, "enums").len(), 164);
    say!("{} enums: size and {count} values", pairs.len());
}

#[test]
fn constants_have_the_measured_values_and_types() {
    let data = data();
    let pairs = pair(
        "constant",
        list(&data, "consts").iter(),
        CONSTANTS,
        |item| item.name,
    );
    for (entry, item) in &pairs {
        let value = &entry["v"];
        let value = value
            .as_i64()
            .map_or_else(|| value.as_u64().map(i128::from), |v| Some(v.into()));
        assert_eq!(Some(item.value), value, "{}", item.name);
        assert_eq!((item.class)(), text(entry, "c"), "type of {}", item.name);
    }
    assert_eq!(pairs.len(), 310);
    say!("{} constants: value and type", pairs.len());
}

#[test]
fn guids_have_the_measured_values() {
    let data = data();
    let pairs = pair("GUID", list(&data, "guids").iter(), GUIDS, |item| item.0);
    for (entry, (name, guid)) in &pairs {
        // The last two groups are the bytes of `Data4` in order.
        let tail = u64::from_be_bytes(guid.Data4);
        let (fourth, last) = (tail >> 48, tail & 0xFFFF_FFFF_FFFF);
        let digits = format!(
            "{:08x}-{:04x}-{:04x}-{fourth:04x}-{last:012x}",
            guid.Data1, guid.Data2, guid.Data3
        );
        assert_eq!(digits, text(entry, "v"), "{name}");
    }
    assert_eq!(pairs.len(), 51);
    say!("{} GUIDs", pairs.len());
}

/// Sizes in bytes of all named types, for the parameters that are passed by value.
fn type_sizes(data: &Value) -> HashMap<&str, usize> {
    ["records", "ext_records", "aliases", "ext_types"]
        .into_iter()
        .flat_map(|section| list(data, section))
        .map(|entry| (text(entry, "n"), number(entry, "size")))
        .collect()
}

/// Bytes of a value of this spelling and class.
fn value_size(types: &HashMap<&str, usize>, spelling: &Value, class: &Value) -> usize {
    match class.as_str().expect("a class") {
        "void" => 0,
        "u8" => 1,
        "u16" => 2,
        "u32" | "i32" | "enum:i32" => 4,
        "u64" | "i64" | "ptr" | "fnptr" => 8,
        "struct" | "union" => types[spelling.as_str().expect("a type")],
        other => panic!("class {other:?}"),
    }
}

/// Compares a function's return value and parameters with an entry that has `ret` and `p`.
fn compare_signature(types: &HashMap<&str, usize>, entry: &Value, function: &Function) {
    let mut expected = vec![value_size(types, &entry["ret"][0], &entry["ret"][1])];
    for parameter in entry["p"].as_array().into_iter().flatten() {
        expected.push(value_size(types, &parameter[1], &parameter[2]));
    }
    assert_eq!(
        (function.sizes)(),
        expected,
        "return value and parameters of {}",
        function.name
    );
}

#[test]
fn functions_take_and_return_what_was_measured() {
    let data = data();
    let types = type_sizes(&data);
    let pairs = pair(
        "function type",
        list(&data, "fns").iter(),
        FUNCTIONS,
        |item| item.name,
    );
    let entries: HashMap<&str, &Value> = pairs
        .iter()
        .map(|(entry, item)| (item.name, *entry))
        .collect();
    for (entry, function) in &pairs {
        assert_eq!(
            function.nullable,
            entry["k"] == "fnptr",
            "{} is a pointer",
            function.name
        );
        let mut target = *entry;
        while let Some(of) = target["of"].as_str() {
            target = entries[of];
        }
        compare_signature(&types, target, function);
    }
    assert_eq!(pairs.len(), 637);
    say!(
        "{} function types: return value and parameters",
        pairs.len()
    );
}

#[test]
fn prototypes_are_all_there() {
    let data = data();
    let types = type_sizes(&data);
    let (inline, linked): (Vec<&Value>, Vec<&Value>) = list(&data, "protos")
        .iter()
        .partition(|entry| entry["inline"] == 1);
    let inline = pair(
        "inline prototype",
        inline.into_iter(),
        INLINE_PROTOTYPES,
        |item| item.name,
    );
    for (entry, function) in &inline {
        compare_signature(&types, entry, function);
    }
    let linked = pair("prototype", linked.into_iter(), LINKED_PROTOTYPES, |item| {
        item.0
    });
    assert_eq!(inline.len() + linked.len(), 48);
    say!(
        "{} prototypes, {} of them inline",
        inline.len() + linked.len(),
        inline.len()
    );
}

#[test]
fn sizes_by_interface_version_are_as_measured() {
    let table = include_str!("../data/sizes-26100-x64.tsv");
    let data = data();
    let constants: HashMap<&str, &Value> = list(&data, "consts")
        .iter()
        .map(|entry| (text(entry, "n"), &entry["v"]))
        .collect();
    let mut lines = table.lines();
    let versions: Vec<Interface> = lines
        .next()
        .expect("a first line")
        .split('\t')
        .skip(1)
        .map(|version| {
            let value = constants[format!("DXGKDDI_INTERFACE_VERSION_{version}").as_str()];
            let value = u32::try_from(value.as_u64().expect("a number")).expect("a small number");
            Interface::from_value(value).unwrap_or_else(|| panic!("{version} is missing"))
        })
        .collect();
    assert_eq!(versions, Interface::ALL);
    let mut count = 0;
    for line in lines {
        let (name, cells) = line.split_once('\t').expect("a name");
        assert!(
            sizes::ALL.iter().any(|(known, _)| *known == name),
            "{name} is missing"
        );
        for (cell, version) in cells.split('\t').zip(&versions) {
            let size = (cell != "-").then(|| cell.parse().expect("a size"));
            assert_eq!(sizes::of(name, *version), size, "{name} at {version:?}");
            count += 1;
        }
    }
    assert_eq!(sizes::ALL.len(), 714);
    say!(
        "{} records at {} interface versions: {count} sizes",
        sizes::ALL.len(),
        versions.len()
    );
}
