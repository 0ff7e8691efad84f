//! The tables of the two kinds of driver.

use std::vec::Vec;

use dxgk_sys::sizes::{self, Interface};

use super::*;
use crate::kernel::host::{Parameter, World};
use crate::kernel::testing::passive;

/// The callbacks of a table: all its words but the first, which is the version.
fn callbacks<T>(table: &T) -> Vec<usize> {
    let words = size_of::<T>() / size_of::<usize>();
    // SAFETY: a table of numbers and pointers without padding but after the version, which was zeroed.
    let words = unsafe { core::slice::from_raw_parts(core::ptr::from_ref(table).cast(), words) };
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
