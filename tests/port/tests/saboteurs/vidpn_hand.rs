//! Enumerations that do something more after they have succeeded, and what they have at hand for it.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::ptr;

use dxgk_sys::*;

use super::common::miniport::Context;
use super::common::miniport::vidpn::{FORMATS, fill_source};
use super::common::miniport::vidpn_objects::{
    Mode, ModeSet, Path, SourceMode, TargetMode, VidPn, topology,
};

pub type Sources = ModeSet<SourceMode>;
pub type Targets = ModeSet<TargetMode>;
pub type PivotType = D3DKMDT_ENUMCOFUNCMODALITY_PIVOT_TYPE;

/// What a saboteur has at hand.
pub struct Hand<'a> {
    pub context: &'a Context,
    pub vidpn: VidPn,
    pub handle: D3DKMDT_HVIDPN,
    pub pivot: PivotType,
}

/// Enumerations that do something more after they have succeeded.
macro_rules! afterwards {
    ($($name:ident($hand:ident) $more:block)*) => {
        ddi_fn! {$(
            unsafe fn $name(
                this: PVOID,
                argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY,
            ) -> NTSTATUS {
                let status = unsafe { good::enum_cofunc_modality(this, argument) };
                if status != STATUS_SUCCESS {
                    return status;
                }
                let (context, argument) = unsafe { (&*context(this), &*argument) };
                let handle = argument.hConstrainingVidPn;
                let $hand = &Hand {
                    context,
                    vidpn: interface(context, handle).unwrap(),
                    handle,
                    pivot: argument.EnumPivotType,
                };
                $more
                STATUS_SUCCESS
            }
        )*}
    };
}

/// The first mode of a set, acquired.
pub fn first(set: &Sources) -> *mut SourceMode {
    let mut info = ptr::null();
    unsafe { set.table.pfnAcquireFirstModeInfo.unwrap()(set.handle, &raw mut info) };
    info.cast_mut()
}

impl Hand<'_> {
    pub fn sources(&self) -> Sources {
        Sources::acquire(self.vidpn, self.handle, 0).unwrap()
    }

    pub fn new_sources(&self) -> Option<Sources> {
        Sources::create(self.vidpn, self.handle, 0).ok()
    }

    pub fn release(&self, set: &Sources) -> NTSTATUS {
        SourceMode::release(self.vidpn, self.handle, set.handle)
    }

    pub fn path(
        &self,
    ) -> (
        D3DKMDT_HVIDPNTOPOLOGY,
        &'static DXGK_VIDPNTOPOLOGY_INTERFACE,
        *mut Path,
    ) {
        let (handle, table) = topology(self.vidpn, self.handle).unwrap();
        let mut info = ptr::null();
        unsafe { table.pfnAcquireFirstPathInfo.unwrap()(handle, &raw mut info) };
        (handle, table, info.cast_mut())
    }

    /// Another set for the source, as good as the one before.
    pub fn replace_sources(&self, sizes: &[(u32, u32)]) -> NTSTATUS {
        Sources::replace(self.vidpn, self.handle, 0, |set| {
            for size in sizes {
                for format in FORMATS {
                    set.add(|mode| fill_source(mode, *size, format))?;
                }
            }
            Ok(())
        })
    }

    pub fn is_pinned(&self) -> bool {
        Sources::pinned(self.vidpn, self.handle, 0)
            .unwrap()
            .is_some()
    }

    pub fn monitor(&self) -> &'static DXGK_MONITOR_INTERFACE_V2 {
        let query = self.context.interface.DxgkCbQueryMonitorInterface.unwrap();
        let version = DXGK_MONITOR_INTERFACE_VERSION::DXGK_MONITOR_INTERFACE_VERSION_V2;
        let mut table = ptr::null();
        unsafe {
            query(self.context.interface.DeviceHandle, version, &raw mut table);
            &*table.cast::<DXGK_MONITOR_INTERFACE_V2>()
        }
    }
}

pub(super) use afterwards;
