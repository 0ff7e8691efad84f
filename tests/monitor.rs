//! The monitor as Windows sees it: a child that is always connected, and its EDID (contract: Q1 to Q3).

mod common;

use common::end;
use dxgk_port::{Adapter, Port, Settings};
use dxgk_sys::POWER_ACTION;
use vmdisp_in_process::InProcess;
use vmdisp_scenarios::Machine;

/// The callback for monitors that come and go.
const INDICATE: &str = "DxgkCbIndicateChildStatus";

/// An adapter that is started.
fn started() -> (InProcess, Port, Adapter) {
    let machine = InProcess::new();
    let port = machine.load(Settings::default()).expect("the driver loads");
    let adapter = port.add_device(0).expect("an adapter");
    adapter.start().expect("it starts");
    (machine, port, adapter)
}

/// QEMU's EDID with another serial number.
fn another(edid: &[u8]) -> Vec<u8> {
    let mut other = edid.to_vec();
    other[12] = other[12].wrapping_add(1);
    other[127] = other[127].wrapping_sub(1);
    other
}

#[test]
fn one_child_with_an_edid() {
    let (machine, port, adapter) = started();
    let children = adapter.children();
    assert_eq!(children.len(), 1);
    assert!(children[0].connected && children[0].uid == 0);
    assert_eq!(adapter.edid(0).map(|edid| edid.len()), Some(256));
    adapter.exercise_descriptors(0);
    assert!(adapter.update_children().is_empty());
    end(&machine, &port, &adapter);
}

#[test]
fn a_monitor_changed_in_sleep_is_unplugged_and_plugged() {
    let (machine, port, adapter) = started();
    let before = adapter.edid(0).expect("an EDID");
    for (edid, news) in [
        (Some(before.clone()), 0),
        (Some(another(&before)), 1),
        (None, 1),
        (None, 0),
        (Some(before.clone()), 1),
    ] {
        let told = port.report().callbacks.get(INDICATE).copied();
        adapter
            .sleep(POWER_ACTION::PowerActionSleep)
            .expect("it sleeps");
        assert!(machine.set_monitor(0, edid.as_deref()));
        adapter.wake().expect("it wakes");
        // The one went, the other came.
        let now = port.report().callbacks.get(INDICATE).copied();
        assert_eq!(now.unwrap_or(0) - told.unwrap_or(0), 2 * news as u64);
        let changes = adapter.update_children();
        assert_eq!(changes.len(), news, "{changes:?}");
        assert!(changes.iter().all(|change| change.connected));
        assert_eq!(adapter.edid(0), edid);
    }
    end(&machine, &port, &adapter);
}
