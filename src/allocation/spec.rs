//! Private data, read once and checked: what an allocation is to be.
//!
//! The bytes come from a user-mode driver and may be anything. They are copied once and only the
//! copy is looked at; every number is checked before it is used (contract: C6, C7, G5). Each refusal
//! makes one debug line that names the field.
//!
//! The copy is made of words and becomes the object that is kept without passing through memory
//! again; what explains a refusal is kept out of that way.

mod plain;
mod reader;

use core::ffi::CStr;
use core::num::NonZeroU64;

use vmdisp_abi::allocation::{
    AllocationData, AllocationFlags, Kind, MAX_DIMENSION, NO_VIDPN_SOURCE, PITCH_ALIGNMENT,
};
use vmdisp_abi::resource::{self, ResourceData};
use vmdisp_abi::{Header, VERSION, format};
use zerocopy::{FromZeros, IntoBytes};

use crate::device::primary_pitch;
use crate::kernel::caller::CallerData;
use crate::kernel::complain;
use crate::kernel::irql::Passive;
use crate::memory::segments::{SegmentSet, Sizes};

pub use self::reader::{Reader, usage};

/// The `VidPN` source that primaries belong to: these adapters have one.
pub(super) const SOURCE: u32 = 0;

/// Why private data is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)] // as wide as what stands in its place in a result
pub enum Refusal {
    /// The data are wrong.
    Malformed,
    /// The data are another version's: their writer and this driver do not belong together.
    Mismatch,
}

/// What the driver decides about an allocation whose private data are right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decided {
    /// Its size in bytes.
    pub bytes: NonZeroU64,
    /// Bytes from one row to the next; 0 for a buffer.
    pub pitch: u32,
    /// The segments that it may be in: at least one, and it fits into each.
    pub segments: SegmentSet,
}

/// [`AllocationData`] as words.
pub(super) type Words = [u64; size_of::<AllocationData>() / size_of::<u64>()];

/// Checks data whose header is right.
pub fn complete(
    call: &'static CStr,
    data: &AllocationData,
    sizes: &Sizes,
) -> Result<Decided, Refusal> {
    let Some(kind) = Kind::from_number(data.kind) else {
        return refuse(call, c"kind", data.kind.into(), c"not a kind of allocation");
    };
    let Some(flags) = AllocationFlags::from_bits(data.flags) else {
        return refuse(call, c"flags", data.flags.into(), c"has undefined bits");
    };
    if data.reserved != 0 {
        return refuse(call, c"reserved", data.reserved.into(), c"not zero");
    }
    // C27
    if flags.contains(AllocationFlags::CPU_READS) && !flags.contains(AllocationFlags::CPU_VISIBLE) {
        return refuse(
            call,
            c"flags",
            data.flags.into(),
            c"CPU_READS without CPU_VISIBLE",
        );
    }
    let (bytes, pitch) = if kind == Kind::Buffer {
        (buffer_size(call, data)?, 0)
    } else {
        let least_pitch = if kind == Kind::Primary {
            sizes.least_pitch
        } else {
            0
        };
        picture_size(call, data, least_pitch)?
    };
    if kind == Kind::Primary {
        check_primary(call, flags, bytes, pitch, data, sizes)?;
    } else if data.vidpn_source != NO_VIDPN_SOURCE {
        let source = data.vidpn_source.into();
        return refuse(
            call,
            c"vidpn_source",
            source,
            c"given for what is no primary",
        );
    } else if data.refresh_numerator | data.refresh_denominator != 0 {
        let rate = data.refresh_numerator.into();
        return refuse(
            call,
            c"refresh_numerator",
            rate,
            c"given for what is no primary",
        );
    }
    let segments = sizes.that_hold(bytes, wanted(kind, flags));
    if segments == SegmentSet::NONE {
        return refuse(call, c"Size", bytes, c"larger than its segments");
    }
    let Some(bytes) = NonZeroU64::new(bytes) else {
        return refuse(call, c"Size", bytes, c"zero");
    };
    Ok(Decided {
        bytes,
        pitch,
        segments,
    })
}

/// Reads and checks the private data of a resource for the DDI `call`; none at all is fine.
#[inline(always)]
#[allow(clippy::inline_always)] // one comparison
pub fn fetch_label(
    call: &'static CStr,
    data: CallerData<'_>,
    irql: Passive,
) -> Result<u32, Refusal> {
    if data.bytes() == 0 {
        return Ok(0);
    }
    read_label(call, data, irql)
}

