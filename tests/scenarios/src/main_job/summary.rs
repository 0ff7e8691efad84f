//! What a run of the main job gives: one JSON object.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use dxgk_port::{CallCount, Host, Leak, Port, Violation};
use serde::Serialize;

/// The result of a run. As JSON it is one object.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The machine's name.
    pub host: String,
    /// The seed that repeats it.
    pub seed: u64,
    /// See [`crate::Options::scale`].
    pub scale: u32,
    /// What the scenario did.
    pub made: Made,
    /// How many allocations lived, from beginning to end: the most in each of up to 64 equal parts.
    pub live: Vec<u64>,
    /// DDI calls by name.
    pub calls: BTreeMap<&'static str, CallCount>,
    /// Callbacks that the driver called, by name.
    pub callbacks: BTreeMap<&'static str, u64>,
    /// Rules of the contract, and how often each was checked.
    pub checked: BTreeMap<&'static str, u64>,
    /// Rules that were broken.
    pub violations: Vec<Violation>,
    /// What was not given back.
    pub leaks: Vec<Leak>,
    /// What the machine itself saw go wrong, and debug lines that are too many or too few.
    pub faults: Vec<String>,
    /// The driver's pool.
    pub pool: PoolSummary,
}

impl Summary {
    /// No rule broken, nothing leaked, nothing else wrong.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.leaks.is_empty() && self.faults.is_empty()
    }
}

/// What the scenario did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Made {
    /// Devices, those that died included.
    pub devices: u64,
    /// Devices that died while others had their resources open.
    pub devices_died: u64,
    /// Resources.
    pub resources: u64,
    /// Allocations, all together.
    pub allocations: u64,
    /// Allocations added to a resource that existed.
    pub added: u64,
    /// Allocations without a resource.
    pub loose: u64,
    /// Standard allocations: primary, shadow, staging, GDI.
    pub standard: u64,
    /// Resources opened by one more device.
    pub shared: u64,
    /// Resources closed by one of several devices.
    pub closed: u64,
    /// Resources destroyed with all their allocations.
    pub destroyed_whole: u64,
    /// Resources destroyed after their allocations were, one by one.
    pub destroyed_empty: u64,
    /// Allocations described.
    pub described: u64,
    /// Calls with wrong private data, which the driver must refuse.
    pub refused: u64,
    /// Command buffers that were rendered.
    pub renders: u64,
    /// Presents.
    pub presents: u64,
    /// Processes that were killed while they rendered.
    pub killed: u64,
    /// Pixels of theirs that were compared with the model; all were right.
    pub compared_pixels: u64,
}

/// The driver's pool over the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PoolSummary {
    /// Pool calls that the driver made.
    pub calls: u64,
    /// The most bytes that were live at once.
    pub high_water_bytes: u64,
    /// Blocks that live at the end.
    pub live_blocks: u64,
    /// Their bytes.
    pub live_bytes: u64,
    /// The same by tag.
    pub tags: Vec<TagSummary>,
}

/// One pool tag over the run. The peaks are those seen between two calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TagSummary {
    /// As `!poolused` shows it.
    pub tag: String,
    /// The most blocks that were live at once.
    pub high_blocks: u64,
    /// The most bytes that were live at once.
    pub high_bytes: u64,
    /// Blocks that live at the end.
    pub live_blocks: u64,
    /// Their bytes.
    pub live_bytes: u64,
}

/// The most in each of up to `parts` equal parts of `samples`.
pub fn peaks(samples: &[u64], parts: usize) -> Vec<u64> {
    let length = samples.len().div_ceil(parts).max(1);
    samples
        .chunks(length)
        .map(|part| part.iter().copied().max().unwrap_or_default())
        .collect()
}

/// Follows the driver's pool from call to call.
pub struct HighWater {
    tags: BTreeMap<[u8; 4], (u64, u64)>,
    /// Pool calls before the driver was loaded.
    before: u64,
}

impl HighWater {
    /// Nothing seen yet.
    pub fn new(host: &dyn Host) -> Self {
        Self {
            tags: BTreeMap::new(),
            before: host.pool_calls(),
        }
    }

    /// Looks at the pool and tells the bytes that the driver has in it.
    pub fn sample(&mut self, port: &Port) -> u64 {
        let pool = port.host().pool();
        for tag in &pool.tags {
            let (blocks, bytes) = self.tags.entry(tag.tag).or_default();
            *blocks = tag.blocks.max(*blocks);
            *bytes = tag.bytes.max(*bytes);
        }
        pool.bytes
    }

    /// What the run comes to.
    pub fn summary(mut self, port: &Port) -> PoolSummary {
        self.sample(port);
        let pool = port.host().pool();
        let calls = port.host().pool_calls() - self.before;
        let live = |tag| {
            pool.tags
                .iter()
                .find(|live| live.tag == tag)
                .copied()
                .unwrap_or_default()
        };
        let tags = self
            .tags
            .iter()
            .map(|(tag, (high_blocks, high_bytes))| TagSummary {
                tag: String::from_utf8_lossy(tag).into_owned(),
                high_blocks: *high_blocks,
                high_bytes: *high_bytes,
                live_blocks: live(*tag).blocks,
                live_bytes: live(*tag).bytes,
            });
        PoolSummary {
            calls,
            high_water_bytes: pool.high_water_bytes,
            live_blocks: pool.blocks,
            live_bytes: pool.bytes,
            tags: tags.collect(),
        }
    }
}
