//! Three devices and what they do next.

use alloc::format;
use alloc::vec::Vec;

use dxgk_port::{Adapter, AllocationId, Create, Created, Device, Into, ResourceId, Standard};
use dxgk_sys::status::STATUS_INVALID_PARAMETER;
use dxgk_sys::{D3DDDIFORMAT, D3DKMDT_GDISURFACETYPE};

use super::summary::Made;
use crate::blob;
use crate::outcome::{Failed, check, done, status_is};
use crate::session::device;

/// Devices that live at once.
const DEVICES: usize = 3;
/// Elements of one CreateAllocation at most; with one a call on average ten.
const MOST_ELEMENTS: u32 = 19;

/// A resource, and who has it open: bit n is device n.
struct Shared {
    id: ResourceId,
    openers: u32,
}

/// The devices, what they have, and the dice.
pub struct Actors<'a> {
    adapter: &'a Adapter,
    random: fastrand::Rng,
    devices: Vec<Device>,
    shared: Vec<Shared>,
    /// Allocations without a resource, with their device.
    loose: Vec<(usize, AllocationId)>,
    /// What was done so far.
    pub made: Made,
}

impl<'a> Actors<'a> {
    /// Creates the devices.
    pub fn new(adapter: &'a Adapter, seed: u64) -> Result<Self, Failed> {
        let devices: Vec<_> = (0..DEVICES)
            .map(|_| device(adapter))
            .collect::<Result<_, _>>()?;
        let made = Made {
            devices: devices.len() as u64,
            ..Made::default()
        };
        let random = fastrand::Rng::with_seed(seed);
        Ok(Self {
            adapter,
            random,
            devices,
            shared: Vec::new(),
            loose: Vec::new(),
            made,
        })
    }

    /// Allocations that live now.
    pub fn live_allocations(&self) -> u64 {
        self.adapter.live().allocations as u64
    }

    /// One thing that a desktop does.
    pub fn step(&mut self) -> Result<(), Failed> {
        match self.random.u8(..100) {
            0..=37 => self.make_resource(),
            38..=47 => self.add_to_resource(),
            48..=62 => self.share(),
            63..=67 => self.close_on_one_device(),
            68..=75 => self.destroy_whole(),
            76..=82 => self.destroy_one_by_one(),
            83..=86 => self.make_standard(),
            87..=91 => self.make_loose(),
            92..=94 => self.destroy_loose(),
            95..=96 => self.describe(),
            97 => self.device_dies(),
            _ => self.make_wrong(),
        }
    }

    /// Destroys all that is left, in random order, then the devices. `each` is told how many
    /// allocations live.
    pub fn finish(mut self, each: &mut dyn FnMut(u64)) -> Result<Made, Failed> {
        while !self.shared.is_empty() {
            if self.random.bool() {
                self.destroy_whole()?;
            } else {
                self.destroy_one_by_one()?;
            }
            each(self.live_allocations());
        }
        while !self.loose.is_empty() {
            self.destroy_loose()?;
            each(self.live_allocations());
        }
        for device in &self.devices {
            done("DestroyDevice", device.destroy())?;
        }
        let live = self.adapter.live();
        let gone = live.allocations + live.resources + live.openings + live.devices == 0;
        check(gone, "nothing lives at the end", || format!("{live:?}"))?;
        Ok(self.made)
    }

    /// A new resource of 1 to 19 allocations.
    fn make_resource(&mut self) -> Result<(), Failed> {
        let device = self.any_device();
        let count = self.random.u32(1..=MOST_ELEMENTS);
        let created = self.create(device, count, Into::NewResource)?;
        self.keep(device, &created)?;
        self.made.resources += 1;
        Ok(())
    }

    /// Some more allocations for a resource that a device has open (contract: C11).
    fn add_to_resource(&mut self) -> Result<(), Failed> {
        let Some((at, device)) = self.any_open() else {
            return Ok(());
        };
        let count = self.random.u32(1..=6);
        let created = self.create(device, count, Into::Resource(self.shared[at].id))?;
        self.made.added += created.allocations.len() as u64;
        Ok(())
    }

