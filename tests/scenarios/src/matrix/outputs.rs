//! Rows 11 and 12: the statuses, and the outputs of each element.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ptr;

use dxgk_sys::status::{
    STATUS_GRAPHICS_DRIVER_MISMATCH, STATUS_INVALID_PARAMETER, STATUS_NO_MEMORY, STATUS_SUCCESS,
};
use dxgk_sys::{
    D3DDDI_ALLOCATIONPRIORITY_NORMAL, DXGK_ALLOCATIONINFO, DXGK_ALLOCATIONINFOFLAGS,
    DXGK_CREATEALLOCATIONFLAGS,
};
use vmdisp_abi::allocation::{AllocationData, AllocationFlags};

use super::create::destroy_good;
use crate::blob;
use crate::call::{CreateCall, DestroyCall, no_handle};
use crate::outcome::{Failed, Outcome, check, name, same, status_is};
use crate::row::Context;
use crate::session::Session;

/// 11: the returned status is in the documented set, whatever is passed (contract: C2).
pub fn row_11_documented_statuses(context: &Context<'_>) -> Outcome {
    const CALLS: u32 = 5_000;
    let documented = [
        STATUS_SUCCESS,
        STATUS_INVALID_PARAMETER,
        STATUS_NO_MEMORY,
        STATUS_GRAPHICS_DRIVER_MISMATCH,
    ];
    let session = Session::open(context.machine)?;
    let adapter = session.adapter();
    let mut random = fastrand::Rng::with_seed(context.options.seed);
    let mut seen = [0_u32; 4];
    for _ in 0..CALLS {
        let mut call = CreateCall::new(blobs(&mut random));
        if random.bool() {
            call.group = blob::group(random.u32(..));
            damage(&mut random, &mut call.group);
        }
        match random.u8(..8) {
            0 => call.flags = DXGK_CREATEALLOCATIONFLAGS::from_bits_retain(random.u32(..)),
            1..=3 => call.flags = DXGK_CREATEALLOCATIONFLAGS::Resource,
            _ => {}
        }
        let given = if random.u8(..8) == 0 {
            no_handle(random.usize(..))
        } else {
            ptr::null_mut()
        };
        call.resource = given;
        let status = call.run(adapter);
        let Some(index) = documented.iter().position(|known| *known == status) else {
            return Err(Failed {
                expected: "a documented status (C2)".into(),
                seen: name(status),
            });
        };
        seen[index] += 1;
        if status == STATUS_SUCCESS {
            let handles = call.handles();
            let with_resource = given.is_null() && !call.resource.is_null();
            let resource = call.resource;
            destroy_good(
                adapter,
                DestroyCall {
                    list: &handles,
                    resource,
                    with_resource,
                },
            )?;
        }
    }
    context.machine.take_complaints();
    let [success, invalid, _, mismatch] = seen;
    let varied = success > 0 && invalid > 0 && mismatch > 0;
    check(
        varied,
        "calls that succeed and that fail in each way",
        || format!("{seen:?}"),
    )?;
    session.close()?;
    Ok(format!(
        "{CALLS} calls: {success} good, {invalid} invalid, {mismatch} of another version"
    ))
}

/// Private data of up to 12 elements, some of it damaged.
fn blobs(random: &mut fastrand::Rng) -> Vec<Vec<u8>> {
    let damaged = random.bool();
    let one = |random: &mut fastrand::Rng| {
        let mut blob = blob::bytes(&blob::random(random));
        if damaged {
            damage(random, &mut blob);
        }
        blob
    };
    (0..random.u8(..12)).map(|_| one(random)).collect()
}

/// Damages a byte, the length, or nothing.
fn damage(random: &mut fastrand::Rng, blob: &mut Vec<u8>) {
    match random.u8(..4) {
        0 => blob.resize(random.usize(..80), 0),
        1 | 2 => {
            let at = random.usize(..blob.len());
            blob[at] ^= 1 << random.u8(..8);
        }
        _ => {}
    }
}

