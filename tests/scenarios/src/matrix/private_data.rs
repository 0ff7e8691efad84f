//! Rows 7 to 9: private data of every size, changing data, and sizes that overflow.

use alloc::format;
use alloc::vec::Vec;
use core::ptr;

use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_SUCCESS};
use vmdisp_abi::allocation::{AllocationData, AllocationFlags, Kind, MAX_DIMENSION};
use vmdisp_abi::format::{A8R8G8B8, A16B16G16R16F, bytes_per_pixel};

use super::create::destroy_good;
use crate::blob;
use crate::call::{CreateCall, DestroyCall, count, describe};
use crate::outcome::{Failed, Outcome, check, same, status_is};
use crate::row::Context;
use crate::session::{Session, one_complaint};

/// 7: blob size 0, size−1, size, size+1, NULL pointer with size ≠ 0; for elements and for the group.
pub fn row_07_private_data_sizes(context: &Context<'_>) -> Outcome {
    let session = Session::open(context.machine)?;
    let adapter = session.adapter();
    let good = blob::bytes(&blob::surface());
    let group = blob::group(7);
    let mut sizes = 0;

    for size in 0..=good.len() + 8 {
        let mut blob = good.clone();
        blob.resize(size, 0);
        let right = size == good.len();
        let mut call = CreateCall::new([good.clone(), blob].into());
        context.machine.take_complaints();
        expect(&mut call, adapter, right)
            .map_err(|failed| about(&format!("an element of {size} bytes"), failed))?;
        if !right {
            one_complaint(context.machine, "CreateAllocation", "PrivateDriverDataSize")?;
        }
        sizes += 1;
    }
    for size in 0..=group.len() + 8 {
        let mut call = CreateCall::new([good.clone()].into()).with_resource(ptr::null_mut());
        call.group.clone_from(&group);
        call.group.resize(size, 0);
        // None at all is allowed.
        let right = size == group.len() || size == 0;
        context.machine.take_complaints();
        expect(&mut call, adapter, right)
            .map_err(|failed| about(&format!("a group of {size} bytes"), failed))?;
        if !right {
            one_complaint(context.machine, "CreateAllocation", "PrivateDriverDataSize")?;
        }
        sizes += 1;
    }
    for size in [1, 8, count(good.len()), count(good.len()) + 1, u32::MAX] {
        let mut call = CreateCall::new([good.clone(), good.clone()].into());
        call.infos[1].pPrivateDriverData = ptr::null_mut();
        call.infos[1].PrivateDriverDataSize = size;
        context.machine.take_complaints();
        expect(&mut call, adapter, false)
            .map_err(|failed| about(&format!("NULL with {size} bytes"), failed))?;
        let lines = context.machine.take_complaints();
        check(lines.len() == 1, "one debug line", || format!("{lines:?}"))?;
        sizes += 1;
    }
    session.close()?;
    Ok(format!("{sizes} sizes"))
}

/// 8: private data that changes between reads. Whatever the driver has read, it must have read once:
/// size, pitch and description belong to one content.
pub fn row_08_private_data_changes(context: &Context<'_>) -> Outcome {
    let session = Session::open(context.machine)?;
    let adapter = session.adapter();
    // Any mixture of these two is a good picture as well, so a torn copy is no failure: what counts
    // is that all that the driver says comes from one copy.
    let small = blob::surface();
    let large = AllocationData {
        width: 4096,
        height: 1024,
        format: A16B16G16R16F,
        ..small
    };
    // And with one that must be refused: it may never be taken for a good one.
    let wide = AllocationData {
        width: MAX_DIMENSION + 1,
        ..small
    };

    let mut notes = Vec::new();
    for (second, outcome) in [(large, Outcomes::Sizes), (wide, Outcomes::Statuses)] {
        let mut seen = Seen::default();
        let (first, second) = (blob::bytes(&small), blob::bytes(&second));
        let mut call = CreateCall::new([first.clone()].into());
        let memory = call.blobs[0].as_mut_ptr();
        let mut result = Ok(());
        let host = context.machine.host();
        let mut calls = || {
            for nth in 0..MOST_CALLS {
                if result.is_err() || nth >= LEAST_CALLS && seen.both(outcome) {
                    return;
                }
                result = changing(&mut call, adapter, &mut seen);
                host.relax();
            }
        };
        let machine = context.machine;
        // SAFETY: the two are equally long, and so is the memory, which only the driver reads meanwhile.
        let ran = unsafe { machine.while_changing(memory, &first, &second, &mut calls) };
        check(ran, "memory that changes during a call", || {
            "the machine cannot".into()
        })?;
        result?;
        check(seen.both(outcome), "both contents to be met", || {
            format!("{seen:?}")
        })?;
        let Seen {
            small,
            large,
            refused,
        } = seen;
        notes.push(format!(
            "read {small} times as it was first, {large} times changed, refused {refused} times"
        ));
    }
    context.machine.take_complaints();
    session.close()?;
    Ok(notes.join("; "))
}

/// Calls with changing data: at least so many, and at most so many until both contents were met.
const LEAST_CALLS: u32 = 2_000;
const MOST_CALLS: u32 = 1_000_000;

/// What came of the calls while the data changed.
#[derive(Debug, Default)]
struct Seen {
    small: u32,
    large: u32,
    refused: u32,
}

