//! What a user-mode program asks the kernel-mode driver directly: the private data of
//! `DxgkDdiEscape`.
//!
//! A request is a [`Request`] of 16 bytes, and the answer is written over it and behind it: the block
//! is as long as the answer, and says so in its header. The caller may be any program, so nothing in
//! an answer is an address, and nothing belongs to another process but what the adapter does as a whole.
//!
//! | [`Question`] | answer |
//! |---|---|
//! | `Adapter` | [`AdapterAnswer`]: the request, and [`AdapterData`] as `DXGKQAITYPE_UMDRIVERPRIVATE` has it |
//! | `Statistics` | [`StatisticsAnswer`]: the request, and [`Statistics`] |
//!
//! # What `DxgkDdiEscape` answers
//!
//! | status | when |
//! |---|---|
//! | `STATUS_SUCCESS` | the question was answered; also when the block does not begin with [`MAGIC`], which is somebody else's protocol: it is left as it is |
//! | `STATUS_GRAPHICS_DRIVER_MISMATCH` | our magic, another version |
//! | `STATUS_ILLEGAL_INSTRUCTION` | our magic and version, an unknown question |
//! | `STATUS_INVALID_PARAMETER` | a block of another length than the answer's, or a reserved place that is not zero |

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::Header;
use crate::adapter::AdapterData;

/// `"VmEs"`, read as a little-endian number.
pub const MAGIC: u32 = u32::from_le_bytes(*b"VmEs");

/// The size of [`Request`] in bytes.
pub const REQUEST_BYTES: u16 = 16;

/// The first bytes of every block: 16, no padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Request {
    /// [`MAGIC`], version, and the length of the whole block: the answer's.
    pub header: Header,
    /// A [`Question`].
    pub question: u32,
    /// Zero.
    pub reserved: u32,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Question {
    /// What the adapter is.
    Adapter = 1,
    /// What it has done.
    Statistics = 2,
}

impl Question {
    /// The question with this number, if there is one.
    #[inline]
    pub const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Adapter,
            2 => Self::Statistics,
            _ => return None,
        })
    }

    /// Bytes of the block that carries the question and its answer.
    #[inline]
    pub const fn block_bytes(self) -> u16 {
        match self {
            Self::Adapter => AdapterAnswer::BYTES,
            Self::Statistics => StatisticsAnswer::BYTES,
        }
    }
}

impl Request {
    /// Asks `question`.
    #[inline]
    pub const fn new(question: Question) -> Self {
        Self {
            header: Header::new(MAGIC, question.block_bytes()),
            question: question as u32,
            reserved: 0,
        }
    }
}

/// The block of [`Question::Adapter`]: 48 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct AdapterAnswer {
    /// As it was asked.
    pub request: Request,
    /// What the adapter is.
    pub adapter: AdapterData,
}

impl AdapterAnswer {
    /// Its size in bytes.
    pub const BYTES: u16 = 48;
}

/// The block of [`Question::Statistics`]: 80 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct StatisticsAnswer {
    /// As it was asked.
    pub request: Request,
    /// What the adapter has done.
    pub statistics: Statistics,
}

impl StatisticsAnswer {
    /// Its size in bytes.
    pub const BYTES: u16 = 80;
}

/// Counts of an adapter: 64 bytes. They are read one after the other while others may go on counting.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Statistics {
    /// Allocations and resources that exist.
    pub allocations: u64,
    /// Openings of allocations that exist.
    pub openings: u64,
    /// Devices that exist.
    pub devices: u64,
    /// Contexts that exist.
    pub contexts: u64,
    /// Buffers that the engine was given since the adapter was started.
    pub submitted: u64,
    /// Buffers that it has finished, since then.
    pub completed: u64,
    /// Preemptions that it has reported, since then.
    pub preempted: u64,
    /// Times that the engine was reset, since then.
    pub resets: u64,
}

const _: () = {
    assert!(size_of::<Request>() == REQUEST_BYTES as usize);
    assert!(size_of::<AdapterAnswer>() == AdapterAnswer::BYTES as usize);
    assert!(size_of::<StatisticsAnswer>() == StatisticsAnswer::BYTES as usize);
};
