//! What `DxgkDdiCreateDevice` makes: a process's view of the adapter.

use crate::kernel::dxgkrnl::HandleData;

/// One device. Allocations know nothing of it (contract: C12).
pub struct Device {
    /// GDI's own device (`DXGK_CREATEDEVICEFLAGS::GdiDevice`).
    pub gdi: bool,
    /// Resolves dxgkrnl's handles for this device's openings.
    pub handles: HandleData,
}
