//! What the scheduler does with a driver that has an engine.

use std::sync::atomic::Ordering;

use dxgk_port::{
    Adapter, AllocationId, Context, ContextKind, Create, Device, FullPresent, Hang, Into, Patch,
    Queued, SchedulerOptions, Status, Use,
};
use dxgk_sys::{DXGK_PRESENTFLAGS, RECT};

use super::machine::Machine;
use super::miniport::Blob;
use super::miniport::commands::{COPY, Command, FILL, FROM, TO};
use super::scenario;

/// A millisecond in 100 ns.
pub const MILLISECOND: u64 = 10_000;

/// Timeouts that a test can wait for, on a machine in a hurry.
pub fn options(seed: u64) -> SchedulerOptions {
    SchedulerOptions {
        seed,
        tdr_delay_100ns: 2_000 * MILLISECOND,
        ..SchedulerOptions::default()
    }
}

/// A process: a device with a context and four allocations of 16 KiB.
pub struct Process {
    pub device: Device,
    pub context: Context,
    pub surfaces: Vec<AllocationId>,
}

pub const SIDE: u32 = 64;

impl Process {
    pub fn new(adapter: &Adapter) -> Option<Self> {
        let device = scenario::device(adapter)?;
        let blob = Blob::new(SIDE, SIDE).bytes();
        let made = device.create(&Create {
            group: &[],
            elements: &[&blob[..]; 4],
            into: Into::Device,
        });
        let context = device.create_context(ContextKind::User);
        match (made, context) {
            (Ok(made), Ok(context)) if made.allocations.len() == 4 => Some(Self {
                device,
                context,
                surfaces: made.allocations,
            }),
            _ => {
                let _ = device.destroy();
                None
            }
        }
    }

    /// All surfaces, each as something that is written.
    pub fn uses(&self) -> Vec<Use> {
        let used = |allocation: &AllocationId| Use {
            allocation: *allocation,
            write: true,
        };
        self.surfaces.iter().map(used).collect()
    }

    pub fn render(&self, work: &Work) -> Result<Queued, Status> {
        let bytes: Vec<u8> = work
            .commands
            .iter()
            .flat_map(|command| command.bytes())
            .collect();
        self.context.render(&bytes, &self.uses(), &work.patches)
    }
}

/// Commands of a user-mode driver, with the places of their operands.
#[derive(Default)]
pub struct Work {
    pub commands: Vec<Command>,
    pub patches: Vec<Patch>,
}

impl Work {
    fn operand(&mut self, used: u32, allocation_offset: u32, place: u32) {
        let at = u32::try_from(self.commands.len()).unwrap() * 64;
        self.patches.push(Patch {
            used,
            allocation_offset,
            patch_offset: at + place,
            ..Patch::default()
        });
    }

    /// Bytes of a surface become `value`.
    pub fn fill(mut self, to: u32, offset: u32, bytes: u64, value: u32) -> Self {
        self.operand(to, offset, TO);
        self.commands.push(Command {
            kind: FILL,
            value,
            bytes,
            ..Command::default()
        });
        self
    }

    pub fn copy(mut self, from: (u32, u32), to: (u32, u32), bytes: u64) -> Self {
        self.operand(from.0, from.1, FROM);
        self.operand(to.0, to.1, TO);
        self.commands.push(Command {
            kind: COPY,
            bytes,
            ..Command::default()
        });
        self
    }

    /// A fill of each page and a copy of each to the next surface: more than a DMA buffer holds.
    pub fn long() -> Self {
        let mut work = Self::default();
        for step in 0..36 {
            let offset = step % 4 * 4096;
            work = work
                .fill(0, offset, 4096, step)
                .copy((0, offset), (1, offset), 4096);
        }
        work
    }
}

pub fn rect(left: i32, top: i32, right: i32, bottom: i32) -> RECT {
    RECT {
        left,
        top,
        right,
        bottom,
    }
}

