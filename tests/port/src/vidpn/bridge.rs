//! What the VidPN manager asks of the children, and what it tells the display side.

use alloc::vec::Vec;

use crate::adapter::AdapterInner;
use crate::display::{Child, ChildKind};

/// Whether a child is a VidPN target.
pub(super) fn is_output(child: &Child) -> bool {
    matches!(
        child.kind,
        ChildKind::VideoOutput | ChildKind::IntegratedDisplay
    )
}

impl AdapterInner {
    /// The VidPN targets: children that are video outputs.
    pub(crate) fn targets(&self) -> Vec<u32> {
        let children = self.children();
        children
            .iter()
            .filter(|child| is_output(child))
            .map(|child| child.uid)
            .collect()
    }

    /// Targets, with the EDID of those that have a monitor; it is empty if there is none.
    pub(crate) fn outputs(&self) -> Vec<(u32, Option<Vec<u8>>)> {
        let children = self.children();
        let outputs = children.iter().filter(|child| is_output(child));
        outputs
            .map(|child| {
                let edid = || self.display.edid(child.uid).unwrap_or_default();
                (child.uid, child.connected.then(edid))
            })
            .collect()
    }

    /// Tells the display side which path is active.
    pub(crate) fn note_committed(&self) {
        let path = self.active_path();
        let ends = path.map(|path| (path.VidPnSourceId, path.VidPnTargetId));
        self.display.committed(&*self.port.host, ends.as_slice());
    }
}
