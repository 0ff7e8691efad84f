//! `ring0 --rows`: rows of the failure matrix on a machine with two adapters.

use anyhow::{Result, bail};
use serde_json::{Value, json};
use vmdisp_ring0_protocol::{Job, Message};

use super::session::{Ended, Session};

/// What became of the rows.
pub struct Rows {
    /// The adapters, joined by a plus sign.
    pub devices: String,
    /// A `RowResult` for each, in their order.
    pub results: Vec<Value>,
    /// More about each fault, for people.
    pub trouble: Vec<String>,
}

impl Rows {
    /// Whether every row passed or had to be skipped.
    pub fn passed(&self) -> bool {
        !self.results.is_empty()
            && self
                .results
                .iter()
                .all(|row| row["passed"] == json!(true) || row["skipped"] == json!(true))
    }

    /// The run in the form that `--json` writes.
    pub fn json(&self) -> Value {
        json!({ "device": self.devices, "rows": self.results })
    }
}

/// Runs the rows named `names`, or all.
///
/// A row that ends in a fault takes its machine with it: it has failed, and the rows after it get
/// a new machine.
///
/// # Errors
///
/// Where a machine cannot be started or gives no account of its rows.
pub fn run(
    session: &Session,
    devices: &[String],
    names: &[String],
    wrong_handles: u32,
) -> Result<Rows> {
    let mut rows = Rows {
        devices: devices.join("+"),
        results: Vec::new(),
        trouble: Vec::new(),
    };
    let mut left = names.to_vec();
    loop {
        let job = Job::Rows {
            names: left.clone(),
            wrong_handles,
        };
        let ended = session.run(devices, job)?;
        let Some(planned) = planned(&ended) else {
            bail!("no row was run: {}", ended.trouble().join("\n"));
        };
        let (begun, results) = account(&ended);
        let done = results.len();
        rows.results.extend(results);
        match (ended.fault_line(), begun.get(done)) {
            (None, _) => return Ok(rows),
            (Some(fault), Some((name, shows))) => {
                rows.trouble.extend(ended.trouble());
                rows.results.push(json!({
                    "name": name, "shows": shows, "passed": false, "skipped": false, "note": "",
                    "expected": "no fault", "seen": fault,
                }));
                left = planned[done + 1..].to_vec();
            }
            (Some(fault), None) => bail!("a fault between two rows: {fault}"),
        }
        if left.is_empty() {
            return Ok(rows);
        }
    }
}

/// The names of the rows that the kernel meant to run.
fn planned(ended: &Ended) -> Option<&Vec<String>> {
    ended
        .outcome
        .messages
        .iter()
        .find_map(|message| match message {
            Message::Rows(names) => Some(names),
            _ => None,
        })
}

/// The rows that began, by name and what they show, and the results of those that ended.
fn account(ended: &Ended) -> (Vec<(String, String)>, Vec<Value>) {
    let (mut begun, mut results) = (Vec::new(), Vec::new());
    for message in &ended.outcome.messages {
        match message {
            Message::RowBegins { name, shows } => begun.push((name.clone(), shows.clone())),
            Message::Row(result) => results.push(result.clone()),
            _ => {}
        }
    }
    (begun, results)
}
