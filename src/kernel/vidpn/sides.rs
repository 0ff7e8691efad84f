//! The sets of a VidPN's source and target: reading the assigned one, assigning a new one.

use core::ops::Deref;
use core::ptr;

use dxgk_sys::status::{
    STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_SOURCE, STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_TARGET,
    STATUS_GRAPHICS_INVALID_VIDPN, STATUS_GRAPHICS_INVALID_VIDPN_SOURCEMODESET,
    STATUS_GRAPHICS_INVALID_VIDPN_TARGETMODESET,
};
use dxgk_sys::{D3DKMDT_HVIDPN, DXGK_VIDPN_INTERFACE, NTSTATUS, ddi};

use super::super::dxgkrnl::Refused;
use super::set::{ModeSet, Modes};
use super::{Id, MISSING, VidPn, granted};

type Get<K> = Option<
    ddi!(
        fn(
            vidpn: D3DKMDT_HVIDPN,
            id: Id,
            set: *mut *mut <K as ModeSet>::Object,
            interface: *mut *const <K as ModeSet>::Interface,
        ) -> NTSTATUS
    ),
>;
type Assign<K> =
    Option<ddi!(fn(vidpn: D3DKMDT_HVIDPN, id: Id, set: *mut <K as ModeSet>::Object) -> NTSTATUS)>;
type ReleaseSet<K> =
    Option<ddi!(fn(vidpn: D3DKMDT_HVIDPN, set: *mut <K as ModeSet>::Object) -> NTSTATUS)>;

/// A VidPN's functions for the sets of its sources, or of its targets.
pub struct SideFunctions<K: ModeSet> {
    pub(super) acquire: Get<K>,
    pub(super) create: Get<K>,
    pub(super) assign: Assign<K>,
    pub(super) release: ReleaseSet<K>,
}

/// A side of a VidPN's paths: sources or targets.
pub trait Side: ModeSet + Sized {
    /// The VidPN's functions for its sets.
    fn side(interface: &DXGK_VIDPN_INTERFACE) -> SideFunctions<Self>;
}

/// A set, and its place in the VidPN.
struct Counted<'vidpn, K: Side> {
    modes: Modes<K>,
    reference: Reference<'vidpn, K>,
}

/// A reference to a set that was acquired or created.
struct Reference<'vidpn, K: Side> {
    set: *mut K::Object,
    vidpn: &'vidpn VidPn<'vidpn>,
}

impl<K: Side> Drop for Reference<'_, K> {
    fn drop(&mut self) {
        let Some(release) = K::side(&self.vidpn.interface).release else {
            return;
        };
        if !self.set.is_null() {
            // SAFETY: the set is this VidPN's and is released once for each time that it was got.
            unsafe { release(self.vidpn.handle, self.set) };
        }
    }
}

/// The set that a source or target has: it is dxgkrnl's, so it can only be read. Dropping this
/// releases it.
pub struct Assigned<'vidpn, K: Side>(Counted<'vidpn, K>);

impl<K: Side> Deref for Assigned<'_, K> {
    type Target = Modes<K>;

    fn deref(&self) -> &Modes<K> {
        &self.0.modes
    }
}

/// A new set, not in use yet. Dropping it releases it.
pub struct New<'vidpn, K: Side> {
    set: Counted<'vidpn, K>,
    id: Id,
}

impl VidPn<'_> {
    /// The set of modes that source or target `id` has.
    ///
    /// # Errors
    ///
    /// What dxgkrnl refused with.
    pub fn modes<K: Side>(&self, id: Id) -> Result<Assigned<'_, K>, Refused> {
        self.get(id, K::side(&self.interface).acquire).map(Assigned)
    }

    /// A new and empty set for source or target `id`.
    ///
    /// # Errors
    ///
    /// What dxgkrnl refused with.
    pub fn create<K: Side>(&self, id: Id) -> Result<New<'_, K>, Refused> {
        let set = self.get(id, K::side(&self.interface).create)?;
        Ok(New { set, id })
    }

    /// Pins the one mode `mode` of the set that source or target `id` has: part of recommending a
    /// functional VidPN, whose sets the driver has just assigned.
    ///
    /// # Errors
    ///
    /// What dxgkrnl refused with.
    pub fn pin<K: Side>(&self, id: Id, mode: u32) -> Result<(), Refused> {
        self.modes::<K>(id)?.pin(mode)
    }

    fn get<K: Side>(&self, id: Id, function: Get<K>) -> Result<Counted<'_, K>, Refused> {
        let function = function.ok_or(MISSING)?;
        let (mut set, mut interface) = (ptr::null_mut(), ptr::null());
        // SAFETY: the VidPN's function and handle, and variables of ours.
        granted(unsafe { function(self.handle, id, &raw mut set, &raw mut interface) })?;
        let reference = Reference { set, vidpn: self };
        // SAFETY: dxgkrnl's handle and interface; the set is released after its last use.
        let modes = unsafe { Modes::new(set, interface) }?;
        Ok(Counted { modes, reference })
    }
}

impl<K: Side> New<'_, K> {
    /// Adds a mode and returns its identifier.
    ///
    /// # Errors
    ///
    /// What dxgkrnl refused with; the mode is released then.
    pub fn add(&self, mode: &K::Mode) -> Result<u32, Refused> {
        self.set.modes.add(mode)
    }

    /// Gives the set to the source or target that it was created for.
    ///
    /// # Errors
    ///
    /// What dxgkrnl refused with. The set is gone then as well: either dxgkrnl released it, or, where
    /// the page says that it did not because an argument was wrong, this does.
    pub fn assign(self) -> Result<(), Refused> {
        let vidpn = self.set.reference.vidpn;
        let assign = K::side(&vidpn.interface).assign.ok_or(MISSING)?;
        // SAFETY: the VidPN's function and handle, and a set that was created in it.
        let status = unsafe { assign(vidpn.handle, self.id, self.set.modes.handle) };
        if !still_ours(status) {
            core::mem::forget(self);
        }
        granted(status)
    }
}

/// Whether the set that could not be assigned must be released: dxgkrnl does so itself for every
/// other reason.
const fn still_ours(status: NTSTATUS) -> bool {
    matches!(
        status,
        STATUS_GRAPHICS_INVALID_VIDPN
            | STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_SOURCE
            | STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_TARGET
            | STATUS_GRAPHICS_INVALID_VIDPN_SOURCEMODESET
            | STATUS_GRAPHICS_INVALID_VIDPN_TARGETMODESET
    )
}
