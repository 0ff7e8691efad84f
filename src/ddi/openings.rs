//! OpenAllocation and CloseAllocation (contract: O1 to O3). Their first argument is the device.

use core::ffi::c_void;

use dxgk_sys::{DXGKARG_CLOSEALLOCATION, DXGKARG_OPENALLOCATION};

use super::recorded::callbacks;
use super::status::{self, InvalidParameter};
use super::{handles, view};
use crate::allocation::{close, open};
use crate::kernel::complain;
use crate::kernel::irql::Passive;

callbacks! {
    /// `DxgkDdiOpenAllocation`. `PASSIVE_LEVEL`, re-entrant.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads, its `[out]` members for writes, and the
    /// elements that it names for both.
    #[traced(c"OpenAllocation", failures)]
    pub unsafe fn open_allocation(
        device: *mut c_void,
        argument: *const DXGKARG_OPENALLOCATION,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let device = unsafe { handles::device(device, irql) };
        // The header's pointer is to const, but two members are [out].
        // SAFETY: dxgkrnl's argument, not used by anyone else during the call.
        let argument = unsafe { argument.cast_mut().as_mut() };
        let (Some((adapter, device)), Some(argument)) = (device, argument) else {
            complain(c"OpenAllocation", c"hDevice", 0, c"no device of this driver");
            return status::of(Err(InvalidParameter));
        };
        let count = argument.NumAllocations;
        // SAFETY: the elements that the argument names, used by nobody else during the call.
        let Some(elements) = (unsafe { view::list_mut(argument.pOpenAllocation, count) }) else {
            complain(
                c"OpenAllocation",
                c"pOpenAllocation",
                count.into(),
                c"NULL or misaligned, for so many elements",
            );
            return status::of(Err(InvalidParameter));
        };
        let call = open::Call {
            flags: argument.Flags,
            elements,
            subresource: device.gdi.then_some(argument.SubresourceIndex),
            offset: &mut argument.SubresourceOffset,
            pitch: &mut argument.Pitch,
        };
        let opened = open::open(&adapter.store, device.handle(), device.handles, call, irql);
        status::of(opened)
    }

    /// `DxgkDdiCloseAllocation`. `PASSIVE_LEVEL`, re-entrant.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` and the list that it names are good for reads.
    #[traced(c"CloseAllocation", failures)]
    pub unsafe fn close_allocation(
        device: *mut c_void,
        argument: *const DXGKARG_CLOSEALLOCATION,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let device = unsafe { handles::device(device, irql) };
        // SAFETY: dxgkrnl's argument, which nobody writes during the call.
        let argument = unsafe { argument.as_ref() };
        let (Some((adapter, _)), Some(argument)) = (device, argument) else {
            complain(c"CloseAllocation", c"hDevice", 0, c"no device of this driver");
            return status::of(Err(InvalidParameter));
        };
        let count = argument.NumAllocations;
        // SAFETY: the list that the argument names.
        let Some(list) = (unsafe { view::list(argument.pOpenHandleList, count) }) else {
            complain(
                c"CloseAllocation",
                c"pOpenHandleList",
                count.into(),
                c"NULL or misaligned, for so many entries",
            );
            return status::of(Err(InvalidParameter));
        };
        status::of(close::close(&adapter.store, list, irql))
    }
}
