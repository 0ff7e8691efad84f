//! Memory of a user-mode process, whose pages another thread can take away at any time.

use core::alloc::Layout;
use core::ptr::{self, NonNull};
use std::alloc::{alloc_zeroed, dealloc};
use std::collections::HashMap;
use std::sync::Mutex;

use super::World;
use super::user::copies_carefully;
use super::world::locked;
use crate::kernel::PAGE;

/// Blocks by address, with their bytes.
#[derive(Default)]
pub(super) struct UserPages(Mutex<HashMap<usize, usize>>);

impl Drop for UserPages {
    fn drop(&mut self) {
        for (address, bytes) in locked(&self.0).drain() {
            give_back(address, bytes);
        }
    }
}

fn layout(bytes: usize) -> Option<Layout> {
    let bytes = bytes.max(1).checked_next_multiple_of(PAGE)?;
    Layout::from_size_align(bytes, PAGE).ok()
}

fn give_back(address: usize, bytes: usize) {
    if let Some(layout) = layout(bytes) {
        set_access(address, layout.size(), true);
        // SAFETY: `user_memory` took it with this layout, and who gives it back uses it no more.
        unsafe { dealloc(ptr::with_exposed_provenance_mut(address), layout) };
    }
}

/// Lets whole pages of ours be accessed or not; false if the system cannot.
#[cfg(unix)]
fn set_access(address: usize, bytes: usize, readable: bool) -> bool {
    let access = if readable {
        libc::PROT_READ | libc::PROT_WRITE
    } else {
        libc::PROT_NONE
    };
    // SAFETY: the pages belong to one block that `user_memory` took.
    unsafe { libc::mprotect(ptr::with_exposed_provenance_mut(address), bytes, access) == 0 }
}

#[cfg(not(unix))]
fn set_access(_address: usize, _bytes: usize, readable: bool) -> bool {
    readable
}

impl World {
    /// Zeroed memory of a user-mode process, in whole pages. `None` when there is no more.
    #[must_use]
    pub fn user_memory(&self, bytes: usize) -> Option<NonNull<u8>> {
        // SAFETY: the size is not zero.
        let address = NonNull::new(unsafe { alloc_zeroed(layout(bytes)?) })?;
        let start = address.as_ptr().expose_provenance();
        locked(&self.inner().user_pages.0).insert(start, bytes);
        Some(address)
    }

    /// Gives back what [`World::user_memory`] gave; false if it gave nothing there.
    pub fn free_user_memory(&self, address: NonNull<u8>) -> bool {
        let start = address.addr().get();
        let Some(bytes) = locked(&self.inner().user_pages.0).remove(&start) else {
            return false;
        };
        give_back(start, bytes);
        true
    }

    /// Takes the page of user memory that `address` lies in away, or brings it back as it was. False if it is not of
    /// [`World::user_memory`], or if a copy from a missing page would end this program.
    pub fn protect_user_memory(&self, address: NonNull<u8>, readable: bool) -> bool {
        let page = address.addr().get() / PAGE * PAGE;
        let blocks = locked(&self.inner().user_pages.0);
        let ours = blocks.iter().any(|(&start, &bytes)| {
            layout(bytes).is_some_and(|layout| (start..start + layout.size()).contains(&page))
        });
        ours && self.inner().watched && copies_carefully() && set_access(page, PAGE, readable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::host::copy_from_user;
    use crate::kernel::irql::Passive;
    use crate::kernel::{Fault, UserAddress};

    #[test]
    fn a_page_that_is_gone_faults_and_comes_back_as_it_was() {
        let world = World::new();
        let _entered = world.enter();
        // SAFETY: this is a thread of a process.
        let irql = unsafe { Passive::assume() };
        let memory = world.user_memory(2 * PAGE).unwrap();
        let second = memory.as_ptr().wrapping_add(PAGE);
        // SAFETY: the second page is ours.
        unsafe { second.write(7) };
        let from = UserAddress(memory.addr().get() as u64 + PAGE as u64 - 1);
        let mut two = [0; 2];
        let second = NonNull::new(second).unwrap();
        if world.protect_user_memory(second, false) {
            assert_eq!(copy_from_user(&mut two, from, irql), Err(Fault));
            assert_eq!(copy_from_user(&mut two[..1], from, irql), Ok(()));
            assert!(world.protect_user_memory(second, true));
        }
        assert_eq!(copy_from_user(&mut two, from, irql), Ok(()));
        assert_eq!(two, [0, 7]);
        assert!(world.free_user_memory(memory));
        assert!(!world.free_user_memory(memory));
    }
}
