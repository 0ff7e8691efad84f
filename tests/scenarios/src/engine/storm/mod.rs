//! The storm: sixteen processes with four contexts each do everything at once, from a seed.
//!
//! They create, render, present, lock, destroy and die, are preempted, split and evicted, with three times as
//! much memory as there is video memory. The model knows what every byte must be; it is compared all the way
//! and in full at the end.

mod process;
mod surfaces;
pub mod systematic;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;

use dxgk_port::{Queued, ResourceId, SchedulerOptions, Status};
use vmdisp_abi::command::Rect;

use super::batch::{Batch, area, blt};
use super::rig::{Lane, Rig, at_least, no_timeout};
use crate::outcome::{Failed, Outcome, done, name};
use crate::row::Context;
use crate::screen::stage::Shown;
use process::Process;
use surfaces::Item;

/// How large a storm is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Processes that live at once.
    pub processes: usize,
    /// Contexts of each.
    pub contexts: usize,
    /// Calls of Render and Present.
    pub submissions: u64,
    /// Bytes of video memory that may be used; all of it if there is less.
    pub room: u64,
    /// How many times as much the processes have.
    pub times: u64,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Made {
    /// Calls of Render that were taken.
    pub renders: u64,
    /// Calls of Present that were taken.
    pub presents: u64,
    /// Processes that were killed.
    pub killed: u64,
    /// Contexts that were killed alone.
    pub contexts_killed: u64,
    /// Allocations.
    pub allocations: u64,
    /// Preemptions that the storm asked for, beside the scheduler's own.
    pub preemptions: u64,
    /// Allocations that were evicted by name.
    pub evictions: u64,
    /// Looks at the screen.
    pub looks: u64,
}

/// A storm while it blows.
pub struct Storm<'r, 'm> {
    rig: &'r Rig<'m>,
    size: Size,
    random: fastrand::Rng,
    processes: Vec<Process>,
    /// What the screen shows, which every process has open.
    screen: Item,
    screen_resource: ResourceId,
    screen_size: (u32, u32),
    /// Who repaints the screen when a process died in the middle of it.
    desktop: Lane,
    /// What was queued last, for keeping the queue short.
    recent: Vec<Queued>,
    made: Made,
    /// Calls that failed for want of memory; None: none may.
    failures: Option<&'r Cell<u32>>,
}

/// More pieces of work than this are never left waiting.
const MOST_WAITING: usize = 96;

/// The whole storm, of as many submissions as the options say.
pub fn storm(context: &Context<'_>) -> Outcome {
    let options = SchedulerOptions {
        seed: context.options.seed,
        preempt_every: 16,
        split: true,
        context_switches: true,
        ..SchedulerOptions::default()
    };
    let rig = Rig::open(context, options)?;
    let shown = rig.show(1)?;
    let segments = rig.adapter().known_segments();
    let memory = segments.and_then(|known| known.list.first().map(|first| first.size));
    let size = Size {
        processes: 16,
        contexts: 4,
        submissions: context.options.submissions.into(),
        room: memory.unwrap_or(16 << 20),
        times: 3,
    };
    let made = blow(&rig, &shown, size, context, None)?;
    no_timeout(&rig)?;
    let (counts, pixels) = (rig.counts(), rig.compared());
    let paging = rig.stage.calls("BuildPagingBuffer");
    let patches = rig.stage.calls("Patch");
    let preempted = rig.stage.calls("PreemptCommand");
    let checks: u64 = rig.stage.port().report().checked.values().sum();
    if size.submissions >= 1000 {
        at_least("paging operations", size.submissions / 20, paging)?;
        at_least("preemptions", size.submissions / 100, preempted)?;
        at_least("processes killed", size.submissions / 1000, made.killed)?;
    }
    // Of few processes none may have had any.
    if made.killed >= 50 {
        let dropped = counts.cancelled;
        at_least("pieces of work dropped with them", made.killed / 4, dropped)?;
    }
    rig.stage.destroy_hidden(&shown)?;
    rig.close()?;
    Ok(told(
        &made,
        paging,
        patches,
        preempted,
        pixels,
        counts.cancelled,
        checks,
    ))
}

