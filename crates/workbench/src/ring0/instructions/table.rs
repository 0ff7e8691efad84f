//! The table of what calls take, as it stands in a document between two comments.

use std::fmt;

use anyhow::{Context, Result};
use vmdisp_scenarios::Taken;

/// The line before the table.
const BEGIN: &str =
    "<!-- instructions: written by `cargo run -- ring0 --instructions --update` -->\n";
/// The line behind it.
const END: &str = "<!-- end of instructions -->\n";
const HEAD: &str = "| DDI | call | instructions |\n|---|---|---:|\n";

/// A document that has the table.
pub struct Table<'a> {
    before: &'a str,
    after: &'a str,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    ddi: &'a str,
    call: &'a str,
    instructions: u64,
}

/// How a call differs from its row.
#[derive(Debug, PartialEq, Eq)]
pub struct Change {
    ddi: String,
    call: String,
    /// None for a call that has no row.
    was: Option<u64>,
    /// None for a row that was not counted.
    is: Option<u64>,
}

impl Change {
    /// Whether the table must be written anew. What shrank is only told: a table that promises less is true.
    pub fn fails(&self) -> bool {
        !matches!((self.was, self.is), (Some(was), Some(is)) if is < was)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ddi, call, was, is } = self;
        match (was, is) {
            (Some(was), Some(is)) => {
                let word = if is > was { "grew" } else { "shrank" };
                let percent = is.abs_diff(*was) * 100 / (*was).max(1);
                write!(
                    f,
                    "{ddi} ({call}) {word} by {percent} %: {was} instructions in the table, {is} now"
                )
            }
            (None, Some(is)) => write!(
                f,
                "{ddi} ({call}) is not in the table: {is} instructions now"
            ),
            (_, None) => write!(f, "{ddi} ({call}) is in the table and was not counted"),
        }
    }
}

impl<'a> Table<'a> {
    /// Finds the table in `text`.
    ///
    /// # Errors
    ///
    /// Where it is not there, or not as [`Table::replace`] writes it.
    pub fn find(text: &'a str) -> Result<Self> {
        let missing = || format!("there is no line `{}`", BEGIN.trim_end());
        let (before, rest) = text.split_once(BEGIN).with_context(missing)?;
        let missing = || format!("there is no line `{}` behind the table", END.trim_end());
        let (table, after) = rest.split_once(END).with_context(missing)?;
        let rows = table.lines().skip(2).map(row).collect::<Result<_>>()?;
        Ok(Self {
            before,
            after,
            rows,
        })
    }

    /// What differs by more than a tenth, what is new, what is gone.
    pub fn compare(&self, taken: &[Taken]) -> Vec<Change> {
        let is_row = |row: &Row<'_>, taken: &Taken| row.ddi == taken.ddi && row.call == taken.call;
        let counted = taken.iter().filter_map(|taken| {
            let is = taken.instructions;
            let was = self.rows.iter().find(|row| is_row(row, taken));
            let was = was.map(|row| row.instructions);
            let same = was.is_some_and(|was| is * 10 <= was * 11 && is * 10 >= was * 9);
            (!same).then(|| Change {
                ddi: taken.ddi.clone(),
                call: taken.call.clone(),
                was,
                is: Some(is),
            })
        });
        let gone = self
            .rows
            .iter()
            .filter(|row| !taken.iter().any(|taken| is_row(row, taken)));
        let gone = gone.map(|row| Change {
            ddi: row.ddi.into(),
            call: row.call.into(),
            was: Some(row.instructions),
            is: None,
        });
        counted.chain(gone).collect()
    }

    /// The document with this in its table.
    pub fn replace(&self, taken: &[Taken]) -> String {
        let rows = taken.iter().map(|taken| {
            let Taken {
                ddi,
                call,
                instructions,
                ..
            } = taken;
            format!("| {ddi} | {call} | {instructions} |\n")
        });
        let rows: String = rows.collect();
        let (before, after) = (self.before, self.after);
        format!("{before}{BEGIN}{HEAD}{rows}{END}{after}")
    }
}

fn row(line: &str) -> Result<Row<'_>> {
    let cells: Vec<_> = line.split('|').map(str::trim).collect();
    let &["", ddi, call, instructions, ""] = &cells[..] else {
        anyhow::bail!("a row of three cells is expected in the table, not `{line}`");
    };
    let number = || format!("`{instructions}` is no number, in `{line}`");
    let instructions = instructions.parse().with_context(number)?;
    Ok(Row {
        ddi,
        call,
        instructions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(ddi: &str, call: &str, instructions: u64) -> Taken {
        Taken {
            ddi: ddi.into(),
            call: call.into(),
            times: 8,
            instructions,
        }
    }

    fn document(taken: &[Taken]) -> String {
        let empty = format!("before\n{BEGIN}{HEAD}{END}after\n");
        Table::find(&empty).unwrap().replace(taken)
    }

    #[test]
    fn what_is_written_is_read() {
        let all = [
            taken("Render", "4 commands", 1000),
            taken("Present", "flip", 70),
        ];
        let text = document(&all);
        assert!(text.starts_with("before\n") && text.ends_with("after\n"));
        let table = Table::find(&text).unwrap();
        assert_eq!(table.compare(&all), []);
        assert_eq!(table.replace(&all), text);
    }

    #[test]
    fn a_tenth_more_is_let_pass_and_one_beyond_is_not() {
        let text = document(&[taken("Render", "4 commands", 1000)]);
        let table = Table::find(&text).unwrap();
        assert_eq!(table.compare(&[taken("Render", "4 commands", 1100)]), []);
        let changes = table.compare(&[taken("Render", "4 commands", 1101)]);
        assert!(changes.len() == 1 && changes[0].fails());
        let said = changes[0].to_string();
        assert!(
            said.contains("Render") && said.contains("1000") && said.contains("1101"),
            "{said}"
        );
    }

    #[test]
    fn what_shrank_is_told_and_fails_nothing() {
        let text = document(&[taken("Render", "4 commands", 1000)]);
        let table = Table::find(&text).unwrap();
        let changes = table.compare(&[taken("Render", "4 commands", 899)]);
        assert!(changes.len() == 1 && !changes[0].fails());
        assert!(changes[0].to_string().contains("shrank by 10 %"));
    }

    #[test]
    fn what_is_new_and_what_is_gone_fails() {
        let text = document(&[taken("Render", "4 commands", 1000)]);
        let changes = Table::find(&text)
            .unwrap()
            .compare(&[taken("Render", "5 commands", 1000)]);
        assert_eq!(changes.len(), 2);
        assert!(changes.iter().all(Change::fails));
    }

    #[test]
    fn a_damaged_table_is_named() {
        let why = |text: &str| format!("{:#}", Table::find(text).err().unwrap());
        assert!(why("nothing").contains("no line `<!-- instructions"));
        let text = document(&[taken("Render", "4 commands", 1000)]);
        assert!(why(&text.replace("1000", "many")).contains("`many` is no number"));
        assert!(why(&text.replace(END, "")).contains("behind the table"));
    }
}
