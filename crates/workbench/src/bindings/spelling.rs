//! From a type as C spells it to the same type as Rust spells it.

use anyhow::{Context, Result, bail, ensure};

use super::names::Names;

/// C's own types, as Windows on 64 bits has them.
const C_TYPES: &[(&str, &str)] = &[
    ("CCHAR", "i8"),
    ("char", "i8"),
    ("double", "f64"),
    ("float", "f32"),
    ("int", "i32"),
    ("long", "i32"),
    ("long long", "i64"),
    ("short", "i16"),
    ("unsigned char", "u8"),
    ("unsigned int", "u32"),
    ("unsigned long", "u32"),
    ("unsigned long long", "u64"),
    ("unsigned short", "u16"),
    ("void", "c_void"),
    ("wchar_t", "u16"),
];

/// The Rust spelling of a C type.
///
/// # Errors
///
/// The spelling names a type that is not in the data, or is of a form that is not known.
pub fn rust_type(names: &Names, spelling: &str) -> Result<String> {
    convert(names, spelling.trim()).with_context(|| format!("type {spelling:?}"))
}

/// `fn(a: T, b: U) -> R` from its parts. Parameters are name and spelling.
pub fn signature<'a>(
    names: &Names,
    returns: &str,
    parameters: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<String> {
    let mut list = Vec::new();
    for (index, (name, spelling)) in parameters.enumerate() {
        let ty = rust_type(names, spelling)
            .with_context(|| format!("parameter {} {name:?}", index + 1))?;
        let name = if name.is_empty() { "_" } else { name };
        list.push(format!("{name}: {ty}"));
    }
    let mut text = format!("fn({})", list.join(", "));
    if returns != "void" {
        text.push_str(" -> ");
        text.push_str(&rust_type(names, returns).context("return value")?);
    }
    Ok(text)
}

fn convert(names: &Names, spelling: &str) -> Result<String> {
    if let Some((returns, rest)) = spelling.split_once("(*)(") {
        let list = rest
            .strip_suffix(')')
            .context("a function pointer must end with ')'")?;
        let parameters = list
            .split(',')
            .map(str::trim)
            .filter(|part| *part != "void");
        let signature = signature(names, returns.trim(), parameters.map(|part| ("", part)))?;
        return Ok(format!("Option<ddi!({signature})>"));
    }
    if let Some((element, bounds)) = spelling.split_once('[') {
        let mut ty = convert(names, element.trim())?;
        // The last bound is the innermost array.
        for bound in bounds
            .trim_end_matches(']')
            .split("][")
            .collect::<Vec<_>>()
            .iter()
            .rev()
        {
            let bound: u32 = bound
                .parse()
                .with_context(|| format!("array bound {bound:?}"))?;
            ty = format!("[{ty}; {bound}]");
        }
        return Ok(ty);
    }
    if let Some(pointee) = spelling.strip_suffix("*const") {
        return convert(names, &format!("{}*", pointee.trim_end()));
    }
    if let Some(pointee) = spelling.strip_suffix('*') {
        let pointee = pointee.trim_end();
        if names.is_function(pointee) {
            return Ok(format!("Option<{pointee}>"));
        }
        // `const` at the left belongs to the innermost pointee.
        let constant = pointee.starts_with("const ") && !pointee.ends_with('*');
        let qualifier = if constant { "const" } else { "mut" };
        return Ok(format!("*{qualifier} {}", convert(names, pointee)?));
    }
    named(names, spelling)
}

fn named(names: &Names, spelling: &str) -> Result<String> {
    let spelling = spelling.strip_prefix("__unaligned ").unwrap_or(spelling);
    let spelling = spelling.strip_prefix("const ").unwrap_or(spelling);
    if let Some((_, rust)) = C_TYPES.iter().find(|(c, _)| *c == spelling) {
        return Ok((*rust).to_owned());
    }
    for keyword in ["struct ", "union ", "enum "] {
        if let Some(tag) = spelling.strip_prefix(keyword) {
            let Some(name) = names.by_tag(tag) else {
                bail!("tag {tag:?} is not in the data")
            };
            return Ok(name.to_owned());
        }
    }
    ensure!(names.knows(spelling), "the name is not in the data");
    Ok(spelling.to_owned())
}