fn told(
    made: &Made,
    paging: u64,
    patches: u64,
    preempted: u64,
    pixels: u64,
    dropped: u64,
    checks: u64,
) -> String {
    let Made {
        renders,
        presents,
        killed,
        allocations,
        evictions,
        looks,
        ..
    } = *made;
    format!(
        "{renders} renders, {presents} presents, {allocations} allocations, {killed} processes killed with {dropped} pieces of \
         work; {paging} paging operations, {evictions} evictions by name, {patches} patches, {preempted} preemptions; {pixels} pixels and \
         {looks} screens right; rules checked {checks} times"
    )
}

/// A storm of that size on an adapter that shows a primary. Everything of it is gone at the end.
pub fn blow<'m>(
    rig: &Rig<'m>,
    shown: &Shown,
    size: Size,
    context: &Context<'m>,
    failures: Option<&Cell<u32>>,
) -> Result<Made, Failed> {
    let mut storm = Storm::gather(rig, shown, size, context.options.seed, failures)?;
    while storm.submissions() < size.submissions {
        (context.progress)(storm.submissions(), size.submissions);
        storm.step()?;
    }
    if failures.is_some() {
        // A short one would not come to all of it by chance.
        storm.every_way()?;
    }
    storm.end()
}

impl<'r, 'm> Storm<'r, 'm> {
    fn gather(
        rig: &'r Rig<'m>,
        shown: &Shown,
        size: Size,
        seed: u64,
        failures: Option<&'r Cell<u32>>,
    ) -> Result<Self, Failed> {
        let primary = shown.primary()?.allocation;
        let view = rig.adapter().allocation(primary);
        let screen_resource = view.and_then(|view| view.resource).ok_or_else(|| Failed {
            expected: "a primary that can be shared".into(),
            seen: "one without a resource".into(),
        })?;
        done("a limit", rig.adapter().set_memory_limit(size.room))?;
        let mode = &shown.committed.mode;
        let desktop = match (rig.try_desktop_lane(), failures) {
            (Err(_), Some(failures)) => {
                failures.set(failures.get() + 1);
                rig.desktop_lane()?
            }
            (lane, _) => done("CreateContext", lane)?,
        };
        let mut storm = Self {
            rig,
            size,
            random: fastrand::Rng::with_seed(seed),
            processes: Vec::new(),
            screen: Item::screen(rig, primary),
            screen_resource,
            screen_size: (mode.width, mode.height),
            desktop,
            recent: Vec::new(),
            made: Made::default(),
            failures,
        };
        for _ in 0..size.processes {
            let process = storm.process()?;
            storm.processes.push(process);
        }
        Ok(storm)
    }

    fn submissions(&self) -> u64 {
        self.made.renders + self.made.presents
    }

    /// The result of a call that may fail once where the storm is told so: then nothing has happened.
    fn tolerate<T>(&self, what: &str, result: Result<T, Status>) -> Result<Option<T>, Failed> {
        match (result, self.failures) {
            (Ok(value), _) => Ok(Some(value)),
            (Err(_), Some(failures)) if failures.get() == 0 => {
                failures.set(failures.get() + 1);
                Ok(None)
            }
            (Err(status), _) => Err(Failed {
                expected: format!("{what}: STATUS_SUCCESS"),
                seen: name(status),
            }),
        }
    }

    /// One thing that happens.
    fn step(&mut self) -> Result<(), Failed> {
        let process = self.random.usize(..self.processes.len());
        match self.random.u16(..1000) {
            0..700 => self.render(process)?,
            700..820 => self.present(process)?,
            820..860 => self.lock(process)?,
            860..890 => self.replace(process)?,
            890..910 => {
                self.made.preemptions += u64::from(self.rig.adapter().preempt());
            }
            910..940 => self.evict(process)?,
            940..945 => self.kill_context(process)?,
            945..949 => self.kill(process)?,
            949..951 => self.look()?,
            951..970 => {
                let lane = self.processes[process].lane(&mut self.random);
                lane.context.set_priority(self.random.i32(-7..=7));
            }
            _ => self.rig.adapter().pump(),
        }
        if self.random.u8(..4) == 0 {
            self.rig.adapter().pump();
        }
        self.recent.retain(|queued| queued.fate().is_none());
        if self.recent.len() > MOST_WAITING {
            let oldest = self.recent[0].clone();
            self.rig.wait(&oldest)?;
        }
        Ok(())
    }

