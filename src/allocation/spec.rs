//! Private data, read once and checked: what an allocation is to be.
//!
//! The bytes come from a user-mode driver and may be anything. They are copied once and only the
//! copy is looked at; every number is checked before it is used, and nothing is allocated before
//! all are right (contract: C6, C7, G5). Each refusal makes one debug line that names the field.

use core::ffi::CStr;

use vmdisp_abi::allocation::{
    self as abi, AllocationData, AllocationFlags, Kind, MAX_DIMENSION, NO_VIDPN_SOURCE,
    PITCH_ALIGNMENT,
};
use vmdisp_abi::resource::{self, ResourceData};
use vmdisp_abi::{Header, VERSION, format};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use super::Allocation;
use crate::kernel::caller::CallerData;
use crate::kernel::complain;
use crate::kernel::irql::Passive;
use crate::memory::segments::{SegmentSet, Segments};

/// The `VidPN` source that primaries belong to: these adapters have one.
const SOURCE: u32 = 0;

/// Why private data is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The data are wrong.
    Malformed,
    /// The data are another version's: their writer and this driver do not belong together.
    Mismatch,
}

/// An allocation that can be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spec {
    /// Size in bytes, at least 1.
    pub bytes: u64,
    /// As in [`Allocation`].
    pub width: u32,
    /// As in [`Allocation`].
    pub height: u32,
    /// As in [`Allocation`].
    pub pitch: u32,
    /// As in [`Allocation`].
    pub format: u32,
    /// As in [`Allocation`].
    pub refresh: (u32, u32),
    /// As in [`Allocation`].
    pub vidpn_source: u32,
    /// What it is for.
    pub kind: Kind,
    /// How it is used.
    pub flags: AllocationFlags,
    /// Where it may be: at least one segment, and it fits into each.
    pub segments: SegmentSet,
}

impl Spec {
    /// Reads and checks the private data of one allocation for the DDI `call`.
    pub fn fetch(
        call: &'static CStr,
        data: CallerData<'_>,
        segments: &Segments,
        irql: Passive,
    ) -> Result<Self, Refusal> {
        let mut copy = AllocationData::new_zeroed();
        fetch(call, data, copy.as_mut_bytes(), abi::MAGIC, irql)?;
        Self::check(call, &copy, segments)
    }

    /// Checks a copy whose header is right.
    pub fn check(
        call: &'static CStr,
        data: &AllocationData,
        segments: &Segments,
    ) -> Result<Self, Refusal> {
        let refuse = |field, value: u64, why| refuse(call, field, value, why);
        let Some(kind) = Kind::from_number(data.kind) else {
            return refuse(c"kind", data.kind.into(), c"not a kind of allocation");
        };
        let Some(flags) = AllocationFlags::from_bits(data.flags) else {
            return refuse(c"flags", data.flags.into(), c"has undefined bits");
        };
        if data.reserved != 0 {
            return refuse(c"reserved", data.reserved.into(), c"not zero");
        }
        // C27
        if flags.contains(AllocationFlags::CPU_READS)
            && !flags.contains(AllocationFlags::CPU_VISIBLE)
        {
            return refuse(
                c"flags",
                data.flags.into(),
                c"CPU_READS without CPU_VISIBLE",
            );
        }
        let (bytes, pitch) = if kind == Kind::Buffer {
            (buffer_size(call, data)?, 0)
        } else {
            picture_size(call, data)?
        };
        check_scan_out(call, kind, flags, data)?;

        if kind == Kind::Primary && bytes > segments.largest_primary() {
            return refuse(c"Size", bytes, c"a primary over half of video memory");
        }
        let fitting = segments.that_hold(bytes, wanted(kind, flags));
        if fitting == SegmentSet::NONE {
            return refuse(c"Size", bytes, c"larger than its segments");
        }
        Ok(Self {
            bytes,
            width: data.width,
            height: data.height,
            pitch,
            format: data.format,
            refresh: (data.refresh_numerator, data.refresh_denominator),
            vidpn_source: data.vidpn_source,
            kind,
            flags,
            segments: fitting,
        })
    }

    /// The object that is kept for it.
    pub const fn allocation(&self) -> Allocation {
        Allocation {
            bytes: self.bytes,
            width: self.width,
            height: self.height,
            pitch: self.pitch,
            format: self.format,
            refresh: self.refresh,
            vidpn_source: self.vidpn_source,
            kind: self.kind,
            segments: self.segments,
        }
    }
}

/// Reads and checks the private data of a resource for the DDI `call`; none at all is fine.
pub fn fetch_label(
    call: &'static CStr,
    data: CallerData<'_>,
    irql: Passive,
) -> Result<u32, Refusal> {
    if data.bytes() == 0 {
        return Ok(0);
    }
    let mut copy = ResourceData::new_zeroed();
    fetch(call, data, copy.as_mut_bytes(), resource::MAGIC, irql)?;
    if copy.reserved != 0 {
        return refuse(
            call,
            c"reserved (resource)",
            copy.reserved.into(),
            c"not zero",
        );
    }
    Ok(copy.label)
}

