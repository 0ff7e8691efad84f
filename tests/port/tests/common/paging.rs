//! What VidMm does with a driver that builds paging buffers.

use std::sync::atomic::Ordering;

use dxgk_port::{Adapter, MemoryOptions, Report, Settings};
use dxgk_sys::DRIVER_INITIALIZATION_DATA;

use super::engine::{self, MILLISECOND, Process, Work};
use super::machine::Machine;
use super::scenario;

/// A life with paging, and the report at the end.
pub fn run(table: &DRIVER_INITIALIZATION_DATA) -> Report {
    let (port, machine) = scenario::boot(table, Settings::default().with_paging());
    if let Ok(adapter) = port.add_device(0) {
        if adapter.start().is_ok() {
            exercise(&adapter, &machine);
            let _ = adapter.stop();
        }
        let _ = adapter.remove();
    }
    port.unload();
    port.report()
}

/// Raw paging, a process whose surfaces come and go, and a reset of the adapter.
pub fn exercise(adapter: &Adapter, machine: &Machine) {
    machine.hurry.store(MILLISECOND, Ordering::Relaxed);
    adapter.scheduler(engine::options(1));
    let _ = adapter.exercise_paging();
    adapter.memory(MemoryOptions::default().with_seed(5).with_piece_pages(3));
    let _ = adapter.exercise_paging();
    let Some(process) = Process::new(adapter) else {
        return;
    };
    for round in 0..2 {
        let work = Work::default()
            .fill(0, 0, 4096, round)
            .copy((0, 0), (1, 64), 64);
        if let Ok(queued) = process.render(&work) {
            let _ = adapter.wait(&queued);
        }
        let _ = adapter.evict_all();
    }
    let _ = adapter.offer(process.surfaces[0]);
    let _ = adapter.make_resident(&process.surfaces);
    let _ = adapter.offer(process.surfaces[0]);
    let _ = adapter.evict_all();
    let _ = adapter.make_resident(&process.surfaces);
    reset(adapter, machine, &process);
    let _ = process.device.destroy();
}

/// An adapter reset under a resident process.
fn reset(adapter: &Adapter, machine: &Machine, process: &Process) {
    machine.no_engine_reset.store(true, Ordering::Relaxed);
    machine.stalled.store(true, Ordering::Relaxed);
    machine.hurry.store(100 * MILLISECOND, Ordering::Relaxed);
    if let Ok(stuck) = process.render(&Work::default().fill(0, 0, 64, 1)) {
        let _ = adapter.wait(&stuck);
    }
    machine.hurry.store(MILLISECOND, Ordering::Relaxed);
    machine.stalled.store(false, Ordering::Relaxed);
    machine.no_engine_reset.store(false, Ordering::Relaxed);
    let _ = adapter.idle();
}
