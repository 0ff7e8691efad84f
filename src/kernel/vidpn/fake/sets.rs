//! The fake's sets of modes, and the functions of their three interfaces.

use std::boxed::Box;
use std::vec::Vec;

use dxgk_sys::status::{
    STATUS_GRAPHICS_DATASET_IS_EMPTY, STATUS_GRAPHICS_MODE_ALREADY_IN_MODESET,
    STATUS_GRAPHICS_MODE_NOT_IN_MODESET, STATUS_GRAPHICS_MODE_NOT_PINNED,
    STATUS_GRAPHICS_NO_MORE_ELEMENTS_IN_DATASET, STATUS_SUCCESS,
};
use dxgk_sys::{
    D3DKMDT_HMONITORSOURCEMODESET__, D3DKMDT_HVIDPNSOURCEMODESET__, D3DKMDT_HVIDPNTARGETMODESET__,
    D3DKMDT_MONITOR_SOURCE_MODE, D3DKMDT_VIDPN_SOURCE_MODE, D3DKMDT_VIDPN_TARGET_MODE,
    DXGK_MONITORSOURCEMODESET_INTERFACE, DXGK_VIDPNSOURCEMODESET_INTERFACE,
    DXGK_VIDPNTARGETMODESET_INTERFACE, NTSTATUS, ddi_fn,
};

use super::Fake;
use crate::kernel::vidpn::{ModeSet, MonitorModes, Source, Target};

/// A set, and what the driver has of it.
pub struct Set<K: ModeSet> {
    fake: *const Fake,
    pub modes: Vec<Box<K::Info>>,
    /// Created, neither added nor released.
    created: Vec<Box<K::Info>>,
    /// Acquired, not released.
    held: Vec<*const K::Info>,
    pub chosen: Option<usize>,
    /// The driver's references.
    pub references: i32,
    /// It is a source's or target's, so nobody may change it.
    pub assigned: bool,
    /// A monitor's: it may be added to.
    pub open: bool,
    pub pinnable: bool,
}

/// How the fake tells modes apart.
pub trait Kind: ModeSet + Sized {
    const ZERO: Self::Info;
    fn scribble(info: &mut Self::Info);
    fn set_id(info: &mut Self::Info, id: u32);
    fn id(info: &Self::Info) -> u32;
    fn same(one: &Self::Mode, two: &Self::Mode) -> bool;
}

macro_rules! kind {
    ($kind:ident, $info:ident) => {
        impl Kind for $kind {
            const ZERO: $info = $info::ZERO;
            fn scribble(info: &mut $info) {
                super::callbacks::scribble(info);
            }
            fn set_id(info: &mut $info, id: u32) {
                info.Id = id;
            }
            fn id(info: &$info) -> u32 {
                info.Id
            }
            fn same(one: &Self::Mode, two: &Self::Mode) -> bool {
                one == two
            }
        }
    };
}
kind!(Source, D3DKMDT_VIDPN_SOURCE_MODE);
kind!(Target, D3DKMDT_VIDPN_TARGET_MODE);
kind!(MonitorModes, D3DKMDT_MONITOR_SOURCE_MODE);

impl<K: Kind> Set<K> {
    pub fn new(fake: *const Fake) -> Self {
        Self {
            fake,
            modes: Vec::new(),
            created: Vec::new(),
            held: Vec::new(),
            chosen: None,
            references: 0,
            assigned: false,
            open: false,
            pinnable: false,
        }
    }

    pub fn with(mut self, modes: &[K::Mode]) -> Self {
        for mode in modes {
            let mut info = Box::new(K::ZERO);
            K::set_id(&mut info, self.fake().next_id());
            // SAFETY: a description of ours.
            unsafe { K::write(&raw mut *info, mode) };
            self.modes.push(info);
        }
        self
    }

    pub fn list(&self) -> Vec<K::Mode> {
        // SAFETY: descriptions of ours.
        self.modes
            .iter()
            .map(|info| unsafe { K::read(&raw const **info) })
            .collect()
    }

