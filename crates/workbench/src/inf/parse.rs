//! Takes an INF apart, by "General syntax rules for INF files".
//!
//! A parser of our own: inf-rs, the one crate for INFs, keeps neither lines' numbers nor sections
//! that come twice, and those for INI files want `name=value` on every line.

/// An INF.
#[derive(Debug, Default)]
pub struct Inf {
    pub sections: Vec<Section>,
}

/// A section, as it stands in the file: two of one name are two.
#[derive(Debug)]
pub struct Section {
    pub name: String,
    /// Counted from 1, as all lines are.
    pub line: usize,
    pub entries: Vec<Entry>,
}

/// An entry: `name = fields` or fields alone.
#[derive(Debug)]
pub struct Entry {
    pub line: usize,
    pub name: Option<String>,
    /// Without the quotes and spaces around them; `%tokens%` as they stand.
    pub fields: Vec<String>,
}

/// What is no INF.
#[derive(Debug, PartialEq, Eq)]
pub struct SyntaxError {
    pub line: usize,
    pub what: String,
}

impl Section {
    /// Entries of this name.
    pub fn named<'inf>(&'inf self, name: &'inf str) -> impl Iterator<Item = &'inf Entry> {
        self.entries.iter().filter(move |entry| entry.is(name))
    }

    /// The first entry of this name.
    pub fn first(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.is(name))
    }
}

impl Entry {
    /// Whether it has this name. Case does not matter in an INF.
    pub fn is(&self, name: &str) -> bool {
        let own = self.name.as_deref();
        own.is_some_and(|own| own.eq_ignore_ascii_case(name))
    }

    /// A field, empty where there is none.
    pub fn field(&self, index: usize) -> &str {
        self.fields.get(index).map_or("", String::as_str)
    }
}

impl Inf {
    /// Reads a text. What cannot be read is left out and reported.
    pub fn parse(text: &str) -> (Self, Vec<SyntaxError>) {
        let mut inf = Self::default();
        let mut errors = Vec::new();
        let mut lines = (1..).zip(text.lines());
        while let Some((line, first)) = lines.next() {
            let mut reader = Reader::default();
            let mut goes_on = reader.read(first);
            while goes_on {
                let Some((_, next)) = lines.next() else {
                    break;
                };
                goes_on = reader.read(next);
            }
            if let Err(what) = inf.take(line, reader, goes_on) {
                errors.push(SyntaxError { line, what });
            }
        }
        (inf, errors)
    }

    /// The section of this name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        let same = |section: &&Section| section.name.eq_ignore_ascii_case(name);
        self.sections.iter().find(same)
    }

    /// Takes what one logical line has.
    fn take(&mut self, line: usize, reader: Reader, goes_on: bool) -> Result<(), String> {
        if goes_on {
            return Err("the file ends behind a \\ that continues the line".into());
        }
        if reader.in_quotes {
            return Err("a quotation mark is not closed: add the second \"".into());
        }
        if reader.is_empty() {
            return Ok(());
        }
        let bare = reader.name.is_none() && reader.fields.is_empty();
        if let Some(rest) = reader.field.trim_start().strip_prefix('[')
            && bare
        {
            let name = rest.trim_end().strip_suffix(']');
            let name = name.ok_or("a section's name is not closed: add the ]")?;
            let (name, entries) = (name.trim().to_owned(), Vec::new());
            self.sections.push(Section {
                name,
                line,
                entries,
            });
            return Ok(());
        }
        let section = self.sections.last_mut();
        let section = section.ok_or("an entry stands before the first section")?;
        section.entries.push(reader.entry(line));
        Ok(())
    }
}

/// Reads the characters of one logical line.
#[derive(Default)]
struct Reader {
    name: Option<String>,
    fields: Vec<String>,
    field: String,
    /// Whether the field had quotes, so that it counts even if it is empty.
    quoted: bool,
    in_quotes: bool,
    any: bool,
}

