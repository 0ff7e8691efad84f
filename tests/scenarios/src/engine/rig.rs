//! An adapter with an engine, the model beside it, and processes that use both.

use alloc::format;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use dxgk_port::{
    Adapter, AllocationId, Context, ContextKind, Create, Device, FullPresent, Into, Queued,
    SchedulerOptions, Status,
};
use dxgk_sys::status::STATUS_INVALID_HANDLE;
use vmdisp_abi::allocation::{AllocationData, AllocationFlags, Kind};
use vmdisp_abi::format;

use super::batch::{Batch, present_work};
use super::model::content::Shape;
use super::model::{Counts, Model};
use crate::Machine;
use crate::blob;
use crate::outcome::{Failed, check, done, same};
use crate::row::Context as RowContext;
use crate::screen::stage::{Shown, Stage};
use crate::session::Session;

/// A started adapter, shown on a monitor if wanted, and the model of its memory.
pub struct Rig<'m> {
    /// The machine.
    pub machine: &'m dyn Machine,
    /// The adapter and its screen.
    pub stage: Stage<'m>,
    /// What its memory must hold.
    pub model: Model,
    queues: Cell<u32>,
    /// Bytes that were compared.
    compared: Cell<u64>,
    /// Contexts of the stage's device.
    desktop: RefCell<Vec<Context>>,
}

/// A context of a process, with the number that the model knows it by.
#[derive(Clone)]
pub struct Lane {
    /// The context.
    pub context: Context,
    /// Its number.
    pub queue: u32,
}

impl<'m> Rig<'m> {
    /// Loads the driver and starts the first adapter, whose scheduler works as `options` say.
    pub fn open(context: &RowContext<'m>, options: SchedulerOptions) -> Result<Self, Failed> {
        let stage = Stage::open(context.machine)?;
        Ok(Self::on(context.machine, stage, options))
    }

    /// The same on a stage that is there.
    pub fn on(machine: &'m dyn Machine, stage: Stage<'m>, options: SchedulerOptions) -> Self {
        let rig = Self {
            machine,
            stage,
            model: Model::default(),
            queues: Cell::new(1),
            compared: Cell::new(0),
            desktop: RefCell::default(),
        };
        rig.adapter().observe(rig.model.observer());
        rig.adapter().scheduler(options);
        rig
    }

    /// The adapter.
    pub fn adapter(&self) -> &Adapter {
        self.stage.adapter()
    }

    /// A process: a device of its own.
    pub fn device(&self) -> Result<Device, Failed> {
        crate::session::device(self.adapter())
    }

    /// A context of a device.
    pub fn lane(&self, device: &Device) -> Result<Lane, Failed> {
        done("CreateContext", self.try_lane(device))
    }

    /// The same, where it may fail.
    pub fn try_lane(&self, device: &Device) -> Result<Lane, Status> {
        let context = device.create_context(ContextKind::User)?;
        let queue = self.queues.get();
        self.queues.set(queue + 1);
        Ok(Lane { context, queue })
    }

    /// A context of the device whose primaries are shown. It lives until the rig is closed.
    pub fn desktop_lane(&self) -> Result<Lane, Failed> {
        done("CreateContext", self.try_desktop_lane())
    }

    /// The same, where it may fail.
    pub fn try_desktop_lane(&self) -> Result<Lane, Status> {
        let device = self.stage.device().ok_or(STATUS_INVALID_HANDLE)?;
        let lane = self.try_lane(device)?;
        self.desktop.borrow_mut().push(lane.context.clone());
        Ok(lane)
    }

    /// The device whose primaries are shown.
    pub fn desktop(&self) -> Result<&Device, Failed> {
        self.stage.device().ok_or_else(|| Failed {
            expected: "a full driver".into(),
            seen: "a display-only one".into(),
        })
    }

    /// An allocation of a device alone, all zeros.
    pub fn allocate(&self, device: &Device, data: &AllocationData) -> Result<AllocationId, Failed> {
        done("CreateAllocation", self.try_allocate(device, data))
    }

