//! Raw user memory that holds what a user-mode driver hands to the kernel.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ptr::NonNull;

use crate::host::Host;

/// A copy of some bytes in the machine's user memory, until it is dropped.
pub(crate) struct UserMemory {
    host: Arc<dyn Host>,
    address: NonNull<u8>,
    bytes: usize,
    given: Vec<u8>,
}

impl UserMemory {
    /// `None` if the machine has no such memory.
    pub(crate) fn new(host: &Arc<dyn Host>, data: &[u8]) -> Option<Self> {
        let address = host.user_memory(data.len().max(1))?;
        // SAFETY: the machine's memory is that long, and nobody else has it.
        unsafe { core::ptr::copy_nonoverlapping(data.as_ptr(), address.as_ptr(), data.len()) };
        Some(Self {
            host: host.clone(),
            address,
            bytes: data.len(),
            given: data.to_vec(),
        })
    }

    pub(crate) fn pointer<T>(&self) -> *mut T {
        self.address.as_ptr().cast()
    }

    /// Takes the page with that byte away, or brings it back. False if the machine cannot, or there is no such byte.
    pub(crate) fn set_readable(&self, byte: usize, readable: bool) -> bool {
        if byte >= self.bytes {
            return false;
        }
        // SAFETY: the byte lies inside.
        let address = unsafe { self.address.add(byte) };
        self.host.protect_user_memory(address, readable)
    }

    /// It holds what it was given. All of its pages are there.
    pub(crate) fn untouched(&self) -> bool {
        // SAFETY: our own memory, which no DDI has any more.
        unsafe { core::slice::from_raw_parts(self.address.as_ptr(), self.bytes) == self.given }
    }
}

impl Drop for UserMemory {
    fn drop(&mut self) {
        self.host.free_user_memory(self.address);
    }
}
