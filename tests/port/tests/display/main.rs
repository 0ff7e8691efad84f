//! The display side of the port, with a driver that does nothing wrong.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

#[path = "../common/mod.rs"]
mod common;
mod vsync;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use common::display;
use common::machine::{FRAMEBUFFER, Machine};
use common::miniport::{self as good, ACPI, TARGET, context};
use common::scenario;
use dxgk_port::{
    Adapter, ChildChange, ChildKind, Choice, Hpd, Port, Present, STATUS_GRAPHICS_NO_VIDEO_MEMORY,
    STATUS_INVALID_DEVICE_STATE, Settings,
};
use dxgk_sys::status::*;
use dxgk_sys::*;

const VSYNC: DXGK_INTERRUPT_TYPE = DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_CRTC_VSYNC;
/// A second, in 100 ns.
const SECOND: u64 = 10_000_000;

/// The good miniport, started, with an interrupt or without one.
fn started(line: bool) -> (Port, Adapter, Arc<Machine>) {
    let (port, machine) = scenario::boot(&good::table(0x4002), Settings::default());
    machine.interrupt.store(line, Relaxed);
    let adapter = port.add_device(0).unwrap();
    adapter.start().unwrap();
    (port, adapter, machine)
}

/// Ends the driver's life; nothing may have gone wrong in it.
fn end(port: &Port, adapter: &Adapter) {
    if adapter.is_started() {
        adapter.stop().unwrap();
    }
    adapter.remove().unwrap();
    port.unload();
    let report = port.report();
    assert!(
        report.is_clean(),
        "{:#?}\n{:#?}",
        report.violations,
        report.leaks
    );
}

#[test]
fn children_are_known_from_the_start_with_their_edid() {
    let (port, adapter, _machine) = started(true);
    let children = adapter.children();
    let [child] = children.as_slice() else {
        panic!("{children:?}")
    };
    assert_eq!((child.uid, child.acpi_uid), (TARGET, ACPI));
    assert_eq!(
        (child.kind, child.hpd),
        (ChildKind::VideoOutput, Hpd::Interruptible)
    );
    assert!(child.connected);
    assert_eq!(child.angle, Some(0));
    assert_eq!(adapter.edid(TARGET), Some(good::edid().to_vec()));
    assert_eq!(adapter.edid(TARGET + 1), None);
    assert_eq!(adapter.read_descriptor(TARGET, 8, 2), Ok(vec![0x36, 0x7F]));
    end(&port, &adapter);
}

#[test]
fn a_monitor_that_goes_takes_its_edid_along() {
    let (port, adapter, machine) = started(true);
    assert_eq!(adapter.update_children(), []);
    machine.unplugged.store(true, Relaxed);
    adapter.interrupt(0);
    // Not before dxgkrnl's worker takes it up.
    assert!(adapter.children()[0].connected);
    let change = |connected| ChildChange {
        uid: TARGET,
        connected,
    };
    assert_eq!(adapter.update_children(), [change(false)]);
    assert_eq!(adapter.edid(TARGET), None);
    assert_eq!(adapter.query_child_connected(TARGET), Ok(false));
    machine.unplugged.store(false, Relaxed);
    adapter.interrupt(0);
    assert_eq!(adapter.update_children(), [change(true)]);
    assert!(adapter.edid(TARGET).is_some() && adapter.children()[0].connected);
    machine.angle.store(2, Relaxed);
    adapter.interrupt(0);
    assert_eq!(adapter.children()[0].angle, Some(2));
    assert_eq!(adapter.query_child_angle(TARGET), Ok(2));
    end(&port, &adapter);
}

#[test]
fn primaries_are_drawn_where_they_are_placed() {
    let (port, adapter, machine) = started(true);
    let device = scenario::device(&adapter).unwrap();
    let one = display::primary(&adapter, &device).unwrap();
    let two = display::primary(&adapter, &device).unwrap();
    assert_eq!((one.segment, one.offset, one.physical), (1, 0, FRAMEBUFFER));
    assert_eq!(two.offset, one.bytes);
    assert_eq!(adapter.place(one.allocation), Ok(one));
    let surface = adapter.surface(&two).unwrap();
    surface.write(8, &[1, 2, 3, 4]);
    let mut read = [0; 4];
    surface.read(8, &mut read);
    assert_eq!((read, surface.bytes() as u64), ([1, 2, 3, 4], two.bytes));
    assert_eq!(
        machine.pixel(usize::try_from(two.offset).unwrap() + 8),
        0x0403_0201
    );
    drop(surface);
    // 16 MiB hold thirteen of 640 x 480.
    let more = (0..20).map_while(|_| display::primary(&adapter, &device));
    assert_eq!(more.count(), 11);
    let made = device.create_standard(&scenario::STANDARDS[0]).unwrap();
    let refused = adapter.place(made.allocations[0]);
    assert_eq!(refused, Err(STATUS_GRAPHICS_NO_VIDEO_MEMORY));
    // What is destroyed makes room.
    device.destroy_allocations(&[one.allocation]).unwrap();
    assert_eq!(adapter.place(made.allocations[0]).unwrap().offset, 0);
    end(&port, &adapter);
}

