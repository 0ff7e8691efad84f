//! Presents: copies and fills of every kind of surface, and flips.

use alloc::format;

use dxgk_port::{AllocationId, FullPresent, SchedulerOptions, Standard};
use dxgk_sys::{D3DDDIFORMAT, D3DKMDT_GDISURFACETYPE};
use vmdisp_abi::allocation::{AllocationData, AllocationFlags, Kind};
use vmdisp_abi::format as pixels;

use super::batch::{area, blt};
use super::model::content::Shape;
use super::rig::{Lane, Rig, no_timeout, surface};
use crate::outcome::{Failed, Outcome, check, done};
use crate::row::Context;
use crate::screen::stage::Shown;

/// Presents of every kind that a desktop makes, each compared with the model and with the screen.
pub fn primary_surface(context: &Context<'_>) -> Outcome {
    let rig = Rig::open(context, SchedulerOptions::default())?;
    let shown = rig.show(1)?;
    let primary = shown.primary()?.allocation;
    let lane = rig.desktop_lane()?;
    let window = rig.allocate(
        rig.desktop()?,
        &surface(512, 512, AllocationFlags::CPU_VISIBLE),
    )?;
    fills(&rig, &lane, primary)?;
    copies(&rig, &lane, primary)?;
    other_depths(&rig, &lane, window)?;
    standard_surfaces(&rig, &lane, primary)?;
    let flips = between_primaries(&rig, &lane, &shown)?;
    rig.compare(primary)?;
    no_timeout(&rig)?;
    let (presents, compared) = (rig.counts().executed, rig.compared());
    rig.stage.destroy_hidden(&shown)?;
    rig.close()?;
    Ok(format!(
        "{presents} presents, {flips} flips, {compared} pixels right beside the screen's"
    ))
}

/// Colour fills: whole, in parts, beyond the edges.
fn fills(rig: &Rig<'_>, lane: &Lane, primary: AllocationId) -> Result<(), Failed> {
    let parts = [
        area(10, 10, 30, 30),
        area(100, 5, 1, 300),
        area(-5, 200, 20, 20),
    ];
    let fills = [
        (area(0, 0, 1 << 14, 1 << 14), &[][..], 0x00ff_8040),
        (area(20, 20, 333, 101), &[], 0x0012_3456),
        (area(0, 0, 400, 400), &parts, 0x0000_ff00),
        (area(-50, -50, 80, 80), &[], 0x00ff_00ff),
    ];
    for (destination_rect, sub_rects, color) in fills {
        let fill = FullPresent::ColorFill {
            destination: primary,
            destination_rect,
            sub_rects,
            color,
        };
        shown_after(rig, lane, &fill, primary)?;
    }
    Ok(())
}

/// Copies of 32 bits a pixel to the primary, and within it.
fn copies(rig: &Rig<'_>, lane: &Lane, primary: AllocationId) -> Result<(), Failed> {
    let data = surface(300, 200, AllocationFlags::CPU_VISIBLE);
    let source = rig.allocate(rig.desktop()?, &data)?;
    rig.write_pattern(source, 3)?;
    let parts = [
        area(40, 40, 20, 20),
        area(70, 90, 100, 3),
        area(299, 100, 40, 40),
    ];
    let whole = area(0, 0, 300, 200);
    for (rect, place, sub_rects) in [
        (whole, (0, 0), &[][..]),
        (area(17, 31, 111, 59), (301, 203), &[]),
        (whole, (40, 40), &parts),
        (area(0, 0, 300, 1), (5, 5), &[]),
        (area(299, 0, 1, 200), (5, 7), &[]),
    ] {
        shown_after(
            rig,
            lane,
            &blt(source, rect, primary, place, sub_rects),
            primary,
        )?;
    }
    // What a window that is moved or scrolled does: both ways, overlapping.
    for place in [(30, 20), (10, 90), (33, 20), (0, 0)] {
        let within = blt(primary, area(20, 20, 250, 150), primary, place, &[]);
        shown_after(rig, lane, &within, primary)?;
    }
    Ok(())
}

fn shown_after(
    rig: &Rig<'_>,
    lane: &Lane,
    present: &FullPresent<'_>,
    primary: AllocationId,
) -> Result<(), Failed> {
    rig.present(lane, present)?;
    rig.idle()?;
    rig.shows(primary)
}

