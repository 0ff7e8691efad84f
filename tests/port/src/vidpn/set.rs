//! Mode sets as the driver sees them: behind handles, with references.

use alloc::vec::Vec;

use crate::vidpn::mode::Mode;
use crate::vidpn::network::Modes;

/// A mode set that has a handle.
pub(crate) struct Set<M> {
    pub serial: u32,
    /// The source or the target that it is of.
    pub of: u32,
    pub modes: Modes<M>,
    /// Made by the driver and not assigned yet: the driver may add modes.
    pub free: bool,
    /// The driver's references from pfnCreateNew…: 1 until it is assigned or released.
    pub created: u32,
    /// The driver's references from pfnAcquire….
    pub acquired: u32,
    next_id: u32,
}

impl<M: Mode> Set<M> {
    /// A set of the port's own.
    pub(crate) fn new(serial: u32, of: u32, modes: Modes<M>) -> Self {
        let next_id = modes.list.iter().map(Mode::id).max().unwrap_or(0) + 1;
        Self {
            serial,
            of,
            modes,
            free: false,
            created: 0,
            acquired: 0,
            next_id,
        }
    }

    /// A set that the driver makes.
    pub(crate) fn made(serial: u32, of: u32) -> Self {
        Self {
            free: true,
            created: 1,
            ..Self::new(
                serial,
                of,
                Modes {
                    list: Vec::new(),
                    pinned: None,
                },
            )
        }
    }

    /// An identifier for a new mode.
    pub(crate) fn next_id(&mut self) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// Whether a mode of the set has the identifier.
    pub(crate) fn has_id(&self, id: u32) -> bool {
        self.modes.list.iter().any(|mode| mode.id() == id)
    }
}
