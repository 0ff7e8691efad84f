//! The fake's functions for the VidPN, its paths and the monitor.

use std::boxed::Box;

use dxgk_sys::status::{
    STATUS_GRAPHICS_DATASET_IS_EMPTY, STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_SOURCE,
    STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_TARGET, STATUS_GRAPHICS_NO_MORE_ELEMENTS_IN_DATASET,
    STATUS_SUCCESS, STATUS_UNSUCCESSFUL,
};
use dxgk_sys::{
    D3DKMDT_HMONITORSOURCEMODESET, D3DKMDT_HVIDPN, D3DKMDT_HVIDPNSOURCEMODESET,
    D3DKMDT_HVIDPNTARGETMODESET, D3DKMDT_HVIDPNTOPOLOGY, D3DKMDT_VIDPN_PRESENT_PATH,
    DXGK_MONITOR_INTERFACE, DXGK_MONITOR_INTERFACE_VERSION, DXGK_MONITORSOURCEMODESET_INTERFACE,
    DXGK_VIDPN_INTERFACE, DXGK_VIDPN_INTERFACE_VERSION, DXGK_VIDPNSOURCEMODESET_INTERFACE,
    DXGK_VIDPNTARGETMODESET_INTERFACE, DXGK_VIDPNTOPOLOGY_INTERFACE, HANDLE, NTSTATUS, ddi_fn,
};

use super::{Fake, Kind, Set, Sets};

unsafe fn fake<'fake, T>(handle: *mut T) -> &'fake Fake {
    // SAFETY: every handle but a set's is the fake's address.
    unsafe { &*handle.cast::<Fake>() }
}

/// Fills what a driver must fill.
pub fn scribble<T: Copy>(record: &mut T) {
    let bytes = core::ptr::from_mut(record).cast::<u8>();
    // SAFETY: the record's own bytes; any are a value of the DDI's records.
    unsafe { bytes.write_bytes(0x55, size_of::<T>()) };
}

/// Answers a driver's question through its variable.
unsafe fn answer<T>(to: *mut T, value: T) -> NTSTATUS {
    // SAFETY: the driver's variable.
    unsafe { to.write(value) };
    STATUS_SUCCESS
}

impl<K: Kind> Sets<K> {
    /// The assigned set's handle, counted.
    fn acquire(&mut self) -> *mut K::Object {
        let set = self.assigned();
        set.references += 1;
        (&raw mut *set).cast()
    }

    fn create(&mut self, fake: &Fake) -> *mut K::Object {
        let mut set = Set::<K>::new(&raw const *fake);
        set.references = 1;
        self.all.push(Box::new(set));
        (&raw mut **self.all.last_mut().expect("just pushed")).cast()
    }

    fn position(&self, handle: *mut K::Object) -> Option<usize> {
        let handle: *const Set<K> = handle.cast_const().cast();
        self.all
            .iter()
            .position(|set| core::ptr::eq(&raw const **set, handle))
    }

    fn release(&mut self, fake: &Fake, handle: *mut K::Object) -> NTSTATUS {
        match self.position(handle) {
            Some(at) if self.all[at].references > 0 => self.all[at].references -= 1,
            _ => fake.wrong("a set released that is not held"),
        }
        STATUS_SUCCESS
    }

    fn assign(&mut self, fake: &Fake, handle: *mut K::Object) -> NTSTATUS {
        const ARGUMENTS: [NTSTATUS; 2] = [
            STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_SOURCE,
            STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_TARGET,
        ];
        let Some(at) = self
            .position(handle)
            .filter(|at| self.all[*at].references == 1)
        else {
            fake.wrong("a set assigned that is not new");
            return STATUS_UNSUCCESSFUL;
        };
        let failing = fake.failing("assign");
        if failing.is_some_and(|status| ARGUMENTS.contains(&status)) {
            return failing.unwrap_or(STATUS_SUCCESS);
        }
        // Whether it succeeds or not, from here on the set is dxgkrnl's.
        self.all[at].references -= 1;
        if let Some(status) = failing {
            return status;
        }
        if self.now.is_some_and(|now| self.all[now].chosen.is_some()) {
            fake.wrong("a set replaced that has a pinned mode");
        }
        if self.all[at].modes.is_empty() {
            fake.wrong("an empty set assigned");
        }
        self.all[at].assigned = true;
        // RecommendFunctionalVidPn pins in what it has just assigned to a VidPN without sets.
        self.all[at].pinnable = self.now.is_none();
        self.now = Some(at);
        STATUS_SUCCESS
    }
}