/// How two contents can be told apart.
#[derive(Clone, Copy)]
enum Outcomes {
    Sizes,
    Statuses,
}

impl Seen {
    fn both(&self, outcomes: Outcomes) -> bool {
        match outcomes {
            Outcomes::Sizes => self.small > 0 && self.large > 0,
            Outcomes::Statuses => self.small > 0 && self.refused > 0,
        }
    }
}

/// One call while its private data changes.
fn changing(
    call: &mut CreateCall,
    adapter: &dxgk_port::Adapter,
    seen: &mut Seen,
) -> Result<(), Failed> {
    call.infos[0].hAllocation = ptr::null_mut();
    let status = call.run(adapter);
    if status != STATUS_SUCCESS {
        seen.refused += 1;
        return status_is(
            "changing data are good or refused",
            STATUS_INVALID_PARAMETER,
            status,
        );
    }
    let handle = call.infos[0].hAllocation;
    let (status, described) = describe(adapter, handle);
    status_is("DescribeAllocation", STATUS_SUCCESS, status)?;
    let (width, height) = (described.Width, described.Height);
    let format = described.Format.0.cast_unsigned();
    let possible = width <= MAX_DIMENSION && bytes_per_pixel(format).is_some();
    check(possible, "a picture that was checked", || {
        format!("width {width}, format {format}")
    })?;
    let count = if width == blob::surface().width {
        &mut seen.small
    } else {
        &mut seen.large
    };
    *count += 1;
    let size = blob::picture_bytes(width, height, format);
    same(
        "the size that belongs to the description:",
        &size,
        &(call.infos[0].Size as u64),
    )?;
    destroy_good(adapter, DestroyCall::of(&[handle]))
}

/// 9: `width · height · bpp` overflows; Size 0; Size larger than every segment.
pub fn row_09_sizes_overflow(context: &Context<'_>) -> Outcome {
    let session = Session::open(context.machine)?;
    let adapter = session.adapter();
    let segments = adapter.segments();
    let segments = crate::outcome::done("QueryAdapterInfo of segments", segments)?;
    let largest = segments
        .list
        .iter()
        .map(|segment| segment.size)
        .max()
        .unwrap_or(0);
    let picture = |width, height, format| {
        AllocationData::picture(
            Kind::Surface,
            width,
            height,
            format,
            AllocationFlags::empty(),
        )
    };
    let pitch = |pitch| AllocationData {
        pitch,
        ..blob::surface()
    };
    let cases = [
        ("width", picture(0, 32, A8R8G8B8)),
        ("height", picture(32, 0, A8R8G8B8)),
        ("width", picture(u32::MAX, u32::MAX, A8R8G8B8)),
        ("width", picture(1 << 16, 1 << 16, A8R8G8B8)),
        ("width", picture(1 << 30, 1, A8R8G8B8)),
        ("height", picture(1, 1 << 30, A8R8G8B8)),
        ("height", picture(1, 1 << 31, A16B16G16R16F)),
        ("Size", picture(MAX_DIMENSION, MAX_DIMENSION, A16B16G16R16F)),
        (
            "Size",
            AllocationData {
                height: MAX_DIMENSION,
                ..pitch(!63)
            },
        ),
        ("Size", pitch(1 << 31)),
        ("pitch", pitch(u32::MAX)),
        ("buffer_bytes", blob::buffer(0)),
        ("Size", blob::buffer(u64::MAX)),
        ("Size", blob::buffer(1 << 63)),
        ("Size", blob::buffer(largest + 1)),
    ];
    for (field, data) in &cases {
        let mut call = CreateCall::new([blob::bytes(&blob::surface()), blob::bytes(data)].into());
        context.machine.take_complaints();
        expect(&mut call, adapter, false).map_err(|failed| about(&format!("{data:?}"), failed))?;
        one_complaint(context.machine, "CreateAllocation", field)?;
    }
    // The largest that fits is no mistake.
    let mut call = CreateCall::new([blob::bytes(&blob::buffer(largest))].into());
    expect(&mut call, adapter, true)?;
    session.close()?;
    Ok(format!(
        "{} sizes refused, {largest} bytes taken",
        cases.len()
    ))
}

/// Runs the call: it succeeds and is undone, or is refused and leaves no handle.
fn expect(call: &mut CreateCall, adapter: &dxgk_port::Adapter, good: bool) -> Result<(), Failed> {
    let resource = call.resource;
    let status = call.run(adapter);
    if good {
        status_is("CreateAllocation", STATUS_SUCCESS, status)?;
        let handles = call.handles();
        let with_resource = !call.resource.is_null();
        let resource = call.resource;
        return destroy_good(
            adapter,
            DestroyCall {
                list: &handles,
                resource,
                with_resource,
            },
        );
    }
    status_is("CreateAllocation", STATUS_INVALID_PARAMETER, status)?;
    check(call.has_no_handle(), "no handle after a failure", || {
        format!("{:?}", call.handles())
    })?;
    same("hResource after a failure:", &resource, &call.resource)
}

fn about(what: &str, failed: Failed) -> Failed {
    Failed {
        expected: format!("{} ({what})", failed.expected),
        seen: failed.seen,
    }
}
