//! The text of the module with the functions that the headers declare.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};

use super::data::{Data, Prototype};
use super::emit;
use super::names::Names;
use super::spelling::signature;

pub fn module(data: &Data, names: &Names, source: &str) -> Result<String> {
    let mut out = emit::head("Functions that the headers declare.", source);
    // The blank line that ends the head would end the module's documentation too.
    out.truncate(out.trim_end().len() + 1);
    out.push_str(
        "//!\n//! Whoever calls one must link a library that has it. Where the header gives the body there is\n\
         //! nothing to link, only the type of the function.\n\n",
    );
    out.push_str(
        "#![allow(clippy::too_many_arguments, clippy::wildcard_imports)] // the headers' functions and types\n\nuse crate::*;\n",
    );
    let text = |item: &Prototype| -> Result<String> {
        ensure!(
            item.variadic == 0 || item.inline == 0,
            "a variadic function cannot be inline"
        );
        let parameters = item
            .parameters
            .iter()
            .map(|(name, spelling, _)| (name.as_str(), spelling.as_str()));
        signature(names, &item.returns.0, parameters)
    };
    for item in data.protos.iter().filter(|item| item.inline == 1) {
        let ty = text(item).with_context(|| format!("{}: prototype {}", item.header, item.name))?;
        let _ = write!(
            out,
            "\n/// `{}`, which has its body.\npub type {} = ddi!({ty});\n",
            item.header, item.name
        );
    }
    out.push_str("\nddi_extern! {\n");
    for item in data.protos.iter().filter(|item| item.inline == 0) {
        let ty = text(item).with_context(|| format!("{}: prototype {}", item.header, item.name))?;
        let mut ty = ty.strip_prefix("fn").unwrap_or(&ty).to_owned();
        if item.variadic == 1 {
            let end = ty.rfind(')').context("no parameter list")?;
            ty.insert_str(end, ", ...");
        }
        let _ = writeln!(
            out,
            "    /// `{}`.\n    pub fn {}{ty};",
            item.header, item.name
        );
    }
    out.push_str("}\n");
    Ok(out)
}
