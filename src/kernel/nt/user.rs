//! Reading memory that the caller names.
//!
//! MmCopyMemory reads as a debugger does: a page that is not there ends the copy and shows in the
//! status and the count, and raises nothing. So no address has to be probed or locked first.

use core::ffi::c_void;

use wdk_sys::ntddk::MmCopyMemory;
use wdk_sys::{MM_COPY_ADDRESS, MM_COPY_MEMORY_VIRTUAL, NT_SUCCESS};
use zerocopy::IntoBytes;

use super::super::irql::{AtMostApc, Passive};
use super::super::{Fault, UserAddress};

// wdk-sys has functions only. `dylib` makes the reference one to another image's data.
#[link(name = "ntoskrnl", kind = "dylib")]
unsafe extern "C" {
    /// The last address that user mode may have.
    static MmHighestUserAddress: *const c_void;
}

/// Whether a user-mode program may have this address.
pub fn is_user_address(address: u64) -> bool {
    // SAFETY: the kernel writes it before drivers load, and never again.
    address <= unsafe { MmHighestUserAddress }.addr() as u64
}

/// Copies what the user-mode program has at `from` into `to`.
///
/// # Errors
///
/// [`Fault`] if the range ends above the highest user address or a page of it cannot be read;
/// `to` is then in no particular state.
pub fn copy_from_user(to: &mut [u8], from: UserAddress, irql: impl AtMostApc) -> Result<(), Fault> {
    let Some(beyond_first) = to.len().checked_sub(1) else {
        return Ok(());
    };
    let first = usize::try_from(from.0).map_err(|_| Fault)?;
    let last = first.checked_add(beyond_first).ok_or(Fault)?;
    if !is_user_address(last as u64) {
        return Err(Fault);
    }
    // SAFETY: the address is a user-mode program's and not beyond what it may have.
    unsafe { copy_from_caller(to, core::ptr::with_exposed_provenance(first), irql) }
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
pub unsafe fn copy_from_caller(
    to: &mut [u8],
    from: *const c_void,
    _irql: impl AtMostApc,
) -> Result<(), Fault> {
    if to.is_empty() {
        return Ok(());
    }
    let wanted = u64::try_from(to.len()).map_err(|_| Fault)?;
    let mut source = MM_COPY_ADDRESS::default();
    source.__bindgen_anon_1.VirtualAddress = from.cast_mut();
    let mut copied = 0;
    // SAFETY: `to` is writable and in nonpaged memory or on the stack; the source is only read, and
    // reported if it cannot be; the token shows APC_LEVEL at most.
    let status = unsafe {
        MmCopyMemory(
            to.as_mut_ptr().cast(),
            source,
            wanted,
            MM_COPY_MEMORY_VIRTUAL,
            &raw mut copied,
        )
    };
    if NT_SUCCESS(status) && copied == wanted {
        Ok(())
    } else {
        Err(Fault)
    }
}

/// Reads of the caller's memory in one call of the driver.
#[derive(Clone, Copy)]
pub struct CallerReads(Passive);

impl CallerReads {
    /// For reads at this level.
    #[inline]
    #[must_use]
    pub const fn at(irql: Passive) -> Self {
        Self(irql)
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
        let mut words = [0_u64; N];
        // SAFETY: the caller's contract is the same.
        unsafe { copy_from_caller(words.as_mut_bytes(), from, self.0) }?;
        Ok(words)
    }
}
