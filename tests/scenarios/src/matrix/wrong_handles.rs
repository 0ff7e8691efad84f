//! A million wrong handles: random, stale, foreign, off by one, of the other pool, of the other
//! adapter, through every DDI that takes a handle.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ptr;

use dxgk_port::{Adapter, Device, Status};
use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_SUCCESS};
use dxgk_sys::{DXGK_ALLOCATIONINFO, DXGK_OPENALLOCATIONINFO, DXGKARG_OPENALLOCATION, HANDLE};

use super::create::{all_live, create_good, destroy_good};
use crate::blob;
use crate::call::{CreateCall, DestroyCall, close, count, describe, no_handle, pattern_handle};
use crate::outcome::{Failed, Outcome, check, done, status_is};
use crate::row::Context;
use crate::session::{Session, device};

/// Handles that one round tries.
const ROUND: u32 = 1_000;
/// Of those, in one DestroyAllocation and in one CloseAllocation; the others have a call each.
const IN_A_LIST: usize = 400;
/// DescribeAllocation calls of a round.
const DESCRIBED: usize = 100;
/// OpenAllocation calls of a round.
const OPENED: usize = 50;
/// CreateAllocation and DestroyAllocation calls of a round, each with a wrong resource.
const RESOURCES: usize = 25;

/// Live allocations of each adapter.
const LIVE: u32 = 200;

/// Every kind of wrong handle, with what it is.
const KINDS: [&str; 6] = [
    "random",
    "stale",
    "foreign",
    "off by one",
    "of another pool",
    "of another adapter",
];

/// See the module.
pub fn wrong_handles(context: &Context<'_>) -> Outcome {
    let session = Session::open_with(context.machine, 2, false)?;
    let ours = Objects::new(session.adapter())?;
    let theirs = Objects::new(session.adapter_number(1))?;
    let mut wrong = Wrong::new(context.options.seed, &ours, &theirs);
    let rounds = context.options.wrong_handles.div_ceil(ROUND);
    context.machine.take_complaints();
    for done in 0..rounds {
        (context.progress)(done.into(), rounds.into());
        let calls = round(&ours, &mut wrong)?;
        let lines = context.machine.take_complaints();
        check(
            lines.len() == calls,
            format!("{calls} debug lines, one a call"),
            || format!("{}, the first {:?}", lines.len(), lines.first()),
        )?;
    }

    // None of them touched anything.
    check(
        wrong.memory.iter().all(|word| *word == 0),
        "foreign memory untouched",
        || "not".into(),
    )?;
    let note = wrong.note();
    ours.end()?;
    theirs.end()?;
    context.machine.take_complaints();
    session.close()?;
    Ok(note)
}

/// The live objects of an adapter, and handles of objects that are gone.
struct Objects<'a> {
    adapter: &'a Adapter,
    device: Device,
    allocations: Vec<HANDLE>,
    resource: HANDLE,
    openings: Vec<HANDLE>,
    stale_allocations: Vec<HANDLE>,
    stale_openings: Vec<HANDLE>,
    stale_resource: HANDLE,
}

impl<'a> Objects<'a> {
    fn new(adapter: &'a Adapter) -> Result<Self, Failed> {
        let device = device(adapter)?;
        let new = Some(ptr::null_mut());
        let (stale_allocations, stale_resource) = create_good(adapter, blob::surfaces(LIVE), new)?;
        let stale_openings = open_good(adapter, &device, &stale_allocations)?;
        status_is(
            "CloseAllocation",
            STATUS_SUCCESS,
            close(adapter, device.handle(), &stale_openings),
        )?;
        destroy_good(
            adapter,
            DestroyCall::with(&stale_allocations, stale_resource),
        )?;
        // These take the same slots.
        let (allocations, resource) = create_good(adapter, blob::surfaces(LIVE), new)?;
        let openings = open_good(adapter, &device, &allocations)?;
        Ok(Self {
            adapter,
            device,
            allocations,
            resource,
            openings,
            stale_allocations,
            stale_openings,
            stale_resource,
        })
    }

