//! Rows by their names.

use anyhow::{Result, bail};
use vmdisp_scenarios::{GROUPS, Row, all_rows, find_group, find_row};

/// How alike two names must be for one to be what was meant: 1.0 is the same.
const ALIKE: f64 = 0.75;

/// The rows with these names or in the groups with these names, each once, in the order of the names; all
/// rows if there are no names.
///
/// # Errors
///
/// Where one is not known; it says which is nearest, or where to see all.
pub fn choose(names: &[String]) -> Result<Vec<&'static Row>> {
    if names.is_empty() {
        return Ok(all_rows().collect());
    }
    let mut chosen: Vec<&Row> = Vec::new();
    for name in names {
        let rows: Vec<&Row> = match (find_row(name), find_group(name)) {
            (Some(row), _) => vec![row],
            (None, Some(group)) => group.rows.iter().collect(),
            (None, None) => bail!("there is no row {name}; {}", instead(name)),
        };
        for row in rows {
            if chosen.iter().all(|known| known.name != row.name) {
                chosen.push(row);
            }
        }
    }
    Ok(chosen)
}

/// What to type instead of a name that is not known.
fn instead(name: &str) -> String {
    const ALL: &str = "`cargo run -- scenarios --list` says which there are";
    let known = all_rows()
        .map(|row| row.name)
        .chain(GROUPS.iter().map(|group| group.name));
    let alike = known
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .max_by(|one, other| one.0.total_cmp(&other.0));
    match alike {
        Some((alike, known)) if alike >= ALIKE => format!("did you mean {known}? {ALL}"),
        _ => ALL.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[&str]) -> Result<Vec<&'static str>> {
        let of: Vec<_> = of.iter().map(|name| (*name).to_owned()).collect();
        Ok(choose(&of)?.iter().map(|row| row.name).collect())
    }

    #[test]
    fn rows_come_in_the_order_of_their_names_and_once() {
        let chosen = names(&["rotation", "row_01_three_good", "rotation"]);
        assert_eq!(
            chosen.expect("they are there"),
            ["rotation", "row_01_three_good"]
        );
    }

    #[test]
    fn a_group_is_its_rows() {
        let screen = find_group("screen").map_or(&[][..], |group| group.rows);
        let of_the_screen: Vec<_> = screen.iter().map(|row| row.name).collect();
        assert_eq!(names(&["screen"]).expect("it is there"), of_the_screen);
        assert_eq!(names(&[]).expect("all").len(), all_rows().count());
    }

    #[test]
    fn the_nearest_name_is_offered() {
        let error = names(&["every_mod"]).expect_err("no such row").to_string();
        assert!(error.contains("there is no row every_mod"), "{error}");
        assert!(error.contains("did you mean every_mode?"), "{error}");
        let error = names(&["qqq"]).expect_err("no such row").to_string();
        assert!(!error.contains("did you mean"), "{error}");
    }

    #[test]
    fn no_group_is_called_as_a_row() {
        for group in GROUPS {
            assert!(find_row(group.name).is_none(), "{}", group.name);
        }
    }
}
