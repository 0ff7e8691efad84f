//! The modes of a monitor.

use core::ops::Deref;
use core::ptr;

use dxgk_sys::{
    D3DKMDT_COLOR_BASIS, D3DKMDT_COLOR_COEFF_DYNAMIC_RANGES, D3DKMDT_HMONITORSOURCEMODESET,
    D3DKMDT_HMONITORSOURCEMODESET__, D3DKMDT_MONITOR_CAPABILITIES_ORIGIN,
    D3DKMDT_MONITOR_SOURCE_MODE, DXGK_MONITOR_INTERFACE, DXGK_MONITOR_INTERFACE_VERSION,
    DXGK_MONITORSOURCEMODESET_INTERFACE, HANDLE,
};

use super::super::dxgkrnl::{Dxgkrnl, Refused};
use super::super::irql::Passive;
use super::set::{Functions, ModeSet, Modes};
use super::target::preference;
use super::{Id, MISSING, Signal, granted};

/// Sets of a monitor's modes.
pub enum MonitorModes {}

/// A mode that the driver tells a monitor to have, or that it has. `chosen` of a set is the one that
/// the monitor prefers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MonitorMode {
    /// The signal.
    pub signal: Signal,
    /// The monitor likes it best.
    pub preferred: bool,
}

// SAFETY: the functions are the interface's, each under its own name; the record is the same in
// every version.
unsafe impl ModeSet for MonitorModes {
    type Object = D3DKMDT_HMONITORSOURCEMODESET__;
    type Info = D3DKMDT_MONITOR_SOURCE_MODE;
    type Interface = DXGK_MONITORSOURCEMODESET_INTERFACE;
    type Mode = MonitorMode;

    fn functions(interface: &Self::Interface) -> Functions<Self::Object, Self::Info> {
        Functions {
            first: interface.pfnAcquireFirstModeInfo,
            next: interface.pfnAcquireNextModeInfo,
            chosen: interface.pfnAcquirePreferredModeInfo,
            release: interface.pfnReleaseModeInfo,
            create: interface.pfnCreateNewModeInfo,
            add: interface.pfnAddMode,
            pin: None,
        }
    }

    unsafe fn read(info: *const Self::Info) -> Self::Mode {
        // SAFETY: the caller's promise.
        let info = unsafe { &*info };
        MonitorMode {
            signal: (&info.VideoSignalInfo).into(),
            preferred: info.Preference == preference(true),
        }
    }

    unsafe fn write(info: *mut Self::Info, mode: &Self::Mode) -> u32 {
        const BITS: u32 = 8;
        // SAFETY: the caller's promise.
        let info = unsafe { &mut *info };
        info.VideoSignalInfo = (&mode.signal).into();
        info.ColorBasis = D3DKMDT_COLOR_BASIS::D3DKMDT_CB_SRGB;
        info.ColorCoeffDynamicRanges = D3DKMDT_COLOR_COEFF_DYNAMIC_RANGES {
            FirstChannel: BITS,
            SecondChannel: BITS,
            ThirdChannel: BITS,
            FourthChannel: BITS,
        };
        info.Origin = D3DKMDT_MONITOR_CAPABILITIES_ORIGIN::D3DKMDT_MCO_DRIVER;
        info.Preference = preference(mode.preferred);
        info.Id
    }
}

/// The set that RecommendMonitorModes hands to the driver for more modes. It needs no release.
pub struct MonitorSet(Modes<MonitorModes>);

impl MonitorSet {
    /// The set.
    ///
    /// # Errors
    ///
    /// `STATUS_NOT_SUPPORTED` if one of the two is NULL.
    ///
    /// # Safety
    ///
    /// Both are what RecommendMonitorModes got, and the set is used only while that runs.
    pub unsafe fn new(
        handle: D3DKMDT_HMONITORSOURCEMODESET,
        interface: *const DXGK_MONITORSOURCEMODESET_INTERFACE,
        _irql: Passive,
    ) -> Result<Self, Refused> {
        // SAFETY: the caller's promise.
        unsafe { Modes::new(handle, interface) }.map(Self)
    }

    /// Adds a mode.
    ///
    /// # Errors
    ///
    /// What dxgkrnl refused with; the mode is released then.
    pub fn add(&self, mode: &MonitorMode) -> Result<(), Refused> {
        self.0.add(mode).map(|_| ())
    }
}

impl Deref for MonitorSet {
    type Target = Modes<MonitorModes>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// The set of a connected monitor, to be read. Dropping this releases it.
pub struct Connected {
    modes: Modes<MonitorModes>,
    _reference: Reference,
}

struct Reference {
    adapter: HANDLE,
    set: D3DKMDT_HMONITORSOURCEMODESET,
    interface: DXGK_MONITOR_INTERFACE,
}

impl Dxgkrnl {
    /// The modes of the monitor at `target`.
    ///
    /// # Errors
    ///
    /// What dxgkrnl refused with: `STATUS_GRAPHICS_MONITOR_NOT_CONNECTED` if there is none.
    pub fn monitor_modes(&self, target: Id, _irql: Passive) -> Result<Connected, Refused> {
        let version = DXGK_MONITOR_INTERFACE_VERSION::DXGK_MONITOR_INTERFACE_VERSION_V1;
        let query = self.query_monitor_interface.ok_or(MISSING)?;
        let mut interface = ptr::null();
        // SAFETY: at PASSIVE_LEVEL, with the handle that came with the callback.
        granted(unsafe { query(self.adapter, version, &raw mut interface) })?;
        // SAFETY: NULL, or dxgkrnl's table, which lives at least as long as this call.
        let interface = *unsafe { interface.as_ref() }.ok_or(MISSING)?;
        if interface.Version != version {
            return Err(MISSING);
        }
        let acquire = interface.pfnAcquireMonitorSourceModeSet.ok_or(MISSING)?;
        let (mut set, mut functions) = (ptr::null_mut(), ptr::null());
        // SAFETY: the interface's function, the adapter's handle, and variables of ours.
        granted(unsafe { acquire(self.adapter, target, &raw mut set, &raw mut functions) })?;
        let reference = Reference {
            adapter: self.adapter,
            set,
            interface,
        };
        // SAFETY: dxgkrnl's handle and interface; the set is released after its last use.
        let modes = unsafe { Modes::new(set, functions) }?;
        Ok(Connected {
            modes,
            _reference: reference,
        })
    }
}

impl Deref for Connected {
    type Target = Modes<MonitorModes>;

    fn deref(&self) -> &Self::Target {
        &self.modes
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let Some(release) = self.interface.pfnReleaseMonitorSourceModeSet else {
            return;
        };
        if !self.set.is_null() {
            // SAFETY: it was acquired once from this adapter, and is released once.
            unsafe { release(self.adapter, self.set) };
        }
    }
}