#[test]
fn sources_are_invisible_until_they_are_shown() {
    let (port, adapter, _machine) = started(true);
    let screen = unsafe { &context(adapter.context()).screen };
    assert!(!adapter.is_visible(0));
    adapter.set_visible(0, true).unwrap();
    assert!(adapter.is_visible(0) && screen.visible.load(Relaxed));
    assert_eq!(
        adapter.set_visible(1, true),
        Err(STATUS_INVALID_DEVICE_STATE)
    );
    adapter.commit(&Choice::size(640, 480)).unwrap();
    adapter.control_interrupt(VSYNC, true).unwrap();
    adapter.sleep(POWER_ACTION::PowerActionSleep).unwrap();
    assert!(!screen.visible.load(Relaxed) && !screen.vsync.load(Relaxed));
    // Nothing is expected of an adapter that sleeps.
    assert_eq!(adapter.wait_for_vsync(1, SECOND), 0);
    adapter.wake().unwrap();
    assert!(!adapter.is_visible(0));
    end(&port, &adapter);
}

#[test]
fn the_screen_is_handed_from_driver_to_driver() {
    let (port, machine) = scenario::boot(&good::table(0x4002), Settings::default());
    let mut firmware = DXGK_DISPLAY_INFORMATION::ZERO;
    (firmware.Width, firmware.Height, firmware.TargetId) = (800, 600, D3DDDI_ID_UNINITIALIZED);
    *machine.post.lock().unwrap() = Some(firmware);
    let adapter = port.add_device(0).unwrap();
    adapter.start().unwrap();
    let found = |adapter: &Adapter| unsafe { context(adapter.context()) }.screen.post.unwrap();
    assert_eq!((found(&adapter).Width, found(&adapter).TargetId), (800, !0));
    let left = adapter.stop_and_release(TARGET).unwrap();
    assert!(!adapter.is_started());
    assert_eq!(
        (left.Width, left.TargetId, left.AcpiId),
        (good::WIDTH, TARGET, ACPI)
    );
    adapter.start().unwrap();
    assert_eq!(
        (found(&adapter).Width, found(&adapter).TargetId),
        (good::WIDTH, TARGET)
    );
    // Hibernation brings firmware's mode back.
    adapter.sleep(POWER_ACTION::PowerActionHibernate).unwrap();
    adapter.wake().unwrap();
    assert_eq!(found(&adapter).Width, 800);
    // Without a monitor there is nothing to hand over, and StopDevice follows.
    machine.unplugged.store(true, Relaxed);
    let refused = adapter.stop_and_release(TARGET);
    assert_eq!(refused.err(), Some(STATUS_NOT_SUPPORTED));
    assert!(!adapter.is_started());
    assert_eq!(port.report().calls["StopDevice"].count, 1);
    end(&port, &adapter);
}

#[test]
fn a_bugcheck_draws_what_fits() {
    let (port, adapter, machine) = started(true);
    let screen = adapter.system_display_enable(TARGET).unwrap();
    assert_eq!((screen.width, screen.height), (good::WIDTH, good::HEIGHT));
    screen.write(&[7, 8, 9, 10], 2, 2, 8, good::WIDTH - 1, 0);
    let last = (good::WIDTH as usize - 1) * 4;
    assert_eq!(machine.pixel(last), 7);
    assert_eq!(machine.pixel(last + good::WIDTH as usize * 4), 9);
    assert_eq!(machine.pixel(last + 4), 0);
    screen.exercise_clipping();
    let none = adapter.system_display_enable(TARGET + 1);
    assert_eq!(none.err(), Some(STATUS_NOT_SUPPORTED));
    adapter.reset_device();
    end(&port, &adapter);
}