    /// What the driver has not given back.
    pub fn left(&self) -> usize {
        self.created.len() + self.held.len() + usize::try_from(self.references).unwrap_or(99)
    }

    fn fake(&self) -> &Fake {
        // SAFETY: a set lives in its fake.
        unsafe { &*self.fake }
    }

    fn acquire(&mut self, index: usize) -> *const K::Info {
        let info = &raw const *self.modes[index];
        self.held.push(info);
        info
    }

    fn first(&mut self, to: &mut *const K::Info) -> NTSTATUS {
        if self.modes.is_empty() {
            return STATUS_GRAPHICS_DATASET_IS_EMPTY;
        }
        *to = self.acquire(0);
        STATUS_SUCCESS
    }

    fn next(&mut self, at: *const K::Info, to: &mut *const K::Info) -> NTSTATUS {
        if !self.held.contains(&at) {
            self.fake().wrong("the next of a mode that is not held");
        }
        let at = self
            .modes
            .iter()
            .position(|info| core::ptr::eq(&raw const **info, at));
        match at.map(|at| at + 1).filter(|next| *next < self.modes.len()) {
            Some(next) => {
                *to = self.acquire(next);
                STATUS_SUCCESS
            }
            None => STATUS_GRAPHICS_NO_MORE_ELEMENTS_IN_DATASET,
        }
    }

    fn chosen(&mut self, to: &mut *const K::Info) -> NTSTATUS {
        match self.chosen {
            Some(index) => {
                *to = self.acquire(index);
                STATUS_SUCCESS
            }
            None => self
                .fake()
                .failing("chosen")
                .unwrap_or(STATUS_GRAPHICS_MODE_NOT_PINNED),
        }
    }

    fn release(&mut self, info: *const K::Info) -> NTSTATUS {
        if let Some(at) = self.held.iter().position(|held| *held == info) {
            self.held.remove(at);
        } else if let Some(at) = self.position_created(info) {
            self.created.remove(at);
        } else {
            self.fake().wrong("a mode released that is not held");
        }
        STATUS_SUCCESS
    }

    fn create(&mut self, to: &mut *mut K::Info) -> NTSTATUS {
        if let Some(status) = self.fake().failing("create mode") {
            return status;
        }
        let mut info = Box::new(K::ZERO);
        K::scribble(&mut info);
        K::set_id(&mut info, self.fake().next_id());
        *to = &raw mut *info;
        self.created.push(info);
        STATUS_SUCCESS
    }

    fn add(&mut self, info: *const K::Info) -> NTSTATUS {
        if self.assigned && !self.open {
            self.fake().wrong("a set edited that dxgkrnl owns");
        }
        if let Some(status) = self.fake().failing("add mode") {
            return status;
        }
        let Some(at) = self.position_created(info) else {
            self.fake().wrong("a mode added that was not created");
            return STATUS_SUCCESS;
        };
        // SAFETY: descriptions of ours.
        let mode = unsafe { K::read(info) };
        if self.list().iter().any(|other| K::same(other, &mode)) {
            return STATUS_GRAPHICS_MODE_ALREADY_IN_MODESET;
        }
        let info = self.created.remove(at);
        self.modes.push(info);
        STATUS_SUCCESS
    }

    fn pin(&mut self, id: u32) -> NTSTATUS {
        if self.assigned && !self.pinnable {
            self.fake()
                .wrong("a mode pinned in a set that dxgkrnl owns");
        }
        self.chosen = self.modes.iter().position(|info| K::id(info) == id);
        if self.chosen.is_some() {
            STATUS_SUCCESS
        } else {
            STATUS_GRAPHICS_MODE_NOT_IN_MODESET
        }
    }

    fn position_created(&self, info: *const K::Info) -> Option<usize> {
        self.created
            .iter()
            .position(|mode| core::ptr::eq(&raw const **mode, info))
    }
}

