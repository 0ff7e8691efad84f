//! DXGKQAITYPE_HISTORYBUFFERPRECISION: how many bits a time stamp of the history buffer has (Q4).

use alloc::format;

use dxgk_sys::DXGK_QUERYADAPTERINFOTYPE;

use crate::adapter::Adapter;
use crate::rules::Rule;
use crate::version::Version;

const NAME: &str = "QueryAdapterInfo";

impl Adapter {
    /// The precision of each node, asked of drivers of WDDM 1.3 and later.
    pub(crate) fn query_history_precision(&self) {
        let adapter = &*self.0;
        if adapter.registration.version < Version::WDDM1_3 {
            return;
        }
        let nodes = adapter.nodes() as usize;
        let kind = DXGK_QUERYADAPTERINFOTYPE::DXGKQAITYPE_HISTORYBUFFERPRECISION;
        let answer = self.query(kind, &[], nodes * size_of::<u32>());
        adapter.check(Rule::Q4, NAME, answer.is_ok(), || {
            format!(
                "HISTORYBUFFERPRECISION of {nodes} nodes refused with {:#010x}",
                answer.as_ref().err().unwrap_or(&0)
            )
        });
        for (node, bits) in answer
            .iter()
            .flat_map(|bytes| bytes.chunks_exact(4))
            .enumerate()
        {
            let bits = u32::from_ne_bytes([bits[0], bits[1], bits[2], bits[3]]);
            adapter.check(Rule::Q4, NAME, matches!(bits, 0 | 32..=64), || {
                format!("HISTORYBUFFERPRECISION of node {node} is {bits}")
            });
        }
    }
}
