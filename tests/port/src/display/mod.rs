//! The display side of dxgkrnl that is not VidPN objects: children, POST ownership, what the sources show, VSYNC,
//! power, the bugcheck screen, presents and pointers.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};

use spin::Mutex;

use crate::gate::Gate;
use crate::host::{Host, irql};

mod bugcheck;
mod children;
mod descriptors;
mod hot_plug;
mod pointer;
mod post;
mod power;
mod present;
mod scan;
mod sources;
mod vsync;

pub use bugcheck::SystemScreen;
pub use children::{Child, ChildKind, Hpd};
pub use hot_plug::ChildChange;
pub(crate) use hot_plug::Indication;
pub use pointer::Pointer;
pub use present::Present;
pub use scan::{Vsync, Vsyncs};
pub use sources::Flip;
pub use vsync::ScanLine;

use children::Known;
use post::Post;
use present::Presents;
use scan::Scan;

/// What the port knows of one adapter's display.
#[derive(Default)]
pub(crate) struct Display {
    /// StartDevice is in progress.
    starting: AtomicBool,
    /// The children of the last start.
    children: Raised<Vec<Known>>,
    /// EDIDs by child.
    edids: Mutex<BTreeMap<u32, Vec<u8>>>,
    scan: Raised<Scan>,
    post: Post,
    presents: Raised<Presents>,
    /// Serialises the pointer's calls.
    pointer: Gate,
}

impl Display {
    /// StartDevice begins: nothing is known, nothing is shown.
    pub(crate) fn begin_start(&self, host: &dyn Host) {
        self.starting.store(true, Ordering::Relaxed);
        self.post.open();
        self.scan.with(host, |scan| *scan = Scan::default());
        self.presents
            .with(host, |presents| *presents = Presents::default());
        let old = self.children.with(host, core::mem::take);
        drop(old);
        self.edids.lock().clear();
    }

    /// StartDevice has returned.
    pub(crate) fn end_start(&self) {
        self.post.close();
        self.starting.store(false, Ordering::Relaxed);
    }

    pub(crate) fn is_starting(&self) -> bool {
        self.starting.load(Ordering::Relaxed)
    }

    /// CommitVidPn is about to be called. A VSYNC may come in it and after it, of whatever is scanned out then; what
    /// must be there is known again when the next address is set.
    pub(crate) fn committing(&self, host: &dyn Host) {
        self.scan.with(host, Scan::forget_pictures);
    }

    /// The EDID of the monitor at a child, as the last reading gave it.
    pub(crate) fn edid(&self, uid: u32) -> Option<Vec<u8>> {
        self.edids.lock().get(&uid).cloned()
    }

    /// CommitVidPn succeeded: these are the active paths, source and target.
    pub(crate) fn committed(&self, host: &dyn Host, paths: &[(u32, u32)]) {
        self.scan.with(host, |scan| scan.commit(paths));
    }
}

/// A lock that interrupts take as well: whoever has it is at HIGH.
#[derive(Default)]
pub(crate) struct Raised<T>(Mutex<T>);

impl<T> Raised<T> {
    pub(crate) fn with<R>(&self, host: &dyn Host, look: impl FnOnce(&mut T) -> R) -> R {
        let before = host.irql();
        host.set_irql(irql::HIGH);
        let result = look(&mut self.0.lock());
        host.set_irql(before);
        result
    }
}
