//! What `DxgkDdiCreateDevice` makes: a process's view of the adapter.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::kernel::dxgkrnl::HandleData;

/// One device. Allocations know nothing of it (contract: C12).
pub struct Device {
    /// GDI's own device (`DXGK_CREATEDEVICEFLAGS::GdiDevice`).
    pub gdi: bool,
    /// Resolves dxgkrnl's handles for this device's openings.
    pub handles: HandleData,
    /// Its contexts.
    pub users: Users,
}

/// How many objects need another one, which must not go before them.
#[derive(Default)]
pub struct Users(AtomicU32);

/// The count when nothing may come any more.
const CLOSED: u32 = u32::MAX;

impl Users {
    /// One more; `false` if it is too late.
    pub fn enter(&self) -> bool {
        let more = |count: u32| count.checked_add(1).filter(|count| *count != CLOSED);
        let changed = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        changed.is_ok()
    }

    /// One less.
    pub fn leave(&self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }

    /// Lets nobody in any more; `false`, and nothing, if there is someone.
    pub fn close(&self) -> bool {
        let closed = self
            .0
            .compare_exchange(0, CLOSED, Ordering::AcqRel, Ordering::Acquire);
        closed.is_ok()
    }

    /// Takes [`Users::close`] back.
    pub fn open(&self) {
        self.0.store(0, Ordering::Release);
    }
}