/// Copies of 8, 16 and 64 bits a pixel between surfaces alike.
fn other_depths(rig: &Rig<'_>, lane: &Lane, window: AllocationId) -> Result<(), Failed> {
    let device = rig.desktop()?;
    for (seed, format) in (10..).zip([pixels::P8, pixels::R5G6B5, pixels::A16B16G16R16F]) {
        let picture = |flags| AllocationData::picture(Kind::Surface, 123, 77, format, flags);
        let source = rig.allocate(device, &picture(AllocationFlags::CPU_VISIBLE))?;
        let target = rig.allocate(device, &picture(AllocationFlags::empty()))?;
        rig.write_pattern(source, seed)?;
        let parts = [area(7, 9, 50, 20), area(60, 50, 12, 13)];
        rig.present(lane, &blt(source, area(0, 0, 123, 77), target, (0, 0), &[]))?;
        rig.present(
            lane,
            &blt(source, area(1, 2, 100, 60), target, (5, 7), &parts),
        )?;
        rig.idle()?;
        rig.compare_by_copy(lane, target, window)?;
        rig.free(device, source)?;
        rig.free(device, target)?;
    }
    Ok(())
}

/// From what dxgkrnl makes itself: shadow, staging and GDI surfaces.
fn standard_surfaces(rig: &Rig<'_>, lane: &Lane, primary: AllocationId) -> Result<(), Failed> {
    let device = rig.desktop()?;
    let (width, height) = (200, 100);
    let format = D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8;
    let gdi = |kind| Standard::Gdi {
        width,
        height,
        format,
        kind,
    };
    // And whether the CPU draws into it.
    let kinds = [
        (
            Standard::Shadow {
                width,
                height,
                format,
            },
            true,
        ),
        (Standard::Staging { width, height }, true),
        (
            gdi(D3DKMDT_GDISURFACETYPE::D3DKMDT_GDISURFACE_STAGING_CPUVISIBLE),
            true,
        ),
        (
            gdi(D3DKMDT_GDISURFACETYPE::D3DKMDT_GDISURFACE_TEXTURE),
            false,
        ),
        (
            gdi(D3DKMDT_GDISURFACETYPE::D3DKMDT_GDISURFACE_STAGING),
            false,
        ),
    ];
    for (seed, (standard, visible)) in (20..).zip(kinds) {
        let created = done("a standard allocation", device.create_standard(&standard))?;
        let source = created.allocations[0];
        let shape = Shape::picture(width, height, pixels::X8R8G8B8);
        rig.model.add(source, shape);
        if visible {
            rig.write_pattern(source, seed)?;
        } else {
            for (part, color) in [
                (area(0, 0, 200, 100), 0x0040_8020 + seed),
                (area(50, 20, 70, 30), 0x00c0_1060 - seed),
            ] {
                let fill = FullPresent::ColorFill {
                    destination: source,
                    destination_rect: part,
                    sub_rects: &[],
                    color,
                };
                rig.present(lane, &fill)?;
            }
        }
        let copy = blt(
            source,
            area(0, 0, 200, 100),
            primary,
            (seed.cast_signed(), 11),
            &[],
        );
        shown_after(rig, lane, &copy, primary)?;
        rig.model.remove(source);
        match created.resource {
            Some(resource) => done("DestroyAllocation", device.destroy_resource(resource))?,
            None => done("DestroyAllocation", device.destroy_allocations(&[source]))?,
        }
    }
    Ok(())
}

/// Another primary is drawn by the engine from the one that is shown, and flipped to, in order.
fn between_primaries(rig: &Rig<'_>, lane: &Lane, shown: &Shown) -> Result<u32, Failed> {
    const FLIPS: u32 = 10;
    let first = shown.primary()?;
    let second = rig.stage.primary_like(shown)?;
    let shape = rig.model.shape(first.allocation);
    rig.model
        .add(second.allocation, shape.unwrap_or(Shape::Buffer(0)));
    rig.learn(second.allocation)?;
    let (width, height) = (shown.committed.mode.width, shown.committed.mode.height);
    let whole = area(0, 0, width.cast_signed(), height.cast_signed());
    for flip in 0..FLIPS {
        let (front, back) = if flip % 2 == 0 {
            (first.allocation, second.allocation)
        } else {
            (second.allocation, first.allocation)
        };
        rig.present(lane, &blt(front, whole, back, (0, 0), &[]))?;
        let color = 0x0010_0000 * flip + 0xff;
        let fill = FullPresent::ColorFill {
            destination: back,
            destination_rect: area(flip.cast_signed() * 40, 60, 30, 30),
            sub_rects: &[],
            color,
        };
        rig.present(lane, &fill)?;
        let show = FullPresent::Flip {
            source: back,
            vidpn_source: 0,
            immediate: flip % 3 == 0,
        };
        rig.present(lane, &show)?;
        rig.idle()?;
        rig.shows(back)?;
    }
    // The first one is shown again, as the row's end expects.
    check(FLIPS.is_multiple_of(2), "an even number of flips", || {
        "odd".into()
    })?;
    rig.model.remove(second.allocation);
    rig.stage.destroy(&second)?;
    Ok(FLIPS)
}
