//! The result of a run as it is read from JSON.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

/// What a run of the main job gave.
#[derive(Debug, Deserialize)]
pub struct Run {
    /// The machine: `in process`, `ring 0`.
    pub host: String,
    /// The QEMU device, where there is one.
    #[serde(default)]
    pub device: Option<String>,
    /// What repeats the run.
    pub seed: u64,
    /// How many times the basic job.
    pub scale: u32,
    /// What the scenario did, by name.
    pub made: BTreeMap<String, u64>,
    /// How many allocations lived, over the run.
    #[serde(default)]
    pub live: Vec<u64>,
    /// DDI calls by name.
    pub calls: BTreeMap<String, Calls>,
    /// Callbacks that the driver called.
    pub callbacks: BTreeMap<String, u64>,
    /// Rules, and how often each was checked.
    pub checked: BTreeMap<String, u64>,
    /// Rules that were broken.
    pub violations: Vec<Violation>,
    /// What was not given back.
    pub leaks: Vec<Leak>,
    /// What the machine itself saw go wrong.
    #[serde(default)]
    pub faults: Vec<String>,
    /// The driver's pool.
    pub pool: Pool,
}

/// Calls of one DDI.
#[derive(Debug, Deserialize)]
pub struct Calls {
    /// How many.
    pub count: u64,
    /// By status, as `0x%08x`.
    pub statuses: BTreeMap<String, u64>,
}

/// A broken rule.
#[derive(Debug, Deserialize)]
pub struct Violation {
    /// Its number in the contract.
    pub rule: String,
    /// The DDI or callback.
    pub ddi: String,
    /// What was wrong the first time.
    pub detail: String,
    /// How often.
    pub times: u64,
}

/// Something that was not given back.
#[derive(Debug, Deserialize)]
pub struct Leak {
    /// What kind of thing.
    pub what: String,
    /// Which.
    pub tag: String,
    /// How many.
    pub count: u64,
    /// Bytes, if it has bytes.
    pub bytes: u64,
    /// The call after which it should have been gone.
    pub after: String,
}

/// The driver's pool over the run.
#[derive(Debug, Deserialize)]
pub struct Pool {
    /// Pool calls.
    pub calls: u64,
    /// The most bytes at once.
    pub high_water_bytes: u64,
    /// Blocks that live at the end.
    pub live_blocks: u64,
    /// Their bytes.
    pub live_bytes: u64,
    /// By tag.
    pub tags: Vec<Tag>,
}

/// One pool tag over the run.
#[derive(Debug, Deserialize)]
pub struct Tag {
    /// As `!poolused` shows it.
    #[serde(rename = "tag")]
    pub name: String,
    /// The most blocks at once.
    pub high_blocks: u64,
    /// The most bytes at once.
    pub high_bytes: u64,
    /// Blocks that live at the end.
    pub live_blocks: u64,
    /// Their bytes.
    pub live_bytes: u64,
}

impl Run {
    /// Reads a run from its JSON object.
    ///
    /// # Errors
    ///
    /// Where a member is missing or of another type.
    pub fn from_json(value: &Value) -> Result<Self> {
        Self::deserialize(value).context("reading the result of a run")
    }

    /// Nothing broken, nothing leaked, nothing else wrong.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.leaks.is_empty() && self.faults.is_empty()
    }

    /// Something that the scenario did, by name; 0 for what it does not know.
    pub fn made(&self, what: &str) -> u64 {
        self.made.get(what).copied().unwrap_or_default()
    }
}
