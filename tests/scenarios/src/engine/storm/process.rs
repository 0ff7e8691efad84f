//! What one process of the storm does.

use alloc::vec::Vec;

use dxgk_port::{AllocationId, Device};
use vmdisp_abi::allocation::AllocationFlags;
use vmdisp_abi::command::Rect;

use super::surfaces::{self, Item};
use super::{Storm, anywhere};
use crate::engine::batch::Batch;
use crate::engine::model::Model;
use crate::engine::rig::{Lane, pattern, surface};
use crate::outcome::{Failed, done};

/// A process.
pub struct Process {
    /// Its device.
    pub device: Device,
    lanes: Vec<Lane>,
    /// Its allocations.
    pub items: Vec<Item>,
    /// What others are read back through; it is nobody else's.
    window: Option<AllocationId>,
}

impl Process {
    /// One of its contexts.
    pub fn lane(&self, random: &mut fastrand::Rng) -> Lane {
        self.lanes[random.usize(..self.lanes.len())].clone()
    }

    /// A picture of 32 bits a pixel, if it has one.
    pub fn any_picture(&self, random: &mut fastrand::Rng) -> Option<usize> {
        let pictures = (0..self.items.len()).filter(|index| self.items[*index].is_picture());
        random.choice(pictures.collect::<Vec<_>>())
    }

    /// An item, most often one that the context with that number uses for itself.
    fn any(&self, lane: u32, random: &mut fastrand::Rng) -> usize {
        let all = self.items.len();
        let any = random.usize(..all);
        if random.u8(..8) == 0 {
            return any;
        }
        let lanes = self.lanes.len();
        let own = any - any % lanes + lane as usize % lanes;
        if own < all { own } else { any }
    }

    /// The model forgets what went with the process.
    pub fn forget(&self, model: &Model) {
        for item in &self.items {
            model.remove(item.allocation);
        }
        self.window.iter().for_each(|window| model.remove(*window));
    }
}

impl Storm<'_, '_> {
    /// A new process with its contexts and its share of memory.
    pub fn process(&mut self) -> Result<Process, Failed> {
        let device = loop {
            let flags = dxgk_sys::DXGK_CREATEDEVICEFLAGS::ZERO;
            let created = self.rig.adapter().create_device(flags);
            if let Some(device) = self.tolerate("CreateDevice", created)? {
                break device;
            }
        };
        let mut process = Process {
            lanes: Vec::new(),
            items: Vec::new(),
            window: None,
            device,
        };
        while process.lanes.len() < self.size.contexts {
            let created = self.rig.try_lane(&process.device);
            process
                .lanes
                .extend(self.tolerate("CreateContext", created)?);
        }
        loop {
            let opened = process.device.open(self.screen_resource);
            if self.tolerate("OpenAllocation", opened)?.is_some() {
                break;
            }
        }
        while process.window.is_none() {
            let data = surface(128, 64, AllocationFlags::CPU_VISIBLE);
            let made = self.rig.try_allocate(&process.device, &data);
            process.window = self.tolerate("CreateAllocation", made)?;
        }
        let share = self.size.room * self.size.times / self.size.processes as u64;
        let mut bytes = 0;
        while bytes < share {
            if let Some(item) = self.allocate(&process.device)? {
                bytes += item.bytes;
                process.items.push(item);
            }
        }
        Ok(process)
    }

    fn allocate(&mut self, device: &Device) -> Result<Option<Item>, Failed> {
        let data = surfaces::any(&mut self.random);
        let made = self.rig.try_allocate(device, &data);
        let made = self.tolerate("CreateAllocation", made)?;
        self.made.allocations += u64::from(made.is_some());
        Ok(made.map(|allocation| Item::new(allocation, &data)))
    }

    /// A buffer of a few commands among a process's surfaces.
    pub fn render(&mut self, process: usize) -> Result<(), Failed> {
        let lane = self.processes[process].lane(&mut self.random);
        let mut batch = Batch::new();
        let mut used = Vec::new();
        for _ in 0..self.random.u8(1..=5) {
            self.command(process, lane.queue, &mut batch, &mut used);
        }
        self.claim(&used, lane.queue)?;
        let rendered = self.rig.try_render(&lane, &batch);
        if let Some(queued) = self.tolerate("Render", rendered)? {
            self.made.renders += 1;
            for (process, item, write) in used {
                self.processes[process].items[item].used(lane.queue, &queued, write);
            }
            self.recent.push(queued);
        }
        Ok(())
    }

    /// Adds one command, and what it uses.
    fn command(
        &mut self,
        process: usize,
        lane: u32,
        batch: &mut Batch,
        used: &mut Vec<(usize, usize, bool)>,
    ) {
        let random = &mut self.random;
        let this = &self.processes[process];
        let (first, second) = (this.any(lane, random), this.any(lane, random));
        let (from, to) = (&this.items[first], &this.items[second]);
        let alike = from.size().0 > 0 && from.shape.pixel() == to.shape.pixel() && to.size().0 > 0;
        match random.u8(..10) {
            0 => batch.marker(random.u64(..)),
            1 => batch.nop(),
            2..=3 => {
                let bytes = to.bytes as u32;
                let at = random.u32(..bytes);
                // Often all of it, so that what was lost becomes known again.
                let (at, count) = match random.u8(..3) {
                    0 => (0, bytes),
                    _ => (at, random.u32(..=(bytes - at).min(70_000))),
                };
                batch.fill((to.allocation, at), count, random.u32(..));
                used.push((process, second, true));
            }
            4..=5 => {
                let most = from.bytes.min(to.bytes) as u32;
                let count = random.u32(..=most.min(100_000));
                let (from_at, to_at) = (
                    random.u32(..=from.bytes as u32 - count),
                    random.u32(..=to.bytes as u32 - count),
                );
                batch.copy((from.allocation, from_at), (to.allocation, to_at), count);
                used.push((process, first, false));
                used.push((process, second, true));
            }
            6..=7 if to.size().0 > 0 => {
                let part = anywhere(random, to.size());
                let clip = clip(random, to.size());
                batch.fill_pixels(to.allocation, part, random.u32(..), clip);
                used.push((process, second, true));
            }
            _ if alike => {
                let part = anywhere(random, from.size());
                let place = anywhere(random, to.size());
                let clip = clip(random, to.size());
                let place = (place.left, place.top);
                batch.copy_pixels(from.allocation, to.allocation, part, place, clip);
                used.push((process, first, false));
                used.push((process, second, true));
            }
            _ => batch.nop(),
        }
    }

