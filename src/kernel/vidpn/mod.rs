//! The video present network (VidPN): a safe face on dxgkrnl's objects.
//!
//! This module is responsible for reading and filling VidPNs through the interfaces that dxgkrnl
//! hands out. What is acquired is a guard that releases it; a new set of modes belongs to the driver
//! until it is assigned, and is released if it is not. A set that dxgkrnl owns can only be read
//! (contract: V3). A missing interface or function, or a NULL where an object must be, is an error.
//!
//! | file | objects |
//! |---|---|
//! | `set.rs` | what all sets of modes have in common |
//! | `sides.rs` | the sets of a source and of a target |
//! | `source.rs`, `target.rs` | their modes |
//! | `topology.rs` | paths |
//! | `monitor.rs` | the modes of a monitor |
//!
//! Everything lives within one DDI at `PASSIVE_LEVEL`, on the stack.

#[cfg(test)]
#[allow(clippy::vec_box, clippy::cast_ptr_alignment)] // addresses in boxes are the handles
pub(crate) mod fake;
mod monitor;
mod set;
mod sides;
mod source;
mod target;
#[cfg(test)]
mod tests;
mod topology;

use core::marker::PhantomData;
use core::ptr;

use dxgk_sys::status::{STATUS_NOT_SUPPORTED, STATUS_SUCCESS};
use dxgk_sys::{
    D3DDDI_RATIONAL, D3DKMDT_2DREGION, D3DKMDT_FREQUENCY_NOTSPECIFIED, D3DKMDT_HVIDPN,
    DXGK_VIDPN_INTERFACE, DXGK_VIDPN_INTERFACE_VERSION, NTSTATUS,
};

use super::dxgkrnl::{Dxgkrnl, Refused};
use super::irql::Passive;

pub use monitor::{Connected, MonitorMode, MonitorModes, MonitorSet};
pub use set::{ModeSet, Modes};
pub use sides::{Assigned, New, Side};
pub use source::{Source, SourceMode};
pub use target::{Target, TargetMode};
pub use topology::{NewPath, Path, Support, Topology};

/// The identifier of a source or of a target.
pub type Id = u32;

/// Width and height in pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    /// Pixels in a line.
    pub width: u32,
    /// Lines.
    pub height: u32,
}

/// A frequency in Hz, as a fraction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frequency {
    /// Above the line.
    pub numerator: u32,
    /// Below it.
    pub denominator: u32,
}

impl Frequency {
    /// What a display-only driver says of every frequency.
    pub const UNSPECIFIED: Self = Self {
        numerator: D3DKMDT_FREQUENCY_NOTSPECIFIED,
        denominator: D3DKMDT_FREQUENCY_NOTSPECIFIED,
    };

    /// Whether both are the same number: 60/1 and 60000/1000 are.
    #[must_use]
    pub fn equals(self, other: Self) -> bool {
        let product = |one: u32, two: u32| u64::from(one) * u64::from(two);
        self == other
            || self.denominator != 0
                && other.denominator != 0
                && product(self.numerator, other.denominator)
                    == product(other.numerator, self.denominator)
    }
}

/// A video signal, as far as the driver says or asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signal {
    /// The picture.
    pub active: Size,
    /// The picture and its blanking.
    pub total: Size,
    /// Pictures a second.
    pub vertical: Frequency,
    /// Lines a second.
    pub horizontal: Frequency,
    /// Pixels a second, blanking included.
    pub pixel_rate: usize,
}

impl Signal {
    /// A signal of which only the size is known, as a display-only driver has it.
    #[must_use]
    pub const fn of_size(size: Size) -> Self {
        Self {
            active: size,
            total: size,
            vertical: Frequency::UNSPECIFIED,
            horizontal: Frequency::UNSPECIFIED,
            pixel_rate: D3DKMDT_FREQUENCY_NOTSPECIFIED as usize,
        }
    }
}

/// One VidPN object, for as long as the DDI runs that got its handle.
pub struct VidPn<'call> {
    handle: D3DKMDT_HVIDPN,
    /// Dxgkrnl's table, copied: the original may be replaced while the driver runs.
    interface: DXGK_VIDPN_INTERFACE,
    call: PhantomData<(&'call (), Passive)>,
}

impl VidPn<'_> {
    /// The object behind a handle that dxgkrnl passed.
    ///
    /// # Errors
    ///
    /// What `DxgkCbQueryVidPnInterface` answered, `STATUS_NOT_SUPPORTED` if it gave no interface of
    /// version 1.
    ///
    /// # Safety
    ///
    /// `handle` is one that the DDI got which is now running, and the object is dropped before that
    /// ends.
    pub unsafe fn open(
        dxgkrnl: &Dxgkrnl,
        handle: D3DKMDT_HVIDPN,
        _irql: Passive,
    ) -> Result<Self, Refused> {
        let version = DXGK_VIDPN_INTERFACE_VERSION::DXGK_VIDPN_INTERFACE_VERSION_V1;
        let call = dxgkrnl.query_vidpn_interface.ok_or(MISSING)?;
        let mut interface = ptr::null();
        // SAFETY: at PASSIVE_LEVEL, with the DDI's handle and a variable of ours.
        let status = unsafe { call(handle, version, &raw mut interface) };
        granted(status)?;
        // SAFETY: NULL, or dxgkrnl's table, which lives at least as long as this call.
        let interface = *unsafe { interface.as_ref() }.ok_or(MISSING)?;
        if interface.Version != version {
            return Err(MISSING);
        }
        Ok(Self {
            handle,
            interface,
            call: PhantomData,
        })
    }
}

/// Dxgkrnl did not give a function or an object.
const MISSING: Refused = Refused(STATUS_NOT_SUPPORTED);

/// `Ok` for `STATUS_SUCCESS` alone.
const fn granted(status: NTSTATUS) -> Result<(), Refused> {
    if status == STATUS_SUCCESS {
        Ok(())
    } else {
        Err(Refused(status))
    }
}

/// The element that an enumeration came to, if any: NULL and every other success say that there is
/// none (`STATUS_GRAPHICS_DATASET_IS_EMPTY`, `_NO_MORE_ELEMENTS_IN_DATASET`, `_MODE_NOT_PINNED`,
/// `_NO_PREFERRED_MODE`).
fn element<T>(status: NTSTATUS, info: *const T) -> Result<Option<*const T>, Refused> {
    if status < 0 {
        return Err(Refused(status));
    }
    Ok((status == STATUS_SUCCESS && !info.is_null()).then_some(info))
}

impl From<D3DKMDT_2DREGION> for Size {
    fn from(region: D3DKMDT_2DREGION) -> Self {
        Self {
            width: region.cx,
            height: region.cy,
        }
    }
}

impl From<Size> for D3DKMDT_2DREGION {
    fn from(size: Size) -> Self {
        Self {
            cx: size.width,
            cy: size.height,
        }
    }
}

impl From<D3DDDI_RATIONAL> for Frequency {
    fn from(rational: D3DDDI_RATIONAL) -> Self {
        Self {
            numerator: rational.Numerator,
            denominator: rational.Denominator,
        }
    }
}

impl From<Frequency> for D3DDDI_RATIONAL {
    fn from(frequency: Frequency) -> Self {
        Self {
            Numerator: frequency.numerator,
            Denominator: frequency.denominator,
        }
    }
}
