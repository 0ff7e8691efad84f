//! The text of a C file that compiles only against headers with the measured layouts.

use std::fmt::Write as _;

use super::data::{Data, Enum, External, Field, Kind, Record};

/// How many of each are compared.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    pub records: usize,
    pub fields: usize,
    pub enumerators: usize,
    pub constants: usize,
}

/// The C file, for a kernel-mode compilation with the kit's include folders.
///
/// Bit fields have no offset in C, and enums that only C++ has cannot be named: both are left to the
/// crate's own tests.
pub fn text(data: &Data, source: &str) -> (String, Counts) {
    let mut checks = Checks::default();
    let external = data.ext_records.iter().filter_map(|item| match item {
        External::Record(record) => Some(record),
        External::Enum(_) => None,
    });
    for record in data.records.iter().chain(external) {
        checks.record(record);
    }
    for item in data.enums.iter().filter(|item| item.cxx == 0) {
        checks.enumeration(item);
    }
    // A macro that ends in a semicolon cannot stand in an expression.
    for constant in data.consts.iter().filter(|constant| constant.semi == 0) {
        checks.counts.constants += 1;
        checks.equal(&format!("({})", constant.name), constant.value);
    }
    let head = format!(
        "// Compiles only if the installed headers have the layouts of {source}.\n\
         // Made by `cargo run -- bindings --headers-test FILE`.\n\
         #define DXGKDDI_INTERFACE_VERSION {:#x} // {}\n\
         #include <limits.h>\n#include <stddef.h>\n#include <ntddk.h>\n#include <ntintsafe.h>\n\
         #include <windef.h>\n#include <dispmprt.h>\n\n\
         #ifdef _MSC_VER\n#define ALIGNMENT __alignof\n#else\n#define ALIGNMENT _Alignof\n#endif\n\n",
        data.meta.interface_value, data.meta.interface
    );
    (head + &checks.text, checks.counts)
}

#[derive(Default)]
struct Checks {
    text: String,
    counts: Counts,
}

impl Checks {
    fn record(&mut self, record: &Record) {
        self.counts.records += 1;
        let name = spelled(record);
        self.equal(&format!("sizeof({name})"), record.size.into());
        self.equal(&format!("ALIGNMENT({name})"), record.align.into());
        for field in record.fields.iter().filter(|field| has_offset(field)) {
            self.counts.fields += 1;
            let member = &field.name;
            let bytes = i128::from(field.offset / 8);
            self.equal(&format!("offsetof({name}, {member})"), bytes);
            let bytes = i128::from(field.size / 8);
            self.equal(&format!("sizeof((({name} *)0)->{member})"), bytes);
        }
    }

    fn enumeration(&mut self, item: &Enum) {
        let tag = if item.tag_only == 0 { "" } else { "enum " };
        self.equal(&format!("sizeof({tag}{})", item.name), item.size.into());
        for (name, value) in &item.values {
            self.counts.enumerators += 1;
            self.equal(name, (*value).into());
        }
    }

    fn equal(&mut self, left: &str, right: i128) {
        // Compilers show the message, so it says what the data have.
        let (ty, suffix) = if i64::try_from(right).is_ok() {
            ("long long", "LL")
        } else {
            ("unsigned long long", "ULL")
        };
        let _ = writeln!(
            self.text,
            "_Static_assert(({ty})({left}) == {right}{suffix}, \"{left} is {right} in the data\");"
        );
    }
}

/// The record as C names it.
fn spelled(record: &Record) -> String {
    match (record.tag_only, record.kind) {
        (0, _) => record.name.clone(),
        (_, Kind::Struct) => format!("struct {}", record.name),
        (_, Kind::Union) => format!("union {}", record.name),
    }
}

