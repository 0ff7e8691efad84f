//! `%tokens%`: strings and DIRIDs, wherever they stand.

use std::collections::BTreeSet;

use super::Lint;
use crate::inf::parse::tokens;
use crate::inf::rules;

/// Where an INF of the driver-store kind may point to: the package's own folder there.
pub(super) const DRIVER_STORE: &str = "13";

impl Lint<'_> {
    /// A text with its strings put in. DIRIDs and what is not defined stay.
    pub(super) fn expanded(&self, text: &str) -> String {
        let mut made = text.to_owned();
        for token in tokens(text) {
            let strings = self.inf.section("Strings");
            let value = strings.and_then(|strings| strings.first(token));
            if let Some(value) = value {
                made = made.replace(&format!("%{token}%"), value.field(0));
            }
        }
        made.replace("%%", "%")
    }

    pub(super) fn strings(&mut self) {
        let mut used = BTreeSet::new();
        let outside = |name: &str| !name.eq_ignore_ascii_case("Strings");
        for section in self
            .inf
            .sections
            .iter()
            .filter(|section| outside(&section.name))
        {
            for entry in &section.entries {
                let texts = entry.name.iter().chain(&entry.fields);
                for token in texts.flat_map(|text| tokens(text)) {
                    if token.bytes().all(|byte| byte.is_ascii_digit()) {
                        self.dirid(token, entry.line);
                    } else {
                        used.insert(token.to_lowercase());
                        self.is_defined(token, entry.line);
                    }
                }
            }
        }
        let mut seen = BTreeSet::new();
        let strings = self
            .inf
            .section("Strings")
            .into_iter()
            .flat_map(|strings| &strings.entries);
        for entry in strings {
            let name = entry.name.clone().unwrap_or_default();
            let key = name.to_lowercase();
            if entry.fields.is_empty() {
                self.says(
                    &rules::VALUE,
                    entry.line,
                    format!("the string {name} has no value: write {name} = \"…\""),
                );
            }
            if !used.contains(&key) {
                self.says(
                    &rules::UNUSED,
                    entry.line,
                    format!("no %{name}% is anywhere: remove the string"),
                );
            }
            if !seen.insert(key) {
                self.says(
                    &rules::DUPLICATE,
                    entry.line,
                    format!("the string {name} is there before: remove one"),
                );
            }
        }
    }

    fn is_defined(&mut self, token: &str, line: usize) {
        let strings = self.inf.section("Strings");
        if strings.is_none_or(|strings| strings.first(token).is_none()) {
            self.says(&rules::STRING, line, format!("%{token}% is not defined: add {token} = \"…\" to [Strings], or write %% for a percent sign"));
        }
    }

    fn dirid(&mut self, dirid: &str, line: usize) {
        if dirid != DRIVER_STORE {
            self.says(
                &rules::DIRID,
                line,
                format!("%{dirid}% leaves the driver store: use %{DRIVER_STORE}%"),
            );
        }
    }
}
