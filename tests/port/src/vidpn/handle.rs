//! Handles of the VidPN manager's objects: which adapter, which kind, which one.
//!
//! They look like no pointer, so that whoever dereferences one faults. A serial number is not used twice by an
//! adapter, so that the handle of an object that is gone is seen.

use core::ptr;

use dxgk_sys::HANDLE;

use crate::registry::{self, AdapterRef};

/// What a handle stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    VidPn = 1,
    Topology,
    SourceModeSet,
    TargetModeSet,
    MonitorModeSet,
    FrequencyRangeSet,
    DescriptorSet,
}

/// First byte of every handle, before its kind.
const MARK: usize = 0xE0;
const SERIALS: usize = 0x00FF_FFFF;

/// The handle of an object of an adapter, given by its `DeviceHandle`.
pub(crate) fn handle_of<T>(adapter: HANDLE, kind: Kind, serial: u32) -> *mut T {
    let head = (MARK | kind as usize) << 56;
    let serial = (serial as usize & SERIALS) << 32;
    ptr::without_provenance_mut(head | serial | adapter.addr() & 0xFFFF_FFFF)
}

/// The adapter and the serial number of a handle, if it is one of that kind.
pub(crate) fn open<T>(handle: *mut T, kind: Kind) -> Option<(AdapterRef, u32)> {
    let address = handle.addr();
    if address >> 56 != MARK | kind as usize {
        return None;
    }
    let adapter = registry::adapter(registry::device_handle(address))?;
    let serial = u32::try_from(address >> 32 & SERIALS).ok()?;
    Some((adapter, serial))
}

/// Serial numbers in turn; those of handles wrap after 16 million.
pub(crate) fn next_serial(serial: &mut u32) -> u32 {
    *serial = (*serial + 1) & 0x00FF_FFFF;
    *serial
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_keeps_its_parts_apart() {
        let adapter: HANDLE = registry::device_handle(0x0007_0120);
        let handle: *mut u8 = handle_of(adapter, Kind::SourceModeSet, 0x12_3456);
        assert_eq!(handle.addr(), 0xE312_3456_0007_0120);
        // No adapter has it.
        assert!(open(handle, Kind::SourceModeSet).is_none());
        let mut serial = 0x00FF_FFFE;
        assert_eq!(next_serial(&mut serial), 0x00FF_FFFF);
        assert_eq!(next_serial(&mut serial), 0);
    }
}
