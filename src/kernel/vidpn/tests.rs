//! The face keeps dxgkrnl's books: all is released, nothing of dxgkrnl's is changed, NULL is an error.

use core::ops::ControlFlow;
use std::vec::Vec;

use dxgk_sys::D3DDDIFORMAT;
use dxgk_sys::status::{
    STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_SOURCE, STATUS_NO_MEMORY, STATUS_UNSUCCESSFUL,
};

use super::fake::Fake;
use super::*;
use crate::kernel::testing::passive;

const SMALL: SourceMode = SourceMode {
    size: Size {
        width: 640,
        height: 480,
    },
    stride: 2560,
    format: D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8,
};
const LARGE: SourceMode = SourceMode {
    size: Size {
        width: 800,
        height: 600,
    },
    stride: 3200,
    format: D3DDDIFORMAT::D3DDDIFMT_A8R8G8B8,
};

fn listed(modes: &Modes<Source>) -> Vec<SourceMode> {
    let mut list = Vec::new();
    modes
        .each(|mode| {
            list.push(*mode);
            ControlFlow::Continue(())
        })
        .unwrap();
    list
}

#[test]
fn sets_are_read_and_released() {
    let fake = Fake::with_path();
    for modes in [&[] as &[SourceMode], &[SMALL], &[SMALL, LARGE]] {
        fake.set_sources(modes, None);
        let vidpn = fake.open();
        assert_eq!(listed(&vidpn.modes::<Source>(0).unwrap()), modes);
        assert_eq!(vidpn.modes::<Source>(0).unwrap().chosen(), Ok(None));
    }
    fake.set_sources(&[SMALL, LARGE], Some(1));
    let vidpn = fake.open();
    let set = vidpn.modes::<Source>(0).unwrap();
    assert_eq!(set.chosen(), Ok(Some(LARGE)));
    // Breaking off in the middle releases what is held.
    set.each(|_| ControlFlow::Break(())).unwrap();
    assert_eq!(fake.left(), 1, "the set itself");
    drop(set);
    fake.check();
}

#[test]
fn a_new_set_is_released_or_assigned() {
    let fake = Fake::with_path();
    let vidpn = fake.open();
    drop(vidpn.create::<Source>(0).unwrap());
    fake.check();
    let set = vidpn.create::<Source>(0).unwrap();
    set.add(&SMALL).unwrap();
    set.assign().unwrap();
    fake.check();
    assert_eq!(fake.source_list(), [SMALL]);
}

/// What pfnAssignSourceModeSet's page says: dxgkrnl releases the set that it refuses, unless an
/// argument was wrong.
#[test]
fn a_refused_set_is_released_once() {
    for (status, by) in [
        (STATUS_UNSUCCESSFUL, "dxgkrnl"),
        (STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_SOURCE, "the driver"),
    ] {
        let fake = Fake::with_path();
        let vidpn = fake.open();
        let set = vidpn.create::<Source>(0).unwrap();
        set.add(&SMALL).unwrap();
        fake.fail("assign", status);
        assert_eq!(set.assign(), Err(Refused(status)), "{by}");
        fake.check();
    }
}

#[test]
fn a_mode_that_is_not_added_is_released() {
    let fake = Fake::with_path();
    let vidpn = fake.open();
    let set = vidpn.create::<Source>(0).unwrap();
    fake.fail("add mode", STATUS_NO_MEMORY);
    assert_eq!(set.add(&SMALL), Err(Refused(STATUS_NO_MEMORY)));
    assert_eq!(fake.left(), 1, "the set itself");
    fake.fail("create mode", STATUS_NO_MEMORY);
    assert_eq!(set.add(&SMALL), Err(Refused(STATUS_NO_MEMORY)));
    drop(set);
    fake.check();
}

