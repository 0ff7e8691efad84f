//! VidPN objects that an enumeration misuses after it has done its work.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::ptr;

use dxgk_sys::status::*;
use dxgk_sys::*;

use super::common::machine::set_irql;
use super::common::miniport::vidpn::{self as good, FORMATS, SIZES, fill_source};
use super::common::miniport::vidpn_objects::{Mode, SourceMode, interface, topology};
use super::common::miniport::{TARGET, context};
use super::vidpn_hand::{Hand, Sources, afterwards, first};
use super::with;

afterwards! {
    keeps_a_set(hand) { hand.sources(); }
    keeps_a_new_set(hand) { hand.new_sources(); }
    keeps_a_mode(hand) {
        let set = hand.sources();
        first(&set);
        hand.release(&set);
    }
    keeps_a_new_mode(hand) {
        if let Some(set) = hand.new_sources() {
            SourceMode::create_info(&set, &mut ptr::null_mut());
            hand.release(&set);
        }
    }
    keeps_a_path(hand) { hand.path(); }
    keeps_a_monitors_set(hand) {
        let (mut set, mut table) = (ptr::null_mut(), ptr::null());
        let acquire = hand.monitor().pfnAcquireMonitorSourceModeSet.unwrap();
        let adapter = hand.context.interface.DeviceHandle;
        unsafe { acquire(adapter, TARGET, &raw mut set, &raw mut table) };
    }
    keeps_additional_modes(hand) {
        let (mut count, mut modes) = (0, ptr::null_mut());
        let get = hand.monitor().pfnGetAdditionalMonitorModeSet.unwrap();
        let adapter = hand.context.interface.DeviceHandle;
        unsafe { get(adapter, TARGET, &raw mut count, &raw mut modes) };
    }
    keeps_a_descriptor(hand) {
        let (mut set, mut table) = (ptr::null_mut(), ptr::null::<DXGK_MONITORDESCRIPTORSET_INTERFACE>());
        let get = hand.monitor().pfnGetMonitorDescriptorSet.unwrap();
        let adapter = hand.context.interface.DeviceHandle;
        let mut info = ptr::null();
        unsafe {
            get(adapter, TARGET, &raw mut set, &raw mut table);
            // There is none without a monitor.
            if let Some(table) = table.as_ref() {
                table.pfnAcquireFirstDescriptorInfo.unwrap()(set, &raw mut info);
            }
        }
    }
    releases_twice(hand) {
        let set = hand.sources();
        hand.release(&set);
        hand.release(&set);
    }
    releases_a_mode_twice(hand) {
        let set = hand.sources();
        let info = first(&set);
        SourceMode::release_info(&set, info);
        SourceMode::release_info(&set, info);
        hand.release(&set);
    }
    releases_a_path_twice(hand) {
        let (handle, table, info) = hand.path();
        let release = table.pfnReleasePathInfo.unwrap();
        unsafe {
            release(handle, info);
            release(handle, info);
        }
    }
    adds_to_dxgkrnls_set(hand) {
        let set = hand.sources();
        let _ = set.add(|mode| fill_source(mode, SIZES[0], FORMATS[0]));
        hand.release(&set);
    }
    adds_what_it_acquired(hand) {
        if let Some(new) = hand.new_sources() {
            let set = hand.sources();
            let info = first(&set);
            SourceMode::add_info(&new, info);
            SourceMode::release_info(&set, info);
            hand.release(&set);
            hand.release(&new);
        }
    }
    adds_to_another_set(hand) {
        if let (Some(one), Some(two)) = (hand.new_sources(), hand.new_sources()) {
            let mut info = ptr::null_mut();
            SourceMode::create_info(&one, &mut info);
            fill_source(unsafe { &mut *info }, SIZES[0], FORMATS[0]);
            SourceMode::add_info(&two, info);
            SourceMode::release_info(&one, info);
            hand.release(&one);
            hand.release(&two);
        }
    }
    edits_a_mode(hand) {
        let set = hand.sources();
        let info = first(&set);
        unsafe { (*info).Id = 77 };
        SourceMode::release_info(&set, info);
        hand.release(&set);
    }
    edits_a_path(hand) {
        let (handle, table, info) = hand.path();
        unsafe {
            (*info).VisibleFromActiveTLOffset.cx = 8;
            table.pfnReleasePathInfo.unwrap()(handle, info);
        }
    }
    writes_what_it_released(hand) {
        let set = hand.sources();
        let info = first(&set);
        SourceMode::release_info(&set, info);
        unsafe { (*info).Id = 77 };
        hand.release(&set);
    }
    writes_behind_a_mode(hand) {
        let set = hand.sources();
        let info = first(&set);
        unsafe { info.add(1).cast::<u32>().write(0) };
        SourceMode::release_info(&set, info);
        hand.release(&set);
    }
    goes_on_from_a_released_mode(hand) {
        let set = hand.sources();
        let info = first(&set);
        SourceMode::release_info(&set, info);
        let mut next = ptr::null();
        unsafe { set.table.pfnAcquireNextModeInfo.unwrap()(set.handle, info, &raw mut next) };
        hand.release(&set);
    }
    uses_a_released_set(hand) {
        if let Some(set) = hand.new_sources() {
            hand.release(&set);
            let mut count = 0;
            unsafe { set.table.pfnGetNumModes.unwrap()(set.handle, &raw mut count) };
        }
    }
    mixes_handles_up(hand) {
        let (topology, _) = topology(hand.vidpn, hand.handle).unwrap();
        let mut count = 0;
        let set = hand.sources();
        unsafe { set.table.pfnGetNumModes.unwrap()(topology.cast(), &raw mut count) };
        hand.release(&set);
    }
    asks_into_nowhere(hand) {
        let (handle, table) = topology(hand.vidpn, hand.handle).unwrap();
        unsafe { table.pfnGetNumPaths.unwrap()(handle, ptr::null_mut()) };
    }
    asks_for_another_source(hand) {
        let _ = Sources::acquire(hand.vidpn, hand.handle, 9);
    }
    asks_a_stranger_for_monitors(hand) {
        let (mut set, mut table) = (ptr::null_mut(), ptr::null());
        let acquire = hand.monitor().pfnAcquireMonitorSourceModeSet.unwrap();
        unsafe { acquire(ptr::null_mut(), TARGET, &raw mut set, &raw mut table) };
    }
    asks_for_a_newer_interface(hand) {
        let query = hand.context.interface.DxgkCbQueryVidPnInterface.unwrap();
        let version = DXGK_VIDPN_INTERFACE_VERSION::DXGK_VIDPN_INTERFACE_VERSION_V2;
        let mut table = ptr::null();
        unsafe { query(hand.handle, version, &raw mut table) };
    }
    asks_at_dispatch(hand) {
        set_irql(2);
        let _ = topology(hand.vidpn, hand.handle);
        set_irql(0);
    }
}