#[test]
fn a_present_may_be_completed_later() {
    static LATE: AtomicBool = AtomicBool::new(false);
    ddi_fn! {
        unsafe fn present(
            this: HANDLE,
            argument: IN_CONST_PDXGKARG_PRESENT_DISPLAYONLY,
        ) -> NTSTATUS {
            unsafe { good::present_display_only(this, argument) };
            LATE.store(true, Relaxed);
            STATUS_PENDING
        }

        unsafe fn interrupt(this: PVOID, _message: ULONG) -> BOOLEAN {
            let context = unsafe { context(this) };
            if LATE.swap(false, Relaxed) {
                let mut data = DXGKARGCB_NOTIFY_INTERRUPT_DATA::ZERO;
                data.InterruptType =
                    DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_DISPLAYONLY_PRESENT_PROGRESS;
                good::notify(context, &mut data);
                good::queue_dpc(context);
            }
            1
        }
    }
    let mut table = good::display_only_table(0x4002);
    table.DxgkDdiPresentDisplayOnly = Some(present);
    table.DxgkDdiInterruptRoutine = Some(interrupt);
    let (port, machine) = display::boot(&table);
    let adapter = port.add_device(0).unwrap();
    adapter.start().unwrap();
    let image = vec![0x00AB_CDEF_u32; 1024 * 768];
    let rect = RECT {
        left: 10,
        top: 20,
        right: 30,
        bottom: 40,
    };
    let wanted = Present {
        source: 0,
        image: image.as_ptr().cast(),
        pitch: 4096,
        rotate: false,
        moves: &[],
        rects: &[rect],
    };
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Relaxed) {
                adapter.interrupt(0);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        for _ in 0..5 {
            assert_eq!(unsafe { adapter.present(&wanted) }, Ok(()));
        }
        done.store(true, Relaxed);
    });
    assert_eq!(machine.pixel((20 * 1024 + 10) * 4), 0x00AB_CDEF);
    assert_eq!(machine.pixel((40 * 1024 + 10) * 4), 0);
    assert!(scenario::device(&adapter).is_none());
    end(&port, &adapter);
}

#[test]
fn calls_keep_their_threading_levels() {
    static CHILD: AtomicU32 = AtomicU32::new(0);
    static POINTER: AtomicU32 = AtomicU32::new(0);
    static WORST: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];

    /// Is inside for a moment, and remembers with how many.
    fn inside(count: &AtomicU32, class: usize) {
        let now = count.fetch_add(1, Relaxed) + 1;
        WORST[class].fetch_max(now, Relaxed);
        std::thread::sleep(Duration::from_micros(200));
        count.fetch_sub(1, Relaxed);
    }
    ddi_fn! {
        unsafe fn status(
            this: PVOID,
            status: *mut DXGK_CHILD_STATUS,
            non_destructive: BOOLEAN,
        ) -> NTSTATUS {
            inside(&CHILD, 0);
            unsafe { good::query_child_status(this, status, non_destructive) }
        }

        unsafe fn position(
            _this: HANDLE,
            _argument: IN_CONST_PDXGKARG_SETPOINTERPOSITION,
        ) -> NTSTATUS {
            inside(&POINTER, 1);
            STATUS_SUCCESS
        }

        unsafe fn visibility(
            _this: HANDLE,
            _argument: IN_CONST_PDXGKARG_SETVIDPNSOURCEVISIBILITY,
        ) -> NTSTATUS {
            let others = CHILD.load(Relaxed) + POINTER.load(Relaxed);
            WORST[2].fetch_max(others, Relaxed);
            STATUS_SUCCESS
        }
    }
    let mut table = good::table(0x4002);
    table.DxgkDdiQueryChildStatus = Some(status);
    table.DxgkDdiSetPointerPosition = Some(position);
    table.DxgkDdiSetVidPnSourceVisibility = Some(visibility);
    let (port, _machine) = scenario::boot(&table, Settings::default());
    let adapter = port.add_device(0).unwrap();
    adapter.start().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let adapter = &adapter;
            scope.spawn(move || {
                for turn in 0..30 {
                    match thread % 3 {
                        0 => drop(adapter.query_child_connected(TARGET).unwrap()),
                        1 => adapter.set_pointer_position(0, turn, 0, true).unwrap(),
                        _ => adapter.set_visible(0, turn % 2 == 0).unwrap(),
                    }
                }
            });
        }
    });
    // Level one: alone in its class. Level two: alone in the driver.
    let worst = WORST.each_ref().map(|worst| worst.load(Relaxed));
    assert_eq!(worst, [1, 1, 0]);
    end(&port, &adapter);
}
