//! What happens to adapters while they are in use.

use alloc::format;
use alloc::vec::Vec;
use core::ptr;

use dxgk_port::{Adapter, AllocationId, Create, Created, Device, Into, Standard};
use dxgk_sys::D3DDDIFORMAT;
use dxgk_sys::status::STATUS_INVALID_PARAMETER;

use super::create::{all_live, create_good, destroy_good};
use crate::blob;
use crate::call::{DestroyCall, describe};
use crate::main_job::small_job;
use crate::outcome::{Failed, Outcome, check, done, same, status_is};
use crate::row::Context;
use crate::session::{Session, device};

/// Two adapters at once: neither sees the other's objects, and one goes while the other works.
pub fn two_adapters_at_once(context: &Context<'_>) -> Outcome {
    let session = Session::open_with(context.machine, 2, false)?;
    let (first, second) = (session.adapter(), session.adapter_number(1));
    let (ours, our_resource) = create_good(first, blob::surfaces(16), Some(ptr::null_mut()))?;
    let (theirs, their_resource) = create_good(second, blob::surfaces(16), Some(ptr::null_mut()))?;
    for (adapter, foreign) in [(first, &theirs), (second, &ours)] {
        all_live(adapter, foreign, false)?;
        let (status, _) = DestroyCall::of(foreign).run(adapter);
        status_is(
            "handles of the other adapter",
            STATUS_INVALID_PARAMETER,
            status,
        )?;
    }
    let (status, _) = DestroyCall::with(&[], their_resource).run(first);
    status_is(
        "a resource of the other adapter",
        STATUS_INVALID_PARAMETER,
        status,
    )?;
    all_live(first, &ours, true)?;
    all_live(second, &theirs, true)?;
    destroy_good(first, DestroyCall::with(&ours, our_resource))?;

    let mut script = Script::new(second)?;
    script.step(0)?;
    done("StopDevice", first.stop())?;
    done("RemoveDevice", first.remove())?;
    for step in 1..Script::STEPS {
        script.step(step)?;
    }
    script.finish()?;
    all_live(second, &theirs, true)?;
    destroy_good(second, DestroyCall::with(&theirs, their_resource))?;
    context.machine.take_complaints();
    session.close()?;
    Ok("16 allocations each, the first removed while the second works".into())
}

/// RemoveDevice without StopDevice before it (contract: L5).
pub fn remove_without_stop(context: &Context<'_>) -> Outcome {
    for steps in 0..=Script::STEPS {
        let session = Session::open(context.machine)?;
        let mut script = Script::new(session.adapter())?;
        for step in 0..steps {
            script.step(step)?;
        }
        let mapped = session.adapter().mappings().len();
        check(
            mapped > 0,
            "a started adapter has its hardware mapped",
            || "it has not".into(),
        )?;
        done("RemoveDevice", session.adapter().remove())?;
        session.close()?;
    }
    Ok(format!("after each of {} steps", Script::STEPS))
}

/// The device vanishes between any two calls (contract: L8); what follows must still free all.
pub fn surprise_removal_between_calls(context: &Context<'_>) -> Outcome {
    for steps in 0..=Script::STEPS {
        let session = Session::open(context.machine)?;
        let adapter = session.adapter();
        let mut script = Script::new(adapter)?;
        for step in 0..steps {
            script.step(step)?;
        }
        let told = done("NotifySurpriseRemoval", adapter.surprise_remove())?;
        check(told, "the caps ask for NotifySurpriseRemoval", || {
            "they do not".into()
        })?;
        // What was there can still be freed, by the ordinary calls.
        for allocation in script.live() {
            let handle = adapter
                .allocation(allocation)
                .map(|view| view.driver_handle);
            let handle = handle.unwrap_or_default();
            status_is(
                "DescribeAllocation after removal",
                0,
                describe(adapter, handle).0,
            )?;
        }
        // It comes at level 0: DDIs that were on their way still arrive, and no register is touched.
        adapter.reset_device();
        script.finish()?;
        session.close()?;
    }
    Ok(format!("after each of {} steps", Script::STEPS))
}

