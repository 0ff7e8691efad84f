//! The adapter's nodes: how many, what they are (Q8).

use alloc::format;
use alloc::string::String;

use dxgk_sys::DXGK_NODEMETADATA;
use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_SUCCESS};

use crate::adapter::{Adapter, AdapterInner};
use crate::ddi::Ddi;
use crate::pattern::Pattern;
use crate::rules::Rule;
use crate::version::Version;
use crate::{STATUS_PROCEDURE_NOT_FOUND, Status};

const NAME: &str = "GetNodeMetadata";

/// What a driver says of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeMetadata {
    /// `EngineType`, as `DXGK_ENGINE_TYPE` counts.
    pub engine_type: i32,
    /// `FriendlyName` up to its end.
    pub name: String,
}

impl Adapter {
    /// GetNodeMetadata. Nodes that exist must be described, others refused with `STATUS_INVALID_PARAMETER`.
    ///
    /// # Errors
    /// The driver's.
    pub fn node_metadata(&self, node: u32) -> Result<NodeMetadata, Status> {
        let adapter = &*self.0;
        let get = adapter.registration.table.DxgkDdiGetNodeMetadata;
        let get = get.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let pattern = Pattern::turn(adapter.port.turns.next());
        let mut metadata: DXGK_NODEMETADATA = pattern.filled();
        let arguments = || format!("node {node}");
        let status = adapter.call(Ddi::GetNodeMetadata, arguments, |_| {
            // SAFETY: the driver's own function and context, at its IRQL.
            unsafe { get(adapter.context(), node, &raw mut metadata) }
        });
        let exists = node < adapter.nodes();
        let right = if exists {
            STATUS_SUCCESS
        } else {
            STATUS_INVALID_PARAMETER
        };
        adapter.check(Rule::Q8, NAME, status == right, || {
            format!("node {node} of {}: {status:#010x}", adapter.nodes())
        });
        if status != STATUS_SUCCESS {
            return Err(status);
        }
        let kind = metadata.EngineType;
        let known = kind.name().is_some();
        adapter.check(Rule::Q8, NAME, known, || {
            format!("EngineType is {:#x}", kind.0)
        });
        let flags = metadata.Flags.bits();
        let modern = adapter.registration.version >= Version::WDDM2_0;
        adapter.check(
            Rule::Q8,
            NAME,
            modern || flags == 0 || flags == pattern.u32(),
            || format!("Flags are {flags:#x} before WDDM 2.0, where they are reserved"),
        );
        // The name of a node of a known type may be left out, but not half-written.
        let words = metadata.FriendlyName;
        let end = words.iter().position(|word| *word == 0);
        let untouched = words
            .iter()
            .all(|word| u32::from(*word) == pattern.u32() & 0xFFFF);
        adapter.check(
            Rule::Q8,
            NAME,
            end.is_some() || untouched,
            || "FriendlyName does not end",
        );
        Ok(NodeMetadata {
            engine_type: kind.0,
            name: String::from_utf16_lossy(&words[..end.unwrap_or(0)]),
        })
    }

    /// GetNodeMetadata of all nodes, and of some that are none.
    pub fn exercise_nodes(&self) {
        let nodes = self.0.nodes();
        for node in (0..nodes).chain([nodes, nodes + 1, 0xFFFF, u32::MAX]) {
            let _ = self.node_metadata(node);
        }
    }
}

impl AdapterInner {
    /// Nodes, as the capabilities say.
    pub(crate) fn nodes(&self) -> u32 {
        let caps = self.caps.lock();
        caps.map_or(1, |caps| {
            caps.0.GpuEngineTopology.NbAsymetricProcessingNodes
        })
    }
}
