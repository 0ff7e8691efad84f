//! Device registers: memory that a simulated device may answer for.
//!
//! A register is not memory: what is written may read back as something else, and a read may have an
//! effect. So a test says which addresses are a device's, and the driver's accesses to them go there.

use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::vec::Vec;

/// A device behind a range of addresses. It is called by any thread, at any IRQL.
pub trait Registers: Send + Sync {
    /// The register of `bytes` bytes (1 or 2) at `offset` of the range is read.
    fn read(&self, offset: usize, bytes: usize) -> u16;
    /// It is written.
    fn write(&self, offset: usize, bytes: usize, value: u16);
}

/// A range of addresses that a device answers for, until it is dropped.
pub struct Answering {
    range: Range<usize>,
}

type Device = (Range<usize>, Arc<dyn Registers>);

static DEVICES: RwLock<Vec<Device>> = RwLock::new(Vec::new());
/// How many there are, so that a process without any pays a load.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Has `device` answer the driver's accesses to the registers in `bytes` bytes from `start` on.
#[must_use = "it answers until this is dropped"]
pub fn answer(start: NonNull<u8>, bytes: usize, device: Arc<dyn Registers>) -> Answering {
    let start = start.addr().get();
    let range = start..start.saturating_add(bytes);
    let mut devices = DEVICES.write().unwrap_or_else(PoisonError::into_inner);
    devices.push((range.clone(), device));
    COUNT.store(devices.len(), Ordering::Release);
    Answering { range }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut devices = DEVICES.write().unwrap_or_else(PoisonError::into_inner);
        devices.retain(|(range, _)| *range != self.range);
        COUNT.store(devices.len(), Ordering::Release);
    }
}

/// The device at an address, and the address's offset in its range.
fn device(address: usize) -> Option<(Arc<dyn Registers>, usize)> {
    if COUNT.load(Ordering::Acquire) == 0 {
        return None;
    }
    let devices = DEVICES.read().unwrap_or_else(PoisonError::into_inner);
    let (range, device) = devices.iter().find(|(range, _)| range.contains(&address))?;
    Some((Arc::clone(device), address - range.start))
}

/// Reads an 8-bit register. Any IRQL.
///
/// # Safety
///
/// The register is mapped.
pub unsafe fn read_register_u8(register: NonNull<u8>) -> u8 {
    match device(register.addr().get()) {
        Some((device, offset)) => device.read(offset, 1).to_le_bytes()[0],
        // SAFETY: the caller's promise.
        None => unsafe { register.read_volatile() },
    }
}

/// Writes an 8-bit register. Any IRQL.
///
/// # Safety
///
/// The register is mapped.
pub unsafe fn write_register_u8(register: NonNull<u8>, value: u8) {
    match device(register.addr().get()) {
        Some((device, offset)) => device.write(offset, 1, value.into()),
        // SAFETY: the caller's promise.
        None => unsafe { register.write_volatile(value) },
    }
}

/// Reads a 16-bit register. Any IRQL.
///
/// # Safety
///
/// The register is mapped, at an even address.
pub unsafe fn read_register_u16(register: NonNull<u16>) -> u16 {
    match device(register.addr().get()) {
        Some((device, offset)) => device.read(offset, 2),
        // SAFETY: the caller's promise.
        None => unsafe { register.read_volatile() },
    }
}

/// Writes a 16-bit register. Any IRQL.
///
/// # Safety
///
/// The register is mapped, at an even address.
pub unsafe fn write_register_u16(register: NonNull<u16>, value: u16) {
    match device(register.addr().get()) {
        Some((device, offset)) => device.write(offset, 2, value),
        // SAFETY: the caller's promise.
        None => unsafe { register.write_volatile(value) },
    }
}

/// Reads a 32-bit register, of a simulated device as its two halves. Any IRQL.
///
/// # Safety
///
/// The register is mapped, at a multiple of 4.
pub unsafe fn read_register_u32(register: NonNull<u32>) -> u32 {
    match device(register.addr().get()) {
        Some((device, offset)) => {
            u32::from(device.read(offset + 2, 2)) << 16 | u32::from(device.read(offset, 2))
        }
        // SAFETY: the caller's promise.
        None => unsafe { register.read_volatile() },
    }
}

/// Writes a 32-bit register, of a simulated device as its two halves. Any IRQL.
///
/// # Safety
///
/// The register is mapped, at a multiple of 4.
pub unsafe fn write_register_u32(register: NonNull<u32>, value: u32) {
    match device(register.addr().get()) {
        Some((device, offset)) => {
            let [a, b, c, d] = value.to_le_bytes();
            device.write(offset, 2, u16::from_le_bytes([a, b]));
            device.write(offset + 2, 2, u16::from_le_bytes([c, d]));
        }
        // SAFETY: the caller's promise.
        None => unsafe { register.write_volatile(value) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Says where it was read, and keeps what was written.
    #[derive(Default)]
    struct Device(Mutex<Vec<(usize, usize, u16)>>);

    impl Registers for Device {
        fn read(&self, offset: usize, _bytes: usize) -> u16 {
            u16::try_from(offset).unwrap_or(u16::MAX)
        }

        fn write(&self, offset: usize, bytes: usize, value: u16) {
            self.0.lock().unwrap().push((offset, bytes, value));
        }
    }

    #[test]
    fn a_device_answers_until_it_is_dropped() {
        let mut memory = [7_u16; 4];
        let first = NonNull::from(&mut memory).cast::<u16>();
        // SAFETY: the array has four.
        let last = unsafe { first.add(3) };
        let device = Arc::new(Device::default());
        let answering = answer(first.cast(), 8, device.clone());
        // SAFETY: the register is an array's element.
        assert_eq!(unsafe { read_register_u16(last) }, 6);
        // SAFETY: as above.
        unsafe { write_register_u8(last.cast(), 9) };
        assert_eq!(*device.0.lock().unwrap(), [(6, 1, 9)]);
        drop(answering);
        // SAFETY: as above.
        assert_eq!(unsafe { read_register_u16(last) }, 7);
    }
}
