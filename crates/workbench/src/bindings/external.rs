//! The text of the module with the types of other headers.

use std::fmt::Write as _;

use anyhow::Result;

use super::data::{Data, External};
use super::emit;
use super::names::Names;

/// Integers as wide as a pointer, which the data can only give as 64 bits.
const POINTER_SIZED: &[(&str, &str)] = &[
    ("SIZE_T", "usize"),
    ("UINT_PTR", "usize"),
    ("ULONG_PTR", "usize"),
];

pub fn module(data: &Data, names: &Names, source: &str) -> Result<String> {
    let mut out = emit::head(
        "Types of other Windows headers that the display headers use.",
        source,
    );
    out.push_str(
        "#![allow(clippy::wildcard_imports)] // the types that are written by hand\n\n\
         use core::ffi::c_void;\n\nuse crate::*;\n",
    );
    let mut all = Vec::new();
    for item in &data.ext_records {
        match item {
            External::Record(record) => emit::record(&mut out, names, record, &mut all)?,
            External::Enum(item) => emit::enumeration(&mut out, item)?,
        }
    }
    emit::zeros(&mut out, &all);
    for item in &data.ext_types {
        if let Some((name, ty)) = POINTER_SIZED.iter().find(|(name, _)| *name == item.name) {
            let _ = write!(out, "\n/// `{}`.\npub type {name} = {ty};\n", item.header);
        } else if let Some(tag) = item
            .spelling
            .strip_prefix("enum ")
            .filter(|tag| names.by_tag(tag).is_none())
        {
            // Its enumerators were not measured.
            let _ = write!(
                out,
                "\n/// `{}`, enum `{tag}`.\npub type {} = i32;\n",
                item.header, item.name
            );
        } else if names.is_alias(item) {
            emit::alias(&mut out, names, item)?;
        }
    }
    out.push_str("\nopaque! {\n");
    for name in &names.opaque {
        let _ = writeln!(out, "    {name},");
    }
    out.push_str("}\n");
    Ok(out)
}
