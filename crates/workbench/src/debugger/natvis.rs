//! Whether `vmdisp.natvis` names only what the PDB has.
//!
//! A visualizer with a wrong name is no error anywhere: the debugger shows the raw object instead. So each
//! type that the file names must be in the PDB, and each chain of members in an expression must lead
//! somewhere from each type that it is for.

use anyhow::{Context, Result, bail, ensure};
use pdb2::TypeIndex;
use roxmltree::{Document, Node};

use super::types::{Program, Type};

/// What a check has looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Types that the file names.
    pub patterns: usize,
    /// Types of the PDB that it is for.
    pub types: usize,
    /// Expressions, once for each of those.
    pub expressions: usize,
}

/// Checks the text of a natvis file. What is wrong, a line each, if anything is.
///
/// # Errors
///
/// The file is no XML.
pub fn check(text: &str, program: &Program) -> Result<(Checked, Vec<String>)> {
    let document = Document::parse(text).context("the file is no XML")?;
    let mut checked = Checked::default();
    let mut wrong = Vec::new();
    for visualizer in elements(document.root(), "Type") {
        let pattern = visualizer.attribute("Name").unwrap_or_default();
        checked.patterns += 1;
        let types: Vec<_> = program
            .records()
            .filter(|name| matches(pattern, name))
            .collect();
        if types.is_empty() {
            wrong.push(format!("{pattern}: the PDB has no such type"));
        }
        let expressions = expressions(visualizer)?;
        let variables: Vec<_> = elements(visualizer, "Variable")
            .filter_map(|node| node.attribute("Name"))
            .collect();
        for name in types {
            let Some(own) = program.named(name) else {
                continue;
            };
            checked.types += 1;
            for expression in &expressions {
                checked.expressions += 1;
                let scope = Scope {
                    program,
                    own,
                    variables: &variables,
                };
                if let Err(error) = scope.check(without_format(expression)) {
                    wrong.push(format!("{name}: {expression}: {error}"));
                }
            }
        }
    }
    ensure!(checked.patterns > 0, "the file names no type");
    Ok((checked, wrong))
}

fn elements<'a>(node: Node<'a, 'a>, name: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    node.descendants()
        .filter(move |node| node.tag_name().name() == name)
}

/// Whether a type's name fits a visualizer's, in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    let mut rest = rest;
    for part in middle {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Every expression of a visualizer.
fn expressions(visualizer: Node<'_, '_>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for node in visualizer.descendants().filter(Node::is_element) {
        if let Some(condition) = node.attribute("Condition") {
            found.push(condition.to_owned());
        }
        let text = node.text().unwrap_or_default().trim();
        match node.tag_name().name() {
            "DisplayString" | "StringView" => found.extend(braced(text)?),
            "Item" | "ExpandedItem" | "Size" | "ValuePointer" => found.push(text.to_owned()),
            "Type" | "Expand" | "ArrayItems" | "CustomListItems" | "Variable" | "Loop" | "Exec" => {
            }
            other => bail!("this check does not know <{other}>"),
        }
    }
    Ok(found)
}

/// The expressions in braces of a display string; doubled braces are braces.
fn braced(text: &str) -> Result<Vec<String>> {
    let text = text.replace("{{", "").replace("}}", "");
    let mut found = Vec::new();
    for part in text.split('{').skip(1) {
        let (expression, _) = part.split_once('}').context("a brace is not closed")?;
        found.push(expression.to_owned());
    }
    Ok(found)
}

/// An expression without the format that follows a comma.
fn without_format(expression: &str) -> &str {
    let mut depth = 0_u32;
    for (at, character) in expression.char_indices() {
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => return &expression[..at],
            _ => {}
        }
    }
    expression
}

/// What names in an expression mean.
struct Scope<'a> {
    program: &'a Program,
    /// The type that the visualizer is for.
    own: TypeIndex,
    /// Those of the visualizer's own.
    variables: &'a [&'a str],
}

