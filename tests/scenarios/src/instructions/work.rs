//! The calls that are counted.

use alloc::format;
use alloc::vec::Vec;

use dxgk_port::{
    AllocationId, Choice, Context, ContextKind, Create, Device, FullPresent, Into, MemoryOptions,
};
use vmdisp_abi::allocation::AllocationFlags;

use super::{Counter, Taken};
use crate::blob;
use crate::engine::batch::{Batch, area, blt, rect};
use crate::engine::rig::surface;
use crate::outcome::{Failed, done};
use crate::screen::stage::Stage;

/// How often each call is made.
const TIMES: usize = 8;

/// Allocations of the longer list.
const MANY: u32 = 16;

/// A started adapter, a process, and what was counted.
pub struct Work<'m> {
    stage: Stage<'m>,
    device: Device,
    counter: Counter,
}

impl<'m> Work<'m> {
    /// Nothing counted yet.
    pub fn on(stage: Stage<'m>) -> Result<Self, Failed> {
        let device = crate::session::device(stage.adapter())?;
        let port = stage.port().clone();
        Ok(Self {
            stage,
            device,
            counter: Counter {
                port,
                taken: Vec::new(),
            },
        })
    }

    /// Gives everything back, which must not leak nor have broken a rule; then what was counted.
    pub fn close(self) -> Result<Vec<Taken>, Failed> {
        done("DestroyDevice", self.device.kill())?;
        self.stage.close()?;
        let mut taken = self.counter.taken;
        let ddis: Vec<_> = taken.iter().map(|taken| taken.ddi.clone()).collect();
        // Those of a DDI side by side, the DDIs as they came.
        taken.sort_by_key(|taken| ddis.iter().position(|ddi| *ddi == taken.ddi));
        Ok(taken)
    }

    /// Waits until the engine has nothing to do.
    fn idle(&self) -> Result<(), Failed> {
        self.stage.adapter().idle().map_err(|hang| Failed {
            expected: "an end of all that was queued".into(),
            seen: format!("{hang:?}"),
        })
    }

    /// CreateAllocation and DestroyAllocation of one allocation alone and of resources.
    pub fn allocations(&mut self) -> Result<(), Failed> {
        self.lists(1, false, "1 allocation without a resource")?;
        self.lists(1, true, "1 allocation and its resource")?;
        let call = format!("{MANY} allocations, no two alike, and their resource");
        self.lists(MANY, true, &call)
    }

    fn lists(&mut self, count: u32, resource: bool, call: &str) -> Result<(), Failed> {
        let (blobs, group) = (blob::surfaces(count), blob::group(1));
        let elements: Vec<_> = blobs.iter().map(Vec::as_slice).collect();
        let create = Create {
            group: if resource { &group } else { &[] },
            elements: &elements,
            into: if resource {
                Into::NewResource
            } else {
                Into::Device
            },
        };
        let device = &self.device;
        let create = || done("CreateAllocation", device.create(&create));
        // What stays keeps the pool from giving back what it will need again.
        create()?;
        for _ in 0..TIMES {
            let created = self.counter.count("CreateAllocation", call, None, create)?;
            self.counter.count("DestroyAllocation", call, None, || {
                let destroyed = match created.resource {
                    Some(resource) => device.destroy_resource(resource),
                    None => device.destroy_allocations(&created.allocations),
                };
                done("DestroyAllocation", destroyed)
            })?;
        }
        Ok(())
    }

    fn allocate(
        &self,
        width: u32,
        height: u32,
        flags: AllocationFlags,
    ) -> Result<AllocationId, Failed> {
        let blob = blob::bytes(&surface(width, height, flags));
        let created = self.device.create(&Create {
            group: &[],
            elements: &[&blob],
            into: Into::Device,
        });
        Ok(done("CreateAllocation", created)?.allocations[0])
    }

    /// Render and SubmitCommand of a buffer of four commands.
    pub fn commands(&mut self) -> Result<(), Failed> {
        let user = ContextKind::User;
        let context = done("CreateContext", self.device.create_context(user))?;
        let one = self.allocate(64, 64, AllocationFlags::empty())?;
        let other = self.allocate(64, 64, AllocationFlags::empty())?;
        let whole = rect(&area(0, 0, 64, 64));
        let mut batch = Batch::new();
        batch.fill((one, 0), 4096, 0x5a5a_5a5a);
        batch.copy((one, 0), (other, 4096), 4096);
        batch.copy_pixels(one, other, whole, (8, 8), whole);
        batch.marker(7);
        let bytes = batch.bytes();
        let call = "4 commands: fill, copy, copy of pixels that is clipped, marker";
        for _ in 0..TIMES {
            self.counter.count("Render", call, None, || {
                let rendered = context.render(&bytes, batch.uses(), batch.patches());
                done("Render", rendered)
            })?;
            self.submit()?;
        }
        done("DestroyContext", context.destroy())
    }