    /// Every object is still there, and goes.
    fn end(self) -> Result<(), Failed> {
        let adapter = self.adapter;
        all_live(adapter, &self.allocations, true)?;
        let closed = close(adapter, self.device.handle(), &self.openings);
        status_is("CloseAllocation of what is open", STATUS_SUCCESS, closed)?;
        destroy_good(adapter, DestroyCall::with(&self.allocations, self.resource))?;
        done("DestroyDevice", self.device.destroy())
    }
}

/// OpenAllocation of allocations that the port does not know; returns the device's handles.
fn open_good(
    adapter: &Adapter,
    device: &Device,
    allocations: &[HANDLE],
) -> Result<Vec<HANDLE>, Failed> {
    let (status, openings) = open(adapter, device, allocations);
    status_is("OpenAllocation", STATUS_SUCCESS, status)?;
    Ok(openings)
}

fn open(adapter: &Adapter, device: &Device, allocations: &[HANDLE]) -> (Status, Vec<HANDLE>) {
    let raw = adapter.raw();
    let known = |handle: &HANDLE| DXGK_ALLOCATIONINFO {
        hAllocation: *handle,
        ..DXGK_ALLOCATIONINFO::ZERO
    };
    let known: Vec<_> = allocations.iter().map(known).collect();
    let adopted = raw.adopt(&known, None);
    let mut elements: Vec<_> = adopted
        .allocations
        .iter()
        .map(|id| DXGK_OPENALLOCATIONINFO {
            hAllocation: id.raw(),
            hDeviceSpecificAllocation: pattern_handle(0xCC),
            ..DXGK_OPENALLOCATIONINFO::ZERO
        })
        .collect();
    let mut argument = DXGKARG_OPENALLOCATION::ZERO;
    argument.NumAllocations = count(elements.len());
    argument.pOpenAllocation = elements.as_mut_ptr();
    // SAFETY: the argument and its elements live through the call.
    let status = unsafe { raw.open_allocation(device.handle(), &mut argument) };
    raw.forget(&adopted);
    (
        status,
        elements
            .iter()
            .map(|element| element.hDeviceSpecificAllocation)
            .collect(),
    )
}

/// One round; returns how many calls were refused.
fn round(ours: &Objects<'_>, wrong: &mut Wrong) -> Result<usize, Failed> {
    let adapter = ours.adapter;
    let invalid = STATUS_INVALID_PARAMETER;

    let list = wrong.list(Pool::Allocations, IN_A_LIST);
    status_is(
        "DestroyAllocation",
        invalid,
        DestroyCall::of(&list).run(adapter).0,
    )?;
    let list = wrong.list(Pool::Openings, IN_A_LIST);
    status_is(
        "CloseAllocation",
        invalid,
        close(adapter, ours.device.handle(), &list),
    )?;
    for handle in wrong.list(Pool::Allocations, DESCRIBED) {
        let status = describe(adapter, handle).0;
        status_is("DescribeAllocation", invalid, status).map_err(|failed| about(handle, failed))?;
    }
    for handle in wrong.list(Pool::Allocations, OPENED) {
        let (status, openings) = open(adapter, &ours.device, &[handle]);
        // contract: O1. G8's STATUS_INVALID_HANDLE is for a handle that dxgkrnl does not know.
        status_is("OpenAllocation", invalid, status).map_err(|failed| about(handle, failed))?;
        let none = openings[0].is_null() || openings[0] == pattern_handle(0xCC);
        check(none, "no opening after a failure", || {
            format!("{:?}", openings[0])
        })?;
    }
    for handle in wrong.list(Pool::Resources, RESOURCES) {
        let mut call = CreateCall::new(blob::surfaces(1)).with_resource(handle);
        status_is("CreateAllocation", invalid, call.run(adapter))
            .map_err(|failed| about(handle, failed))?;
    }
    for handle in wrong.list(Pool::Resources, RESOURCES) {
        let status = DestroyCall::with(&[], handle).run(adapter).0;
        status_is("DestroyAllocation of a resource", invalid, status)
            .map_err(|failed| about(handle, failed))?;
    }
    Ok(2 + DESCRIBED + OPENED + 2 * RESOURCES)
}

