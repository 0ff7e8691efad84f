//! What a driver did not give back: pool, mappings, references.

use alloc::format;
use alloc::string::{String, ToString};

use crate::adapter::AdapterInner;
use crate::ddi::Ddi;
use crate::host::{PoolUse, TagUse};
use crate::port::PortInner;
use crate::report::Leak;
use crate::rules::Rule;

fn name_of(tag: [u8; 4]) -> String {
    tag.iter()
        .map(|byte| {
            if byte.is_ascii_graphic() {
                *byte as char
            } else {
                '.'
            }
        })
        .collect()
}

impl PortInner {
    /// Compares the driver's pool with what it was before; more blocks or bytes under a tag are a leak.
    pub(crate) fn check_pool(&self, rule: Rule, after: Ddi, before: &PoolUse) {
        let now = self.host.pool();
        for tag in &now.tags {
            let was = before.tags.iter().find(|was| was.tag == tag.tag);
            let was = was.copied().unwrap_or(TagUse {
                tag: tag.tag,
                blocks: 0,
                bytes: 0,
            });
            let blocks = tag.blocks.saturating_sub(was.blocks);
            let bytes = tag.bytes.saturating_sub(was.bytes);
            let clean = blocks == 0 && bytes == 0;
            let name = name_of(tag.tag);
            if !self.check(rule, after.name(), clean, || {
                format!("pool tag {name}: {blocks} blocks, {bytes} bytes more than before")
            }) {
                self.journal.leak(Leak {
                    what: "pool",
                    tag: name,
                    count: blocks,
                    bytes,
                    after: after.name(),
                });
            }
        }
        let grown = now.blocks > before.blocks && now.tags.is_empty();
        self.check(rule, after.name(), !grown, || {
            format!("{} blocks, before {}", now.blocks, before.blocks)
        });
    }
}

impl AdapterInner {
    /// No mapping may be left; what is left is reported and taken away.
    pub(crate) fn check_mappings(&self, rule: Rule, after: Ddi) {
        let left = core::mem::take(&mut *self.mappings.lock());
        self.check(rule, after.name(), left.is_empty(), || {
            format!(
                "{} mappings left, the first at {:#x}",
                left.len(),
                left[0].physical
            )
        });
        for mapping in left {
            self.port.host.unmap_memory(mapping.address);
            self.port.journal.leak(Leak {
                what: "mapping",
                tag: format!("{:#x}", mapping.physical),
                count: 1,
                bytes: mapping.bytes as u64,
                after: after.name(),
            });
        }
    }

    /// No reference by DxgkCbAcquireHandleData may be left.
    pub(crate) fn check_references(&self, after: Ddi) {
        let left = core::mem::take(&mut *self.held.lock());
        self.check(Rule::G8, after.name(), left.is_empty(), || {
            format!("{} references to handles were not released", left.len())
        });
        if !left.is_empty() {
            self.port.journal.leak(Leak {
                what: "handle reference",
                tag: left[0].1.to_string(),
                count: left.len() as u64,
                bytes: 0,
                after: after.name(),
            });
        }
    }
}
