//! `DxgkDdiDescribeAllocation`: what dxgkrnl asks about a primary or the source of a present.

use core::ffi::CStr;

use dxgk_sys::{
    D3DDDI_MULTISAMPLINGMETHOD, D3DDDI_RATIONAL, D3DDDI_ROTATION, D3DDDIFORMAT,
    DXGK_DESCRIBEALLOCATIONFLAGS, DXGKARG_DESCRIBEALLOCATION,
};

use super::Store;
use super::destroy::WrongHandle;
use crate::kernel::complain;
use crate::kernel::irql::Passive;

const CALL: &CStr = c"DescribeAllocation";

/// Writes every `[out]` member of the argument (contract: O4). Allocations are linear, so
/// `PrivateDriverFormatAttribute` is the same for all: 0.
///
/// # Errors
///
/// [`WrongHandle`] if `hAllocation` is no live allocation of this adapter; nothing is written then.
pub fn describe(
    store: &Store,
    argument: &mut DXGKARG_DESCRIBEALLOCATION,
    irql: Passive,
) -> Result<(), WrongHandle> {
    let allocation = match store.allocation(argument.hAllocation, irql) {
        Ok(found) => found,
        Err(wrong) => {
            complain(CALL, c"hAllocation", 0, wrong.why());
            return Err(WrongHandle);
        }
    };
    argument.Width = allocation.width();
    argument.Height = allocation.height();
    argument.Format = D3DDDIFORMAT(allocation.format().cast_signed());
    argument.MultisampleMethod = D3DDDI_MULTISAMPLINGMETHOD::ZERO;
    argument.RefreshRate = D3DDDI_RATIONAL {
        Numerator: allocation.refresh().0,
        Denominator: allocation.refresh().1,
    };
    argument.PrivateDriverFormatAttribute = 0;
    argument.Flags = DXGK_DESCRIBEALLOCATIONFLAGS::empty();
    argument.Rotation = D3DDDI_ROTATION::D3DDDI_ROTATION_IDENTITY;
    Ok(())
}