macro_rules! functions {
    ($module:ident, $kind:ident, $object:ident, $info:ident, $interface:ident, $chosen:ident $(, $pin:ident)?) => {
        pub mod $module {
            use super::*;

            unsafe fn set<'set>(handle: *mut $object) -> &'set mut Set<$kind> {
                // SAFETY: handles are addresses of the fake's sets.
                unsafe { &mut *handle.cast::<Set<$kind>>() }
            }

            ddi_fn! {
                unsafe fn number(handle: *mut $object, to: *mut usize) -> NTSTATUS {
                    // SAFETY: as `set`.
                    let number = unsafe { set(handle) }.modes.len();
                    // SAFETY: the driver's variable.
                    unsafe { to.write(number) };
                    STATUS_SUCCESS
                }
                unsafe fn first(handle: *mut $object, to: *mut *const $info) -> NTSTATUS {
                    // SAFETY: as `set`.
                    let set = unsafe { set(handle) };
                    // SAFETY: the driver's variable.
                    set.first(unsafe { &mut *to })
                }
                unsafe fn next(handle: *mut $object, at: *const $info, to: *mut *const $info) -> NTSTATUS {
                    // SAFETY: as `set`.
                    let set = unsafe { set(handle) };
                    // SAFETY: the driver's variable.
                    set.next(at, unsafe { &mut *to })
                }
                unsafe fn chosen(handle: *mut $object, to: *mut *const $info) -> NTSTATUS {
                    // SAFETY: as `set`.
                    let set = unsafe { set(handle) };
                    // SAFETY: the driver's variable.
                    set.chosen(unsafe { &mut *to })
                }
                unsafe fn release(handle: *mut $object, info: *const $info) -> NTSTATUS {
                    // SAFETY: as `set`.
                    unsafe { set(handle) }.release(info)
                }
                unsafe fn create(handle: *mut $object, to: *mut *mut $info) -> NTSTATUS {
                    // SAFETY: as `set`.
                    let set = unsafe { set(handle) };
                    // SAFETY: the driver's variable.
                    set.create(unsafe { &mut *to })
                }
                unsafe fn add(handle: *mut $object, info: *mut $info) -> NTSTATUS {
                    // SAFETY: as `set`.
                    unsafe { set(handle) }.add(info)
                }
                #[allow(dead_code)] // a monitor's set has none
                unsafe fn pin(handle: *mut $object, id: u32) -> NTSTATUS {
                    // SAFETY: as `set`.
                    unsafe { set(handle) }.pin(id)
                }
            }

            pub fn interface() -> $interface {
                let mut interface = $interface::ZERO;
                interface.pfnGetNumModes = Some(number);
                interface.pfnAcquireFirstModeInfo = Some(first);
                interface.pfnAcquireNextModeInfo = Some(next);
                interface.$chosen = Some(chosen);
                interface.pfnReleaseModeInfo = Some(release);
                interface.pfnCreateNewModeInfo = Some(create);
                interface.pfnAddMode = Some(add);
                $(interface.$pin = Some(pin);)?
                interface
            }
        }
    };
}

functions!(
    source,
    Source,
    D3DKMDT_HVIDPNSOURCEMODESET__,
    D3DKMDT_VIDPN_SOURCE_MODE,
    DXGK_VIDPNSOURCEMODESET_INTERFACE,
    pfnAcquirePinnedModeInfo,
    pfnPinMode
);
functions!(
    target,
    Target,
    D3DKMDT_HVIDPNTARGETMODESET__,
    D3DKMDT_VIDPN_TARGET_MODE,
    DXGK_VIDPNTARGETMODESET_INTERFACE,
    pfnAcquirePinnedModeInfo,
    pfnPinMode
);
functions!(
    monitor,
    MonitorModes,
    D3DKMDT_HMONITORSOURCEMODESET__,
    D3DKMDT_MONITOR_SOURCE_MODE,
    DXGK_MONITORSOURCEMODESET_INTERFACE,
    pfnAcquirePreferredModeInfo
);
