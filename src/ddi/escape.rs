//! Escape (contract: E1).

use core::ffi::c_void;

use dxgk_sys::DXGKARG_ESCAPE;
use dxgk_sys::status::STATUS_SUCCESS;

use super::recorded::callbacks;
use super::{handles, status};
use crate::adapter::EscapeError;
use crate::kernel::caller::CallerData;
use crate::kernel::complain;
use crate::kernel::irql::Passive;

callbacks! {
    /// `DxgkDdiEscape`: questions of any program. Nothing is changed and nothing waited for, so it does not
    /// matter whether the call has the adapter for itself (`HardwareAccess`). `PASSIVE_LEVEL`, re-entrant.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads, and the block that it names is dxgkrnl's own copy,
    /// good for reads and writes.
    #[traced(c"Escape", failures)]
    pub unsafe fn answer_escape(context: *mut c_void, argument: *const DXGKARG_ESCAPE) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, which nobody writes during the call.
        let argument = unsafe { argument.as_ref() };
        let (Some(adapter), Some(argument)) = (adapter, argument) else {
            complain(c"Escape", c"hAdapter", 0, c"no adapter of this driver, or no argument");
            return status::of(Err(EscapeError::Parameter));
        };
        let block = argument.pPrivateDriverData;
        // SAFETY: pointer and size stand together in the argument.
        let data = unsafe { CallerData::new(block, argument.PrivateDriverDataSize) };
        let answer = match adapter.escape(data, irql) {
            Ok(answer) => answer,
            Err(error) => return status::of(Err(error)),
        };
        let bytes = answer.bytes();
        if !bytes.is_empty() {
            // SAFETY: the answer is as long as the block, which is not NULL, since it was read.
            unsafe { block.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        }
        STATUS_SUCCESS
    }
}