impl Reader {
    /// Reads a physical line. True if the next one continues it.
    fn read(&mut self, line: &str) -> bool {
        let code = uncommented(line);
        let (code, goes_on) = match code.trim_end().strip_suffix('\\') {
            Some(code) => (code, true),
            None => (code, false),
        };
        let mut characters = code.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '"' if self.in_quotes && characters.peek() == Some(&'"') => {
                    characters.next();
                    self.field.push('"');
                }
                '"' => {
                    self.in_quotes = !self.in_quotes;
                    self.quoted = true;
                }
                '=' if !self.in_quotes && self.name.is_none() && self.fields.is_empty() => {
                    self.name = Some(self.field.trim().to_owned());
                    self.next_field();
                }
                ',' if !self.in_quotes => {
                    let field = self.field.trim().to_owned();
                    self.fields.push(field);
                    self.next_field();
                }
                other => {
                    self.any |= !other.is_whitespace();
                    // Spaces around a value do not belong to it, those in quotes do.
                    if self.in_quotes || !other.is_whitespace() || !self.field.is_empty() {
                        self.field.push(other);
                    }
                }
            }
        }
        goes_on
    }

    fn next_field(&mut self) {
        self.field.clear();
        self.quoted = false;
        self.any = true;
    }

    fn is_empty(&self) -> bool {
        !self.any && !self.quoted && self.name.is_none() && self.fields.is_empty()
    }

    fn entry(mut self, line: usize) -> Entry {
        let last = self.field.trim().to_owned();
        if self.quoted || !last.is_empty() || !self.fields.is_empty() {
            self.fields.push(last);
        }
        // Trailing commas say nothing.
        while self.fields.last().is_some_and(String::is_empty) && !self.quoted {
            self.fields.pop();
        }
        let (name, fields) = (self.name, self.fields);
        Entry { line, name, fields }
    }
}

/// A line without its comment. A semicolon in quotes begins none.
fn uncommented(line: &str) -> &str {
    let mut in_quotes = false;
    let end = line.char_indices().find_map(|(at, character)| {
        in_quotes ^= character == '"';
        (character == ';' && !in_quotes).then_some(at)
    });
    end.map_or(line, |end| &line[..end])
}

/// The names between percent signs. `%%` is a percent sign; a last single one names nothing.
pub fn tokens(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut parts = text.split('%').skip(1);
    while let (Some(inside), Some(_after)) = (parts.next(), parts.next()) {
        if !inside.is_empty() {
            found.push(inside);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Inf, tokens};

    fn fields(line: &str) -> Vec<String> {
        let (inf, errors) = Inf::parse(&format!("[s]\n{line}"));
        assert!(errors.is_empty(), "{errors:?}");
        let entry = &inf.sections[0].entries[0];
        let name = entry.name.iter().map(|name| format!("{name}:"));
        name.chain(entry.fields.iter().cloned()).collect()
    }

    #[test]
    fn lines_are_names_and_fields() {
        assert_eq!(fields("A = b , c"), ["A:", "b", "c"]);
        assert_eq!(
            fields("HKR,Parameters,V,0x10001,1"),
            ["HKR", "Parameters", "V", "0x10001", "1"]
        );
        assert_eq!(fields("1 = %D%,,,\"\""), ["1:", "%D%", "", "", ""]);
        assert_eq!(fields("file.sys,,,"), ["file.sys"]);
        assert_eq!(fields("A ="), ["A:"]);
    }

    #[test]
    fn quotes_keep_what_is_in_them() {
        assert_eq!(
            fields("A = \" b;c, \"\"d\"\" = \" ; e"),
            ["A:", " b;c, \"d\" =".trim_end()].map(str::trim)
        );
        assert_eq!(fields("HKR,,V,,\"a=b\""), ["HKR", "", "V", "", "a=b"]);
    }

    #[test]
    fn a_line_goes_on_behind_a_backslash() {
        assert_eq!(fields("A = b,\\ ; why\n c"), ["A:", "b", "c"]);
        assert_eq!(fields("A = %13%\\x.sys"), ["A:", "%13%\\x.sys"]);
    }

    #[test]
    fn sections_have_names_and_lines() {
        let (inf, errors) = Inf::parse("; x\n\n[ One ] ; y\na\n[two]\r\nb=1\r\n");
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(inf.section("one").map(|section| section.line), Some(3));
        let two = inf.section("TWO").expect("it is there");
        assert_eq!(
            (two.line, two.first("B").map(|entry| entry.field(0))),
            (5, Some("1"))
        );
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_line() {
        for (text, line) in [
            ("[a\nb", 1),
            ("[a]\nb = \"c", 2),
            ("b\n[a]", 1),
            ("[a]\nb = c\\", 2),
        ] {
            let (_, errors) = Inf::parse(text);
            assert_eq!(errors.first().map(|error| error.line), Some(line), "{text}");
        }
    }

    #[test]
    fn tokens_stand_between_percent_signs() {
        assert_eq!(tokens("%13%\\a%%b%c%"), ["13", "c"]);
        assert!(tokens("100%").is_empty() && tokens("%%a%%").is_empty());
    }
}
