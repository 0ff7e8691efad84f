//! The data of one call's allocations, read and checked one after the other.

use core::ffi::CStr;

use vmdisp_abi::Header;
use vmdisp_abi::allocation::{self as abi, AllocationData, AllocationFlags};
use zerocopy::transmute;

use super::{Decided, Refusal, Words, complete, plain, unreadable, wrong_header, wrong_size};
use crate::kernel::CallerReads;
use crate::kernel::caller::CallerData;
use crate::kernel::irql::Passive;
use crate::memory::segments::Sizes;

/// The first of them, where the header is right.
const HEADER: u64 = transmute!(Header::new(abi::MAGIC, abi::BYTES));

/// How an allocation with these data is used.
#[inline]
pub fn usage(words: &Words) -> AllocationFlags {
    let [_, kind_and_flags, ..] = *words;
    let [_, flags]: [u32; 2] = transmute!(kind_and_flags);
    AllocationFlags::from_bits_truncate(flags)
}

/// Reads and checks the private data of the allocations of one call.
///
/// It keeps what it has decided last: the buffers of a swap chain and the slices of an array are
/// described alike, and an allocation that is described as the one before is decided as that.
pub struct Reader {
    call: &'static CStr,
    reads: CallerReads,
    sizes: Sizes,
    irql: Passive,
    /// The last data that were right, and what was decided about them.
    last: Option<(Words, Decided)>,
}

impl Reader {
    /// For the DDI `call`.
    #[inline]
    pub fn new(call: &'static CStr, sizes: Sizes, irql: Passive) -> Self {
        Self {
            call,
            reads: CallerReads::at(irql),
            sizes,
            irql,
            last: None,
        }
    }

    /// Reads the data of one allocation, and decides about it.
    #[inline(always)]
    pub fn read(&mut self, data: CallerData<'_>) -> Result<(Words, Decided), Refusal> {
        let Ok::<Words, _>(words) = data.words(self.reads) else {
            return Err(not_read(self.call, data, self.irql));
        };
        if let Some((last, decided)) = &self.last
            && words.iter().zip(last).all(|(new, old)| new == old)
        {
            return Ok((words, *decided));
        }
        let [header, ..] = words;
        if header != HEADER {
            return Err(wrong_header(
                self.call,
                transmute!(header),
                transmute!(HEADER),
            ));
        }
        let decided = match plain::accept(&words, &self.sizes) {
            Some(decided) => decided,
            None => look(self.call, words, self.sizes)?,
        };
        self.last = Some((words, decided));
        Ok((words, decided))
    }
}

/// Looks at data that are not plainly right.
#[cold]
#[inline(never)]
fn look(call: &'static CStr, words: Words, sizes: Sizes) -> Result<Decided, Refusal> {
    let data: AllocationData = transmute!(words);
    complete(call, &data, &sizes)
}

/// Why data were not read: their size or their place.
#[cold]
#[inline(never)]
fn not_read(call: &'static CStr, data: CallerData<'_>, irql: Passive) -> Refusal {
    if data.bytes() == u32::from(abi::BYTES) {
        unreadable(call, data)
    } else {
        wrong_size(call, data, transmute!(HEADER), irql)
    }
}
