//! Tables on standard output.

use anstream::println;
use anstyle::{AnsiColor, Style};
use dxgk_sys::status;
use tabled::builder::Builder;
use tabled::settings::object::{Columns, Rows};
use tabled::settings::style::HorizontalLine;
use tabled::settings::width::Width;
use tabled::settings::{Alignment, Modify, Style as Lines};
use vmdisp_scenarios::{Group, Row, RowResult, Taken};

use super::chart::chart;
use super::data::Run;
use super::number::{bytes, counted, grouped};
use super::verdict;

const HEADING: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const CHART: Style = AnsiColor::Cyan.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const ODD: Style = AnsiColor::Yellow.on_default();

/// Text columns are wrapped here.
const WIDEST: usize = 72;

/// Prints what calls of the DDIs take.
pub fn print_instructions(taken: &[Taken]) {
    let mut table = Builder::new();
    table.push_record(["DDI", "call", "calls", "least instructions"]);
    for taken in taken {
        table.push_record([
            taken.ddi.clone(),
            taken.call.clone(),
            grouped(taken.times),
            grouped(taken.instructions),
        ]);
    }
    print(table, &[2, 3]);
}

/// Prints what a run gave: its calls, its pool, what is wrong, the verdict.
pub fn print_run(run: &Run) {
    let device = run.device.as_deref().map(|device| format!(", {device}"));
    let title = format!("vmdisp {}{}", run.host, device.unwrap_or_default());
    println!(
        "{HEADING}{title}{HEADING:#}  {DIM}seed {}, scale {}{DIM:#}",
        run.seed, run.scale
    );
    println!("{}\n", scenario(run));
    print_course(run);

    let mut calls = Builder::new();
    calls.push_record(["DDI", "calls", "statuses"]);
    for (name, call) in &run.calls {
        calls.push_record([name.clone(), grouped(call.count), statuses(&call.statuses)]);
    }
    print(calls, &[1]);

    let mut callbacks = Builder::new();
    callbacks.push_record(["callback", "calls"]);
    for (name, count) in &run.callbacks {
        callbacks.push_record([name.clone(), grouped(*count)]);
    }
    print(callbacks, &[1]);

    let mut pool = Builder::new();
    pool.push_record([
        "pool",
        "most blocks",
        "most bytes",
        "live blocks",
        "live bytes",
    ]);
    for tag in &run.pool.tags {
        pool.push_record([
            tag.name.clone(),
            grouped(tag.high_blocks),
            grouped(tag.high_bytes),
            alarm(tag.live_blocks),
            alarm(tag.live_bytes),
        ]);
    }
    pool.push_record([
        "all".to_owned(),
        format!("{DIM}{} calls{DIM:#}", grouped(run.pool.calls)),
        grouped(run.pool.high_water_bytes),
        alarm(run.pool.live_blocks),
        alarm(run.pool.live_bytes),
    ]);
    print(pool, &[1, 2, 3, 4]);

    print_wrong(run);
    println!("{}", verdict::of_run(run));
}

/// What the scenario did, in a sentence.
fn scenario(run: &Run) -> String {
    let made = |what| run.made(what);
    format!(
        "{} in {} ({} added later), {} alone and {}; {} devices, of which {} died while others shared;\n\
         {} opened by another device, {} closed by one of several; {} destroyed whole, {} piece by piece;\n\
         {} with wrong data; the most pool memory was {}.\n\
         {} and {} in a third of their memory, {} killed; {} compared with the model.",
        counted(made("allocations"), "allocation", "allocations"),
        counted(made("resources"), "resource", "resources"),
        grouped(made("added")),
        grouped(made("loose")),
        counted(made("standard"), "standard one", "standard ones"),
        grouped(made("devices")),
        grouped(made("devices_died")),
        counted(made("shared"), "resource", "resources"),
        grouped(made("closed")),
        grouped(made("destroyed_whole")),
        grouped(made("destroyed_empty")),
        counted(made("refused"), "call", "calls"),
        bytes(run.pool.high_water_bytes),
        counted(made("renders"), "render", "renders"),
        counted(made("presents"), "present", "presents"),
        counted(made("killed"), "process", "processes"),
        counted(made("compared_pixels"), "pixel", "pixels"),
    )
}

/// How many allocations lived over the run.
fn print_course(run: &Run) {
    let Some(most) = run.live.iter().max() else {
        return;
    };
    let note = format!("{} live at most", grouped(*most));
    for (index, line) in chart(&run.live, 4).iter().enumerate() {
        let note = if index == 0 { note.as_str() } else { "" };
        println!(" {CHART}{line}{CHART:#} {DIM}{note}{DIM:#}");
    }
    println!();
}

