//! Reading memory that the caller names.

use core::ffi::c_void;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;
use std::vec::Vec;

use zerocopy::IntoBytes;

use super::World;
use super::irql::{APC, demand};
use super::system_threads::stall_point;
use super::world::{locked, watched, with};
use crate::kernel::irql::{AtMostApc, Passive};
use crate::kernel::{Fault, UserAddress};

pub(super) struct UserMemory {
    highest: AtomicU64,
    faults: Mutex<Vec<Range<u64>>>,
}

impl Default for UserMemory {
    fn default() -> Self {
        // MmHighestUserAddress of 64-bit Windows.
        Self {
            highest: AtomicU64::new(0x7FFF_FFFE_FFFF),
            faults: Mutex::default(),
        }
    }
}

/// Whether a user-mode program may have this address. Any IRQL.
pub fn is_user_address(address: u64) -> bool {
    address <= with(|world| world.user.highest.load(Ordering::Relaxed))
}

/// Copies what the user-mode program has at `from` into `to`.
///
/// # Errors
///
/// [`Fault`] if the range ends above the highest user address or a page of it cannot be read;
/// `to` is then in no particular state.
pub fn copy_from_user(
    to: &mut [u8],
    from: UserAddress,
    _irql: impl AtMostApc,
) -> Result<(), Fault> {
    demand(APC, "copy_from_user");
    stall_point();
    let Some(last) = u64::try_from(to.len()).unwrap_or(u64::MAX).checked_sub(1) else {
        return Ok(());
    };
    let last = from.0.checked_add(last).ok_or(Fault)?;
    if !is_user_address(last) {
        return Err(Fault);
    }
    let from = usize::try_from(from.0).map_err(|_| Fault)?;
    copy(to, core::ptr::with_exposed_provenance(from))
}

/// Copies what the system passed at `from`, in whichever address space it says, into `to`.
///
/// # Errors
///
/// [`Fault`] if a page of it cannot be read; `to` is then in no particular state.
///
/// # Safety
///
/// `from` is an address that the caller of the driver passed as that of `to.len()` bytes.
#[inline]
pub unsafe fn copy_from_caller(
    to: &mut [u8],
    from: *const c_void,
    _irql: impl AtMostApc,
) -> Result<(), Fault> {
    demand(APC, "copy_from_caller");
    if to.is_empty() {
        Ok(())
    } else {
        copy(to, from.cast())
    }
}

/// Reads of the caller's memory in one call of the driver: what would be asked again for each of
/// them is asked once.
#[derive(Clone, Copy)]
pub struct CallerReads {
    watched: bool,
    irql: Passive,
}

impl CallerReads {
    /// For reads at this level.
    #[inline]
    #[must_use]
    pub fn at(irql: Passive) -> Self {
        demand(APC, "CallerReads::at");
        Self {
            watched: watched(),
            irql,
        }
    }

    /// The first `8 * N` bytes of what the system passed at `from`, as words.
    ///
    /// # Errors
    ///
    /// As [`copy_from_caller`].
    ///
    /// # Safety
    ///
    /// As [`copy_from_caller`].
    #[inline]
    pub unsafe fn words<const N: usize>(self, from: *const c_void) -> Result<[u64; N], Fault> {
        if self.watched {
            let mut words = [0_u64; N];
            // SAFETY: the caller's contract is the same.
            unsafe { self.copy_watched(words.as_mut_bytes(), from) }?;
            return Ok(words);
        }
        // SAFETY: the caller of the driver says that these bytes are there.
        Ok(unsafe { from.cast::<[u64; N]>().read_unaligned() })
    }
}

impl CallerReads {
    /// As [`copy_from_caller`], out of the way of a world that does not watch.
    #[cold]
    #[inline(never)]
    unsafe fn copy_watched(self, to: &mut [u8], from: *const c_void) -> Result<(), Fault> {
        // SAFETY: the caller's contract is the same.
        unsafe { copy_from_caller(to, from, self.irql) }
    }
}

#[inline]
fn copy(to: &mut [u8], from: *const u8) -> Result<(), Fault> {
    if with(|world| world.watched)
        && let Some(copied) = watched_copy(to, from)
    {
        return copied;
    }
    // SAFETY: the caller of the driver says that these bytes are there; a world that watches has
    // had the system look, where the system can.
    unsafe { from.copy_to(to.as_mut_ptr(), to.len()) };
    Ok(())
}

/// Copies unless a test or the system says that a page is gone. `None` if neither can tell.
#[cold]
fn watched_copy(to: &mut [u8], from: *const u8) -> Option<Result<(), Fault>> {
    let start = from.addr() as u64;
    let end = start.saturating_add(to.len() as u64);
    let gone = with(|world| {
        locked(&world.user.faults)
            .iter()
            .any(|gone| gone.start < end && start < gone.end)
    });
    if gone {
        return Some(Err(Fault));
    }
    careful_copy(to, from)
}

/// Has the system copy, which reports a bad address instead of faulting. `None` if it will not.
#[cfg(target_os = "linux")]
fn careful_copy(to: &mut [u8], from: *const u8) -> Option<Result<(), Fault>> {
    let local = libc::iovec {
        iov_base: to.as_mut_ptr().cast(),
        iov_len: to.len(),
    };
    let remote = libc::iovec {
        iov_base: from.cast_mut().cast(),
        iov_len: to.len(),
    };
    // SAFETY: no preconditions.
    let this = unsafe { libc::getpid() };
    // SAFETY: `local` is a slice that may be written; `remote` is only read, by the system.
    let copied =
        unsafe { libc::process_vm_readv(this, &raw const local, 1, &raw const remote, 1, 0) };
    match usize::try_from(copied) {
        Ok(copied) => Some(if copied == to.len() {
            Ok(())
        } else {
            Err(Fault)
        }),
        Err(_) => match std::io::Error::last_os_error().raw_os_error() {
            Some(libc::EFAULT) => Some(Err(Fault)),
            _ => None, // a container that forbids the call
        },
    }
}

/// Whether a copy from a page that is gone comes back instead of ending the program.
pub(super) fn copies_carefully() -> bool {
    let one = 0_u8;
    careful_copy(&mut [0], &raw const one).is_some()
}

#[cfg(not(target_os = "linux"))]
fn careful_copy(_to: &mut [u8], _from: *const u8) -> Option<Result<(), Fault>> {
    None
}

impl World {
    /// Makes every copy that touches `range` fail from now on, as if its pages were gone.
    pub fn fault_user_range(&self, range: Range<u64>) {
        locked(&self.inner().user.faults).push(range);
    }

    /// Sets the highest address that `copy_from_user` takes.
    pub fn set_highest_user_address(&self, highest: u64) {
        self.inner().user.highest.store(highest, Ordering::Relaxed);
    }
}
