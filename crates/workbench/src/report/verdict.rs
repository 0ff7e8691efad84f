//! The last line, and the exit code that goes with it.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use vmdisp_scenarios::RowResult;

use super::data::Run;
use super::number::counted;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Success, or 1 for what is broken or leaked.
pub fn exit_code(clean: bool) -> ExitCode {
    if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The verdict on a run.
pub fn of_run(run: &Run) -> String {
    let checked = run.checked.values().sum();
    let others = match run.faults.len() as u64 {
        0 => String::new(),
        faults => format!(", {}", counted(faults, "other fault", "other faults")),
    };
    let text = format!(
        "{} checked {}: {} broken, {}{others}",
        counted(run.checked.len() as u64, "rule", "rules"),
        counted(checked, "time", "times"),
        broken(run),
        counted(leaked(run), "leak", "leaks"),
    );
    mark(run.is_clean(), &text)
}

/// Different rules that were broken.
fn broken(run: &Run) -> usize {
    let mut rules: Vec<_> = run
        .violations
        .iter()
        .map(|broken| broken.rule.as_str())
        .collect();
    rules.sort_unstable();
    rules.dedup();
    rules.len()
}

/// Things that were not given back. What RemoveDevice leaves behind is still there after Unload.
fn leaked(run: &Run) -> u64 {
    let mut most = BTreeMap::new();
    for leak in &run.leaks {
        let count: &mut u64 = most.entry((&leak.what, &leak.tag)).or_default();
        *count = leak.count.max(1).max(*count);
    }
    most.values().sum()
}

/// The verdict on rows.
pub fn of_rows(rows: &[RowResult]) -> String {
    let count = |which: fn(&RowResult) -> bool| rows.iter().filter(|row| which(row)).count() as u64;
    let (passed, skipped) = (count(|row| row.passed), count(|row| row.skipped));
    let failed = rows.len() as u64 - passed - skipped;
    let text = format!(
        "{} passed, {failed} failed, {skipped} skipped",
        counted(passed, "row", "rows")
    );
    mark(rows_passed(rows), &text)
}

/// Whether rows were run and none failed.
pub fn rows_passed(rows: &[RowResult]) -> bool {
    !rows.is_empty() && rows.iter().all(|row| row.passed || row.skipped)
}

/// A verdict in a line.
pub fn mark(good: bool, text: &str) -> String {
    if good {
        format!("{GOOD}✔ clean{GOOD:#}  {text}")
    } else {
        format!("{BAD}✘ broken{BAD:#}  {text}")
    }
}