fn has_offset(field: &Field) -> bool {
    !field.name.is_empty() && field.width.is_none()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::data::Data;
    use super::{Counts, text};

    fn small(offset: u32) -> Data {
        let file = serde_json::json!({
            "meta": {"schema": 1, "header": "1.0", "interface": "TEST", "interface_value": 16, "counts": {
                "records": 2, "enums": 2, "consts": 2, "fns": 0, "protos": 0, "aliases": 0,
                "guids": 0, "ext_records": 0, "ext_types": 0}},
            "records": [
                {"n": "R", "h": "a.h", "k": "struct", "size": 8, "align": 4, "f": [
                    {"n": "Flag", "o": 0, "s": 32, "bw": 1, "t": "UINT", "c": "u32"},
                    {"n": "", "id": "@u0", "al": 4, "o": 32, "s": 32, "t": "union", "c": "union"},
                    {"n": "Count", "in": "@u0", "o": offset, "s": 32, "t": "UINT", "c": "u32"}]},
                {"n": "T", "tagonly": 1, "h": "a.h", "k": "union", "size": 1, "align": 1, "f": []}],
            "enums": [
                {"n": "E", "h": "a.h", "size": 4, "c": "i32", "v": [["LOWEST", -1]]},
                {"n": "CLASS", "cxx": 1, "h": "a.h", "size": 4, "c": "u32", "v": [["NONE", 0]]}],
            "consts": [
                {"n": "MOST", "h": "a.h", "v": u64::MAX, "c": "u64"},
                {"n": "MASK", "semi": 1, "h": "a.h", "v": 1, "c": "i32"}],
            "fns": [], "protos": [], "aliases": [], "guids": [], "ext_records": [], "ext_types": [],
        });
        Data::parse(&file.to_string()).unwrap()
    }

    #[test]
    fn what_c_can_see_is_compared() {
        let (text, counts) = text(&small(32), "small.json");
        let expected = Counts {
            records: 2,
            fields: 1,
            enumerators: 1,
            constants: 1,
        };
        assert_eq!(counts, expected, "{text}");
        for part in [
            "#define DXGKDDI_INTERFACE_VERSION 0x10 // TEST",
            "(sizeof(R)) == 8LL",
            "(offsetof(R, Count)) == 4LL",
            "(sizeof(((R *)0)->Count)) == 4LL",
            "(sizeof(union T)) == 1LL",
            "(LOWEST) == -1LL",
            "((MOST)) == 18446744073709551615ULL",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        for part in ["Flag", "CLASS", "MASK"] {
            assert!(!text.contains(part), "{part} in {text}");
        }
    }

    /// A compiler takes it beside headers that agree, and refuses it where one offset differs.
    #[test]
    #[cfg(unix)]
    fn a_compiler_tells_right_headers_from_wrong_ones() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["ntddk.h", "ntintsafe.h", "windef.h"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let header = "typedef struct { unsigned Flag : 1; union { unsigned Count; }; } R;\n\
                      union T { char c; };\n\
                      typedef enum { LOWEST = -1 } E;\n\
                      #define MOST 0xffffffffffffffffull\n";
        std::fs::write(folder.path().join("dispmprt.h"), header).unwrap();
        let compiles = |data: &Data| {
            let (text, _) = text(data, "small.json");
            compiles(folder.path(), &text)
        };
        if let Some(right) = compiles(&small(32)) {
            assert_eq!(right, (true, String::new()));
            let (taken, message) = compiles(&small(0)).unwrap();
            assert!(
                !taken && message.contains("offsetof(R, Count) is 0 in the data"),
                "{message}"
            );
        }
    }

    /// Whether the system's C compiler takes the text, and what it says; nothing if there is none.
    fn compiles(folder: &Path, text: &str) -> Option<(bool, String)> {
        let file = folder.join("test.c");
        std::fs::write(&file, text).unwrap();
        let output = std::process::Command::new("cc")
            .args(["-std=c11", "-fsyntax-only", "-I"])
            .arg(folder)
            .arg(&file)
            .output()
            .ok()?;
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        Some((output.status.success(), message))
    }
}
