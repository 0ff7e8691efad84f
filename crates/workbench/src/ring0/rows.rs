//! `ring0 --rows`: rows of the failure matrix on a machine with two adapters.

use anyhow::{Context, Result, bail};
use vmdisp_ring0_protocol::{Job, Message};
use vmdisp_scenarios::{RowOptions, RowResult};

use super::session::{Ended, Session};

/// What became of the rows.
pub struct Rows {
    /// A result for each, in their order.
    pub results: Vec<RowResult>,
    /// More about each fault, for people.
    pub trouble: Vec<String>,
}

/// Runs the rows named `names`, or all, on one machine with all of `devices`.
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
    options: &RowOptions,
) -> Result<Rows> {
    let mut rows = Rows {
        results: Vec::new(),
        trouble: Vec::new(),
    };
    let mut left = names.to_vec();
    loop {
        let job = Job::Rows {
            names: left.clone(),
            wrong_handles: options.wrong_handles,
            submissions: options.submissions,
        };
        let ended = session.run(devices, job)?;
        let Some(planned) = planned(&ended) else {
            bail!("no row was run: {}", ended.trouble().join("\n"));
        };
        let (begun, results) = account(&ended)?;
        let done = results.len();
        rows.results.extend(results);
        rows.trouble.extend(ended.trouble());
        let Some(fault) = ended.fault_line() else {
            return Ok(rows);
        };
        let Some((name, shows)) = begun.get(done) else {
            bail!("a fault, but in no row: {fault}");
        };
        rows.results.push(RowResult {
            name: name.clone(),
            shows: shows.clone(),
            passed: false,
            skipped: false,
            note: String::new(),
            expected: "no fault".into(),
            seen: fault,
            milliseconds: 0,
        });
        left = planned[done + 1..].to_vec();
        if left.is_empty() {
            return Ok(rows);
        }
    }
}

/// The results of the rows that ended.
///
/// # Errors
///
/// Where the machine gave none that can be read.
pub fn results(ended: &Ended) -> Result<Vec<RowResult>> {
    Ok(account(ended)?.1)
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

/// A row that began, by its name and what it shows.
type Begun = (String, String);

/// The rows that began, and the results of those that ended.
fn account(ended: &Ended) -> Result<(Vec<Begun>, Vec<RowResult>)> {
    let (mut begun, mut results) = (Vec::new(), Vec::new());
    for message in &ended.outcome.messages {
        match message {
            Message::RowBegins { name, shows } => begun.push((name.clone(), shows.clone())),
            Message::Row(result) => {
                let result = serde_json::from_value(result.clone());
                results.push(result.context("reading the result of a row")?);
            }
            _ => {}
        }
    }
    Ok((begun, results))
}