    /// The same, where it may fail.
    pub fn try_allocate(
        &self,
        device: &Device,
        data: &AllocationData,
    ) -> Result<AllocationId, Status> {
        let blob = blob::bytes(data);
        let created = device.create(&Create {
            group: &[],
            elements: &[&blob],
            into: Into::Device,
        })?;
        let allocation = created.allocations[0];
        self.model.add(allocation, shape_of(data));
        Ok(allocation)
    }

    /// DestroyAllocation.
    pub fn free(&self, device: &Device, allocation: AllocationId) -> Result<(), Failed> {
        done(
            "DestroyAllocation",
            device.destroy_allocations(&[allocation]),
        )?;
        self.model.remove(allocation);
        Ok(())
    }

    /// Render.
    pub fn render(&self, lane: &Lane, batch: &Batch) -> Result<Queued, Failed> {
        done("Render", self.try_render(lane, batch))
    }

    /// The same, where it may fail.
    pub fn try_render(&self, lane: &Lane, batch: &Batch) -> Result<Queued, Status> {
        let call = || {
            let bytes = batch.bytes();
            lane.context.render(&bytes, batch.uses(), batch.patches())
        };
        self.model
            .queue(lane.queue, batch.work(), call, Queued::tag)
    }

    /// Present.
    pub fn present(&self, lane: &Lane, present: &FullPresent<'_>) -> Result<Queued, Failed> {
        done("Present", self.try_present(lane, present))
    }

    /// The same, where it may fail.
    pub fn try_present(&self, lane: &Lane, present: &FullPresent<'_>) -> Result<Queued, Status> {
        let call = || lane.context.present(present);
        self.model
            .queue(lane.queue, present_work(present), call, Queued::tag)
    }

    /// Waits until something queued has ended.
    pub fn wait(&self, queued: &Queued) -> Result<(), Failed> {
        self.adapter().wait(queued).map_err(|hang| Failed {
            expected: "an end of what was queued".into(),
            seen: format!("{hang:?}"),
        })
    }

    /// Waits until all that was queued has ended.
    pub fn idle(&self) -> Result<(), Failed> {
        self.adapter().idle().map_err(|hang| Failed {
            expected: "an end of all that was queued".into(),
            seen: format!("{hang:?}"),
        })?;
        self.model.is_sound(true)
    }

    /// The CPU writes all of an allocation that it sees with a pattern.
    pub fn write_pattern(&self, allocation: AllocationId, seed: u32) -> Result<(), Failed> {
        let locked = done("a lock", self.adapter().lock(allocation))?;
        let bytes = self.model.with(allocation, |content| content.bytes.len());
        let bytes = pattern(bytes.unwrap_or(0), seed);
        done("a write under a lock", locked.write(0, &bytes))?;
        self.model.write(allocation, 0, &bytes);
        Ok(())
    }

    /// Demands that the CPU reads in an allocation what the model has.
    pub fn compare(&self, allocation: AllocationId) -> Result<(), Failed> {
        let locked = done("a lock", self.adapter().lock(allocation))?;
        self.count(self.model.compare(allocation, &locked)?);
        Ok(())
    }

    /// So many more bytes were compared.
    pub fn count(&self, bytes: u64) {
        self.compared.set(self.compared.get() + bytes);
    }

    /// The same for one that the CPU does not see: the engine copies it to `window`, which it does.
    pub fn compare_by_copy(
        &self,
        lane: &Lane,
        allocation: AllocationId,
        window: AllocationId,
    ) -> Result<(), Failed> {
        let bytes = |of| self.model.with(of, |content| content.bytes.len());
        let (all, room) = (bytes(allocation).unwrap_or(0), bytes(window).unwrap_or(0));
        let mut at = 0;
        while at < all && room > 0 {
            let count = room.min(all - at) as u32;
            let mut batch = Batch::new();
            batch.copy((allocation, at as u32), (window, 0), count);
            let queued = self.render(lane, &batch)?;
            self.wait(&queued)?;
            self.compare(window)?;
            at += count as usize;
        }
        Ok(())
    }

