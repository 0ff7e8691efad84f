//! Power: SetPowerState of the adapter and its children (L6), and the way down and up again.

use alloc::format;

use dxgk_sys::{DEVICE_POWER_STATE, DXGK_INTERRUPT_TYPE, POWER_ACTION, ULONG};

use crate::adapter::{Adapter, State};
use crate::ddi::Ddi;
use crate::lifecycle::done;
use crate::{STATUS_INVALID_DEVICE_STATE, STATUS_PROCEDURE_NOT_FOUND, Status};

/// `DISPLAY_ADAPTER_HW_ID` of video.h: the adapter itself among the device ids.
const DISPLAY_ADAPTER_HW_ID: ULONG = 0xFFFF_FFFF;

impl Adapter {
    /// SetPowerState for the adapter itself.
    ///
    /// # Errors
    /// The driver's, which is a violation of L6.
    pub fn set_power(&self, state: DEVICE_POWER_STATE, action: POWER_ACTION) -> Result<(), Status> {
        self.set_power_of(DISPLAY_ADAPTER_HW_ID, state, action)
    }

    /// SetPowerState for a child, or with `DISPLAY_ADAPTER_HW_ID` for the adapter.
    ///
    /// # Errors
    /// As [`Self::set_power`].
    pub fn set_power_of(
        &self,
        device: u32,
        state: DEVICE_POWER_STATE,
        action: POWER_ACTION,
    ) -> Result<(), Status> {
        let adapter = &*self.0;
        let display = &adapter.display;
        let host = &*adapter.port.host;
        let set = adapter.registration.table.DxgkDdiSetPowerState;
        let set = set.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let all = device == DISPLAY_ADAPTER_HW_ID;
        let on = state == DEVICE_POWER_STATE::PowerDeviceD0;
        let arguments = || format!("device {device:#x}, state {}, action {}", state.0, action.0);
        done(adapter.call(Ddi::SetPowerState, arguments, |_| {
            if all && on {
                display.post.open();
            } else if all {
                // VSYNC may end with the first instruction of the call.
                display.scan.with(host, |scan| scan.asleep = true);
            }
            // SAFETY: the driver's own function and context, at its IRQL and level.
            let status = unsafe { set(adapter.context(), device, state, action) };
            if all && on {
                display.post.close();
                display.scan.with(host, |scan| {
                    scan.asleep = false;
                    scan.all_invisible();
                });
            }
            status
        }))
    }

    /// The system goes to sleep, hibernates or shuts down: sources invisible, VSYNC off, the children in D3, the
    /// adapter in D3. The machine may take the display's power then.
    ///
    /// Level three evicts video memory. A driver without paging loses it: draw primaries again after [`Self::wake`].
    ///
    /// # Errors
    /// The driver's first; `STATUS_INVALID_DEVICE_STATE` unless the adapter is started. The rest is done all the same.
    pub fn sleep(&self, action: POWER_ACTION) -> Result<(), Status> {
        let adapter = &*self.0;
        let host = &*adapter.port.host;
        if adapter.state() != State::Started {
            return Err(STATUS_INVALID_DEVICE_STATE);
        }
        let mut result = Ok(());
        for source in 0..adapter.sources.load(core::sync::atomic::Ordering::Relaxed) {
            if self.is_visible(source) {
                result = result.and(self.set_visible(source, false));
            }
        }
        if adapter.display.scan.with(host, |scan| scan.enabled) {
            let vsync = DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_CRTC_VSYNC;
            result = result.and(self.control_interrupt(vsync, false));
        }
        let hibernate = action == POWER_ACTION::PowerActionHibernate;
        result = result.and(adapter.evict_for_sleep(hibernate));
        let off = DEVICE_POWER_STATE::PowerDeviceD3;
        for child in self.children() {
            result = result.and(self.set_power_of(child.uid, off, action));
        }
        if action == POWER_ACTION::PowerActionHibernate {
            // Firmware starts the machine again, and the display with it.
            adapter.display.post.forget();
        }
        result.and(self.set_power(off, action))
    }

    /// The system is back: the adapter in D0, then its children. All sources are invisible until a mode is
    /// committed, an address set, and [`Self::set_visible`] called.
    ///
    /// # Errors
    /// As [`Self::sleep`].
    pub fn wake(&self) -> Result<(), Status> {
        let adapter = &*self.0;
        if adapter.state() != State::Started {
            return Err(STATUS_INVALID_DEVICE_STATE);
        }
        let on = DEVICE_POWER_STATE::PowerDeviceD0;
        // Its page says not to rely on the action then, so it is one thing or another.
        let actions = [
            POWER_ACTION::PowerActionNone,
            POWER_ACTION::PowerActionSleep,
        ];
        let action = actions[adapter.port.turns.next() % 2];
        let mut result = self.set_power(on, action);
        result = result.and(adapter.return_from_sleep());
        for child in self.children() {
            result = result.and(self.set_power_of(child.uid, on, action));
        }
        result
    }
}