macro_rules! misuses {
    ($name:ident) => {
        with(|table| table.DxgkDdiEnumVidPnCofuncModality = Some($name))
    };
}

bad_drivers! {
    a_mode_set_is_kept breaks "V3" saying "1 source mode set of pfnAcquire" => misuses!(keeps_a_set);
    a_new_mode_set_is_kept breaks "V3" saying "1 source mode set of pfnCreateNew" => misuses!(keeps_a_new_set);
    a_mode_is_kept breaks "V3" saying "1 source mode info of" => misuses!(keeps_a_mode);
    a_new_mode_is_kept breaks "V3" saying "CreateNewModeInfo" => misuses!(keeps_a_new_mode);
    a_path_is_kept breaks "V3" saying "1 path info of" => misuses!(keeps_a_path);
    a_monitors_set_is_kept breaks "V3" saying "1 monitor source mode set" => misuses!(keeps_a_monitors_set);
    additional_modes_are_kept breaks "V3" saying "set of additional modes" => misuses!(keeps_additional_modes);
    a_descriptor_is_kept breaks "V3" saying "monitor descriptor info" => misuses!(keeps_a_descriptor);
    a_set_is_released_twice breaks "V3" saying "released more often" => misuses!(releases_twice);
    a_mode_is_released_twice breaks "V3" saying "none of this set that the driver holds" => misuses!(releases_a_mode_twice);
    a_path_is_released_twice breaks "V3" saying "none that the driver holds" => misuses!(releases_a_path_twice);
    a_set_of_dxgkrnls_grows breaks "V3" saying "must be replaced, not edited" => misuses!(adds_to_dxgkrnls_set);
    an_acquired_mode_is_added breaks "V3" saying "none that pfnCreateNewModeInfo made" => misuses!(adds_what_it_acquired);
    a_mode_of_another_set_is_added breaks "V3" saying "made for another set" => misuses!(adds_to_another_set);
    a_mode_is_edited breaks "V3" saying "source mode info was written" => misuses!(edits_a_mode);
    a_path_is_edited breaks "V3" saying "path info was written" => misuses!(edits_a_path);
    a_released_mode_is_written breaks "V3" saying "written after it had been released" => misuses!(writes_what_it_released);
    a_mode_is_overrun breaks "V3" saying "memory behind" => misuses!(writes_behind_a_mode);
    a_released_mode_has_a_successor breaks "V3" saying "the current mode is none" => misuses!(goes_on_from_a_released_mode);
    a_released_set_is_counted breaks "V3" saying "or no longer one" => misuses!(uses_a_released_set);
    a_topology_is_taken_for_a_set breaks "V3" saying "is no handle" => misuses!(mixes_handles_up);
    a_count_has_no_place breaks "V3" saying "NULL" => misuses!(asks_into_nowhere);
    a_source_does_not_exist breaks "V3" saying "no such identifier" => misuses!(asks_for_another_source);
    a_monitor_has_no_adapter breaks "V3" saying "no DeviceHandle" => misuses!(asks_a_stranger_for_monitors);
    the_interface_is_too_new breaks "V3" saying "VidPnInterfaceVersion is 2" => misuses!(asks_for_a_newer_interface);
    a_vidpn_is_read_at_dispatch breaks "B3" saying "called at IRQL 2" => misuses!(asks_at_dispatch);
}
