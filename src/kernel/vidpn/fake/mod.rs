//! A VidPN manager for unit tests, behind dxgkrnl's own interfaces: one VidPN, at most one path, and a
//! monitor. It counts what the driver holds and notes what it breaks.

mod callbacks;
mod sets;

use core::cell::{Cell, RefCell};
use core::ptr::NonNull;
use std::boxed::Box;
use std::vec::Vec;

use dxgk_sys::{
    D3DKMDT_HVIDPN, D3DKMDT_VIDPN_PRESENT_PATH, DXGK_MONITOR_INTERFACE,
    DXGK_MONITORSOURCEMODESET_INTERFACE, DXGK_VIDPN_INTERFACE, DXGK_VIDPNSOURCEMODESET_INTERFACE,
    DXGK_VIDPNTARGETMODESET_INTERFACE, DXGK_VIDPNTOPOLOGY_INTERFACE, DXGKRNL_INTERFACE, NTSTATUS,
};

pub use sets::{Kind, Set};

use super::{MonitorMode, MonitorModes, MonitorSet, Source, SourceMode, Target, TargetMode, VidPn};
use crate::kernel::dxgkrnl::Dxgkrnl;
use crate::kernel::testing::passive;

/// The objects of one side: every set that ever was, the last assigned one.
pub struct Sets<K: Kind> {
    pub all: Vec<Box<Set<K>>>,
    pub now: Option<usize>,
}

impl<K: Kind> Sets<K> {
    const fn new() -> Self {
        Self {
            all: Vec::new(),
            now: None,
        }
    }

    /// The set that is assigned.
    pub fn assigned(&mut self) -> &mut Set<K> {
        let now = self.now.expect("a set");
        &mut self.all[now]
    }

    fn put(&mut self, set: Set<K>) {
        self.all.push(Box::new(set));
        self.now = Some(self.all.len() - 1);
    }
}

/// What the driver sees of dxgkrnl in a unit test.
pub struct Fake {
    pub sources: RefCell<Sets<Source>>,
    pub targets: RefCell<Sets<Target>>,
    pub monitors: RefCell<Sets<MonitorModes>>,
    pub path: RefCell<Option<Box<D3DKMDT_VIDPN_PRESENT_PATH>>>,
    /// A path that was created and neither added nor released.
    new_path: RefCell<Vec<Box<D3DKMDT_VIDPN_PRESENT_PATH>>>,
    path_references: Cell<i32>,
    /// How many paths it says that there are beside the one.
    pub more_paths: Cell<usize>,
    /// How often the path's support was updated.
    pub updates: Cell<u32>,
    fails: RefCell<Vec<(&'static str, NTSTATUS)>>,
    broken: RefCell<Vec<&'static str>>,
    ids: Cell<u32>,
    pub vidpn: RefCell<DXGK_VIDPN_INTERFACE>,
    pub topology: RefCell<DXGK_VIDPNTOPOLOGY_INTERFACE>,
    pub source_modes: RefCell<DXGK_VIDPNSOURCEMODESET_INTERFACE>,
    target_modes: DXGK_VIDPNTARGETMODESET_INTERFACE,
    monitor_modes: DXGK_MONITORSOURCEMODESET_INTERFACE,
    monitor: DXGK_MONITOR_INTERFACE,
}

impl Fake {
    /// An empty VidPN, no monitor.
    pub fn empty() -> Box<Self> {
        Box::new(Self {
            sources: RefCell::new(Sets::new()),
            targets: RefCell::new(Sets::new()),
            monitors: RefCell::new(Sets::new()),
            path: RefCell::new(None),
            new_path: RefCell::new(Vec::new()),
            path_references: Cell::new(0),
            more_paths: Cell::new(0),
            updates: Cell::new(0),
            fails: RefCell::new(Vec::new()),
            broken: RefCell::new(Vec::new()),
            ids: Cell::new(1),
            vidpn: RefCell::new(callbacks::vidpn()),
            topology: RefCell::new(callbacks::topology()),
            source_modes: RefCell::new(sets::source::interface()),
            target_modes: sets::target::interface(),
            monitor_modes: sets::monitor::interface(),
            monitor: callbacks::monitor(),
        })
    }

    /// A VidPN of one path with empty sets.
    pub fn with_path() -> Box<Self> {
        let fake = Self::empty();
        *fake.path.borrow_mut() = Some(Box::new(D3DKMDT_VIDPN_PRESENT_PATH::ZERO));
        fake.set_sources(&[], None);
        fake.set_targets(&[], None);
        fake
    }