/// Copies a block once and checks its header. The version comes before the size, since a block of
/// another version may have another size.
fn fetch(
    call: &'static CStr,
    data: CallerData<'_>,
    to: &mut [u8],
    magic: u32,
    irql: Passive,
) -> Result<(), Refusal> {
    let size = to.len();
    let given = usize::try_from(data.bytes()).unwrap_or(usize::MAX);
    let header = size_of::<Header>();
    if given < header {
        return refuse(
            call,
            c"PrivateDriverDataSize",
            data.bytes().into(),
            c"shorter than a header",
        );
    }
    let copied = to.get_mut(..given.min(size)).unwrap_or_default();
    if data.read(copied, irql).is_err() {
        return refuse(
            call,
            c"pPrivateDriverData",
            data.bytes().into(),
            c"so many bytes cannot be read",
        );
    }
    let Ok((found, _)) = Header::read_from_prefix(copied) else {
        return refuse(
            call,
            c"PrivateDriverDataSize",
            data.bytes().into(),
            c"too short",
        );
    };
    if found.magic != magic {
        complain(
            call,
            c"magic",
            found.magic.into(),
            c"another driver's private data",
        );
        return Err(Refusal::Mismatch);
    }
    if found.version != VERSION {
        complain(
            call,
            c"version",
            found.version.into(),
            c"another version's private data",
        );
        return Err(Refusal::Mismatch);
    }
    if given != size {
        return refuse(
            call,
            c"PrivateDriverDataSize",
            data.bytes().into(),
            c"not the size of this version's data",
        );
    }
    if usize::from(found.bytes) != size {
        return refuse(
            call,
            c"bytes",
            found.bytes.into(),
            c"not the size of this version's data",
        );
    }
    Ok(())
}

/// The size of a buffer. A picture's fields must be zero in it.
fn buffer_size(call: &'static CStr, data: &AllocationData) -> Result<u64, Refusal> {
    for (field, value) in [
        (c"width", data.width),
        (c"height", data.height),
        (c"format", data.format),
        (c"pitch", data.pitch),
    ] {
        if value != 0 {
            return refuse(call, field, value.into(), c"not zero in a buffer");
        }
    }
    if data.buffer_bytes == 0 {
        return refuse(call, c"buffer_bytes", 0, c"zero");
    }
    Ok(data.buffer_bytes)
}

/// The size and pitch of a picture in bytes.
fn picture_size(call: &'static CStr, data: &AllocationData) -> Result<(u64, u32), Refusal> {
    for (field, value) in [(c"width", data.width), (c"height", data.height)] {
        if !(1..=MAX_DIMENSION).contains(&value) {
            return refuse(call, field, value.into(), c"not 1 to 16384");
        }
    }
    if data.buffer_bytes != 0 {
        return refuse(
            call,
            c"buffer_bytes",
            data.buffer_bytes,
            c"not zero in a picture",
        );
    }
    let Some(pixel) = format::bytes_per_pixel(data.format) else {
        return refuse(call, c"format", data.format.into(), c"not supported");
    };
    // A row is at most 16,384 pixels of 8 bytes.
    let row = data.width.saturating_mul(pixel);
    let pitch = match data.pitch {
        0 => row.next_multiple_of(PITCH_ALIGNMENT),
        given if given < row => {
            return refuse(call, c"pitch", given.into(), c"shorter than a row");
        }
        given if !given.is_multiple_of(PITCH_ALIGNMENT) => {
            return refuse(call, c"pitch", given.into(), c"not a multiple of 64");
        }
        given => given,
    };
    // A product of two 32-bit numbers fits.
    Ok((u64::from(pitch).saturating_mul(data.height.into()), pitch))
}

/// The fields and flags that differ between a primary and everything else.
fn check_scan_out(
    call: &'static CStr,
    kind: Kind,
    flags: AllocationFlags,
    data: &AllocationData,
) -> Result<(), Refusal> {
    let (source, rate) = (data.vidpn_source, data.refresh_numerator);
    if kind == Kind::Primary {
        // C27, C28, C33
        if flags.intersects(AllocationFlags::CPU_READS | AllocationFlags::SYSTEM_MEMORY) {
            return refuse(
                call,
                c"flags",
                data.flags.into(),
                c"a primary is in video memory",
            );
        }
        if !format::is_scanned_out(data.format) {
            return refuse(
                call,
                c"format",
                data.format.into(),
                c"cannot be scanned out",
            );
        }
        if source != SOURCE {
            return refuse(
                call,
                c"vidpn_source",
                source.into(),
                c"not a source of this adapter",
            );
        }
        if rate != 0 && data.refresh_denominator == 0 {
            return refuse(call, c"refresh_denominator", 0, c"zero");
        }
        return Ok(());
    }
    if source != NO_VIDPN_SOURCE {
        return refuse(
            call,
            c"vidpn_source",
            source.into(),
            c"given for what is no primary",
        );
    }
    if rate != 0 || data.refresh_denominator != 0 {
        return refuse(
            call,
            c"refresh_numerator",
            rate.into(),
            c"given for what is no primary",
        );
    }
    Ok(())
}

/// The segments that an allocation of this kind belongs in, if it fits.
///
/// What the CPU reads is cached memory, which only the cache-coherent aperture has; GDI's
/// CPU-visible surfaces must be there as well (`D3DKMDT_GDISURFACE_STAGING_CPUVISIBLE`).
fn wanted(kind: Kind, flags: AllocationFlags) -> SegmentSet {
    let cpu = flags.contains(AllocationFlags::CPU_VISIBLE);
    let system = AllocationFlags::CPU_READS | AllocationFlags::SYSTEM_MEMORY;
    match kind {
        Kind::Primary => SegmentSet::VIDEO_MEMORY,
        Kind::Shadow | Kind::Staging => SegmentSet::APERTURE,
        Kind::Gdi if cpu => SegmentSet::APERTURE,
        _ if flags.intersects(system) => SegmentSet::APERTURE,
        Kind::Gdi | Kind::Surface | Kind::Buffer => SegmentSet::BOTH,
    }
}

/// One debug line, and the refusal.
fn refuse<T>(
    call: &'static CStr,
    field: &'static CStr,
    value: u64,
    why: &'static CStr,
) -> Result<T, Refusal> {
    complain(call, field, value, why);
    Err(Refusal::Malformed)
}

#[cfg(test)]
mod tests;
