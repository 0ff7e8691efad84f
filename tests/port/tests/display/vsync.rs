//! VSYNC from threads of the driver's own, and DPCs that come late.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use dxgk_port::{Adapter, Choice, Flip, STATUS_INVALID_DEVICE_STATE, Settings};
use dxgk_sys::{NTSTATUS, PVOID, ddi_fn};

use super::common::machine::set_irql;
use super::common::miniport::{self as good, TARGET, context};
use super::common::{display, scenario};
use super::{SECOND, VSYNC, end, started};

/// Runs `work` while a thread of the driver's own has a retrace every millisecond, at a level of a device, as an
/// adapter without an interrupt would.
fn ticking<R>(adapter: &Adapter, work: impl FnOnce() -> R) -> R {
    let done = AtomicBool::new(false);
    let this = adapter.context().addr();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let context = unsafe { context(std::ptr::with_exposed_provenance_mut(this)) };
            while !done.load(Relaxed) {
                set_irql(7);
                good::retrace(context);
                good::queue_dpc(context);
                set_irql(0);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let result = work();
        done.store(true, Relaxed);
        result
    })
}

#[test]
fn vsync_may_come_from_any_thread() {
    for line in [false, true] {
        let (port, adapter, _machine) = started(line);
        let device = scenario::device(&adapter).unwrap();
        let places = [(), ()].map(|()| display::primary(&adapter, &device).unwrap());
        let refused = adapter.set_address(0, &places[0], Flip::ModeChange);
        assert_eq!(refused, Err(STATUS_INVALID_DEVICE_STATE));
        adapter.commit(&Choice::size(640, 480)).unwrap();
        adapter
            .set_address(0, &places[0], Flip::ModeChange)
            .unwrap();
        adapter.control_interrupt(VSYNC, true).unwrap();
        adapter.set_visible(0, true).unwrap();
        ticking(&adapter, || {
            assert!(adapter.wait_for_vsync(3, SECOND) >= 3);
            for flip in 0..50 {
                let kind = [Flip::OnNextVsync, Flip::Immediate][flip % 2];
                adapter.set_address(0, &places[flip % 2], kind).unwrap();
                assert!(adapter.wait_for_flip(0, SECOND));
                assert!(adapter.scan_line(TARGET).is_ok());
            }
            adapter.control_interrupt(VSYNC, false).unwrap();
        });
        let vsyncs = adapter.vsyncs();
        assert!(
            vsyncs.count >= 53 && vsyncs.recent.len() >= 53,
            "{vsyncs:?}"
        );
        let known = places.map(|place| place.address);
        for pair in vsyncs.recent.windows(2) {
            assert!(pair[0].time_100ns <= pair[1].time_100ns);
            assert!(pair[1].target == TARGET && known.contains(&pair[1].address));
        }
        assert!(port.report().calls["DpcRoutine"].count > 10);
        end(&port, &adapter);
    }
}

/// A retrace while StopDevice is under way: the port runs its DPC when the driver has stopped.
#[test]
fn a_dpc_that_comes_after_the_stop_need_not_notify() {
    let mut table = good::table(0x4002);
    table.DxgkDdiStopDevice = Some(stop_with_a_report);
    table.DxgkDdiDpcRoutine = Some(dpc_unless_stopped);
    let (port, machine) = scenario::boot(&table, Settings::default());
    machine.interrupt.store(false, Relaxed);
    let adapter = port.add_device(0).unwrap();
    adapter.start().unwrap();
    adapter.stop().unwrap();
    assert_eq!(port.report().calls["DpcRoutine"].count, 1);
    end(&port, &adapter);
}

/// [`stop_with_a_report`] was called.
static STOPPED: AtomicBool = AtomicBool::new(false);

ddi_fn! {
    unsafe fn stop_with_a_report(this: PVOID) -> NTSTATUS {
        let context = unsafe { context(this) };
        set_irql(7);
        good::report_vsync(context, false, TARGET, 0);
        good::queue_dpc(context);
        set_irql(0);
        STOPPED.store(true, Relaxed);
        unsafe { good::stop_device(this) }
    }

    unsafe fn dpc_unless_stopped(this: PVOID) {
        if !STOPPED.load(Relaxed) {
            unsafe { good::dpc_routine(this) };
        }
    }
}
