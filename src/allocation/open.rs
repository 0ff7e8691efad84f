//! `DxgkDdiOpenAllocation`: binds allocations to a device.

use core::ffi::CStr;
use core::ptr;

use dxgk_sys::{DXGK_OPENALLOCATIONFLAGS, DXGK_OPENALLOCATIONINFO};

use super::rollback::Rollback;
use super::{Opening, Store};
use crate::kernel::complain;
use crate::kernel::dxgkrnl::HandleData;
use crate::kernel::irql::Passive;
use crate::pool::{Full, Handle, Wrong};

const CALL: &CStr = c"OpenAllocation";

/// Subresources of every allocation: the picture itself.
const SUBRESOURCES: u32 = 1;

/// A checked view of `DXGKARG_OPENALLOCATION`.
pub struct Call<'a> {
    /// `ReadOnly` is kept with the opening.
    pub flags: DXGK_OPENALLOCATIONFLAGS,
    /// One element an allocation.
    pub elements: &'a mut [DXGK_OPENALLOCATIONINFO],
    /// `SubresourceIndex`, if the device is GDI's: for no other is it specified.
    pub subresource: Option<u32>,
    /// `SubresourceOffset`, out, in bytes.
    pub offset: &'a mut usize,
    /// `Pitch`, out, in bytes: the first allocation's.
    pub pitch: &'a mut u32,
}

/// Why nothing was opened. `InvalidHandle` is what `DxgkCbGetHandleData`'s page asks for when it
/// answers NULL (contract: G8); the others are the DDI's own (contract: O1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// `STATUS_INVALID_PARAMETER`
    InvalidParameter,
    /// `STATUS_INVALID_HANDLE`
    InvalidHandle,
    /// `STATUS_NO_MEMORY`
    NoMemory,
}

impl From<Full> for Error {
    fn from(_: Full) -> Self {
        Self::NoMemory
    }
}

/// Opens every allocation of the call for `device`, or none.
///
/// # Errors
///
/// See [`Error`].
pub fn open(
    store: &Store,
    device: Handle,
    handles: HandleData,
    call: Call<'_>,
    irql: Passive,
) -> Result<(), Error> {
    let Call {
        flags,
        elements,
        subresource,
        offset,
        pitch: row_pitch,
    } = call;
    if let Some(index) = subresource.filter(|index| *index >= SUBRESOURCES) {
        complain(
            CALL,
            c"SubresourceIndex",
            index.into(),
            c"an allocation has one subresource",
        );
        return Err(Error::InvalidParameter);
    }
    let read_only = flags.contains(DXGK_OPENALLOCATIONFLAGS::ReadOnly);
    let mut batch = store.openings.batch(elements.len(), irql);
    let mut elements = Rollback::new(elements, |element| {
        element.hDeviceSpecificAllocation = ptr::null_mut();
    });
    let mut pitch = None;
    elements.try_each(|element| {
        let driver_handle = handles.allocation(element.hAllocation, irql);
        let (allocation, row) = match store.checked(driver_handle, irql) {
            Ok((handle, found)) => (handle, found.pitch()),
            Err(wrong) => {
                complain(
                    CALL,
                    c"hAllocation",
                    element.hAllocation.into(),
                    wrong.why(),
                );
                return Err(if wrong == Wrong::Null {
                    Error::InvalidHandle
                } else {
                    Error::InvalidParameter
                });
            }
        };
        pitch.get_or_insert(row);
        let opening = batch.insert(Opening {
            allocation,
            device,
            read_only,
        })?;
        element.hDeviceSpecificAllocation = opening.as_ptr();
        Ok(())
    })?;
    *offset = 0;
    *row_pitch = pitch.unwrap_or(0);
    batch.commit();
    elements.keep();
    Ok(())
}