/// Which pool a handle is wrong for.
#[derive(Clone, Copy)]
enum Pool {
    Allocations,
    Openings,
    Resources,
}

/// Makes wrong handles.
struct Wrong {
    random: fastrand::Rng,
    /// Live handles of each pool, which are not wrong there.
    live: [Vec<HANDLE>; 3],
    stale: [Vec<HANDLE>; 3],
    other_adapter: [Vec<HANDLE>; 3],
    /// Every live handle of the first adapter.
    right: BTreeSet<usize>,
    /// Memory that is no pool's.
    memory: Vec<u64>,
    made: [u64; KINDS.len()],
}

impl Wrong {
    fn new(seed: u64, ours: &Objects<'_>, theirs: &Objects<'_>) -> Self {
        let pools = |objects: &Objects<'_>| {
            [
                objects.allocations.clone(),
                objects.openings.clone(),
                [objects.resource].into(),
            ]
        };
        let live = pools(ours);
        let right = live.iter().flatten().map(|handle| handle.addr()).collect();
        let stale = [
            ours.stale_allocations.clone(),
            ours.stale_openings.clone(),
            [ours.stale_resource].into(),
        ];
        Self {
            random: fastrand::Rng::with_seed(seed),
            live,
            stale,
            other_adapter: pools(theirs),
            right,
            memory: alloc::vec![0; 4096],
            made: [0; KINDS.len()],
        }
    }

    fn list(&mut self, pool: Pool, length: usize) -> Vec<HANDLE> {
        (0..length).map(|_| self.next(pool)).collect()
    }

    /// A handle that is wrong for `pool`, of any kind.
    fn next(&mut self, pool: Pool) -> HANDLE {
        loop {
            let kind = self.random.usize(..KINDS.len());
            let handle = self.of_kind(pool, kind);
            let right_here = self.live[pool as usize].contains(&handle);
            if !handle.is_null() && !right_here {
                self.made[kind] += 1;
                return handle;
            }
        }
    }

    fn of_kind(&mut self, pool: Pool, kind: usize) -> HANDLE {
        let any = |random: &mut fastrand::Rng, list: &[HANDLE]| list[random.usize(..list.len())];
        match kind {
            0 => no_handle(match self.random.u8(..4) {
                0 => self.random.usize(..),
                1 => self.random.usize(..0x1_0000),
                2 => 0xFFFF_8000_0000_0000 | self.random.usize(..),
                // Somewhere in a page that the pool has.
                _ => {
                    let page = any(&mut self.random, &self.live[pool as usize]).addr() & !0xFFF;
                    let address = page | self.random.usize(..0x1000);
                    if self.right.contains(&address) {
                        0
                    } else {
                        address
                    }
                }
            }),
            1 => any(&mut self.random, &self.stale[pool as usize]),
            2 => {
                let at = self.random.usize(..self.memory.len());
                self.memory[at..].as_ptr().cast_mut().cast()
            }
            3 => {
                let handle = any(&mut self.random, &self.live[pool as usize]);
                let by = [1, 8, 63, 64, 128, 4096][self.random.usize(..6)];
                let by = if self.random.bool() { by } else { -by };
                handle.wrapping_byte_offset(by)
            }
            4 => {
                let other = (pool as usize + 1 + self.random.usize(..2)) % 3;
                any(&mut self.random, &self.live[other])
            }
            _ => {
                let pool = self.random.usize(..3);
                any(&mut self.random, &self.other_adapter[pool])
            }
        }
    }

    fn note(&self) -> String {
        let all: u64 = self.made.iter().sum();
        let each: Vec<_> = KINDS
            .iter()
            .zip(self.made)
            .map(|(kind, n)| format!("{n} {kind}"))
            .collect();
        format!("{all} wrong handles refused: {}", each.join(", "))
    }
}

fn about(handle: HANDLE, failed: Failed) -> Failed {
    Failed {
        expected: format!("{} (handle {handle:?})", failed.expected),
        seen: failed.seen,
    }
}