/// Stop and start again (contract: L4), three times, with a little work each time.
pub fn stop_and_start_again(context: &Context<'_>) -> Outcome {
    let session = Session::open(context.machine)?;
    let adapter = session.adapter();
    for _ in 0..3 {
        let mut script = Script::new(adapter)?;
        for step in 0..Script::STEPS {
            script.step(step)?;
        }
        script.finish()?;
        done("StopDevice", adapter.stop())?;
        same("mappings after StopDevice", &0, &adapter.mappings().len())?;
        // A stopped adapter has no segment to put an allocation into.
        let mut call = crate::call::CreateCall::new(blob::surfaces(1));
        status_is(
            "an allocation while stopped",
            STATUS_INVALID_PARAMETER,
            call.run(adapter),
        )?;
        done("StartDevice", adapter.start())?;
    }
    context.machine.take_complaints();
    session.close()?;
    // And a driver that is loaded again is as new.
    for seed in 0..3 {
        let session = Session::open(context.machine)?;
        small_job(&session, seed)?;
        session.close()?;
    }
    Ok("3 starts, 3 loads".into())
}

/// A short life of two devices, step by step, so that something can come between.
pub struct Script<'a> {
    adapter: &'a Adapter,
    devices: [Device; 2],
    created: Vec<Created>,
}

impl<'a> Script<'a> {
    /// How many steps there are.
    pub const STEPS: usize = 8;

    /// Two devices.
    pub fn new(adapter: &'a Adapter) -> Result<Self, Failed> {
        Ok(Self {
            adapter,
            devices: [device(adapter)?, device(adapter)?],
            created: Vec::new(),
        })
    }

    /// The step with that number.
    pub fn step(&mut self, number: usize) -> Result<(), Failed> {
        let [first, second] = &self.devices;
        let blobs = blob::surfaces(4);
        let elements: Vec<_> = blobs.iter().map(Vec::as_slice).collect();
        let create = |into| Create {
            group: &[],
            elements: &elements,
            into,
        };
        match number {
            0 => {
                let created = done("CreateAllocation", first.create(&create(Into::NewResource)))?;
                self.created.push(created);
            }
            1 => done("OpenAllocation", second.open(self.resource()))?,
            2 => {
                let into = Into::Resource(self.resource());
                let created = done("CreateAllocation", first.create(&create(into)))?;
                self.created[0].allocations.extend(created.allocations);
            }
            3 => {
                let created = done("CreateAllocation", first.create(&create(Into::Device)))?;
                self.created.push(created);
            }
            4 => {
                let (width, height) = (640, 480);
                let format = D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8;
                let primary = Standard::SharedPrimary {
                    width,
                    height,
                    format,
                    source: 0,
                };
                let created = done("CreateAllocation", second.create_standard(&primary))?;
                self.created.push(created);
            }
            5 => {
                let some = self.created[0].allocations.split_off(6);
                done("DestroyAllocation", first.destroy_allocations(&some))?;
            }
            6 => {
                let loose = self.created.remove(1);
                done(
                    "DestroyAllocation",
                    first.destroy_allocations(&loose.allocations),
                )?;
            }
            _ => done("CloseAllocation", first.close(self.resource()))?,
        }
        Ok(())
    }

    /// The allocations that live now.
    pub fn live(&self) -> impl Iterator<Item = AllocationId> {
        self.created
            .iter()
            .flat_map(|created| created.allocations.iter().copied())
    }

    /// The devices go, and with them what is left.
    pub fn finish(self) -> Result<(), Failed> {
        for device in &self.devices {
            done("DestroyDevice", device.destroy())?;
        }
        let live = self.adapter.live();
        same(
            "allocations that live after the devices",
            &0,
            &live.allocations,
        )
    }

    fn resource(&self) -> dxgk_port::ResourceId {
        self.created[0]
            .resource
            .expect("the first call makes a resource")
    }
}