pub fn blt<'a>(process: &Process, sub_rects: &'a [RECT]) -> FullPresent<'a> {
    FullPresent::Blt {
        source: process.surfaces[1],
        source_rect: rect(0, 0, 64, 64),
        destination: process.surfaces[2],
        destination_rect: rect(0, 0, 64, 64),
        sub_rects,
        flags: DXGK_PRESENTFLAGS::empty(),
        color: 0,
    }
}

/// All of it, for whatever driver.
pub fn exercise(adapter: &Adapter, machine: &Machine) {
    adapter.exercise_nodes();
    adapter.exercise_escapes();
    for bytes in [0, 7, 4096] {
        let _ = adapter.collect_debug_info(0x141, bytes);
    }
    let _ = adapter.query_current_fence();
    // The clock goes on while somebody waits, so that a driver that never answers costs no time.
    machine.hurry.store(MILLISECOND, Ordering::Relaxed);
    adapter.scheduler(options(1));
    work(adapter);
    adapter.scheduler(SchedulerOptions {
        always_repatch: true,
        split: true,
        context_switches: true,
        preempt_every: 3,
        ..options(2)
    });
    work(adapter);
    adapter.scheduler(SchedulerOptions {
        no_pre_patch: true,
        null_rendering: true,
        ..options(3)
    });
    work(adapter);
    adapter.scheduler(options(4));
    hang(adapter, machine);
    machine.no_engine_reset.store(true, Ordering::Relaxed);
    hang(adapter, machine);
    machine.no_engine_reset.store(false, Ordering::Relaxed);
    machine.hurry.store(0, Ordering::Relaxed);
}

/// Two processes at work; one of them dies.
fn work(adapter: &Adapter) {
    let (Some(one), Some(two)) = (Process::new(adapter), Process::new(adapter)) else {
        return;
    };
    if let Ok(gdi) = one.device.create_context(ContextKind::Gdi) {
        gdi.set_priority(1);
        let _ = gdi.destroy();
    }
    let parts = [rect(0, 0, 64, 3), rect(5, 7, 9, 11)];
    for _ in 0..2 {
        let _ = one.render(&Work::long());
        let _ = two.render(&Work::default().fill(0, 0, 64, 7).copy((0, 0), (3, 128), 64));
        let _ = two.context.present(&blt(&two, &parts));
        let _ = one.context.present(&FullPresent::ColorFill {
            destination: one.surfaces[0],
            destination_rect: rect(0, 0, 64, 64),
            sub_rects: &[],
            color: 0x00FF_0000,
        });
        adapter.pump();
        adapter.preempt();
    }
    let bad = Work::default().fill(0, 64 * 64 * 4, 4, 7);
    let _ = one.render(&bad);
    let queued = one.render(&Work::default());
    if let Ok(queued) = &queued {
        let _ = adapter.wait(queued);
    }
    let _ = two.device.kill();
    let _ = adapter.idle();
    adapter.preempt();
    let _ = adapter.query_current_fence();
    let _ = one.device.destroy();
}

/// The engine stands still under one process, and comes back for another.
fn hang(adapter: &Adapter, machine: &Machine) {
    let (Some(guilty), Some(innocent)) = (Process::new(adapter), Process::new(adapter)) else {
        return;
    };
    machine.stalled.store(true, Ordering::Relaxed);
    let stuck = guilty.render(&Work::long());
    adapter.pump();
    let _ = innocent.render(&Work::default().fill(0, 0, 64, 1));
    machine.hurry.store(100 * MILLISECOND, Ordering::Relaxed);
    if let Ok(stuck) = stuck {
        // It ends with a reset, or never where the driver knows none.
        let ended = adapter.wait(&stuck);
        assert_ne!(ended, Ok(()), "executed by an engine that stands still");
        assert_ne!(ended, Err(Hang::Reset));
    }
    machine.hurry.store(MILLISECOND, Ordering::Relaxed);
    machine.stalled.store(false, Ordering::Relaxed);
    let _ = adapter.idle();
    let _ = guilty.device.destroy();
    let _ = innocent.device.destroy();
}
