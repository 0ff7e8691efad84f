//! Memory of the adapter that is mapped: its registers, and video memory.
//!
//! A window is bounds-checked and gives no reference to what is behind it: the device and other
//! processors change that at any time. Registers are read and written one by one, through the
//! kernel's register services; video memory is copied into.

use core::marker::PhantomData;
use core::ptr::{self, NonNull};

use super::Foreign;
use super::{
    read_register_u8, read_register_u16, read_register_u32, write_register_u8, write_register_u16,
    write_register_u32,
};

/// Mapped memory of the adapter, good as long as its [`Mapping`](super::dxgkrnl::Mapping) is. All of
/// it can be done at any IRQL.
#[derive(Clone, Copy)]
pub struct Window<'mapping> {
    base: NonNull<u8>,
    bytes: usize,
    mapping: PhantomData<&'mapping u8>,
}

impl Window<'_> {
    /// The `bytes` bytes at `base`.
    ///
    /// # Safety
    ///
    /// They are mapped memory of an adapter, at least 4-byte aligned, for the whole lifetime.
    #[must_use]
    pub const unsafe fn from_raw(base: NonNull<u8>, bytes: usize) -> Self {
        Self {
            base,
            bytes,
            mapping: PhantomData,
        }
    }

    /// Where it is mapped.
    #[must_use]
    pub const fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Its size in bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Reads the 8-bit register at `offset` bytes; beyond the end all ones, as an address that no
    /// device answers reads.
    #[must_use]
    pub fn read_u8(&self, offset: usize) -> u8 {
        match self.at(offset, 1) {
            // SAFETY: the register is mapped.
            Some(register) => unsafe { read_register_u8(register) },
            None => u8::MAX,
        }
    }

    /// Writes the 8-bit register at `offset` bytes; beyond the end nothing happens.
    pub fn write_u8(&self, offset: usize, value: u8) {
        if let Some(register) = self.at(offset, 1) {
            // SAFETY: the register is mapped.
            unsafe { write_register_u8(register, value) };
        }
    }

    /// Reads the 16-bit register at `offset` bytes; beyond the end and at odd offsets all ones.
    #[must_use]
    pub fn read_u16(&self, offset: usize) -> u16 {
        match self.at(offset, 2) {
            // SAFETY: the register is mapped, at an even address.
            Some(register) => unsafe { read_register_u16(register.cast()) },
            None => u16::MAX,
        }
    }

    /// Writes the 16-bit register at `offset` bytes; beyond the end and at odd offsets nothing
    /// happens.
    pub fn write_u16(&self, offset: usize, value: u16) {
        if let Some(register) = self.at(offset, 2) {
            // SAFETY: the register is mapped, at an even address.
            unsafe { write_register_u16(register.cast(), value) };
        }
    }

    /// Reads the 32-bit register at `offset` bytes; beyond the end and elsewhere than at multiples of 4
    /// all ones.
    #[must_use]
    pub fn read_u32(&self, offset: usize) -> u32 {
        match self.at(offset, 4) {
            // SAFETY: the register is mapped, at a multiple of 4.
            Some(register) => unsafe { read_register_u32(register.cast()) },
            None => u32::MAX,
        }
    }

    /// Writes the 32-bit register at `offset` bytes; beyond the end and elsewhere than at multiples of
    /// 4 nothing happens.
    pub fn write_u32(&self, offset: usize, value: u32) {
        if let Some(register) = self.at(offset, 4) {
            // SAFETY: the register is mapped, at a multiple of 4.
            unsafe { write_register_u32(register.cast(), value) };
        }
    }

    /// Copies `bytes` into memory at `offset`; `false`, and nothing, unless all of them fit.
    #[inline]
    pub fn write(&self, offset: usize, bytes: &[u8]) -> bool {
        let Some(to) = self.range(offset, bytes.len()) else {
            return false;
        };
        // SAFETY: the bytes lie in the window, and no slice is device memory.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to.as_ptr(), bytes.len()) };
        true
    }

    /// Copies `bytes` bytes at `at` of someone else's memory to `offset`; `false`, and nothing, unless
    /// they lie inside of both.
    #[inline]
    #[must_use]
    pub fn copy(&self, offset: usize, from: &Foreign<'_>, at: usize, bytes: usize) -> bool {
        let (Some(to), Some(from)) = (self.range(offset, bytes), from.range(at, bytes)) else {
            return false;
        };
        // SAFETY: both ranges were checked; should they overlap, that is no harm.
        unsafe { ptr::copy(from.as_ptr(), to.as_ptr(), bytes) };
        true
    }

    /// The `bytes` bytes at `offset` as a window of their own, if they lie inside.
    #[must_use]
    pub fn part(&self, offset: usize, bytes: usize) -> Option<Self> {
        Some(Self {
            base: self.range(offset, bytes)?,
            bytes,
            mapping: PhantomData,
        })
    }

    /// Makes `bytes` bytes of memory at `offset` zero; `false`, and nothing, unless they fit.
    pub fn clear(&self, offset: usize, bytes: usize) -> bool {
        let Some(to) = self.range(offset, bytes) else {
            return false;
        };
        // SAFETY: the bytes lie in the window.
        unsafe { to.write_bytes(0, bytes) };
        true
    }

    /// The address of `bytes` bytes at `offset`, if they lie inside.
    #[must_use]
    #[inline]
    pub fn range(&self, offset: usize, bytes: usize) -> Option<NonNull<u8>> {
        if offset.checked_add(bytes)? > self.bytes {
            return None;
        }
        // SAFETY: `offset` is inside the window, or one past its end.
        Some(unsafe { self.base.add(offset) })
    }

    /// The address of a register of `bytes` bytes.
    fn at(&self, offset: usize, bytes: usize) -> Option<NonNull<u8>> {
        if !offset.is_multiple_of(bytes) {
            return None;
        }
        self.range(offset, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_happens_outside() {
        let mut memory = [0x1111_1111_u32; 4];
        let base = NonNull::from(&mut memory).cast();
        // SAFETY: the first 12 bytes of the array.
        let window = unsafe { Window::from_raw(base, 12) };
        assert!(window.write(8, &[1, 2, 3, 4]));
        assert!(!window.write(9, &[1, 2, 3, 4]));
        assert!(!window.write(usize::MAX, &[1]));
        assert!(!window.clear(12, 1));
        assert!(window.clear(4, 4));
        window.write_u16(12, 0);
        window.write_u8(12, 0);
        window.write_u16(1, 0);
        window.write_u32(2, 0);
        window.write_u32(12, 0);
        assert_eq!(window.read_u32(12), u32::MAX);
        assert_eq!(window.read_u32(8), 0x0403_0201);
        assert_eq!(window.read_u16(12), u16::MAX);
        assert_eq!(window.read_u16(1), u16::MAX);
        assert_eq!(window.read_u8(12), u8::MAX);
        assert_eq!(window.read_u16(8), 0x0201);
        window.write_u16(0, 0xabcd);
        window.write_u8(2, 0xef);
        assert_eq!(memory, [0x11ef_abcd, 0, 0x0403_0201, 0x1111_1111]);
    }
}