    /// What was queued goes to the engine, which has nothing to do, and ends.
    fn submit(&mut self) -> Result<(), Failed> {
        let ((), counted) = self.counter.during(|| self.idle())?;
        // The first time its allocations have to be brought into memory.
        if counted.iter().all(|one| one.ddi != "BuildPagingBuffer") {
            let calls = counted.iter().filter(|one| one.ddi == "SubmitCommand");
            calls.for_each(|one| self.counter.take(one, "a DMA buffer, to an idle engine"));
        }
        Ok(())
    }

    /// Presents to a primary that is shown.
    pub fn presents(&mut self) -> Result<(), Failed> {
        let modes = self.stage.modes()?;
        let small = modes.iter().min_by_key(|mode| mode.width * mode.height);
        let choice = Choice::from(small.unwrap_or(&modes[0]));
        let shown = self.stage.show(&choice, 1)?;
        let (front, back) = (shown.primary()?, self.stage.primary_like(&shown)?);
        let desktop = self.stage.device().cloned().ok_or_else(|| Failed {
            expected: "a full driver".into(),
            seen: "a display-only one".into(),
        })?;
        let context = done("CreateContext", desktop.create_context(ContextKind::User))?;
        let blob = blob::bytes(&surface(
            choice.width,
            choice.height,
            AllocationFlags::empty(),
        ));
        let window = desktop.create(&Create {
            group: &[],
            elements: &[&blob],
            into: Into::Device,
        });
        let window = done("CreateAllocation", window)?.allocations[0];
        let frame = area(
            0,
            0,
            choice.width.cast_signed(),
            choice.height.cast_signed(),
        );
        let parts = [
            area(0, 0, 100, 20),
            area(50, 40, 100, 20),
            area(7, 70, 90, 30),
            area(300, 300, 16, 16),
        ];
        for round in 0..TIMES {
            let whole = blt(window, frame, front.allocation, (0, 0), &[]);
            self.present(&context, &whole, "blt, whole")?;
            let some = blt(window, frame, front.allocation, (0, 0), &parts);
            self.present(&context, &some, "blt, 4 parts")?;
            let fill = FullPresent::ColorFill {
                destination: front.allocation,
                destination_rect: frame,
                sub_rects: &[],
                color: 0x0012_3456,
            };
            self.present(&context, &fill, "colour fill")?;
            let flip = FullPresent::Flip {
                source: if round % 2 == 0 {
                    back.allocation
                } else {
                    front.allocation
                },
                vidpn_source: 0,
                immediate: true,
            };
            let action = || done("Present", context.present(&flip));
            self.counter.count("Present", "flip", None, action)?;
            self.idle()?;
        }
        done("DestroyContext", context.destroy())?;
        self.stage.set_visible(false)?;
        self.stage.destroy(&back)?;
        self.stage.destroy(&front)
    }

    fn present(
        &mut self,
        context: &Context,
        present: &FullPresent<'_>,
        call: &str,
    ) -> Result<(), Failed> {
        let action = || done("Present", context.present(present));
        self.counter.count("Present", call, None, action)?;
        self.submit()
    }

    /// BuildPagingBuffer for 64 KiB in each way that the memory manager asks for most.
    pub fn paging(&mut self) -> Result<(), Failed> {
        let adapter = self.stage.adapter().clone();
        adapter.memory(MemoryOptions::default().without_aperture_eviction());
        let system = AllocationFlags::CPU_VISIBLE | AllocationFlags::SYSTEM_MEMORY;
        for _ in 0..TIMES {
            let video = self.allocate(128, 128, AllocationFlags::empty())?;
            let mapped = self.allocate(128, 128, system)?;
            let place = |id| done("made resident", adapter.make_resident(&[id]));
            let evict = |id| done("an eviction", adapter.evict(id));
            self.page("fill of 64 KiB", || place(video))?;
            self.page("transfer of 64 KiB within video memory", || {
                done("a move", adapter.move_within(video))
            })?;
            self.page("transfer of 64 KiB to 16 pages", || evict(video))?;
            self.page("transfer of 64 KiB from 16 pages", || place(video))?;
            self.page("map of 16 pages", || place(mapped))?;
            self.page("unmap of 16 pages", || evict(mapped))?;
            let both = [video, mapped];
            done("DestroyAllocation", self.device.destroy_allocations(&both))?;
        }
        Ok(())
    }

    fn page(
        &mut self,
        call: &str,
        action: impl FnOnce() -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        let also = Some(("SubmitCommand", "a paging buffer, to an idle engine"));
        self.counter
            .count("BuildPagingBuffer", call, also, action)?;
        self.idle()
    }
}