    /// One more device opens a resource (contract: C12, O1).
    fn share(&mut self) -> Result<(), Failed> {
        let Some((at, _)) = self.any_open() else {
            return Ok(());
        };
        let device = self.any_device();
        if self.shared[at].openers & (1 << device) == 0 {
            done(
                "OpenAllocation",
                self.devices[device].open(self.shared[at].id),
            )?;
            self.shared[at].openers |= 1 << device;
            self.made.shared += 1;
        }
        Ok(())
    }

    /// A device closes what it has open; the last one takes the resource with it.
    fn close_on_one_device(&mut self) -> Result<(), Failed> {
        let Some((at, device)) = self.any_open() else {
            return Ok(());
        };
        done(
            "CloseAllocation",
            self.devices[device].close(self.shared[at].id),
        )?;
        self.made.closed += 1;
        self.shared[at].openers &= !(1 << device);
        if self.shared[at].openers == 0 {
            self.shared.swap_remove(at);
        }
        Ok(())
    }

    /// A resource goes with all its allocations (contract: D6).
    fn destroy_whole(&mut self) -> Result<(), Failed> {
        let Some((at, device)) = self.any_open() else {
            return Ok(());
        };
        let resource = self.shared.swap_remove(at).id;
        done(
            "DestroyAllocation",
            self.devices[device].destroy_resource(resource),
        )?;
        self.made.destroyed_whole += 1;
        Ok(())
    }

    /// Allocations of a resource go one after the other, in one or several calls, then perhaps the
    /// resource alone (contract: D5).
    fn destroy_one_by_one(&mut self) -> Result<(), Failed> {
        let Some((at, device)) = self.any_open() else {
            return Ok(());
        };
        let resource = self.shared[at].id;
        let mut allocations = self.allocations_of(resource);
        self.random.shuffle(&mut allocations);
        let all = self.random.u8(..4) != 0;
        let count = if all {
            allocations.len()
        } else {
            allocations.len() / 2
        };
        let size = self.random.usize(1..=4);
        for some in allocations[..count].chunks(size) {
            done(
                "DestroyAllocation",
                self.devices[device].destroy_allocations(some),
            )?;
        }
        if all {
            done(
                "DestroyAllocation",
                self.devices[device].destroy_resource(resource),
            )?;
            self.shared.swap_remove(at);
            self.made.destroyed_empty += 1;
        }
        Ok(())
    }

    /// What dxgkrnl makes without a user-mode driver (contract: C5, O5).
    fn make_standard(&mut self) -> Result<(), Failed> {
        let (width, height) = (self.random.u32(64..=1024), self.random.u32(64..=768));
        let format = D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8;
        let standard = match self.random.u8(..4) {
            0 => Standard::SharedPrimary {
                width,
                height,
                format,
                source: 0,
            },
            1 => Standard::Shadow {
                width,
                height,
                format,
            },
            2 => Standard::Staging { width, height },
            _ => {
                let kinds = [
                    D3DKMDT_GDISURFACETYPE::D3DKMDT_GDISURFACE_TEXTURE,
                    D3DKMDT_GDISURFACETYPE::D3DKMDT_GDISURFACE_STAGING_CPUVISIBLE,
                    D3DKMDT_GDISURFACETYPE::D3DKMDT_GDISURFACE_STAGING,
                    D3DKMDT_GDISURFACETYPE::D3DKMDT_GDISURFACE_LOOKUPTABLE,
                    D3DKMDT_GDISURFACETYPE::D3DKMDT_GDISURFACE_EXISTINGSYSMEM,
                ];
                let kind = kinds[self.random.usize(..kinds.len())];
                Standard::Gdi {
                    width,
                    height,
                    format,
                    kind,
                }
            }
        };
        let device = self.any_device();
        let created = self.devices[device].create_standard(&standard);
        let created = done("CreateAllocation of a standard allocation", created)?;
        self.made.standard += created.allocations.len() as u64;
        self.made.allocations += created.allocations.len() as u64;
        self.keep(device, &created)
    }

    /// Allocations that belong to a device alone (contract: C8).
    fn make_loose(&mut self) -> Result<(), Failed> {
        let device = self.any_device();
        let count = self.random.u32(1..=4);
        let created = self.create(device, count, Into::Device)?;
        self.made.loose += created.allocations.len() as u64;
        self.keep(device, &created)
    }

