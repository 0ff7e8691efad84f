//! What came of a run: its steps, the main job's result, and what went wrong with the names of code.

use std::time::Instant;

use anstream::{eprintln, println};
use serde_json::{Value, json};

use super::HOST;
use super::course::Course;
use super::journal::Journal;
use super::prefix::Prefix;
use crate::faults::{self, Names, with_names};
use crate::images::Loaded;
use crate::report::{self, Run, StepLine};

/// A step that was made.
#[derive(Debug, Clone)]
pub struct Step {
    name: &'static str,
    passed: bool,
    note: String,
    milliseconds: u64,
}

impl Step {
    /// One that passed, with what there is to say.
    pub fn passed(name: &'static str, note: String, begin: Instant) -> Self {
        Self::new(name, true, note, begin)
    }

    /// One that failed, and why.
    pub fn failed(name: &'static str, why: String, begin: Instant) -> Self {
        Self::new(name, false, why, begin)
    }

    fn new(name: &'static str, passed: bool, note: String, begin: Instant) -> Self {
        let milliseconds = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        Self {
            name,
            passed,
            note,
            milliseconds,
        }
    }

    /// Whether it passed.
    pub fn has_passed(&self) -> bool {
        self.passed
    }
}

/// What came of a run.
pub struct Outcome {
    steps: Vec<Step>,
    /// The main job, with the pool and the leaks as they were after the driver's unload.
    job: Option<Value>,
    /// The fault that ended the drivers: what, and where.
    fault: Option<(String, Option<String>)>,
    /// All that is known of what went wrong, for people.
    trouble: Vec<String>,
    /// The picture that the main job kept.
    picture: Option<std::path::PathBuf>,
}

/// The code of all images that were loaded.
struct Symbols(Vec<Loaded>);

impl Names for Symbols {
    fn at(&self, address: u64) -> String {
        let mut found = self.0.iter().filter_map(|image| image.at(address));
        found.next().unwrap_or_else(|| format!("{address:#x}"))
    }
}

impl Symbols {
    fn of(journal: &Journal, course: &Course<'_>) -> Self {
        let load = |(name, image)| {
            let path = if name == "vmdisp.sys" {
                course.package.sys.clone()
            } else {
                course.programs.path(name)
            };
            Loaded::read(&path, image).0
        };
        Self(journal.images().into_iter().map(load).collect())
    }
}

impl Outcome {
    /// Judges a run.
    pub fn of(
        mut steps: Vec<Step>,
        journal: &Journal,
        course: &Course<'_>,
        prefix: &Prefix,
    ) -> Self {
        let symbols = Symbols::of(journal, course);
        let mut trouble = Vec::new();
        let fault = journal.fault().map(|fault| {
            let place = faults::place(fault, &symbols);
            trouble.push(fault.text.clone());
            trouble.extend(place.iter().map(|place| format!("  at {place}")));
            trouble.extend(faults::explain(fault, &symbols));
            (fault.text.clone(), place)
        });
        let left = journal.left();
        trouble.extend(
            left.iter()
                .map(|line| format!("left: {}", with_names(line, &symbols))),
        );
        for step in steps.iter_mut().filter(|step| !step.passed) {
            step.note = with_names(&step.note, &symbols);
            if let Some((text, place)) = &fault {
                let place = place.as_ref().map(|place| format!(", at {place}"));
                step.note = format!("{text}{} ({})", place.unwrap_or_default(), step.note);
            }
        }
        if steps.iter().any(|step| !step.passed) {
            let last = journal.lines.iter().rev().take(10).rev();
            trouble.extend(last.map(|line| format!("| {line}")));
        }
        Self {
            job: job(journal),
            picture: picture(prefix),
            steps,
            fault,
            trouble,
        }
    }

    /// Whether every step passed.
    pub fn passed(&self) -> bool {
        self.fault.is_none() && self.steps.iter().all(Step::has_passed)
    }

    /// What went wrong first, if anything did.
    pub fn why(&self) -> Option<&str> {
        let failed = self.steps.iter().find(|step| !step.passed);
        failed.map(|step| step.note.as_str())
    }

    /// One line about it.
    pub fn line(&self) -> String {
        let seconds = self.milliseconds() / 1000;
        match self.steps.iter().find(|step| !step.passed) {
            None => format!("{} steps passed in {seconds} s", self.steps.len()),
            Some(step) => format!("FAILED after {seconds} s, {}: {}", step.name, step.note),
        }
    }

    /// How long it took.
    pub fn milliseconds(&self) -> u64 {
        self.steps.iter().map(|step| step.milliseconds).sum()
    }

    /// Prints all of it.
    pub fn print(&self) {
        if let Some(run) = self.job.as_ref().and_then(|job| Run::from_json(job).ok()) {
            report::print_run(&run);
            println!();
        }
        report::print_pictures(self.picture.as_slice());
        let lines = self.steps.iter().map(|step| StepLine {
            name: step.name,
            passed: step.passed,
            milliseconds: step.milliseconds,
            note: &step.note,
        });
        report::print_steps(&lines.collect::<Vec<_>>());
        for line in &self.trouble {
            eprintln!("{line}");
        }
        println!("{HOST}: {}", self.line());
    }

    /// All of it, for programs.
    pub fn to_json(&self) -> Value {
        let step = |step: &Step| {
            json!({
                "name": step.name,
                "passed": step.passed,
                "milliseconds": step.milliseconds,
                "note": step.note,
            })
        };
        let mut run = json!({
            "host": HOST,
            "passed": self.passed(),
            "steps": self.steps.iter().map(step).collect::<Vec<_>>(),
            "trouble": self.trouble,
        });
        if let (Some(run), Some(Value::Object(job))) = (run.as_object_mut(), &self.job) {
            run.extend(job.clone());
        }
        run
    }
}

/// The main job's result. Its adapter was still there when it ended, so what is left of the pool and what leaked is
/// taken from the port's report after the unload that followed.
fn job(journal: &Journal) -> Option<Value> {
    let mut job = journal.summary()?.clone();
    let unloaded = journal.messages.iter().find_map(|message| match message {
        vmdisp_wine_protocol::Message::Unloaded(report) => Some(report),
        _ => None,
    });
    let Some(report) = unloaded else {
        return Some(job);
    };
    for member in ["calls", "callbacks", "checked", "violations", "leaks"] {
        job[member] = report[member].clone();
    }
    let pool = &report["pool"];
    job["pool"]["live_blocks"] = pool["blocks"].clone();
    job["pool"]["live_bytes"] = pool["bytes"].clone();
    for tag in job["pool"]["tags"].as_array_mut().into_iter().flatten() {
        let name = tag["tag"].as_str().unwrap_or_default().as_bytes().to_vec();
        let same = |other: &&Value| {
            let bytes = other["tag"].as_array().into_iter().flatten();
            bytes
                .map(Value::as_u64)
                .eq(name.iter().map(|byte| Some(u64::from(*byte))))
        };
        let left = pool["tags"].as_array().into_iter().flatten().find(same);
        let of = |member: &str| left.map_or(json!(0), |left| left[member].clone());
        (tag["live_blocks"], tag["live_bytes"]) = (of("blocks"), of("bytes"));
    }
    Some(job)
}

/// The picture that the main job kept, as PNG.
fn picture(prefix: &Prefix) -> Option<std::path::PathBuf> {
    let file = std::fs::read(prefix.picture()).ok()?;
    let shown = crate::ppm::read(&file).ok()?;
    let to = super::project().join("target/vmdisp/screen-wine.png");
    shown.write_png(&to).ok()?;
    Some(to)
}
