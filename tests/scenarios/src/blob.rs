//! Private data as a user-mode driver would write it.

use alloc::vec::Vec;

use vmdisp_abi::allocation::{AllocationData, AllocationFlags, Kind, PITCH_ALIGNMENT};
use vmdisp_abi::format::{self, bytes_per_pixel};
use vmdisp_abi::resource::ResourceData;
use zerocopy::IntoBytes;

/// Private data as bytes.
pub fn bytes(data: &AllocationData) -> Vec<u8> {
    data.as_bytes().to_vec()
}

/// A resource's private data as bytes.
pub fn group(label: u32) -> Vec<u8> {
    ResourceData::new(label).as_bytes().to_vec()
}

/// A small picture that is good on every adapter.
pub fn surface() -> AllocationData {
    AllocationData::picture(
        Kind::Surface,
        64,
        32,
        format::A8R8G8B8,
        AllocationFlags::empty(),
    )
}

/// A primary that is good on every adapter.
pub fn primary() -> AllocationData {
    AllocationData::primary(0, 640, 480, format::X8R8G8B8, (60, 1))
}

/// A buffer of `bytes` bytes.
pub fn buffer(bytes: u64) -> AllocationData {
    AllocationData::buffer(bytes, AllocationFlags::empty())
}

/// `count` good pictures, each of another width, so that they can be told apart.
pub fn surfaces(count: u32) -> Vec<Vec<u8>> {
    (0..count)
        .map(|index| {
            bytes(&AllocationData {
                width: 8 + index,
                ..surface()
            })
        })
        .collect()
}

/// Private data that is refused with `STATUS_INVALID_PARAMETER`.
pub fn bad() -> Vec<u8> {
    bytes(&AllocationData {
        width: 0,
        ..surface()
    })
}

/// Bytes of a picture whose pitch the driver chooses.
pub fn picture_bytes(width: u32, height: u32, format: u32) -> u64 {
    let row = u64::from(width) * u64::from(bytes_per_pixel(format).unwrap_or(0));
    row.next_multiple_of(u64::from(PITCH_ALIGNMENT)) * u64::from(height)
}

/// A good allocation, chosen by `random`: most are small, as textures and buffers are.
pub fn random(random: &mut fastrand::Rng) -> AllocationData {
    let flags = match random.u8(..8) {
        0 => AllocationFlags::CPU_VISIBLE,
        1 => AllocationFlags::CPU_VISIBLE | AllocationFlags::CPU_READS,
        2 => AllocationFlags::SYSTEM_MEMORY,
        _ => AllocationFlags::empty(),
    };
    if random.u8(..3) == 0 {
        return AllocationData::buffer(1 << random.u64(4..20), flags);
    }
    let format = random.choice(format::ALL).unwrap_or(format::A8R8G8B8);
    let (width, height) = (random.u32(1..=512), random.u32(1..=512));
    AllocationData::picture(Kind::Surface, width, height, format, flags)
}
