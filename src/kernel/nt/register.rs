//! Device registers in memory: what READ_REGISTER_UCHAR and its fellows are on x86-64 and ARM64.

use core::ptr::NonNull;

/// Reads an 8-bit register. Any IRQL.
///
/// # Safety
///
/// The register is mapped.
pub unsafe fn read_register_u8(register: NonNull<u8>) -> u8 {
    // SAFETY: the caller's promise.
    unsafe { register.read_volatile() }
}

/// Writes an 8-bit register. Any IRQL.
///
/// # Safety
///
/// The register is mapped.
pub unsafe fn write_register_u8(register: NonNull<u8>, value: u8) {
    // SAFETY: the caller's promise.
    unsafe { register.write_volatile(value) }
}

/// Reads a 16-bit register. Any IRQL.
///
/// # Safety
///
/// The register is mapped, at an even address.
pub unsafe fn read_register_u16(register: NonNull<u16>) -> u16 {
    // SAFETY: the caller's promise.
    unsafe { register.read_volatile() }
}

/// Writes a 16-bit register. Any IRQL.
///
/// # Safety
///
/// The register is mapped, at an even address.
pub unsafe fn write_register_u16(register: NonNull<u16>, value: u16) {
    // SAFETY: the caller's promise.
    unsafe { register.write_volatile(value) }
}

/// Reads a 32-bit register. Any IRQL.
///
/// # Safety
///
/// The register is mapped, at a multiple of 4.
pub unsafe fn read_register_u32(register: NonNull<u32>) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { register.read_volatile() }
}

/// Writes a 32-bit register. Any IRQL.
///
/// # Safety
///
/// The register is mapped, at a multiple of 4.
pub unsafe fn write_register_u32(register: NonNull<u32>, value: u32) {
    // SAFETY: the caller's promise.
    unsafe { register.write_volatile(value) }
}