ddi_fn! {
    pub unsafe fn query_vidpn(
        vidpn: D3DKMDT_HVIDPN,
        _version: DXGK_VIDPN_INTERFACE_VERSION,
        to: *mut *const DXGK_VIDPN_INTERFACE,
    ) -> NTSTATUS {
        // SAFETY: as `fake`.
        let interface = unsafe { fake(vidpn) }.vidpn.as_ptr().cast_const();
        // SAFETY: as `answer`.
        unsafe { answer(to, interface) }
    }

    pub unsafe fn query_monitor(
        adapter: HANDLE,
        _version: DXGK_MONITOR_INTERFACE_VERSION,
        to: *mut *const DXGK_MONITOR_INTERFACE,
    ) -> NTSTATUS {
        // SAFETY: as `fake`.
        let fake = unsafe { fake(adapter) };
        if let Some(status) = fake.failing("monitor") {
            return status;
        }
        // SAFETY: as `answer`.
        unsafe { answer(to, &raw const fake.monitor) }
    }

    unsafe fn acquire_monitor(
        adapter: HANDLE,
        _target: u32,
        set: *mut D3DKMDT_HMONITORSOURCEMODESET,
        interface: *mut *const DXGK_MONITORSOURCEMODESET_INTERFACE,
    ) -> NTSTATUS {
        // SAFETY: as `fake`.
        let fake = unsafe { fake(adapter) };
        if fake.monitors.borrow().now.is_none() {
            return dxgk_sys::status::STATUS_GRAPHICS_MONITOR_NOT_CONNECTED;
        }
        // SAFETY: as `answer`.
        unsafe { answer(interface, &raw const fake.monitor_modes) };
        // SAFETY: as `answer`.
        unsafe { answer(set, fake.monitors.borrow_mut().acquire()) }
    }

    unsafe fn release_monitor(adapter: HANDLE, set: D3DKMDT_HMONITORSOURCEMODESET) -> NTSTATUS {
        // SAFETY: as `fake`.
        let fake = unsafe { fake(adapter) };
        fake.monitors.borrow_mut().release(fake, set)
    }

    unsafe fn get_topology(
        vidpn: D3DKMDT_HVIDPN,
        topology: *mut D3DKMDT_HVIDPNTOPOLOGY,
        interface: *mut *const DXGK_VIDPNTOPOLOGY_INTERFACE,
    ) -> NTSTATUS {
        // SAFETY: as `fake`.
        let functions = unsafe { fake(vidpn) }.topology.as_ptr().cast_const();
        // SAFETY: as `answer`.
        unsafe { answer(interface, functions) };
        // SAFETY: as `answer`.
        unsafe { answer(topology, vidpn.cast()) }
    }

    unsafe fn number(topology: D3DKMDT_HVIDPNTOPOLOGY, to: *mut usize) -> NTSTATUS {
        // SAFETY: as `fake`.
        let fake = unsafe { fake(topology) };
        let number = usize::from(fake.path.borrow().is_some()) + fake.more_paths.get();
        // SAFETY: as `answer`.
        unsafe { answer(to, number) }
    }

    unsafe fn first_path(
        topology: D3DKMDT_HVIDPNTOPOLOGY,
        to: *mut *const D3DKMDT_VIDPN_PRESENT_PATH,
    ) -> NTSTATUS {
        // SAFETY: as `fake`.
        let fake = unsafe { fake(topology) };
        let path = fake.path.borrow();
        let Some(path) = path.as_ref() else {
            return STATUS_GRAPHICS_DATASET_IS_EMPTY;
        };
        fake.path_references.set(fake.path_references.get() + 1);
        // SAFETY: as `answer`.
        unsafe { answer(to, &raw const **path) }
    }

    unsafe fn next_path(
        _topology: D3DKMDT_HVIDPNTOPOLOGY,
        _at: *const D3DKMDT_VIDPN_PRESENT_PATH,
        _to: *mut *const D3DKMDT_VIDPN_PRESENT_PATH,
    ) -> NTSTATUS {
        STATUS_GRAPHICS_NO_MORE_ELEMENTS_IN_DATASET
    }

    unsafe fn update_path(
        topology: D3DKMDT_HVIDPNTOPOLOGY,
        path: *const D3DKMDT_VIDPN_PRESENT_PATH,
    ) -> NTSTATUS {
        // SAFETY: as `fake`.
        let fake = unsafe { fake(topology) };
        fake.updates.set(fake.updates.get() + 1);
        // SAFETY: the driver's path.
        fake.change_path(|to| *to = unsafe { *path });
        STATUS_SUCCESS
    }

    unsafe fn release_path(
        topology: D3DKMDT_HVIDPNTOPOLOGY,
        path: *const D3DKMDT_VIDPN_PRESENT_PATH,
    ) -> NTSTATUS {
        // SAFETY: as `fake`.
        let fake = unsafe { fake(topology) };
        let mut new = fake.new_path.borrow_mut();
        if let Some(at) = new.iter().position(|new| core::ptr::eq(&raw const **new, path)) {
            new.remove(at);
        } else {
            fake.path_references.set(fake.path_references.get() - 1);
        }
        STATUS_SUCCESS
    }

    unsafe fn create_path(
        topology: D3DKMDT_HVIDPNTOPOLOGY,
        to: *mut *mut D3DKMDT_VIDPN_PRESENT_PATH,
    ) -> NTSTATUS {
        // SAFETY: as `fake`.
        let fake = unsafe { fake(topology) };
        let mut path = Box::new(D3DKMDT_VIDPN_PRESENT_PATH::ZERO);
        scribble(&mut *path);
        let address = &raw mut *path;
        fake.new_path.borrow_mut().push(path);
        // SAFETY: as `answer`.
        unsafe { answer(to, address) }
    }

    unsafe fn add_path(
        topology: D3DKMDT_HVIDPNTOPOLOGY,
        _path: *mut D3DKMDT_VIDPN_PRESENT_PATH,
    ) -> NTSTATUS {
        // SAFETY: as `fake`.
        let fake = unsafe { fake(topology) };
        if let Some(status) = fake.failing("add path") {
            return status;
        }
        *fake.path.borrow_mut() = fake.new_path.borrow_mut().pop();
        STATUS_SUCCESS
    }

    unsafe fn remove_path(
        topology: D3DKMDT_HVIDPNTOPOLOGY,
        _source: u32,
        _target: u32,
    ) -> NTSTATUS {
        // SAFETY: as `fake`.
        *unsafe { fake(topology) }.path.borrow_mut() = None;
        STATUS_SUCCESS
    }

    unsafe fn acquire_source(
        vidpn: D3DKMDT_HVIDPN,
        _id: u32,
        set: *mut D3DKMDT_HVIDPNSOURCEMODESET,
        interface: *mut *const DXGK_VIDPNSOURCEMODESET_INTERFACE,
    ) -> NTSTATUS {
        // SAFETY: as `fake`.
        let fake = unsafe { fake(vidpn) };
        // SAFETY: as `answer`.
        unsafe { answer(interface, fake.source_modes.as_ptr()) };
        // SAFETY: as `answer`.
        unsafe { answer(set, fake.sources.borrow_mut().acquire()) }
    }

    unsafe fn create_source(
        vidpn: D3DKMDT_HVIDPN,
        _id: u32,
        set: *mut D3DKMDT_HVIDPNSOURCEMODESET,
        interface: *mut *const DXGK_VIDPNSOURCEMODESET_INTERFACE,
    ) -> NTSTATUS {
        // SAFETY: as `fake`.
        let fake = unsafe { fake(vidpn) };
        if let Some(status) = fake.failing("create set") {
            return status;
        }
        // SAFETY: as `answer`.
        unsafe { answer(interface, fake.source_modes.as_ptr()) };
        // SAFETY: as `answer`.
        unsafe { answer(set, fake.sources.borrow_mut().create(fake)) }
    }

    unsafe fn assign_source(
        vidpn: D3DKMDT_HVIDPN,
        _id: u32,
        set: D3DKMDT_HVIDPNSOURCEMODESET,
    ) -> NTSTATUS {
        // SAFETY: as `fake`.
        let fake = unsafe { fake(vidpn) };
        fake.sources.borrow_mut().assign(fake, set)
    }

    unsafe fn release_source(vidpn: D3DKMDT_HVIDPN, set: D3DKMDT_HVIDPNSOURCEMODESET) -> NTSTATUS {
        // SAFETY: as `fake`.
        let fake = unsafe { fake(vidpn) };
        fake.sources.borrow_mut().release(fake, set)
    }

    unsafe fn acquire_target(
        vidpn: D3DKMDT_HVIDPN,
        _id: u32,
        set: *mut D3DKMDT_HVIDPNTARGETMODESET,
        interface: *mut *const DXGK_VIDPNTARGETMODESET_INTERFACE,
    ) -> NTSTATUS {
        // SAFETY: as `fake`.
        let fake = unsafe { fake(vidpn) };
        // SAFETY: as `answer`.
        unsafe { answer(interface, &raw const fake.target_modes) };
        // SAFETY: as `answer`.
        unsafe { answer(set, fake.targets.borrow_mut().acquire()) }
    }

    unsafe fn create_target(
        vidpn: D3DKMDT_HVIDPN,
        _id: u32,
        set: *mut D3DKMDT_HVIDPNTARGETMODESET,
        interface: *mut *const DXGK_VIDPNTARGETMODESET_INTERFACE,
    ) -> NTSTATUS {
        // SAFETY: as `fake`.
        let fake = unsafe { fake(vidpn) };
        // SAFETY: as `answer`.
        unsafe { answer(interface, &raw const fake.target_modes) };
        // SAFETY: as `answer`.
        unsafe { answer(set, fake.targets.borrow_mut().create(fake)) }
    }

    unsafe fn assign_target(
        vidpn: D3DKMDT_HVIDPN,
        _id: u32,
        set: D3DKMDT_HVIDPNTARGETMODESET,
    ) -> NTSTATUS {
        // SAFETY: as `fake`.
        let fake = unsafe { fake(vidpn) };
        fake.targets.borrow_mut().assign(fake, set)
    }

    unsafe fn release_target(vidpn: D3DKMDT_HVIDPN, set: D3DKMDT_HVIDPNTARGETMODESET) -> NTSTATUS {
        // SAFETY: as `fake`.
        let fake = unsafe { fake(vidpn) };
        fake.targets.borrow_mut().release(fake, set)
    }
}

