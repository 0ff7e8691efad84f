//! Runs of one kernel and one driver: the main job for each adapter, or rows of the failure matrix.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use serde_json::{Value, json};
use vmdisp_ring0_protocol::{Image, Job, Message, Options};

use crate::faults::with_names;
use crate::report::{self, Bar};

use super::{
    machine::{Machine, Outcome, Said},
    symbols::Symbols,
    verdict::Verdict,
};

/// What runs share.
pub struct Session {
    /// The kernel.
    pub kernel: PathBuf,
    /// The driver's image; its PDB lies beside it.
    pub driver: PathBuf,
    /// What every run is asked, but for the job.
    pub options: Options,
    /// Count the guest's time in instructions.
    pub icount: bool,
    /// How long a run may take.
    pub limit: Duration,
    /// Where a run's machine writes its memory.
    pub memory: Option<PathBuf>,
}

/// What a run came to.
pub struct Ended {
    /// The machine's side.
    pub outcome: Outcome,
    /// The judgement.
    pub verdict: Verdict,
    /// For the judgement's addresses; only read if there are any.
    symbols: Option<Symbols>,
}

impl Session {
    /// Runs `job` on a machine with these adapters.
    ///
    /// # Errors
    ///
    /// Where the machine cannot be started.
    pub fn run(&self, devices: &[String], job: Job) -> Result<Ended> {
        let options = Options {
            job,
            counts: self.icount,
            ..self.options.clone()
        };
        let machine = Machine {
            kernel: &self.kernel,
            driver: Some(&self.driver),
            options: &options,
            devices,
            icount: self.icount,
            limit: self.limit,
            memory: self.memory.as_deref(),
        };
        let mut watch = Watch::new(devices.join(" + "), options.trace);
        let outcome = machine.run(&mut |said| watch.show(&said))?;
        drop(watch);
        let verdict = Verdict::of(&outcome);
        let quiet = matches!(verdict, Verdict::Done)
            && !outcome
                .messages
                .iter()
                .any(|message| matches!(message, Message::Failed(_) | Message::Leaked(_)));
        let symbols = (!quiet).then(|| self.symbols(&outcome));
        Ok(Ended {
            outcome,
            verdict,
            symbols,
        })
    }

    /// The names of the run's code.
    fn symbols(&self, outcome: &Outcome) -> Symbols {
        let driver = loaded_at(outcome).map(|image| (self.driver.as_path(), image));
        Symbols::read(&self.kernel, driver)
    }
}

/// Where the driver was loaded last.
pub fn loaded_at(outcome: &Outcome) -> Option<Image> {
    outcome
        .messages
        .iter()
        .rev()
        .find_map(|message| match message {
            Message::Image(image) => Some(*image),
            _ => None,
        })
}

impl Ended {
    /// What went wrong, a line each, for people; nothing if all went well.
    pub fn trouble(&self) -> Vec<String> {
        let Some(symbols) = &self.symbols else {
            return Vec::new();
        };
        let mut lines = self.verdict.explain(symbols);
        for message in &self.outcome.messages {
            match message {
                Message::Failed(why) => lines.push(why.clone()),
                Message::Leaked(block) => {
                    lines.push(format!("leaked: {}", with_names(block, symbols)));
                }
                _ => {}
            }
        }
        lines
    }

    /// The fault as JSON, if there was one.
    pub fn fault(&self) -> Option<Value> {
        let headline = self.verdict.headline()?;
        let symbols = self.symbols.as_ref()?;
        Some(json!({
            "text": headline,
            "place": self.verdict.place(symbols),
            "lines": self.verdict.explain(symbols),
        }))
    }

    /// One line about the fault: what, and where.
    pub fn fault_line(&self) -> Option<String> {
        let headline = self.verdict.headline()?;
        let place = self
            .symbols
            .as_ref()
            .and_then(|symbols| self.verdict.place(symbols));
        Some(match place {
            Some(place) => format!("{headline}, at {place}"),
            None => headline,
        })
    }

    /// The main job's result, if it came to one.
    pub fn summary(&self) -> Option<&Value> {
        self.outcome
            .messages
            .iter()
            .find_map(|message| match message {
                Message::Summary(summary) => Some(summary),
                _ => None,
            })
    }
}

/// Shows a run while it goes on: its log if it is traced, else how far it is, on a terminal.
struct Watch {
    devices: String,
    trace: bool,
    bar: Bar,
    /// Rows that began, and how many there will be.
    rows: (u64, u64),
    /// The row that began last.
    row: String,
}

impl Watch {
    fn new(devices: String, trace: bool) -> Self {
        let bar = if trace { Bar::hidden() } else { Bar::new(1) };
        let watch = Self {
            devices,
            trace,
            bar,
            rows: (0, 1),
            row: String::new(),
        };
        watch.state(0, 1, "starting");
        watch
    }

    fn show(&mut self, said: &Said<'_>) {
        match said {
            Said::Line(line) if self.trace => println!("{line}"),
            Said::Message(Message::Progress(at)) => {
                self.state(at.done, at.total, &format!("{} allocations live", at.live));
            }
            Said::Message(Message::Rows(names)) => self.rows = (0, names.len() as u64),
            Said::Message(Message::RowBegins { name, .. }) => {
                let (begun, total) = self.rows;
                self.state(begun, total, name);
                self.rows = (begun + 1, total);
                self.row.clone_from(name);
            }
            Said::Message(Message::RowProgress(done, of)) => {
                let (begun, total) = self.rows;
                let what = format!("{}, {}", self.row, report::share(*done, *of));
                self.state(begun.saturating_sub(1), total, &what);
            }
            _ => {}
        }
    }

    fn state(&self, done: u64, total: u64, what: &str) {
        self.bar
            .set(done, total, || format!("{}: {what}", self.devices));
    }
}