    /// Dxgkrnl's own set of the source.
    pub fn set_sources(&self, modes: &[SourceMode], pinned: Option<usize>) {
        let mut set = Set::new(&raw const *self).with(modes);
        (set.chosen, set.assigned) = (pinned, true);
        self.sources.borrow_mut().put(set);
    }

    /// Dxgkrnl's own set of the target.
    pub fn set_targets(&self, modes: &[TargetMode], pinned: Option<usize>) {
        let mut set = Set::new(&raw const *self).with(modes);
        (set.chosen, set.assigned) = (pinned, true);
        self.targets.borrow_mut().put(set);
    }

    /// Connects a monitor with these modes.
    pub fn set_monitor(&self, modes: &[MonitorMode], preferred: Option<usize>) {
        let mut set = Set::new(&raw const *self).with(modes);
        (set.chosen, set.assigned, set.open) = (preferred, true, true);
        self.monitors.borrow_mut().put(set);
    }

    /// Changes the path.
    pub fn change_path(&self, change: impl FnOnce(&mut D3DKMDT_VIDPN_PRESENT_PATH)) {
        change(self.path.borrow_mut().as_mut().expect("a path"));
    }

    /// What is left of the path.
    pub fn the_path(&self) -> D3DKMDT_VIDPN_PRESENT_PATH {
        **self.path.borrow().as_ref().expect("a path")
    }

    /// The modes of the set that the source has now.
    pub fn source_list(&self) -> Vec<SourceMode> {
        self.sources.borrow_mut().assigned().list()
    }

    /// The modes of the set that the target has now.
    pub fn target_list(&self) -> Vec<TargetMode> {
        self.targets.borrow_mut().assigned().list()
    }

    /// The modes that the monitor has now.
    pub fn monitor_list(&self) -> Vec<MonitorMode> {
        self.monitors.borrow_mut().assigned().list()
    }

    /// The next call of this name answers so.
    pub fn fail(&self, call: &'static str, status: NTSTATUS) {
        self.fails.borrow_mut().push((call, status));
    }

    fn failing(&self, call: &str) -> Option<NTSTATUS> {
        let mut fails = self.fails.borrow_mut();
        let at = fails.iter().position(|(name, _)| *name == call)?;
        Some(fails.remove(at).1)
    }

    fn wrong(&self, what: &'static str) {
        self.broken.borrow_mut().push(what);
    }

    fn next_id(&self) -> u32 {
        self.ids.replace(self.ids.get() + 1)
    }

    /// Whether the driver gave back everything and broke nothing.
    #[track_caller]
    pub fn check(&self) {
        assert_eq!(*self.broken.borrow(), [""; 0]);
        assert_eq!(self.left(), 0, "held by the driver");
    }

    /// What the driver holds.
    pub fn left(&self) -> usize {
        let sources = self
            .sources
            .borrow()
            .all
            .iter()
            .map(|set| set.left())
            .sum::<usize>();
        let targets = self
            .targets
            .borrow()
            .all
            .iter()
            .map(|set| set.left())
            .sum::<usize>();
        let monitors = self
            .monitors
            .borrow()
            .all
            .iter()
            .map(|set| set.left())
            .sum::<usize>();
        let paths = usize::try_from(self.path_references.get()).unwrap_or(99);
        sources + targets + monitors + paths + self.new_path.borrow().len()
    }

    /// Dxgkrnl's callbacks.
    pub fn dxgkrnl(&self) -> Dxgkrnl {
        let mut interface = DXGKRNL_INTERFACE::ZERO;
        interface.Size = u32::try_from(size_of::<DXGKRNL_INTERFACE>()).unwrap();
        interface.DeviceHandle = (&raw const *self).cast_mut().cast();
        interface.DxgkCbQueryVidPnInterface = Some(callbacks::query_vidpn);
        interface.DxgkCbQueryMonitorInterface = Some(callbacks::query_monitor);
        // SAFETY: an interface of the size that it says.
        unsafe { Dxgkrnl::copy(NonNull::from(&mut interface)) }
    }

    /// The handle of the VidPN.
    pub fn handle(&self) -> D3DKMDT_HVIDPN {
        (&raw const *self).cast_mut().cast()
    }

    /// The driver's view of the VidPN.
    pub fn open(&self) -> VidPn<'_> {
        // SAFETY: the handle is the fake's, which outlives the view.
        unsafe { VidPn::open(&self.dxgkrnl(), self.handle(), passive()) }.unwrap()
    }

    /// What RecommendMonitorModes gets.
    pub fn monitor_set(&self) -> MonitorSet {
        let handle = &raw mut *self.monitors.borrow_mut().assigned();
        // SAFETY: the set and the interface are the fake's.
        unsafe { MonitorSet::new(handle.cast(), &raw const self.monitor_modes, passive()) }.unwrap()
    }
}