/// Broken rules, leaks and what the machine saw, if there are any.
fn print_wrong(run: &Run) {
    if !run.violations.is_empty() {
        let mut table = Builder::new();
        table.push_record(["broken rule", "DDI", "times", "the first time"]);
        for broken in &run.violations {
            table.push_record([
                format!("{BAD}{}{BAD:#}", broken.rule),
                broken.ddi.clone(),
                grouped(broken.times),
                broken.detail.clone(),
            ]);
        }
        print(table, &[2]);
    }
    if !run.leaks.is_empty() {
        let mut table = Builder::new();
        table.push_record(["leak", "of", "count", "bytes", "left after"]);
        for leak in &run.leaks {
            table.push_record([
                format!("{BAD}{}{BAD:#}", leak.tag),
                leak.what.clone(),
                grouped(leak.count),
                grouped(leak.bytes),
                leak.after.clone(),
            ]);
        }
        print(table, &[2, 3]);
    }
    for fault in &run.faults {
        println!("{BAD}wrong:{BAD:#} {fault}");
    }
}

/// Prints rows of the failure matrix, and the verdict.
pub fn print_rows(rows: &[RowResult]) {
    let mut table = Builder::new();
    table.push_record(["row", "", "time", "what it did"]);
    for row in rows {
        let (mark, what) = if row.passed {
            (format!("{GOOD}passed{GOOD:#}"), row.note.clone())
        } else if row.skipped {
            (format!("{ODD}skipped{ODD:#}"), row.note.clone())
        } else {
            let what = format!("expected {}, saw {}", row.expected, row.seen);
            (format!("{BAD}failed{BAD:#}"), what)
        };
        table.push_record([row.name.clone(), mark, time(row.milliseconds), what]);
    }
    print(table, &[2]);
    println!("{}", verdict::of_rows(rows));
}

/// A step of a run.
pub struct StepLine<'a> {
    /// What it does.
    pub name: &'a str,
    /// Whether it did.
    pub passed: bool,
    /// How long it took.
    pub milliseconds: u64,
    /// What there is to say of it.
    pub note: &'a str,
}

/// Prints the steps of a run.
pub fn print_steps(steps: &[StepLine<'_>]) {
    let mut table = Builder::new();
    table.push_record(["step", "", "time", "what came of it"]);
    for step in steps {
        let mark = if step.passed {
            format!("{GOOD}passed{GOOD:#}")
        } else {
            format!("{BAD}failed{BAD:#}")
        };
        table.push_record([
            step.name.to_owned(),
            mark,
            time(step.milliseconds),
            step.note.to_owned(),
        ]);
    }
    print(table, &[2]);
}

/// A time in the unit that suits it.
fn time(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..100_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds / 100 % 10),
        _ => format!("{} s", grouped(milliseconds / 1_000)),
    }
}

/// Prints which rows there are, by group: those of `chosen`.
pub fn print_groups(groups: &[Group], chosen: &[&Row]) {
    for group in groups {
        let is_chosen = |row: &&Row| chosen.iter().any(|chosen| chosen.name == row.name);
        let rows: Vec<_> = group.rows.iter().filter(is_chosen).collect();
        if rows.is_empty() {
            continue;
        }
        let (name, shows) = (group.name, group.shows);
        println!("{HEADING}{name}{HEADING:#}  {DIM}{shows}{DIM:#}");
        let mut table = Builder::new();
        table.push_record(["row", "what it shows"]);
        for row in rows {
            table.push_record([row.name, row.shows]);
        }
        print(table, &[]);
    }
}

/// Statuses by name, success first, the others in colour.
fn statuses(statuses: &std::collections::BTreeMap<String, u64>) -> String {
    if statuses.is_empty() {
        return format!("{DIM}none{DIM:#}");
    }
    let mut texts = Vec::new();
    for (value, count) in statuses {
        let number = u32::from_str_radix(value.trim_start_matches("0x"), 16).unwrap_or(u32::MAX);
        let name = status::name(number.cast_signed());
        let name = name.map_or(value.as_str(), |name| name.trim_start_matches("STATUS_"));
        let style = if number == 0 { GOOD } else { ODD };
        texts.push(format!("{style}{name}{style:#} {}", grouped(*count)));
    }
    texts.join("  ")
}

/// A number that should be 0.
fn alarm(number: u64) -> String {
    let style = if number == 0 { GOOD } else { BAD };
    format!("{style}{}{style:#}", grouped(number))
}

/// Prints a table whose first record is its head; `numbers` are columns set to the right.
pub fn print(builder: Builder, numbers: &[usize]) {
    let mut table = builder.build();
    let line = HorizontalLine::new('─').intersection('─');
    table.with(Lines::blank().horizontals([(1, line)]));
    table.modify(Rows::first(), tabled::settings::Color::BOLD);
    table.modify(Columns::last(), Width::wrap(WIDEST).keep_words(true));
    for column in numbers {
        table.with(Modify::new(Columns::one(*column)).with(Alignment::right()));
    }
    println!("{table}\n");
}
