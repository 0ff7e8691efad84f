//! Escape (E1).

use alloc::format;
use alloc::vec::Vec;
use core::ptr;

use dxgk_sys::{D3DDDI_ESCAPEFLAGS, DXGKARG_ESCAPE};

use crate::adapter::Adapter;
use crate::blobs::Blobs;
use crate::ddi::{Ddi, Level};
use crate::device::Device;
use crate::lifecycle::done;
use crate::rules::Rule;
use crate::scheduler::context::Context;
use crate::{STATUS_PROCEDURE_NOT_FOUND, Status};

const NAME: &str = "Escape";

impl Adapter {
    /// Escape of a user-mode driver, in level two with `HardwareAccess` (alone, with an idle node) and in level zero
    /// without. What the driver answers is in `data` afterwards.
    ///
    /// # Errors
    /// The driver's.
    pub fn escape(
        &self,
        flags: D3DDDI_ESCAPEFLAGS,
        device: Option<&Device>,
        context: Option<&Context>,
        data: &mut Vec<u8>,
    ) -> Result<(), Status> {
        let adapter = &*self.0;
        let escape = adapter.registration.table.DxgkDdiEscape;
        let escape = escape.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let mut blobs = Blobs::new([data.as_slice()].into_iter());
        let mut argument = DXGKARG_ESCAPE::ZERO;
        argument.hDevice = device.map_or(ptr::null_mut(), Device::handle);
        argument.hContext = context.map_or(ptr::null_mut(), Context::handle);
        argument.Flags = flags;
        argument.pPrivateDriverData = blobs.pointer(0);
        argument.PrivateDriverDataSize = blobs.bytes(0);
        let inputs = |argument: &DXGKARG_ESCAPE| {
            let handles = (
                argument.hDevice,
                argument.hContext,
                argument.hKmdProcessHandle,
            );
            (
                handles,
                argument.Flags.bits(),
                argument.pPrivateDriverData,
                argument.PrivateDriverDataSize,
            )
        };
        let given = inputs(&argument);
        let arguments = || format!("{} bytes, flags {:#x}", data.len(), flags.bits());
        let level = if flags.contains(D3DDDI_ESCAPEFLAGS::HardwareAccess) {
            adapter.quiesce();
            Level::Alone
        } else {
            Level::Reentrant
        };
        let info = Ddi::Escape.info();
        let status = adapter.port.call_at(
            &adapter.gate,
            Ddi::Escape,
            (level, info.irql),
            arguments,
            |_| {
                // SAFETY: the driver's own function and context, at its IRQL and level.
                unsafe { escape(adapter.context(), &raw const argument) }
            },
        );
        adapter.run_dpc();
        adapter.check(
            Rule::B2_13,
            NAME,
            given == inputs(&argument),
            || "the argument was written",
        );
        adapter.check(
            Rule::E1,
            NAME,
            blobs.guards_hold(),
            || "written behind PrivateDriverDataSize",
        );
        *data = blobs.blob(0);
        done(status)
    }

    /// Escapes that no driver knows: with and without data, of all flags that a user may set.
    pub fn exercise_escapes(&self) {
        let flags = [
            D3DDDI_ESCAPEFLAGS::empty(),
            D3DDDI_ESCAPEFLAGS::HardwareAccess,
        ];
        for flags in flags {
            for bytes in [0, 1, 4, 16, 100, 4096] {
                let mut data = alloc::vec![0xA5; bytes];
                let status = self.escape(flags, None, None, &mut data);
                let known = status.is_ok() && bytes != 0 && data.iter().any(|byte| *byte != 0xA5);
                self.0.check(Rule::E1, NAME, !known, || {
                    format!("answers {bytes} bytes that nobody could mean")
                });
            }
        }
    }
}
