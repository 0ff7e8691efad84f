//! The tables of callbacks that a driver registers with, at ring 0, as each kind of driver.

use std::{path::Path, time::Duration};

use anyhow::{Result, bail};
use vmdisp_ring0_protocol::{Job, Message, Options, Table};

use super::{ADAPTERS, kernel, machine, session::Session};

/// How long loading a driver twice may take; it takes less than a second.
const LIMIT: Duration = Duration::from_secs(30);

/// Loads the driver in `file` as a full one and as a display-only one. What the port says of each table.
///
/// # Errors
///
/// Something that it needs is missing, or the driver does not load, leaks or faults.
pub fn tables(file: &Path) -> Result<Vec<Table>> {
    machine::qemu()?;
    let session = Session {
        kernel: kernel::build()?,
        driver: file.to_owned(),
        options: Options::default(),
        icount: false,
        limit: LIMIT,
        memory: None,
    };
    let ended = session.run(&[ADAPTERS[0].to_owned()], Job::Tables)?;
    let trouble = ended.trouble();
    if !trouble.is_empty() {
        bail!("{}", trouble.join("\n"));
    }
    let messages = ended.outcome.messages.into_iter();
    let tables: Vec<Table> = messages
        .filter_map(|message| match message {
            Message::Table(table) => Some(table),
            _ => None,
        })
        .collect();
    match tables.len() {
        2 => Ok(tables),
        other => bail!("the driver registered {other} times, not twice"),
    }
}
