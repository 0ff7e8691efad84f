//! What the display of a miniport is put through.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use dxgk_port::{
    Adapter, Choice, Device, Flip, Placement, Pointer, Port, Present, Report, Settings,
};
use dxgk_sys::{
    DRIVER_OBJECT, DXGK_INTERRUPT_TYPE, DXGK_POINTERFLAGS, KMDDOD_INITIALIZATION_DATA,
    POWER_ACTION, RECT, UNICODE_STRING,
};

use super::machine::Machine;
use super::scenario;

/// A second, in 100 ns: no monitor is so long without a VSYNC.
const PATIENCE: u64 = 10_000_000;
/// 20 milliseconds, in 100 ns.
const SOON: u64 = 200_000;

const VSYNC: DXGK_INTERRUPT_TYPE = DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_CRTC_VSYNC;

/// A primary in its place.
pub fn primary(adapter: &Adapter, device: &Device) -> Option<Placement> {
    let made = device.create_standard(&scenario::STANDARDS[0]).ok()?;
    adapter.place(*made.allocations.first()?).ok()
}

/// Flips between two primaries, each with its VSYNC.
pub fn flips(adapter: &Adapter) {
    let Some(device) = scenario::device(adapter) else {
        return;
    };
    let _ = adapter.commit(&Choice::size(640, 480));
    if let (Some(one), Some(two)) = (primary(adapter, &device), primary(adapter, &device)) {
        let _ = adapter.set_address(0, &one, Flip::ModeChange);
        let _ = adapter.control_interrupt(VSYNC, true);
        let _ = adapter.set_visible(0, true);
        for (place, flip) in [
            (&one, Flip::OnNextVsync),
            (&two, Flip::OnNextVsync),
            (&one, Flip::Immediate),
            (&two, Flip::ModeChange),
        ] {
            let _ = adapter.set_address(0, place, flip);
            adapter.interrupt(0);
            adapter.interrupt(0);
        }
        let _ = adapter.set_visible(0, false);
        retraces(adapter);
        let _ = adapter.control_interrupt(VSYNC, false);
    }
    let _ = device.destroy();
}

/// Waits for VSYNC while another thread has the adapter interrupt.
pub fn retraces(adapter: &Adapter) {
    let (begun, done) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Relaxed) {
                adapter.interrupt(0);
                begun.store(true, Relaxed);
                // Never asleep: on a busy machine it would not come back in time.
                std::thread::yield_now();
            }
        });
        // How long the machine takes to start a thread is not the driver's time.
        while !begun.load(Relaxed) {
            std::thread::yield_now();
        }
        adapter.wait_for_vsync(2, PATIENCE);
        adapter.wait_for_flip(0, SOON);
        done.store(true, Relaxed);
    });
}

/// Everything of this side but the end of the adapter.
pub fn exercise(adapter: &Adapter, machine: &Machine) {
    // A saboteur may have neither.
    if adapter.children().is_empty() || adapter.set_visible(0, false).is_err() {
        return;
    }
    for child in adapter.children() {
        adapter.exercise_descriptors(child.uid);
        let _ = adapter.scan_line(child.uid);
    }
    flips(adapter);
    adapter.exercise_interrupts();
    pointer(adapter);
    plug(adapter, machine);
    let _ = adapter.sleep(POWER_ACTION::PowerActionSleep);
    let _ = adapter.wake();
    let _ = adapter.sleep(POWER_ACTION::PowerActionHibernate);
    let _ = adapter.wake();
    flips(adapter);
}

pub fn pointer(adapter: &Adapter) {
    let pixels = [0; 64 * 64 * 4];
    let pointer = Pointer {
        source: 0,
        kind: DXGK_POINTERFLAGS::Color,
        width: 64,
        height: 64,
        pitch: 256,
        pixels: &pixels,
        hot: (1, 2),
    };
    let _ = adapter.set_pointer_position(0, 0, 0, false);
    let _ = adapter.set_pointer_shape(&pointer);
    let _ = adapter.set_pointer_position(0, 100, -5, true);
}

/// The monitor goes, comes, and is turned.
pub fn plug(adapter: &Adapter, machine: &Machine) {
    for unplugged in [true, false] {
        machine.unplugged.store(unplugged, Relaxed);
        adapter.interrupt(0);
        adapter.update_children();
    }
    machine.angle.store(1, Relaxed);
    adapter.interrupt(0);
    adapter.update_children();
    machine.angle.store(0, Relaxed);
    adapter.interrupt(0);
}

/// The screen of a bugcheck, after which the adapter is only stopped.
pub fn bugcheck(adapter: &Adapter) {
    let target = adapter.children().first().map_or(0, |child| child.uid);
    if let Ok(screen) = adapter.system_display_enable(target) {
        screen.exercise_clipping();
    }
    let _ = adapter.system_display_enable(!0 - 7);
}

/// The hand-over to a driver that knows no hardware, if the driver does it; stopped in any case.
pub fn hand_over(adapter: &Adapter) {
    let target = adapter.children().first().map_or(0, |child| child.uid);
    if adapter.stop_and_release(target).is_err() && adapter.is_started() {
        let _ = adapter.stop();
    }
}

/// A part of a picture of 1024 x 768, and more than there is of it.
pub fn presents(adapter: &Adapter) {
    let image = vec![0x0012_3456_u32; 1024 * 768];
    let whole = RECT {
        left: 0,
        top: 0,
        right: 1024,
        bottom: 768,
    };
    let part = RECT {
        left: 1000,
        top: 700,
        right: 2000,
        bottom: 800,
    };
    for rects in [&[whole][..], &[part, whole], &[]] {
        let present = Present {
            source: 0,
            image: image.as_ptr().cast(),
            pitch: 4096,
            rotate: false,
            moves: &[],
            rects,
        };
        // SAFETY: the image is as large as the mode.
        let _ = unsafe { adapter.present(&present) };
    }
}

/// A machine for other ports.
pub fn machine() -> std::sync::Arc<Machine> {
    Machine::new()
}

/// A port that expects a display-only driver, with that driver.
pub fn boot(table: &KMDDOD_INITIALIZATION_DATA) -> (Port, std::sync::Arc<Machine>) {
    let machine = Machine::new();
    machine.interrupt.store(true, Relaxed);
    let settings = Settings::default().with_exact_pool().for_display_only();
    let port = Port::new(machine.clone(), settings);
    let object: *mut DRIVER_OBJECT = std::ptr::without_provenance_mut(0x1000);
    let mut path = UNICODE_STRING::ZERO;
    // SAFETY: the table is of the newest version's length.
    let status = unsafe { port.register_display_only(object, &raw mut path, table) };
    port.driver_entry_returned(status);
    (port, machine)
}

/// A display-only driver's whole life.
pub fn run_display_only(table: &KMDDOD_INITIALIZATION_DATA) -> Report {
    let (port, machine) = boot(table);
    if let Ok(adapter) = port.add_device(0) {
        if adapter.start().is_ok() {
            adapter.exercise_queries();
            for child in adapter.children() {
                adapter.exercise_descriptors(child.uid);
                let _ = adapter.scan_line(child.uid);
            }
            let _ = adapter.control_interrupt(VSYNC, true);
            adapter.interrupt(0);
            let _ = adapter.set_visible(0, true);
            presents(&adapter);
            pointer(&adapter);
            plug(&adapter, &machine);
            adapter.exercise_requests();
            bugcheck(&adapter);
            hand_over(&adapter);
        }
        if adapter.start().is_ok() {
            let _ = adapter.stop();
        }
        let _ = adapter.remove();
    }
    port.unload();
    port.report()
}
