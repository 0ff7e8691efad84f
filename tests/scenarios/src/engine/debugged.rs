//! A busy adapter that holds still, so that a debugger's extension can be asked what it sees.

use alloc::format;
use alloc::vec;

use dxgk_port::{Create, FullPresent, Into, SchedulerOptions};
use vmdisp_abi::allocation::{AllocationData, AllocationFlags, Kind};

use super::batch::{Batch, area};
use super::rig::{Rig, surface};
use crate::blob;
use crate::outcome::{Outcome, check, done};
use crate::row::Context;

/// The label of the resource.
pub const LABEL: u32 = 0x5eed;
/// The value of the last marker that is executed.
pub const MARKER: u64 = 0xfeed_0000_1234;
/// Small buffers in a resource of their own: more than eight runs of the driver's pool hold, so that its descriptors of
/// runs lie in three places.
const MANY: usize = 9_000;
/// Presents before that.
const PRESENTS: u32 = 5;

/// Two processes with a resource, surfaces, a buffer and work behind them. The last question about the
/// screen is asked while all of it lives: `ring0 --memory` keeps the machine's memory as it is then.
pub fn seen_by_a_debugger(context: &Context<'_>) -> Outcome {
    let rig = Rig::open(context, SchedulerOptions::default())?;
    let shown = rig.show(1)?;
    let primary = shown.primary()?.allocation;
    let desktop = rig.desktop_lane()?;
    let device = rig.device()?;
    let lane = rig.lane(&device)?;

    let elements = [(64, 32), (128, 16), (1, 1)]
        .map(|(width, height)| blob::bytes(&surface(width, height, AllocationFlags::empty())));
    let elements = elements.each_ref().map(|bytes| &**bytes);
    let grouped = Create {
        group: &blob::group(LABEL),
        elements: &elements,
        into: Into::NewResource,
    };
    let made = done("CreateAllocation", device.create(&grouped))?;
    let small = blob::bytes(&blob::buffer(64));
    let many = Create {
        group: &[],
        elements: &vec![&*small; MANY],
        into: Into::NewResource,
    };
    let many = done("CreateAllocation", device.create(&many))?;
    let window = rig.allocate(&device, &surface(300, 200, AllocationFlags::CPU_VISIBLE))?;
    let buffer = rig.allocate(&device, &blob::buffer(12_345))?;
    let too_wide = AllocationData::picture(
        Kind::Surface,
        20_000,
        1,
        vmdisp_abi::format::A8R8G8B8,
        AllocationFlags::empty(),
    );
    rig.machine.take_complaints();
    let refused = rig.try_allocate(&device, &too_wide);
    let lines = rig.machine.take_complaints();
    check(
        refused.is_err() && lines.len() == 1,
        "a picture of 20000 columns is refused with a line",
        || format!("{refused:?}, {lines:?}"),
    )?;

    for color in 0..PRESENTS {
        let fill = FullPresent::ColorFill {
            destination: primary,
            destination_rect: area(10, 10, 100, 50),
            sub_rects: &[],
            color,
        };
        let queued = rig.present(&desktop, &fill)?;
        rig.wait(&queued)?;
    }
    let mut batch = Batch::new();
    batch.fill((window, 0), 4096, 7);
    batch.marker(MARKER);
    rig.render(&lane, &batch)?;
    rig.idle()?;
    let live = rig.adapter().live();
    rig.shows(primary)?;

    rig.free(&device, window)?;
    rig.free(&device, buffer)?;
    for resource in [made.resource, many.resource].into_iter().flatten() {
        done("DestroyAllocation", device.destroy_resource(resource))?;
    }
    done("DestroyContext", lane.context.destroy())?;
    done("DestroyDevice", device.destroy())?;
    rig.stage.destroy_hidden(&shown)?;
    rig.close()?;
    Ok(format!(
        "{} allocations, {} resources, {} openings, {} devices lived",
        live.allocations, live.resources, live.openings, live.devices
    ))
}