    fn destroy_loose(&mut self) -> Result<(), Failed> {
        if self.loose.is_empty() {
            return Ok(());
        }
        let at = self.random.usize(..self.loose.len());
        let (device, allocation) = self.loose.swap_remove(at);
        done(
            "DestroyAllocation",
            self.devices[device].destroy_allocations(&[allocation]),
        )
    }

    fn describe(&mut self) -> Result<(), Failed> {
        let Some((at, _)) = self.any_open() else {
            return Ok(());
        };
        for allocation in self.allocations_of(self.shared[at].id) {
            done("DescribeAllocation", self.adapter.describe(allocation))?;
            self.made.described += 1;
        }
        Ok(())
    }

    /// A process ends. What others have open lives on (contract: C12); a new device takes its place.
    fn device_dies(&mut self) -> Result<(), Failed> {
        let at = self.any_device();
        done("DestroyDevice", self.devices[at].destroy())?;
        self.devices[at] = device(self.adapter)?;
        self.made.devices += 1;
        self.loose.retain(|(device, _)| *device != at);
        for shared in &mut self.shared {
            shared.openers &= !(1 << at);
        }
        self.shared.retain(|shared| shared.openers != 0);
        self.made.devices_died += u64::from(!self.shared.is_empty());
        for shared in &self.shared {
            let lives = self.adapter.resource(shared.id).is_some();
            check(lives, "a shared resource outlives a device (C12)", || {
                "it is gone".into()
            })?;
        }
        Ok(())
    }

    /// A call of which one element is wrong: nothing of it may stay (contract: C34).
    fn make_wrong(&mut self) -> Result<(), Failed> {
        let device = self.any_device();
        let mut elements = self.elements(4);
        let at = self.random.usize(..elements.len());
        elements[at] = blob::bad();
        let elements: Vec<_> = elements.iter().map(Vec::as_slice).collect();
        let call = Create {
            group: &[],
            elements: &elements,
            into: Into::NewResource,
        };
        self.made.refused += 1;
        match self.devices[device].create(&call) {
            Ok(_) => status_is("a wrong element", STATUS_INVALID_PARAMETER, 0),
            Err(status) => status_is("a wrong element", STATUS_INVALID_PARAMETER, status),
        }
    }

    fn create(&mut self, device: usize, count: u32, into: Into) -> Result<Created, Failed> {
        let elements = self.elements(count);
        let elements: Vec<_> = elements.iter().map(Vec::as_slice).collect();
        let group = blob::group(self.random.u32(..));
        let group = if self.random.bool() {
            group.as_slice()
        } else {
            &[]
        };
        let call = Create {
            group,
            elements: &elements,
            into,
        };
        let created = done("CreateAllocation", self.devices[device].create(&call))?;
        self.made.allocations += created.allocations.len() as u64;
        Ok(created)
    }

    fn elements(&mut self, count: u32) -> Vec<Vec<u8>> {
        (0..count)
            .map(|_| blob::bytes(&blob::random(&mut self.random)))
            .collect()
    }

    /// Takes note of what a device has created.
    fn keep(&mut self, device: usize, created: &Created) -> Result<(), Failed> {
        match created.resource {
            Some(id) => self.shared.push(Shared {
                id,
                openers: 1 << device,
            }),
            None => self
                .loose
                .extend(created.allocations.iter().map(|id| (device, *id))),
        }
        let all = created
            .allocations
            .iter()
            .all(|id| self.adapter.allocation(*id).is_some());
        check(all, "every allocation that was created lives", || {
            "one does not".into()
        })
    }

    fn any_device(&mut self) -> usize {
        self.random.usize(..self.devices.len())
    }

    /// A resource, and a device that has it open.
    fn any_open(&mut self) -> Option<(usize, usize)> {
        if self.shared.is_empty() {
            return None;
        }
        let at = self.random.usize(..self.shared.len());
        let openers = self.shared[at].openers;
        let device = (0..DEVICES).filter(|device| openers & (1 << device) != 0);
        let nth = self.random.usize(..openers.count_ones() as usize);
        device.into_iter().nth(nth).map(|device| (at, device))
    }

    fn allocations_of(&self, resource: ResourceId) -> Vec<AllocationId> {
        self.adapter
            .resource(resource)
            .map(|view| view.allocations)
            .unwrap_or_default()
    }
}
