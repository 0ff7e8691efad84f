//! The tables of the two kinds of driver.

use core::ffi::{CStr, c_void};
use core::ptr;
use std::vec::Vec;

use dxgk_sys::DXGK_EVENT_TYPE;
use dxgk_sys::sizes::{self, Interface};
use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_SUCCESS};

use super::*;
use crate::kernel::host::{Parameter, World};
use crate::kernel::testing::passive;
use crate::kernel::trace;

/// The callbacks of a table: all its words but the first, which is the version.
fn callbacks<T>(table: &T) -> Vec<usize> {
    let words = size_of::<T>() / size_of::<usize>();
    // SAFETY: a table of numbers and pointers without padding but after the version, which was zeroed.
    let words = unsafe { core::slice::from_raw_parts(ptr::from_ref(table).cast(), words) };
    words[1..].to_vec()
}

#[test]
fn the_display_only_table_ends_where_its_version_does() {
    let bytes = sizes::KMDDOD_INITIALIZATION_DATA.at(Interface::Wddm1_3);
    let words = bytes.unwrap() / size_of::<usize>();
    let table = display_only_data();
    assert_eq!(table.Version, Interface::Wddm1_3.value());
    let beyond = &callbacks(&table)[words - 1..];
    assert_eq!(beyond.len(), 1, "the newest header has one more");
    assert!(beyond.iter().all(|callback| *callback == 0));
}

#[test]
fn both_tables_have_the_same_functions() {
    let full = callbacks(&initialization_data());
    let table = display_only_data();
    let alone = table
        .DxgkDdiPresentDisplayOnly
        .map(|callback| callback as usize);
    let set = callbacks(&table)
        .into_iter()
        .filter(|callback| *callback != 0);
    let mut count = 0;
    for callback in set.filter(|callback| Some(*callback) != alone) {
        assert!(full.contains(&callback), "a second copy of a callback");
        count += 1;
    }
    assert!(count >= 15, "{count} callbacks");
}

#[test]
fn without_vsync_control_neither_of_its_callbacks_is_there() {
    let table = display_only_data();
    assert!(table.DxgkDdiControlInterrupt.is_none());
    assert!(table.DxgkDdiGetScanLine.is_none());
}

#[test]
fn the_parameter_chooses_the_kind_and_each_world_has_its_own() {
    let [one, other] = [World::new(), World::new()];
    {
        let _entered = one.enter();
        assert_eq!(kind(), Kind::Full);
        assert_eq!(choose(passive()), Kind::Full);
        for (value, chosen) in [
            (Parameter::Dword(1), Kind::DisplayOnly),
            (Parameter::Dword(0), Kind::Full),
            (Parameter::OfType(1), Kind::Full),
            (Parameter::Dword(7), Kind::DisplayOnly),
        ] {
            one.set_parameter("DisplayOnly", Some(value.clone()));
            assert_eq!((choose(passive()), kind()), (chosen, chosen), "{value:?}");
        }
    }
    let _entered = other.enter();
    assert_eq!(kind(), Kind::Full);
}

/// The entries of the trace with this first argument: name, status.
fn traced(first: usize) -> Vec<(&'static str, i32)> {
    let mut found = trace::entries();
    found.retain(|words| words[1] & 0xff == 1 && words[3] == first as u64);
    let said = |words: [u64; 7]| {
        let name = ptr::with_exposed_provenance::<i8>(usize::try_from(words[2]).unwrap());
        // SAFETY: the name of a call is a C string of the image's.
        let name = unsafe { CStr::from_ptr(name) };
        let status = i32::from_ne_bytes((words[1] >> 32).to_ne_bytes()[..4].try_into().unwrap());
        (name.to_str().unwrap(), status)
    };
    found.into_iter().map(said).collect()
}

#[test]
fn what_a_call_came_to_is_in_the_trace() {
    let _entered = World::new().enter();
    let mut word = 0_u64;
    let context = (&raw mut word).cast::<c_void>();
    let table = initialization_data();
    // SAFETY: no adapter of ours: refused before anything is touched.
    let stopped = unsafe { table.DxgkDdiStopDevice.unwrap()(context) };
    // SAFETY: an event of ACPI asks nothing of the arguments.
    let noted = unsafe {
        table.DxgkDdiNotifyAcpiEvent.unwrap()(
            context,
            DXGK_EVENT_TYPE::DxgkUndefinedEvent,
            0,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    // SAFETY: as StopDevice.
    unsafe { table.DxgkDdiResetDevice.unwrap()(context) };
    // SAFETY: as StopDevice.
    let created = unsafe { table.DxgkDdiCreateAllocation.unwrap()(context, ptr::null_mut()) };
    assert_eq!(
        traced(context.addr()),
        [
            ("StopDevice", stopped),
            ("NotifyAcpiEvent", noted),
            ("ResetDevice", 0),
            ("CreateAllocation", created),
        ]
    );
    assert_eq!((noted, created), (STATUS_SUCCESS, STATUS_INVALID_PARAMETER));
}