    /// The CPU reads an allocation, and perhaps writes it.
    pub fn lock(&mut self, process: usize) -> Result<(), Failed> {
        let at = self.random.usize(..self.processes[process].items.len());
        let item = &self.processes[process].items[at];
        let (allocation, visible, bytes) = (item.allocation, item.visible, item.bytes);
        if !visible {
            return self.compare(process, at);
        }
        let locked = self.rig.adapter().lock(allocation);
        let Some(locked) = self.tolerate("a lock", locked)? else {
            return Ok(());
        };
        let compared = self.rig.model.compare(allocation, &locked)?;
        self.rig.count(compared);
        if self.random.bool() {
            let whole = self.random.u8(..4) == 0;
            let offset = if whole { 0 } else { self.random.u64(..bytes) };
            let room = (bytes - offset) as usize;
            let count = if whole {
                room
            } else {
                self.random.usize(..=room.min(9000))
            };
            let data = pattern(count, self.random.u32(..));
            done("a write under a lock", locked.write(offset as usize, &data))?;
            self.rig.model.write(allocation, offset, &data);
        }
        Ok(())
    }

    /// Compares an allocation that the CPU does not see, through the process's window.
    fn compare(&mut self, process: usize, at: usize) -> Result<(), Failed> {
        let lane = self.processes[process].lane(&mut self.random);
        self.claim(&[(process, at, false)], lane.queue)?;
        let this = &self.processes[process];
        let (allocation, window) = (this.items[at].allocation, this.window);
        let Some(window) = window else { return Ok(()) };
        if !self.rig.model.is_known(allocation) || self.failures.is_some() {
            return Ok(());
        }
        self.rig.compare_by_copy(&lane, allocation, window)
    }

    /// Compares everything that a process has.
    pub fn compare_all(&mut self, process: usize) -> Result<(), Failed> {
        for at in 0..self.processes[process].items.len() {
            let item = &self.processes[process].items[at];
            if item.visible {
                let locked = self.rig.adapter().lock(item.allocation);
                if let Some(locked) = self.tolerate("a lock", locked)? {
                    let compared = self.rig.model.compare(item.allocation, &locked)?;
                    self.rig.count(compared);
                }
            } else {
                self.compare(process, at)?;
            }
        }
        Ok(())
    }

    /// An allocation goes, and another comes.
    pub fn replace(&mut self, process: usize) -> Result<(), Failed> {
        let device = self.processes[process].device.clone();
        let Some(item) = self.allocate(&device)? else {
            return Ok(());
        };
        let at = self.random.usize(..self.processes[process].items.len());
        let old = core::mem::replace(&mut self.processes[process].items[at], item);
        self.rig.free(&device, old.allocation)
    }

    /// The memory manager puts some of a process out of its segments.
    pub fn evict(&mut self, process: usize) -> Result<(), Failed> {
        for _ in 0..self.random.u8(1..=4) {
            let items = &self.processes[process].items;
            let victim = items[self.random.usize(..items.len())].allocation;
            let evicted = self.rig.adapter().evict(victim);
            if self.tolerate("an eviction", evicted)?.is_some() {
                self.made.evictions += 1;
            }
        }
        Ok(())
    }

    /// A context is killed, and another takes its place; what it may have been in the middle of is written anew
    /// by whoever writes it next.
    pub fn kill_context(&mut self, process: usize) -> Result<(), Failed> {
        let at = self.random.usize(..self.processes[process].lanes.len());
        let old = self.processes[process].lanes[at].clone();
        done("DestroyContext", old.context.kill())?;
        self.made.contexts_killed += 1;
        let device = self.processes[process].device.clone();
        loop {
            let created = self.rig.try_lane(&device);
            if let Some(lane) = self.tolerate("CreateContext", created)? {
                self.processes[process].lanes[at] = lane;
                return Ok(());
            }
        }
    }

    /// A process is killed in the middle of everything, and another takes its place.
    pub fn kill(&mut self, process: usize) -> Result<(), Failed> {
        // The engine is fast: by chance there is seldom anything under way.
        for _ in 0..self.random.u8(..5) {
            self.render(process)?;
        }
        if self.random.bool() {
            self.rig.adapter().pump();
        }
        done(
            "the end of a process",
            self.processes[process].device.kill(),
        )?;
        self.processes[process].forget(&self.rig.model);
        self.made.killed += 1;
        self.processes[process] = self.process()?;
        Ok(())
    }
}

/// A clip rectangle, most often none.
fn clip(random: &mut fastrand::Rng, size: (u32, u32)) -> Rect {
    if random.u8(..4) == 0 {
        anywhere(random, size)
    } else {
        Rect::EVERYTHING
    }
}