pub fn vidpn() -> DXGK_VIDPN_INTERFACE {
    let mut interface = DXGK_VIDPN_INTERFACE::ZERO;
    interface.Version = DXGK_VIDPN_INTERFACE_VERSION::DXGK_VIDPN_INTERFACE_VERSION_V1;
    interface.pfnGetTopology = Some(get_topology);
    interface.pfnAcquireSourceModeSet = Some(acquire_source);
    interface.pfnReleaseSourceModeSet = Some(release_source);
    interface.pfnCreateNewSourceModeSet = Some(create_source);
    interface.pfnAssignSourceModeSet = Some(assign_source);
    interface.pfnAcquireTargetModeSet = Some(acquire_target);
    interface.pfnReleaseTargetModeSet = Some(release_target);
    interface.pfnCreateNewTargetModeSet = Some(create_target);
    interface.pfnAssignTargetModeSet = Some(assign_target);
    interface
}

pub fn topology() -> DXGK_VIDPNTOPOLOGY_INTERFACE {
    let mut interface = DXGK_VIDPNTOPOLOGY_INTERFACE::ZERO;
    interface.pfnGetNumPaths = Some(number);
    interface.pfnAcquireFirstPathInfo = Some(first_path);
    interface.pfnAcquireNextPathInfo = Some(next_path);
    interface.pfnUpdatePathSupportInfo = Some(update_path);
    interface.pfnReleasePathInfo = Some(release_path);
    interface.pfnCreateNewPathInfo = Some(create_path);
    interface.pfnAddPath = Some(add_path);
    interface.pfnRemovePath = Some(remove_path);
    interface
}

pub fn monitor() -> DXGK_MONITOR_INTERFACE {
    let mut interface = DXGK_MONITOR_INTERFACE::ZERO;
    interface.Version = DXGK_MONITOR_INTERFACE_VERSION::DXGK_MONITOR_INTERFACE_VERSION_V1;
    interface.pfnAcquireMonitorSourceModeSet = Some(acquire_monitor);
    interface.pfnReleaseMonitorSourceModeSet = Some(release_monitor);
    interface
}
