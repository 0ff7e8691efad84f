//! Sets of modes: reading them, and adding modes to one that the driver may change.

use core::ops::ControlFlow;
use core::ptr;

use dxgk_sys::{NTSTATUS, ddi};

use super::super::dxgkrnl::Refused;
use super::{MISSING, element, granted};

type Acquire<O, I> = Option<ddi!(fn(set: *mut O, info: *mut *const I) -> NTSTATUS)>;
type Next<O, I> = Option<ddi!(fn(set: *mut O, info: *const I, next: *mut *const I) -> NTSTATUS)>;
type Release<O, I> = Option<ddi!(fn(set: *mut O, info: *const I) -> NTSTATUS)>;
type Create<O, I> = Option<ddi!(fn(set: *mut O, info: *mut *mut I) -> NTSTATUS)>;
type Add<O, I> = Option<ddi!(fn(set: *mut O, info: *mut I) -> NTSTATUS)>;
type Pin<O> = Option<ddi!(fn(set: *mut O, mode: u32) -> NTSTATUS)>;

/// The functions of a set, whichever its kind.
pub struct Functions<O, I> {
    pub(super) first: Acquire<O, I>,
    pub(super) next: Next<O, I>,
    /// The pinned mode, or a monitor's preferred one.
    pub(super) chosen: Acquire<O, I>,
    pub(super) release: Release<O, I>,
    pub(super) create: Create<O, I>,
    pub(super) add: Add<O, I>,
    pub(super) pin: Pin<O>,
}

/// A kind of sets: of a source's modes, of a target's, of a monitor's.
///
/// # Safety
///
/// `functions` gives the functions of the interface that comes with a handle; `read` and `write` touch
/// nothing but the members that every version of the DDI has.
pub unsafe trait ModeSet {
    /// What dxgkrnl's handle of a set points at.
    type Object;
    /// Dxgkrnl's description of a mode.
    type Info;
    /// Dxgkrnl's table of functions for a set.
    type Interface;
    /// A mode, as the driver sees it.
    type Mode;

    /// The functions of a set.
    fn functions(interface: &Self::Interface) -> Functions<Self::Object, Self::Info>;

    /// Reads a mode.
    ///
    /// # Safety
    ///
    /// `info` is a description that dxgkrnl gave and that has not been released.
    unsafe fn read(info: *const Self::Info) -> Self::Mode;

    /// Fills in a new mode, all but its identifier, which it returns.
    ///
    /// # Safety
    ///
    /// `info` is a description that dxgkrnl created and that has not been added or released.
    unsafe fn write(info: *mut Self::Info, mode: &Self::Mode) -> u32;
}

/// A set that can be read. Whose it is, the guard around it says.
pub struct Modes<K: ModeSet> {
    pub(super) handle: *mut K::Object,
    functions: Functions<K::Object, K::Info>,
}

impl<K: ModeSet> Modes<K> {
    /// A set and its functions.
    ///
    /// # Safety
    ///
    /// The handle is NULL or dxgkrnl's, and its set lives longer than this; `interface` is NULL or the
    /// interface that came with it.
    pub(super) unsafe fn new(
        handle: *mut K::Object,
        interface: *const K::Interface,
    ) -> Result<Self, Refused> {
        // SAFETY: the caller's promise.
        let interface = unsafe { interface.as_ref() }.ok_or(MISSING)?;
        if handle.is_null() {
            return Err(MISSING);
        }
        Ok(Self {
            handle,
            functions: K::functions(interface),
        })
    }

    /// Shows each mode of the set in turn, until `see` breaks off.
    ///
    /// # Errors
    ///
    /// What dxgkrnl refused with.
    pub fn each(&self, mut see: impl FnMut(&K::Mode) -> ControlFlow<()>) -> Result<(), Refused> {
        let next = self.functions.next.ok_or(MISSING)?;
        let mut at = self.acquire(self.functions.first)?;
        while let Some(info) = at {
            // SAFETY: the description is held by `info`.
            if see(&unsafe { K::read(info.info) }).is_break() {
                break;
            }
            let mut following = ptr::null();
            // SAFETY: the set's function, its handle and a description of it that is held.
            let status = unsafe { next(self.handle, info.info, &raw mut following) };
            at = self.hold(element(status, following)?);
        }
        Ok(())
    }

    /// The mode that is pinned, of a monitor the preferred one; `None` if there is none.
    ///
    /// # Errors
    ///
    /// What dxgkrnl refused with.
    pub fn chosen(&self) -> Result<Option<K::Mode>, Refused> {
        let info = self.acquire(self.functions.chosen)?;
        // SAFETY: the description is held by `info`.
        Ok(info.map(|info| unsafe { K::read(info.info) }))
    }

    /// Adds a mode and returns its identifier. The driver may do so to a set of its own, and to the
    /// one that RecommendMonitorModes hands it.
    pub(super) fn add(&self, mode: &K::Mode) -> Result<u32, Refused> {
        let create = self.functions.create.ok_or(MISSING)?;
        let add = self.functions.add.ok_or(MISSING)?;
        let mut info = ptr::null_mut();
        // SAFETY: the set's function and handle, and a variable of ours.
        granted(unsafe { create(self.handle, &raw mut info) })?;
        if info.is_null() {
            return Err(MISSING);
        }
        let held = Held {
            modes: self,
            info: info.cast_const(),
        };
        // SAFETY: dxgkrnl has just created it.
        let id = unsafe { K::write(info, mode) };
        // SAFETY: as above; added once.
        granted(unsafe { add(self.handle, info) })?;
        // What was added is the set's.
        core::mem::forget(held);
        Ok(id)
    }

    /// Pins a mode of the set.
    pub(super) fn pin(&self, mode: u32) -> Result<(), Refused> {
        let pin = self.functions.pin.ok_or(MISSING)?;
        // SAFETY: the set's function and handle.
        granted(unsafe { pin(self.handle, mode) })
    }

    fn acquire(
        &self,
        function: Acquire<K::Object, K::Info>,
    ) -> Result<Option<Held<'_, K>>, Refused> {
        let mut info = ptr::null();
        // SAFETY: the set's function and handle, and a variable of ours.
        let status = unsafe { function.ok_or(MISSING)?(self.handle, &raw mut info) };
        Ok(self.hold(element(status, info)?))
    }

    fn hold(&self, info: Option<*const K::Info>) -> Option<Held<'_, K>> {
        info.map(|info| Held { modes: self, info })
    }
}

/// A description of a mode that must be released.
struct Held<'set, K: ModeSet> {
    modes: &'set Modes<K>,
    info: *const K::Info,
}

impl<K: ModeSet> Drop for Held<'_, K> {
    fn drop(&mut self) {
        let Some(release) = self.modes.functions.release else {
            return;
        };
        // SAFETY: dxgkrnl gave it for this set; it is released once.
        unsafe { release(self.modes.handle, self.info) };
    }
}
