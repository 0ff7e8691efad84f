//! Names for code, from the PDB.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use anyhow::{Result, ensure};
use pdb2::{FallibleIterator as _, PDB, SymbolData};

use super::image::{Function, Section};
use super::unwind::RuntimeFunction;

/// Names by address, relative to the image.
pub type Names = BTreeMap<u32, Vec<String>>;

/// Opens the PDB of the image that names it by this GUID and age.
///
/// # Errors
///
/// It cannot be read, or is another image's.
pub fn open(pdb: &Path, guid: [u8; 16], age: u32) -> Result<PDB<'static, File>> {
    let mut pdb = PDB::open(File::open(pdb)?)?;
    // The image has the first three fields of the GUID in the machine's order.
    let own = pdb.pdb_information()?;
    ensure!(
        own.guid.to_bytes_le() == guid,
        "it belongs to another image: its GUID is another"
    );
    // Debuggers go by the age that the second stream has.
    let own_age = pdb.debug_information()?.age().unwrap_or(own.age);
    ensure!(
        own_age == age,
        "it belongs to another link of the image: its age is {own_age}, not {age}"
    );
    Ok(pdb)
}

/// Reads the names of all functions in a PDB.
///
/// # Errors
///
/// The PDB cannot be read, or does not belong to the image whose PDB has this GUID and age.
pub fn read(pdb: &Path, guid: [u8; 16], age: u32) -> Result<Names> {
    let mut pdb = open(pdb, guid, age)?;
    let addresses = pdb.address_map()?;
    let mut names = Names::new();
    let mut add = |address: pdb2::PdbInternalSectionOffset, name: String| {
        if let Some(address) = address.to_rva(&addresses) {
            let names = names.entry(address.0).or_default();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    };

    // What the linker saw: mangled, and of functions that other object files could call.
    let globals = pdb.global_symbols()?;
    let mut symbols = globals.iter();
    while let Some(symbol) = symbols.next()? {
        if let Ok(SymbolData::Public(symbol)) = symbol.parse()
            && (symbol.function || symbol.code)
        {
            add(symbol.offset, demangled(&symbol.name.to_string()));
        }
    }
    // What the compiler said: of all functions.
    let information = pdb.debug_information()?;
    let mut modules = information.modules()?;
    while let Some(module) = modules.next()? {
        let Some(module) = pdb.module_info(&module)? else {
            continue;
        };
        let mut symbols = module.symbols()?;
        while let Some(symbol) = symbols.next()? {
            match symbol.parse() {
                Ok(SymbolData::Procedure(symbol)) => {
                    add(symbol.offset, demangled(&symbol.name.to_string()));
                }
                Ok(SymbolData::Thunk(symbol)) => {
                    add(symbol.offset, demangled(&symbol.name.to_string()));
                }
                _ => {}
            }
        }
    }
    Ok(names)
}

/// A name without its mangling and without its hash.
fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// Cuts the sections that hold code into functions: at each name, and where the unwind information
/// says that a function begins. Padding behind a function belongs to it.
pub fn functions(
    code: Vec<Section>,
    frames: &[RuntimeFunction],
    mut names: Names,
) -> Vec<Function> {
    // A later part of a function goes by the function's name.
    for frame in frames.iter().filter(|frame| !frame.chained) {
        names.entry(frame.start).or_default();
    }
    let mut functions = Vec::new();
    for section in code {
        let inside = names.range(section.start..section.end);
        let starts: Vec<u32> = inside.clone().map(|(start, _)| *start).collect();
        let ends = starts.iter().skip(1).copied().chain([section.end]);
        for ((start, names), end) in inside.zip(ends) {
            functions.push(Function {
                start: *start,
                end,
                names: names.clone(),
            });
        }
    }
    functions
}

#[cfg(test)]
mod tests {
    use super::{Names, demangled, functions};
    use crate::inspect::image::Section;
    use crate::inspect::unwind::RuntimeFunction;

    #[test]
    fn code_is_cut_at_names_and_at_frames() {
        let section = |name: &str, start, end| Section {
            name: name.into(),
            start,
            end,
            writable: false,
            executable: true,
            discardable: false,
        };
        let frame = |start, chained| RuntimeFunction {
            start,
            end: start + 1,
            frame: 0,
            chained,
        };
        let names = Names::from([(16, vec!["a".into()]), (64, vec!["b".into()])]);
        let code = vec![section("one", 16, 48), section("two", 64, 80)];
        let found = functions(
            code,
            &[frame(16, false), frame(32, false), frame(40, true)],
            names,
        );
        let found: Vec<_> = found
            .iter()
            .map(|function| (function.start, function.end, function.name()))
            .collect();
        let expected = [
            (16, 32, "a".into()),
            (32, 48, "code at 0x20".into()),
            (64, 80, "b".into()),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn names_lose_mangling_and_hash() {
        let panic = "_ZN4core9panicking5panic17h0123456789abcdefE";
        assert_eq!(demangled(panic), "core::panicking::panic");
        assert_eq!(
            demangled("_RNvNtCs1234_4core9panicking9panic_fmt"),
            "core::panicking::panic_fmt"
        );
        assert_eq!(demangled("DriverEntry"), "DriverEntry");
    }
}