    /// Everything that can happen, once, with work under way.
    fn every_way(&mut self) -> Result<(), Failed> {
        self.lock(0)?;
        self.replace(0)?;
        self.render(0)?;
        self.present(0)?;
        self.evict(0)?;
        self.made.preemptions += u64::from(self.rig.adapter().preempt());
        self.render(0)?;
        self.kill_context(0)?;
        self.render(0)?;
        self.rig.adapter().pump();
        self.kill(0)?;
        self.look()
    }

    /// Makes sure that `lane` may use an item: nobody else's unfinished work is in the way, as programs see to
    /// that with locks and fences of their own.
    fn claim(&mut self, items: &[(usize, usize, bool)], lane: u32) -> Result<(), Failed> {
        for (process, item, write) in items {
            let waiting = self.processes[*process].items[*item].in_the_way(lane, *write);
            for queued in waiting {
                self.rig.wait(&queued)?;
            }
        }
        Ok(())
    }

    /// A part of a process's surface goes to the screen.
    fn present(&mut self, process: usize) -> Result<(), Failed> {
        let lane = self.processes[process].lane(&mut self.random);
        let Some(item) = self.processes[process].any_picture(&mut self.random) else {
            return Ok(());
        };
        self.claim(&[(process, item, false)], lane.queue)?;
        for queued in self.screen.in_the_way(lane.queue, true) {
            self.rig.wait(&queued)?;
        }
        self.mend_screen()?;
        let source = &self.processes[process].items[item];
        let (allocation, (width, height)) = (source.allocation, source.size());
        let (right, bottom) = self.screen_size;
        let random = &mut self.random;
        let (left, top) = (random.u32(..width), random.u32(..height));
        let part = area(
            left.cast_signed(),
            top.cast_signed(),
            random.u32(1..=width - left).cast_signed(),
            random.u32(1..=height - top).cast_signed(),
        );
        let place = (
            random.u32(..right).cast_signed(),
            random.u32(..bottom).cast_signed(),
        );
        let present = blt(allocation, part, self.screen.allocation, place, &[]);
        let presented = self.rig.try_present(&lane, &present);
        if let Some(queued) = self.tolerate("Present", presented)? {
            self.made.presents += 1;
            self.processes[process].items[item].used(lane.queue, &queued, false);
            self.screen.used(lane.queue, &queued, true);
            self.recent.push(queued);
        }
        Ok(())
    }

    /// Repaints the screen if it is not known any more what is on it.
    fn mend_screen(&mut self) -> Result<(), Failed> {
        let screen = self.screen.allocation;
        if self.rig.model.is_known(screen) || !self.screen.is_idle() {
            return Ok(());
        }
        let bytes = self.screen.bytes as u32;
        let mut batch = Batch::new();
        // Nothing of the seed's numbers: whether it comes to this depends on the machine's time.
        batch.fill((screen, 0), bytes, 0x0033_6699);
        let rendered = self.rig.try_render(&self.desktop, &batch);
        if let Some(queued) = self.tolerate("Render", rendered)? {
            self.rig.wait(&queued)?;
        }
        Ok(())
    }

    /// Everything stops for a moment, and the screen is looked at.
    fn look(&mut self) -> Result<(), Failed> {
        self.rig.idle()?;
        self.mend_screen()?;
        if self.rig.model.is_known(self.screen.allocation) {
            self.rig.shows(self.screen.allocation)?;
            self.made.looks += 1;
        }
        Ok(())
    }

    /// All work ends, everything is compared, and every process goes.
    fn end(mut self) -> Result<Made, Failed> {
        self.rig.idle()?;
        for process in 0..self.processes.len() {
            self.compare_all(process)?;
        }
        self.look()?;
        for process in core::mem::take(&mut self.processes) {
            done("the end of a process", process.device.kill())?;
            process.forget(&self.rig.model);
        }
        done("no limit", self.rig.adapter().set_memory_limit(u64::MAX))?;
        self.rig.idle()?;
        Ok(self.made)
    }
}

/// A rectangle anywhere about a picture.
fn anywhere(random: &mut fastrand::Rng, (width, height): (u32, u32)) -> Rect {
    let (width, height) = (width.cast_signed(), height.cast_signed());
    Rect::new(
        random.i32(-8..width.max(1)),
        random.i32(-8..height.max(1)),
        random.i32(0..=width + 8),
        random.i32(0..=height + 8),
    )
}
