//! `ring0 --instructions`: what a call of each DDI takes, beside the table in docs/performance.md.

mod table;

use std::fs;

use anstream::{eprintln, println};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use vmdisp_ring0_protocol::{Job, Message};
use vmdisp_scenarios::Taken;

use super::{HOST, complain, project, session::Session};
use crate::report;
use table::{Change, Table};

/// The adapter beside which calls are counted.
pub const DEVICE: &str = "VGA";

/// Where the table is, from the project's folder.
const FILE: &str = "docs/performance.md";

/// What writes the table anew.
const UPDATE: &str = "cargo run -- ring0 --instructions --update";

/// Counts, prints, and compares with the table or writes it anew. True if all is well, and the run as JSON.
///
/// # Errors
///
/// Where the machine cannot be started, the calls could not be counted, or the table is not where it should be.
pub fn run(session: &Session, device: &str, update: bool) -> Result<(bool, Value)> {
    let (taken, clean) = count(session, device)?;
    report::print_instructions(&taken);
    let path = project().join(FILE);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {FILE}"))?;
    let table = Table::find(&text).with_context(|| format!("looking in {FILE}"))?;
    let changes = table.compare(&taken);
    if update {
        let text = table.replace(&taken);
        fs::write(&path, text).with_context(|| format!("writing {FILE}"))?;
        println!("The table in {FILE} is written.");
    } else {
        for change in &changes {
            eprintln!("{change}");
        }
    }
    let stands = update || !changes.iter().any(Change::fails);
    if !stands {
        eprintln!("If that is as it should be, `{UPDATE}` writes the table in {FILE} anew.");
    }
    let run = json!({ "host": HOST, "device": device, "instructions": taken });
    Ok((clean && stands, run))
}

/// What each call takes, and whether nothing else was wrong.
fn count(session: &Session, device: &str) -> Result<(Vec<Taken>, bool)> {
    let ended = session.run(&[device.to_owned()], Job::Instructions)?;
    let trouble = ended.trouble();
    complain(device, &trouble);
    let mut messages = ended.outcome.messages.iter();
    let counted = messages.find_map(|message| match message {
        Message::Instructions(taken) => Some(taken),
        _ => None,
    });
    let Some(counted) = counted else {
        bail!("no instructions were counted beside {device}");
    };
    let taken = serde_json::from_value(counted.clone()).context("reading what was counted")?;
    Ok((taken, trouble.is_empty()))
}