#[inline(never)]
fn read_label(call: &'static CStr, data: CallerData<'_>, irql: Passive) -> Result<u32, Refusal> {
    let mut copy = ResourceData::new_zeroed();
    let expected = Header::new(resource::MAGIC, resource::BYTES);
    if data.bytes() != u32::from(resource::BYTES) {
        return Err(wrong_size(call, data, expected, irql));
    }
    if data.read(copy.as_mut_bytes(), irql).is_err() {
        return Err(unreadable(call, data));
    }
    if copy.header.as_bytes() != expected.as_bytes() {
        return Err(wrong_header(call, copy.header, expected));
    }
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

/// Data of another size: perhaps another version's, which their header tells.
#[cold]
fn wrong_size(
    call: &'static CStr,
    data: CallerData<'_>,
    expected: Header,
    irql: Passive,
) -> Refusal {
    let given = u64::from(data.bytes());
    let mut header = Header::new_zeroed();
    if given < size_of::<Header>() as u64 {
        complain(
            call,
            c"PrivateDriverDataSize",
            given,
            c"shorter than a header",
        );
        return Refusal::Malformed;
    }
    if data.read(header.as_mut_bytes(), irql).is_err() {
        complain(
            call,
            c"pPrivateDriverData",
            given,
            c"so many bytes cannot be read",
        );
        return Refusal::Malformed;
    }
    if header.magic != expected.magic || header.version != expected.version {
        return wrong_header(call, header, expected);
    }
    complain(
        call,
        c"PrivateDriverDataSize",
        given,
        c"not the size of this version's data",
    );
    Refusal::Malformed
}

/// What is wrong with a header: the version comes before the size, since data of another version may
/// have another size.
#[cold]
fn wrong_header(call: &'static CStr, found: Header, expected: Header) -> Refusal {
    if found.magic != expected.magic {
        complain(
            call,
            c"magic",
            found.magic.into(),
            c"another driver's private data",
        );
        Refusal::Mismatch
    } else if found.version != VERSION {
        complain(
            call,
            c"version",
            found.version.into(),
            c"another version's private data",
        );
        Refusal::Mismatch
    } else {
        complain(
            call,
            c"bytes",
            found.bytes.into(),
            c"not the size of this version's data",
        );
        Refusal::Malformed
    }
}

#[cold]
fn unreadable(call: &'static CStr, data: CallerData<'_>) -> Refusal {
    complain(
        call,
        c"pPrivateDriverData",
        data.bytes().into(),
        c"so many bytes cannot be read",
    );
    Refusal::Malformed
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

/// The size of a picture and its pitch, in bytes. The driver chooses none shorter than `least_pitch`.
#[inline]
fn picture_size(
    call: &'static CStr,
    data: &AllocationData,
    least_pitch: u32,
) -> Result<(u64, u32), Refusal> {
    let wrong = |pixels: u32| !(1..=MAX_DIMENSION).contains(&pixels);
    if wrong(data.width) {
        return refuse(call, c"width", data.width.into(), c"not 1 to 16384");
    }
    if wrong(data.height) {
        return refuse(call, c"height", data.height.into(), c"not 1 to 16384");
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
    let mut pitch = data.pitch;
    if pitch == 0 {
        pitch = row.next_multiple_of(PITCH_ALIGNMENT).max(least_pitch);
    } else if pitch < row {
        return refuse(call, c"pitch", pitch.into(), c"shorter than a row");
    } else if !pitch.is_multiple_of(PITCH_ALIGNMENT) {
        return refuse(call, c"pitch", pitch.into(), c"not a multiple of 64");
    }
    // A product of two 32-bit numbers fits.
    Ok((u64::from(pitch).saturating_mul(data.height.into()), pitch))
}

/// What a primary may not be (contract: C27, C28, C33).
fn check_primary(
    call: &'static CStr,
    flags: AllocationFlags,
    bytes: u64,
    pitch: u32,
    data: &AllocationData,
    sizes: &Sizes,
) -> Result<(), Refusal> {
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
    if pitch != primary_pitch(data.width, sizes.least_pitch) {
        return refuse(
            call,
            c"pitch",
            pitch.into(),
            c"not that of the mode, which a flip cannot change",
        );
    }
    if data.vidpn_source != SOURCE {
        let source = data.vidpn_source.into();
        return refuse(
            call,
            c"vidpn_source",
            source,
            c"not a source of this adapter",
        );
    }
    if data.refresh_numerator != 0 && data.refresh_denominator == 0 {
        return refuse(call, c"refresh_denominator", 0, c"zero");
    }
    if bytes > sizes.largest_primary() {
        return refuse(call, c"Size", bytes, c"a primary over half of video memory");
    }
    Ok(())
}

/// The segments that an allocation of this kind belongs in, if it fits.
///
/// What the CPU reads is cached memory, which only the cache-coherent aperture has; GDI's
/// CPU-visible surfaces must be there as well (`D3DKMDT_GDISURFACE_STAGING_CPUVISIBLE`).
const fn wanted(kind: Kind, flags: AllocationFlags) -> SegmentSet {
    let cpu = flags.contains(AllocationFlags::CPU_VISIBLE);
    let system = AllocationFlags::CPU_READS.union(AllocationFlags::SYSTEM_MEMORY);
    match kind {
        Kind::Primary => SegmentSet::VIDEO_MEMORY,
        Kind::Shadow | Kind::Staging => SegmentSet::APERTURE,
        Kind::Gdi if cpu => SegmentSet::APERTURE,
        _ if flags.intersects(system) => SegmentSet::APERTURE,
        Kind::Gdi | Kind::Surface | Kind::Buffer => SegmentSet::BOTH,
    }
}

/// One debug line, and the refusal.
#[cold]
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