/// 12: every `[out]` member is written, with the union's member for WDDM 1.3 (contract: C13 to C24).
pub fn row_12_every_output(context: &Context<'_>) -> Outcome {
    let session = Session::open(context.machine)?;
    let adapter = session.adapter();
    let cpu = AllocationFlags::CPU_VISIBLE;
    let reads = cpu | AllocationFlags::CPU_READS;
    let flagged = |flags: AllocationFlags| AllocationData {
        flags: flags.bits(),
        ..blob::surface()
    };
    let kinds = [
        blob::surface(),
        flagged(cpu),
        flagged(reads),
        flagged(AllocationFlags::SYSTEM_MEMORY),
        blob::primary(),
        blob::buffer(100),
    ];
    let elements: Vec<_> = kinds.iter().map(blob::bytes).collect();

    // What lies under the outputs must not show through.
    let mut before: Option<Vec<Vec<u64>>> = None;
    for pattern in [0xCC, 0x55, 0x00, 0xFF] {
        let mut call = CreateCall::over(elements.clone(), pattern);
        call.flags = DXGK_CREATEALLOCATIONFLAGS::Resource;
        status_is("CreateAllocation", STATUS_SUCCESS, call.run(adapter))?;
        let outputs: Vec<_> = call.infos.iter().map(outputs).collect();
        if let Some(before) = &before {
            same("outputs over another pattern:", before, &outputs)?;
        }
        before = Some(outputs);
        for (info, data) in call.infos.iter().zip(&kinds) {
            values(info, data).map_err(|failed| about(data, failed))?;
        }
        destroy_good(adapter, DestroyCall::with(&call.handles(), call.resource))?;
    }
    session.close()?;
    Ok(format!(
        "{} members of {} kinds over 4 patterns",
        OUTPUTS,
        kinds.len()
    ))
}

/// How many members [`outputs`] has, and `hAllocation`.
const OUTPUTS: usize = 13;

/// Every output of an element but its handle, as WDDM 1.3 has them.
fn outputs(info: &DXGK_ALLOCATIONINFO) -> Vec<u64> {
    // SAFETY: every bit pattern is an integer.
    let alignment = unsafe { info.u0.Alignment };
    // SAFETY: as above.
    let read = unsafe { info.u1.SupportedReadSegmentSet };
    // SAFETY: as above.
    let renaming = unsafe { info.u2.MaximumRenamingListLength };
    // SAFETY: as above.
    let flags = unsafe { info.u3.Flags };
    [
        alignment.into(),
        info.Size as u64,
        info.PitchAlignedSize as u64,
        u64::from(u32::from_ne_bytes(bytes_of(&info.HintedBank))),
        u64::from(u32::from_ne_bytes(bytes_of(&info.PreferredSegment))),
        read.into(),
        info.SupportedWriteSegmentSet.into(),
        info.EvictionSegmentSet.into(),
        renaming.into(),
        flags.bits().into(),
        info.pAllocationUsageHint.addr() as u64,
        info.AllocationPriority.into(),
    ]
    .into()
}

/// The four bytes of a word of bit fields.
fn bytes_of<T: Copy>(word: &T) -> [u8; 4] {
    const { assert!(size_of::<T>() == 4) };
    // SAFETY: a word of bit fields is four bytes without padding.
    unsafe { ptr::from_ref(word).cast::<[u8; 4]>().read() }
}

/// The values that vmdisp gives.
fn values(info: &DXGK_ALLOCATIONINFO, data: &AllocationData) -> Result<(), Failed> {
    // SAFETY: every bit pattern is an integer.
    let flags = unsafe { info.u3.Flags };
    // SAFETY: as above.
    let alignment = unsafe { info.u0.Alignment };
    let size = match data.buffer_bytes {
        0 => blob::picture_bytes(data.width, data.height, data.format),
        bytes => bytes,
    };
    check(!info.hAllocation.is_null(), "a handle (C13)", || {
        "NULL".into()
    })?;
    same("Size (C14)", &size, &(info.Size as u64))?;
    check(
        alignment.is_power_of_two(),
        "Alignment a power of two (C15)",
        || format!("{alignment}"),
    )?;
    same(
        "AllocationPriority (C24)",
        &D3DDDI_ALLOCATIONPRIORITY_NORMAL.cast_unsigned(),
        &info.AllocationPriority,
    )?;
    let asked = |flag: AllocationFlags| data.flags & flag.bits() != 0;
    let mut expected = DXGK_ALLOCATIONINFOFLAGS::empty();
    expected.set(
        DXGK_ALLOCATIONINFOFLAGS::CpuVisible,
        asked(AllocationFlags::CPU_VISIBLE),
    );
    expected.set(
        DXGK_ALLOCATIONINFOFLAGS::Cached,
        asked(AllocationFlags::CPU_READS),
    );
    same("Flags (C22)", &expected.bits(), &flags.bits())
}

fn about(data: &AllocationData, failed: Failed) -> Failed {
    let what: String = format!(
        "{} (kind {}, flags {:#x})",
        failed.expected, data.kind, data.flags
    );
    Failed {
        expected: what,
        seen: failed.seen,
    }
}
