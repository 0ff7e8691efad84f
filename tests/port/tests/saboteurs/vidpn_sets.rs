//! Sets that an enumeration assigns wrongly, and what it must leave to others: pins and paths.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::ptr;

use dxgk_sys::status::*;
use dxgk_sys::*;

use super::common::miniport::vidpn::{self as good, FORMATS, SIZES, fill_source, fill_target};
use super::common::miniport::vidpn_objects::{
    Mode, SourceMode, TargetMode, fill_path, interface, topology,
};
use super::common::miniport::{self, TARGET, context};
use super::vidpn_hand::{Hand, PivotType, Sources, Targets, afterwards};
use super::with;

afterwards! {
    replaces_the_pivot(hand) {
        if hand.pivot == PivotType::D3DKMDT_EPT_VIDPNSOURCE && !hand.is_pinned()
            && let Some(set) = hand.new_sources() {
                let _ = set.add(|mode| fill_source(mode, SIZES[0], FORMATS[0]));
                SourceMode::assign(hand.vidpn, hand.handle, 0, set.handle);
                hand.release(&set);
            }
    }
    replaces_a_pinned_set(hand) {
        if hand.is_pinned() && hand.pivot != PivotType::D3DKMDT_EPT_VIDPNSOURCE {
            hand.replace_sources(&SIZES);
        }
    }
    drops_the_pinned_mode(hand) {
        if hand.is_pinned() && hand.pivot != PivotType::D3DKMDT_EPT_VIDPNSOURCE {
            let pinned = Sources::pinned(hand.vidpn, hand.handle, 0).unwrap().unwrap();
            let others = SIZES.into_iter().filter(|size| *size != good::source_size(&pinned));
            hand.replace_sources(&others.collect::<Vec<_>>());
        }
    }
    assigns_nothing(hand) {
        if !hand.is_pinned() && hand.pivot == PivotType::D3DKMDT_EPT_NOPIVOT {
            hand.replace_sources(&[]);
        }
    }
    assigns_what_it_acquired(hand) {
        if !hand.is_pinned() && hand.pivot == PivotType::D3DKMDT_EPT_NOPIVOT {
            let set = hand.sources();
            SourceMode::assign(hand.vidpn, hand.handle, 0, set.handle);
            hand.release(&set);
        }
    }
    pins_a_mode(hand) {
        if let Ok(set) = Targets::create(hand.vidpn, hand.handle, TARGET) {
            if let Ok(id) = set.add(|mode| fill_target(mode, SIZES[0])) {
                let _ = set.pin(id);
            }
            TargetMode::release(hand.vidpn, hand.handle, set.handle);
        }
    }
    adds_a_path(hand) {
        let (handle, table) = topology(hand.vidpn, hand.handle).unwrap();
        let mut info = ptr::null_mut();
        unsafe {
            table.pfnCreateNewPathInfo.unwrap()(handle, &raw mut info);
            if !info.is_null() {
                fill_path(&mut *info);
                table.pfnAddPath.unwrap()(handle, info);
                table.pfnReleasePathInfo.unwrap()(handle, info);
            }
        }
    }
    removes_the_path(hand) {
        let (handle, table) = topology(hand.vidpn, hand.handle).unwrap();
        unsafe { table.pfnRemovePath.unwrap()(handle, 0, TARGET) };
    }
}

/// The set of the second source, for the first.
fn crosses_sources(hand: &Hand<'_>) {
    if let Ok(set) = Sources::create(hand.vidpn, hand.handle, 1) {
        let _ = set.add(|mode| fill_source(mode, SIZES[0], FORMATS[0]));
        SourceMode::assign(hand.vidpn, hand.handle, 0, set.handle);
    }
}

afterwards! {
    assigns_anothers_set(hand) {
        if !hand.is_pinned() && hand.pivot == PivotType::D3DKMDT_EPT_NOPIVOT {
            crosses_sources(hand);
        }
    }
}

ddi_fn! {
    unsafe fn start_with_two_sources(
        this: PVOID,
        info: *mut DXGK_START_INFO,
        interface: *mut DXGKRNL_INTERFACE,
        sources: *mut ULONG,
        children: *mut ULONG,
    ) -> NTSTATUS {
        let status = unsafe { miniport::start_device(this, info, interface, sources, children) };
        if status == STATUS_SUCCESS {
            unsafe { sources.write(2) };
        }
        status
    }
}

macro_rules! misuses {
    ($name:ident) => {
        with(|table| table.DxgkDdiEnumVidPnCofuncModality = Some($name))
    };
}

bad_drivers! {
    the_pivot_is_replaced breaks "V3" saying "is the pivot and must stay" => misuses!(replaces_the_pivot);
    a_pinned_set_is_replaced breaks "V3" saying "has a pinned mode and was replaced" => misuses!(replaces_a_pinned_set);
    a_pinned_mode_is_gone breaks "V3" saying "lacks the pinned mode" => misuses!(drops_the_pinned_mode);
    an_empty_set_is_assigned breaks "V3" saying "set is empty" => misuses!(assigns_nothing);
    an_acquired_set_is_assigned breaks "V3" saying "and that is free" => misuses!(assigns_what_it_acquired);
    an_enumeration_pins breaks "V3" saying "only a recommendation pins" => misuses!(pins_a_mode);
    an_enumeration_adds_a_path breaks "V3" saying "only a recommendation adds" => misuses!(adds_a_path);
    an_enumeration_removes_a_path breaks "V3" saying "only a recommendation removes" => misuses!(removes_the_path);
    a_set_of_another_source_is_assigned breaks "V3" saying "was made for 1, not for 0" => with(|table| {
        table.DxgkDdiStartDevice = Some(start_with_two_sources);
        table.DxgkDdiEnumVidPnCofuncModality = Some(assigns_anothers_set);
    });
}
