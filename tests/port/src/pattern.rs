//! Memory that tells whether it was written.
//!
//! Outputs are filled with 0xCC or 0x55, by turns from call to call and from element to element; a member
//! that still holds the pattern was not written.

use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU32, Ordering};

/// A record of integers, raw pointers and unions of those: any bytes are a value of it.
///
/// # Safety
/// Only for such types.
pub(crate) unsafe trait Plain: Copy {}

macro_rules! plain {
    ($($name:ident,)*) => {
        $(
            // SAFETY: a C record of integers and raw pointers.
            unsafe impl Plain for dxgk_sys::$name {}
        )*
    };
}

plain! {
    DXGKARG_BUILDPAGINGBUFFER,
    DXGKARG_BUILDPAGINGBUFFER_u0,
    DXGKARG_BUILDPAGINGBUFFER_DiscardContent,
    DXGKARG_BUILDPAGINGBUFFER_Fill,
    DXGKARG_BUILDPAGINGBUFFER_Fill_Destination,
    DXGKARG_BUILDPAGINGBUFFER_InitContextResource,
    DXGKARG_BUILDPAGINGBUFFER_InitContextResource_Destination,
    DXGKARG_BUILDPAGINGBUFFER_MapApertureSegment,
    DXGKARG_BUILDPAGINGBUFFER_ReadPhysical,
    DXGKARG_BUILDPAGINGBUFFER_SpecialLockTransfer,
    DXGKARG_BUILDPAGINGBUFFER_SpecialLockTransfer_Destination,
    DXGKARG_BUILDPAGINGBUFFER_SpecialLockTransfer_Source,
    DXGKARG_BUILDPAGINGBUFFER_Transfer,
    DXGKARG_BUILDPAGINGBUFFER_Transfer_Destination,
    DXGKARG_BUILDPAGINGBUFFER_Transfer_Source,
    DXGKARG_BUILDPAGINGBUFFER_UnmapApertureSegment,
    DXGKARG_BUILDPAGINGBUFFER_WritePhysical,
    DXGKARG_DESCRIBEALLOCATION,
    DXGKARG_CREATEALLOCATION,
    DXGKARG_DESTROYALLOCATION,
    DXGKARG_OPENALLOCATION,
    DXGKARG_QUERYADAPTERINFO,
    DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA,
    DXGKARG_GETSCANLINE,
    DXGKARG_PRESENT_DISPLAYONLY,
    DXGKARG_SETPOINTERPOSITION,
    DXGKARG_SETPOINTERSHAPE,
    DXGKARG_SETVIDPNSOURCEADDRESS,
    DXGKARG_SETVIDPNSOURCEVISIBILITY,
    DXGK_ALLOCATIONINFO,
    DXGK_CHILD_STATUS,
    DXGK_DISPLAY_INFORMATION,
    DXGK_OPENALLOCATIONINFO,
    DXGK_CHILD_DESCRIPTOR,
    DXGK_DEVICEINFO,
    DXGK_DRIVERCAPS,
    DXGK_QUERYSEGMENTOUT3,
    DXGK_QUERYSEGMENTOUT4,
    DXGK_SEGMENTDESCRIPTOR3,
    DXGK_SEGMENTDESCRIPTOR4,
    DXGKARG_CREATECONTEXT,
    DXGKARG_RENDER,
    DXGKARG_PRESENT,
    DXGKARG_PATCH,
    DXGKARG_SUBMITCOMMAND,
    DXGKARG_PREEMPTCOMMAND,
    DXGKARG_CANCELCOMMAND,
    DXGKARG_COLLECTDBGINFO,
    D3DDDI_PATCHLOCATIONLIST,
    DXGK_NODEMETADATA,
    RECT,
    D3DKMDT_SHAREDPRIMARYSURFACEDATA,
    D3DKMDT_SHADOWSURFACEDATA,
    D3DKMDT_STAGINGSURFACEDATA,
    D3DKMDT_GDISURFACEDATA,
    DXGKARG_ISSUPPORTEDVIDPN,
    DXGKARG_ENUMVIDPNCOFUNCMODALITY,
    DXGKARG_RECOMMENDFUNCTIONALVIDPN,
    DXGKARG_RECOMMENDMONITORMODES,
    DXGKARG_COMMITVIDPN,
    DXGKARG_UPDATEACTIVEVIDPNPRESENTPATH,
    DXGKARG_QUERYVIDPNHWCAPABILITY,
    D3DKMDT_VIDPN_PRESENT_PATH,
    D3DKMDT_VIDPN_SOURCE_MODE,
    D3DKMDT_VIDPN_TARGET_MODE,
    D3DKMDT_MONITOR_SOURCE_MODE,
    D3DKMDT_MONITOR_FREQUENCY_RANGE,
    D3DKMDT_MONITOR_DESCRIPTOR,
    DXGK_TARGETMODE_DETAIL_TIMING,
    D3DDDI_GAMMA_RAMP_RGB256x3x16,
}

/// The bytes of a record. Padding must have been written, as [`Pattern::filled`] and copies of its results do.
pub(crate) fn bytes_of<T: Plain>(record: &T) -> &[u8] {
    let start = core::ptr::from_ref(record).cast::<u8>();
    // SAFETY: the record's own memory; its type has no invalid bytes.
    unsafe { core::slice::from_raw_parts(start, size_of::<T>()) }
}

/// A byte that fills memory before the driver writes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(pub u8);

impl Pattern {
    pub(crate) const BOTH: [Self; 2] = [Self(0xCC), Self(0x55)];

    /// The pattern's turn number `turn`.
    pub(crate) fn turn(turn: usize) -> Self {
        Self::BOTH[turn % 2]
    }

    pub(crate) fn u32(self) -> u32 {
        u32::from_ne_bytes([self.0; 4])
    }

    pub(crate) fn u64(self) -> u64 {
        u64::from_ne_bytes([self.0; 8])
    }

    pub(crate) fn pointer<T>(self) -> *mut T {
        core::ptr::without_provenance_mut(usize::from_ne_bytes([self.0; 8]))
    }

    /// A record full of the pattern.
    pub(crate) fn filled<T: Plain>(self) -> T {
        let mut record = MaybeUninit::<T>::uninit();
        // SAFETY: the record's own memory.
        unsafe { record.as_mut_ptr().write_bytes(self.0, 1) };
        // SAFETY: all bytes are written, and any bytes are a `T`.
        unsafe { record.assume_init() }
    }
}

/// Whose turn it is: 0xCC or 0x55.
#[derive(Default)]
pub(crate) struct Turns(AtomicU32);

impl Turns {
    pub(crate) fn next(&self) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_record_holds_nothing_else() {
        let info: dxgk_sys::DXGK_ALLOCATIONINFO = Pattern(0x55).filled();
        assert!(bytes_of(&info).iter().all(|byte| *byte == 0x55));
        assert_eq!(info.Size as u64, Pattern(0x55).u64());
        let turns = Turns::default();
        assert_ne!(Pattern::turn(turns.next()), Pattern::turn(turns.next()));
    }
}
