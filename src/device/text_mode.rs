//! The way back to VGA character mode, for a bugcheck.
//!
//! `DxgkDdiResetDevice` comes at any IRQL, when nothing can be relied on: no lock, no kernel
//! service. All it needs is one register, so its address is kept where one atomic load finds it
//! (contract: L7).

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::kernel::dxgkrnl::Register16;
use crate::kernel::write_register_u16;

/// The register that turns the DISPI graphics mode off, while the adapter is started.
pub struct TextMode {
    register: AtomicPtr<u16>,
}

impl TextMode {
    /// Nothing to switch yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            register: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// `register` is what to write 0 to; call [`TextMode::disarm`] before it is unmapped.
    pub fn arm(&self, register: Option<Register16>) {
        let address = register.map_or(ptr::null_mut(), |register| register.address().as_ptr());
        self.register.store(address, Ordering::Release);
    }

    /// There is nothing to switch any more.
    pub fn disarm(&self) {
        self.arm(None);
    }

    /// Switches to character mode, if the adapter is started. Any IRQL.
    pub fn switch(&self) {
        let Some(register) = NonNull::new(self.register.load(Ordering::Acquire)) else {
            return;
        };
        // SAFETY: it is a register of a mapping that is disarmed here before it is unmapped, and
        // dxgkrnl resets no adapter that it is stopping.
        unsafe { write_register_u16(register, 0) };
    }
}

impl Default for TextMode {
    fn default() -> Self {
        Self::new()
    }
}
