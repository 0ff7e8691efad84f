//! Memory in system space that belongs to someone else, who may write it at any time.
//!
//! The image of a present is such memory: Windows goes on drawing while the driver copies. So there
//! is never a reference to it; what is wanted is copied out, bounds-checked.

use core::marker::PhantomData;
use core::ptr::{self, NonNull};

use super::UserAddress;

/// An image or another large block that the caller of a DDI named by its address.
#[derive(Clone, Copy)]
pub enum Named<'call> {
    /// In the calling process: the address is whatever a program said.
    User(UserAddress),
    /// In system space: the address is the system's own.
    System(SystemBlock<'call>),
}

impl Named<'_> {
    /// The block at `address`; `None` for NULL. Any IRQL.
    ///
    /// # Safety
    ///
    /// The value is used only in the DDI that got the address from dxgkrnl. Should the address be one
    /// of system space, then so many bytes of [`SystemBlock::bytes`] as the DDI's other arguments say
    /// are mapped there.
    #[must_use]
    pub unsafe fn new(address: *mut u8) -> Option<Self> {
        let first = NonNull::new(address)?;
        let number = address.expose_provenance() as u64;
        Some(if super::is_user_address(number) {
            Self::User(UserAddress(number))
        } else {
            Self::System(SystemBlock {
                first,
                call: PhantomData,
            })
        })
    }
}

/// A block in system space, as long as the arguments beside its address say.
#[derive(Clone, Copy)]
pub struct SystemBlock<'call> {
    first: NonNull<u8>,
    call: PhantomData<&'call u8>,
}

impl<'call> SystemBlock<'call> {
    /// Its first `bytes` bytes: no more than the arguments say.
    #[must_use]
    pub const fn bytes(self, bytes: usize) -> Foreign<'call> {
        Foreign {
            first: self.first,
            bytes,
            call: PhantomData,
        }
    }
}

/// So many bytes of system space, mapped for as long as this is used. Any IRQL.
#[derive(Clone, Copy)]
pub struct Foreign<'call> {
    first: NonNull<u8>,
    bytes: usize,
    call: PhantomData<&'call u8>,
}

impl Foreign<'_> {
    /// Copies the bytes at `offset` into `to`; `false`, and nothing, unless they lie inside.
    #[inline]
    #[must_use]
    pub fn read(&self, offset: usize, to: &mut [u8]) -> bool {
        let Some(from) = self.range(offset, to.len()) else {
            return false;
        };
        // SAFETY: the bytes lie in the block, and `to` is a place of the caller's own.
        unsafe { ptr::copy_nonoverlapping(from.as_ptr(), to.as_mut_ptr(), to.len()) };
        true
    }

    /// The address of `bytes` bytes at `offset`, if they lie inside.
    #[inline]
    pub(super) fn range(&self, offset: usize, bytes: usize) -> Option<NonNull<u8>> {
        if offset.checked_add(bytes)? > self.bytes {
            return None;
        }
        // SAFETY: `offset` is inside the block, or one past its end.
        Some(unsafe { self.first.add(offset) })
    }
}

impl<'call> From<&'call [u8]> for Foreign<'call> {
    fn from(bytes: &'call [u8]) -> Self {
        Self {
            first: NonNull::from(bytes).cast(),
            bytes: bytes.len(),
            call: PhantomData,
        }
    }
}