/// The record of a target mode is 72 bytes long for a driver of WDDM 1.3: without MinimumVSyncFreq.
#[test]
fn what_later_versions_have_is_not_written() {
    use dxgk_sys::D3DKMDT_VIDPN_TARGET_MODE;
    let end = core::mem::offset_of!(D3DKMDT_VIDPN_TARGET_MODE, MinimumVSyncFreq);
    let mut info = D3DKMDT_VIDPN_TARGET_MODE::ZERO;
    let bytes = (&raw mut info).cast::<u8>();
    // SAFETY: the record's own bytes.
    unsafe { bytes.write_bytes(0xCC, size_of::<D3DKMDT_VIDPN_TARGET_MODE>()) };
    let mode = TargetMode {
        signal: Signal::of_size(SMALL.size),
        preferred: true,
    };
    // SAFETY: a description of ours.
    unsafe { Target::write(&raw mut info, &mode) };
    // SAFETY: as above.
    assert_eq!(unsafe { Target::read(&raw const info) }, mode);
    // SAFETY: inside the record.
    let tail = unsafe { bytes.add(end) };
    // SAFETY: the record's own bytes.
    let tail = unsafe { core::slice::from_raw_parts(tail, size_of_val(&info) - end) };
    assert!(tail.iter().all(|byte| *byte == 0xCC));
}

#[test]
fn paths_are_read_added_and_removed() {
    let fake = Fake::empty();
    let vidpn = fake.open();
    let topology = vidpn.topology().unwrap();
    assert_eq!(topology.count(), Ok(0));
    assert!(topology.first().unwrap().is_none());
    let path = NewPath {
        source: 0,
        target: 7,
        support: Support::NONE,
    };
    fake.fail("add path", STATUS_NO_MEMORY);
    assert_eq!(topology.add(&path), Err(Refused(STATUS_NO_MEMORY)));
    fake.check();
    topology.add(&path).unwrap();
    assert_eq!(topology.first().unwrap().unwrap().VidPnTargetId, 7);
    topology.remove(0, 7).unwrap();
    assert_eq!(topology.count(), Ok(0));
    fake.check();
}

#[test]
fn a_monitor_is_released() {
    let fake = Fake::empty();
    assert!(fake.dxgkrnl().monitor_modes(0, passive()).is_err());
    let mode = MonitorMode {
        signal: Signal::of_size(SMALL.size),
        preferred: true,
    };
    fake.set_monitor(&[mode], Some(0));
    let monitor = fake.dxgkrnl().monitor_modes(0, passive()).unwrap();
    assert_eq!(monitor.chosen(), Ok(Some(mode)));
    assert_eq!(fake.left(), 1);
    drop(monitor);
    fake.check();
}

#[test]
fn what_is_missing_is_an_error() {
    let fake = Fake::with_path();
    fake.vidpn.borrow_mut().pfnGetTopology = None;
    fake.vidpn.borrow_mut().pfnCreateNewSourceModeSet = None;
    fake.source_modes.borrow_mut().pfnAcquirePinnedModeInfo = None;
    let vidpn = fake.open();
    assert_eq!(vidpn.topology().err(), Some(MISSING));
    assert_eq!(vidpn.create::<Source>(0).err(), Some(MISSING));
    assert_eq!(vidpn.modes::<Source>(0).unwrap().chosen(), Err(MISSING));
    fake.check();

    let mut interface = dxgk_sys::DXGKRNL_INTERFACE::ZERO;
    interface.Size = u32::try_from(size_of_val(&interface)).unwrap();
    // SAFETY: an interface of the size that it says.
    let dxgkrnl = unsafe { Dxgkrnl::copy(ptr::NonNull::from(&mut interface)) };
    // SAFETY: the callback that would take the handle is missing.
    let opened = unsafe { VidPn::open(&dxgkrnl, fake.handle(), passive()) };
    assert_eq!(opened.err(), Some(MISSING));
    assert_eq!(dxgkrnl.monitor_modes(0, passive()).err(), Some(MISSING));
    fake.vidpn.borrow_mut().Version.0 = 9;
    // SAFETY: the handle is the fake's.
    let opened = unsafe { VidPn::open(&fake.dxgkrnl(), fake.handle(), passive()) };
    assert_eq!(opened.err(), Some(MISSING));
}