impl Scope<'_> {
    /// Follows each chain of members in an expression.
    fn check(&self, expression: &str) -> Result<()> {
        let mut rest = expression.trim_start();
        while let Some(first) = rest.chars().next() {
            if let Some(after) = self.cast(rest)? {
                rest = after;
            } else if first.is_ascii_digit() {
                rest = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
            } else if is_name(first) {
                rest = self.chain(rest)?;
            } else {
                rest = &rest[first.len_utf8()..];
            }
        }
        Ok(())
    }

    /// What follows a cast, if the text begins with one. A type of the program's must be in the PDB.
    fn cast<'t>(&self, text: &'t str) -> Result<Option<&'t str>> {
        const OWN: [&str; 4] = ["char", "void", "unsigned", "int"];
        let Some((inside, after)) = text.strip_prefix('(').and_then(|text| text.split_once(')'))
        else {
            return Ok(None);
        };
        let name = inside.trim_end_matches(['*', ' ']);
        if OWN.contains(&name) {
            return Ok(Some(after));
        }
        if !name.contains("::") {
            return Ok(None);
        }
        let found = self.program.named(name);
        found.with_context(|| format!("the PDB has no type {name}"))?;
        Ok(Some(after))
    }

    /// Follows a chain and says what comes behind it.
    fn chain<'t>(&self, text: &'t str) -> Result<&'t str> {
        let (name, mut rest) = name(text);
        if self.variables.contains(&name) {
            return Ok(rest);
        }
        let mut at = self.member(self.own, name)?;
        loop {
            if let Some(after) = rest.strip_prefix("->") {
                let Type::Pointer(to) = self.program.kind(at) else {
                    bail!("what stands before -> is no pointer");
                };
                let (name, after) = self::name(after);
                at = self.member(to, name)?;
                rest = after;
            } else if let Some(after) = rest.strip_prefix('.') {
                let (name, after) = self::name(after);
                at = self.member(at, name)?;
                rest = after;
            } else if let Some(after) = rest.strip_prefix('[') {
                let (index, after) = after.split_once(']').context("a bracket is not closed")?;
                self.check(index)?;
                at = match self.program.kind(at) {
                    Type::Array { of, .. } | Type::Pointer(of) => of,
                    _ => bail!("what stands before [ is no array"),
                };
                rest = after;
            } else {
                return Ok(rest);
            }
        }
    }

    fn member(&self, of: TypeIndex, name: &str) -> Result<TypeIndex> {
        let Type::Record {
            name: record,
            fields,
            ..
        } = self.program.kind(of)
        else {
            bail!("{name} is asked of what has no members");
        };
        let field = fields.iter().find(|field| field.name == name);
        let field = field.with_context(|| format!("{record} has no member {name}"))?;
        Ok(field.kind)
    }
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// A name, and what follows it.
fn name(text: &str) -> (&str, &str) {
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        assert!(matches("a::B<*>", "a::B<c<d> >"));
        assert!(matches("a::B", "a::B"));
        assert!(!matches("a::B", "a::Bc"));
        assert!(!matches("a::B<*>", "x::a::B<c>"));
        assert!(matches("*::B<*,*>", "x::B<1,2>"));
        assert!(!matches("*::B<*,*>", "x::B<1>"));
    }

    #[test]
    fn expressions_stand_in_braces_and_end_at_a_format() {
        assert_eq!(
            braced("{a.b,d} of {{x}} {(char*)c,[4]na}").unwrap(),
            ["a.b,d", "(char*)c,[4]na"]
        );
        assert!(braced("{a").is_err());
        assert_eq!(without_format("a[b,c],d"), "a[b,c]");
        assert_eq!(without_format("(char*)c,[4]na"), "(char*)c");
    }

    #[test]
    fn an_element_that_is_not_understood_is_refused() {
        let document = Document::parse("<Type><Synthetic/></Type>").unwrap();
        assert!(expressions(document.root_element()).is_err());
    }
}
