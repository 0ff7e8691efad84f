//! Bytes that belong to a DDI's caller.
//!
//! Private data reaches the driver as a pointer and a size, and no page says whether dxgkrnl has
//! captured it. So it is copied once, in one go, and only the copy is looked at (contract: C7, G5).

use core::ffi::c_void;
use core::marker::PhantomData;

use super::irql::AtMostApc;
use super::{CallerReads, Fault, copy_from_caller};

/// A block of private data for the length of one call. It can be copied and nothing else.
#[derive(Clone, Copy)]
pub struct CallerData<'call> {
    address: *const c_void,
    bytes: u32,
    call: PhantomData<&'call [u8]>,
}

impl CallerData<'_> {
    /// Wraps what an argument of a DDI says.
    ///
    /// # Safety
    ///
    /// `address` and `bytes` stand together in an argument that dxgkrnl handed over, and the value
    /// does not outlive that call. The address may be NULL or wrong: reading it reports a fault.
    #[must_use]
    pub const unsafe fn new(address: *const c_void, bytes: u32) -> Self {
        Self {
            address,
            bytes,
            call: PhantomData,
        }
    }

    /// The size that the caller gave, in bytes.
    #[must_use]
    pub const fn bytes(self) -> u32 {
        self.bytes
    }

    /// Copies the first `to.len()` bytes into `to`. `PASSIVE_LEVEL` or `APC_LEVEL`.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the caller's block is shorter than that, is NULL, or cannot be read; what `to`
    /// holds then is unspecified.
    pub fn read(self, to: &mut [u8], irql: impl AtMostApc) -> Result<(), Fault> {
        let available = usize::try_from(self.bytes).map_err(|_| Fault)?;
        if self.address.is_null() || to.len() > available {
            return Err(Fault);
        }
        // SAFETY: the address is the one that the caller of the DDI gave (`new`).
        unsafe { copy_from_caller(to, self.address, irql) }
    }

    /// All of it, if it is `8 * N` bytes, copied in one go.
    ///
    /// # Errors
    ///
    /// [`Fault`] as [`CallerData::read`], or if the block has another size.
    #[inline]
    pub fn words<const N: usize>(self, reads: CallerReads) -> Result<[u64; N], Fault> {
        let whole = usize::try_from(self.bytes) == Ok(size_of::<[u64; N]>());
        if self.address.is_null() || !whole {
            return Err(Fault);
        }
        // SAFETY: the address is the one that the caller of the DDI gave (`new`).
        unsafe { reads.words(self.address) }
    }
}