    /// A mode with a primary on the screen; the primary is in the model, as it was drawn.
    pub fn show(&self, seed: u32) -> Result<Shown, Failed> {
        let choice = self.stage.usual()?;
        let shown = self.stage.show(&choice, seed)?;
        self.know_primary(&shown)?;
        Ok(shown)
    }

    /// Takes the primary of a mode into the model, as it is now.
    pub fn know_primary(&self, shown: &Shown) -> Result<AllocationId, Failed> {
        let primary = shown.primary()?.allocation;
        let mode = &shown.committed.mode;
        self.model.add(
            primary,
            Shape::Picture {
                width: mode.width,
                height: mode.height,
                pixel: 4,
                pitch: mode.stride,
            },
        );
        self.learn(primary)?;
        Ok(primary)
    }

    /// The model takes over what the CPU reads in an allocation: what was drawn behind its back.
    pub fn learn(&self, allocation: AllocationId) -> Result<(), Failed> {
        let locked = done("a lock", self.adapter().lock(allocation))?;
        let bytes = self.model.with(allocation, |content| content.bytes.len());
        let mut bytes = alloc::vec![0; bytes.unwrap_or(0)];
        done("a read under a lock", locked.read(0, &mut bytes))?;
        self.model.write(allocation, 0, &bytes);
        Ok(())
    }

    /// Demands that the monitor shows what the model has of a primary.
    pub fn shows(&self, primary: AllocationId) -> Result<(), Failed> {
        let picture = self.model.with(primary, super::picture::of_content);
        let picture = picture.ok_or_else(|| Failed {
            expected: "a primary that the model knows".into(),
            seen: "another".into(),
        })?;
        self.stage.shows(&picture)
    }

    /// Pixels of four bytes that were compared so far.
    pub fn compared(&self) -> u64 {
        self.compared.get() / 4
    }

    /// What the model was told.
    pub fn counts(&self) -> Counts {
        self.model.counts()
    }

    /// All queued work ends; everything is given back; nothing may be broken or leaked.
    pub fn close(self) -> Result<(), Failed> {
        self.finish()?.close()
    }

    /// All queued work ends, and all that came of the rig is given back.
    pub fn finish(self) -> Result<Session<'m>, Failed> {
        self.idle()?;
        for context in self.desktop.take() {
            done("DestroyContext", context.destroy())?;
        }
        self.adapter().stop_observing();
        self.stage.finish()
    }
}

/// The layout that the driver gives an allocation that is no primary.
pub fn shape_of(data: &AllocationData) -> Shape {
    if data.kind == Kind::Buffer as u32 {
        return Shape::Buffer(data.buffer_bytes);
    }
    let shape = Shape::picture(data.width, data.height, data.format);
    match shape {
        Shape::Picture {
            width,
            height,
            pixel,
            ..
        } if data.pitch != 0 => Shape::Picture {
            width,
            height,
            pixel,
            pitch: data.pitch,
        },
        other => other,
    }
}

/// A surface of 32 bits a pixel.
pub fn surface(width: u32, height: u32, flags: AllocationFlags) -> AllocationData {
    AllocationData::picture(Kind::Surface, width, height, format::A8R8G8B8, flags)
}

/// Bytes without a pattern that an error could keep.
pub fn pattern(bytes: usize, seed: u32) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed.into());
    let mut all = alloc::vec![0; bytes];
    random.fill(&mut all);
    all
}

/// Demands that no timeout was found.
pub fn no_timeout(rig: &Rig<'_>) -> Result<(), Failed> {
    same(
        "timeouts",
        &dxgk_port::TdrCounts::default(),
        &rig.adapter().timeouts(),
    )
}

/// Demands at least so many of something.
pub fn at_least(what: &str, least: u64, seen: u64) -> Result<(), Failed> {
    check(seen >= least, format!("at least {least} {what}"), || {
        format!("{seen}")
    })
}
