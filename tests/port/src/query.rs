//! QueryAdapterInfo: each question twice, over 0xCC and over 0x55, with a guard behind the answer.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ptr;

use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_SUCCESS};
use dxgk_sys::{
    DXGK_DRIVERCAPS, DXGK_QUERYADAPTERINFOTYPE, DXGK_QUERYSEGMENTIN, DXGK_QUERYSEGMENTIN4,
    DXGK_QUERYSEGMENTOUT3, DXGK_QUERYSEGMENTOUT4, DXGK_SEGMENTDESCRIPTOR3, DXGK_SEGMENTDESCRIPTOR4,
    DXGK_SEGMENTFLAGS, DXGKARG_QUERYADAPTERINFO,
};

use crate::adapter::{Adapter, AdapterInner, Caps};
use crate::checks;
use crate::ddi::Ddi;
use crate::pattern::{Pattern, Plain, bytes_of};
use crate::rules::Rule;
use crate::version::Version;
use crate::{STATUS_PROCEDURE_NOT_FOUND, Status};

const NAME: &str = "QueryAdapterInfo";

/// Bytes behind every answer that must not be written.
const GUARD: usize = 64;

/// Bytes of `DXGK_DRIVERCAPS` between members, which need not be written.
const CAPS_PADDING: [core::ops::Range<usize>; 2] = [12..16, 549..552];

/// A memory segment as the driver described it, of either version's descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Properties.
    pub flags: DXGK_SEGMENTFLAGS,
    /// First address as the GPU sees it.
    pub base: u64,
    /// First address on the bus, if the CPU sees it.
    pub cpu: u64,
    /// Bytes.
    pub size: u64,
    /// Most bytes that may be committed.
    pub commit_limit: u64,
    /// Banks, if it has any.
    pub banks: u32,
    /// Whether there is a table of banks.
    pub has_bank_table: bool,
}

/// All segments of an adapter; identifiers count from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segments {
    /// Segment n + 1 at index n.
    pub list: Vec<Segment>,
    /// Where the banks of segment n + 1 end, as offsets; empty without banks.
    pub bank_ends: Vec<Vec<u64>>,
    /// `PagingBufferSegmentId`: 0 or an identifier.
    pub paging_segment: u32,
    /// `PagingBufferSize` in bytes.
    pub paging_size: u32,
    /// `PagingBufferPrivateDataSize` in bytes.
    pub paging_private: u32,
}

/// Aligned memory for an answer, with its guard.
struct Answer {
    words: Vec<u64>,
    bytes: usize,
    pattern: Pattern,
}

impl Answer {
    fn new(bytes: usize, pattern: Pattern) -> Self {
        Self {
            words: alloc::vec![pattern.u64(); (bytes + GUARD).div_ceil(8)],
            bytes,
            pattern,
        }
    }

    fn all(&self) -> &[u8] {
        let start = self.words.as_ptr().cast();
        // SAFETY: the vector's own memory.
        unsafe { core::slice::from_raw_parts(start, self.words.len() * 8) }
    }

    fn answer(&self) -> &[u8] {
        &self.all()[..self.bytes]
    }

    fn guard_holds(&self) -> bool {
        self.all()[self.bytes..]
            .iter()
            .all(|byte| *byte == self.pattern.0)
    }

    /// The first bytes as a record.
    fn read<T: Plain>(&self) -> T {
        let mut record: T = Pattern(0).filled();
        let bytes = size_of::<T>().min(self.bytes);
        let to = (&raw mut record).cast::<u8>();
        // SAFETY: both are at least that long, and any bytes are a `T`.
        unsafe { ptr::copy_nonoverlapping(self.words.as_ptr().cast::<u8>(), to, bytes) };
        record
    }

    /// Puts a record at the start.
    fn write<T: Plain>(&mut self, record: &T) {
        let bytes = size_of::<T>().min(self.bytes);
        let from = ptr::from_ref(record).cast::<u8>();
        // SAFETY: both are at least that long.
        unsafe { ptr::copy_nonoverlapping(from, self.words.as_mut_ptr().cast::<u8>(), bytes) };
    }

    fn pointer<T>(&mut self) -> *mut T {
        self.words.as_mut_ptr().cast()
    }
}

impl AdapterInner {
    /// One question. `None` for an answer means a null pointer of length 0.
    fn ask(
        &self,
        kind: DXGK_QUERYADAPTERINFOTYPE,
        input: &[u8],
        answer: Option<&mut Answer>,
    ) -> Status {
        let Some(query) = self.registration.table.DxgkDdiQueryAdapterInfo else {
            return STATUS_PROCEDURE_NOT_FOUND;
        };
        // The driver may not write its input, which may be of any alignment.
        let mut question: Vec<u64> = alloc::vec![0; input.len().div_ceil(8)];
        let question_bytes = question.as_mut_ptr().cast::<u8>();
        // SAFETY: the vector is at least as long.
        unsafe { ptr::copy_nonoverlapping(input.as_ptr(), question_bytes, input.len()) };
        let before = question.clone();

        let out = answer.as_ref().map_or(0, |answer| answer.bytes);
        let mut argument = DXGKARG_QUERYADAPTERINFO::ZERO;
        argument.Type = kind;
        argument.InputDataSize = u32::try_from(input.len()).unwrap_or(u32::MAX);
        argument.OutputDataSize = u32::try_from(out).unwrap_or(u32::MAX);
        if !input.is_empty() {
            argument.pInputData = question.as_mut_ptr().cast();
        }
        let mut answer = answer;
        if let Some(answer) = answer.as_deref_mut() {
            argument.pOutputData = answer.pointer();
        }
        let given = argument;
        let arguments = || {
            let name = kind.name().unwrap_or("unknown");
            format!("{name}, in {}, out {out}", input.len())
        };
        let status = self.call(Ddi::QueryAdapterInfo, arguments, |_| {
            // SAFETY: the driver's own function and context, at its IRQL; sizes are as told.
            unsafe { query(self.context(), &raw const argument) }
        });
        let same = bytes_of(&given) == bytes_of(&argument) && question == before;
        self.check(
            Rule::B2_13,
            NAME,
            same,
            || "the argument or its input was written",
        );
        if let Some(answer) = answer {
            self.check(Rule::Q4, NAME, answer.guard_holds(), || {
                format!("type {}: written beyond OutputDataSize {out}", kind.0)
            });
        }
        status
    }

    /// One question over both patterns; the answer, and which of its bytes were written.
    fn ask_twice(
        &self,
        kind: DXGK_QUERYADAPTERINFOTYPE,
        input: &[u8],
        bytes: usize,
    ) -> Result<(Vec<u8>, Vec<bool>), Status> {
        let [mut first, mut second] = Pattern::BOTH.map(|pattern| Answer::new(bytes, pattern));
        let statuses = [
            self.ask(kind, input, Some(&mut first)),
            self.ask(kind, input, Some(&mut second)),
        ];
        self.check(Rule::Q4, NAME, statuses[0] == statuses[1], || {
            format!(
                "type {}: {:#010x}, then {:#010x}",
                kind.0, statuses[0], statuses[1]
            )
        });
        if statuses[0] != STATUS_SUCCESS {
            return Err(statuses[0]);
        }
        let pairs = first.answer().iter().zip(second.answer());
        let [a, b] = Pattern::BOTH;
        let written = pairs.map(|pair| pair != (&a.0, &b.0)).collect();
        Ok((first.answer().to_vec(), written))
    }

    fn segments_3(&self) -> Result<(Segments, bool), Status> {
        let kind = DXGK_QUERYADAPTERINFOTYPE::DXGKQAITYPE_QUERYSEGMENT3;
        let input = [0; size_of::<DXGK_QUERYSEGMENTIN>()];
        let mut runs = Vec::new();
        for pattern in Pattern::BOTH {
            let mut out = Answer::new(size_of::<DXGK_QUERYSEGMENTOUT3>(), pattern);
            let mut head: DXGK_QUERYSEGMENTOUT3 = out.read();
            head.pSegmentDescriptor = ptr::null_mut();
            out.write(&head);
            self.segment_status(self.ask(kind, &input, Some(&mut out)))?;
            let count =
                self.segment_count(out.read::<DXGK_QUERYSEGMENTOUT3>().NbSegment, pattern)?;

            let bytes = size_of::<DXGK_SEGMENTDESCRIPTOR3>();
            let mut list = Answer::new(count * bytes, pattern);
            let mut out = Answer::new(size_of::<DXGK_QUERYSEGMENTOUT3>(), pattern);
            let mut head: DXGK_QUERYSEGMENTOUT3 = out.read();
            head.NbSegment = u32::try_from(count).unwrap_or(0);
            head.pSegmentDescriptor = list.pointer();
            out.write(&head);
            self.segment_status(self.ask(kind, &input, Some(&mut out)))?;
            self.segment_guard(&list);
            let head: DXGK_QUERYSEGMENTOUT3 = out.read();
            let descriptors = (0..count).map(|index| {
                let mut one = Answer::new(bytes, pattern);
                one.copy_from(&list, index * bytes);
                let descriptor: DXGK_SEGMENTDESCRIPTOR3 = one.read();
                self.check(Rule::Q5, NAME, descriptor.Reserved == 0, || {
                    format!("segment {}: Reserved is not 0", index + 1)
                });
                (segment_of_3(&descriptor), bank_ends(&descriptor))
            });
            let (list, bank_ends) = descriptors.unzip();
            runs.push(Segments {
                list,
                bank_ends,
                paging_segment: head.PagingBufferSegmentId,
                paging_size: head.PagingBufferSize,
                paging_private: head.PagingBufferPrivateDataSize,
            });
        }
        Ok(agree(runs))
    }

    fn segments_4(&self) -> Result<(Segments, bool), Status> {
        let kind = DXGK_QUERYADAPTERINFOTYPE::DXGKQAITYPE_QUERYSEGMENT4;
        let input = [0; size_of::<DXGK_QUERYSEGMENTIN4>()];
        let mut runs = Vec::new();
        for pattern in Pattern::BOTH {
            let mut out = Answer::new(size_of::<DXGK_QUERYSEGMENTOUT4>(), pattern);
            let mut head: DXGK_QUERYSEGMENTOUT4 = out.read();
            head.pSegmentDescriptor = ptr::null_mut();
            out.write(&head);
            self.segment_status(self.ask(kind, &input, Some(&mut out)))?;
            let count =
                self.segment_count(out.read::<DXGK_QUERYSEGMENTOUT4>().NbSegment, pattern)?;

            let stride = size_of::<DXGK_SEGMENTDESCRIPTOR4>();
            let mut list = Answer::new(count * stride, pattern);
            let mut out = Answer::new(size_of::<DXGK_QUERYSEGMENTOUT4>(), pattern);
            let mut head: DXGK_QUERYSEGMENTOUT4 = out.read();
            head.NbSegment = u32::try_from(count).unwrap_or(0);
            head.pSegmentDescriptor = list.pointer();
            head.SegmentDescriptorStride = stride;
            out.write(&head);
            self.segment_status(self.ask(kind, &input, Some(&mut out)))?;
            self.segment_guard(&list);
            let head: DXGK_QUERYSEGMENTOUT4 = out.read();
            let descriptors = (0..count).map(|index| {
                let mut one = Answer::new(stride, pattern);
                one.copy_from(&list, index * stride);
                segment_of_4(&one.read())
            });
            runs.push(Segments {
                list: descriptors.collect(),
                bank_ends: Vec::new(),
                paging_segment: head.PagingBufferSegmentId,
                paging_size: head.PagingBufferSize,
                paging_private: head.PagingBufferPrivateDataSize,
            });
        }
        Ok(agree(runs))
    }

    fn segment_status(&self, status: Status) -> Result<(), Status> {
        let answered = status == STATUS_SUCCESS;
        self.check(Rule::Q4, NAME, answered, || {
            format!("segments refused with {status:#010x}")
        });
        if answered { Ok(()) } else { Err(status) }
    }

    fn segment_count(&self, count: u32, pattern: Pattern) -> Result<usize, Status> {
        let sane = count != pattern.u32() && count <= 32;
        self.check(Rule::Q5, NAME, sane, || {
            format!("NbSegment is {count:#x} in the first call")
        });
        if sane {
            Ok(count as usize)
        } else {
            Err(STATUS_INVALID_PARAMETER)
        }
    }

    fn segment_guard(&self, list: &Answer) {
        self.check(
            Rule::Q5,
            NAME,
            list.guard_holds(),
            || "more descriptors than NbSegment",
        );
    }
}

impl Answer {
    fn copy_from(&mut self, list: &Self, offset: usize) {
        let words = self.bytes / 8;
        self.words[..words].copy_from_slice(&list.words[offset / 8..offset / 8 + words]);
    }
}

/// Both runs must give the same, or something was not written.
fn agree(mut runs: Vec<Segments>) -> (Segments, bool) {
    let same = runs.len() == 2 && runs[0] == runs[1];
    (runs.swap_remove(0), same)
}

/// An address as the driver wrote it.
fn address(value: dxgk_sys::PHYSICAL_ADDRESS) -> u64 {
    // SAFETY: any bytes are an integer.
    unsafe { value.QuadPart }.cast_unsigned()
}

/// Members that the flags make meaningless are 0 here, whatever the driver left there.
fn segment_of_3(descriptor: &DXGK_SEGMENTDESCRIPTOR3) -> Segment {
    let flags = descriptor.Flags;
    let banked = flags.contains(DXGK_SEGMENTFLAGS::UseBanking);
    let visible = flags.contains(DXGK_SEGMENTFLAGS::CpuVisible);
    Segment {
        flags,
        base: address(descriptor.BaseAddress),
        cpu: if visible {
            address(descriptor.CpuTranslatedAddress)
        } else {
            0
        },
        size: descriptor.Size as u64,
        commit_limit: descriptor.CommitLimit as u64,
        banks: if banked { descriptor.NbOfBanks } else { 0 },
        has_bank_table: banked && !descriptor.pBankRangeTable.is_null(),
    }
}

/// The table says where all banks but the last end.
fn bank_ends(descriptor: &DXGK_SEGMENTDESCRIPTOR3) -> Vec<u64> {
    let segment = segment_of_3(descriptor);
    if !segment.has_bank_table || segment.banks == 0 || segment.banks > 127 {
        return Vec::new();
    }
    let table = descriptor.pBankRangeTable;
    let end = |index: usize| {
        // SAFETY: the table has an entry for each bank but the last, as the page says.
        unsafe { table.wrapping_add(index).read_unaligned() as u64 }
    };
    let ends = (0..segment.banks as usize - 1).map(end);
    ends.chain([segment.size]).collect()
}

fn segment_of_4(descriptor: &DXGK_SEGMENTDESCRIPTOR4) -> Segment {
    let flags = descriptor.Flags;
    let visible = flags.contains(DXGK_SEGMENTFLAGS::CpuVisible);
    // SAFETY: any bytes are an address.
    let cpu = unsafe { descriptor.u0.CpuTranslatedAddress };
    Segment {
        flags,
        base: address(descriptor.BaseAddress),
        cpu: if visible { address(cpu) } else { 0 },
        size: descriptor.Size as u64,
        commit_limit: descriptor.CommitLimit as u64,
        banks: 0,
        has_bank_table: false,
    }
}

impl Adapter {
    /// Any question with an answer of `bytes` bytes.
    ///
    /// # Errors
    /// The driver's.
    pub fn query(
        &self,
        kind: DXGK_QUERYADAPTERINFOTYPE,
        input: &[u8],
        bytes: usize,
    ) -> Result<Vec<u8>, Status> {
        self.0
            .ask_twice(kind, input, bytes)
            .map(|(answer, _)| answer)
    }

    /// DRIVERCAPS with exactly the size of the driver's interface version.
    ///
    /// # Errors
    /// The driver's, which is a violation of Q4.
    pub fn caps(&self) -> Result<DXGK_DRIVERCAPS, Status> {
        let adapter = &*self.0;
        let kind = DXGK_QUERYADAPTERINFOTYPE::DXGKQAITYPE_DRIVERCAPS;
        let bytes = adapter.registration.version.driver_caps();
        let answer = adapter.ask_twice(kind, &[], bytes);
        adapter.check(
            Rule::Q4,
            NAME,
            answer.is_ok(),
            || "DRIVERCAPS of the version's size refused",
        );
        let (bytes, written) = answer?;
        let is_padding = |at: usize| CAPS_PADDING.iter().any(|padding| padding.contains(&at));
        let hole = (0..bytes.len()).find(|at| !written[*at] && !is_padding(*at));
        adapter.check(Rule::Q4, NAME, hole.is_none(), || {
            format!(
                "DRIVERCAPS: byte {} of {} is not set",
                hole.unwrap_or(0),
                bytes.len()
            )
        });
        let mut whole: DXGK_DRIVERCAPS = Pattern(0).filled();
        // SAFETY: no version's size is beyond the newest, and any bytes are capabilities.
        unsafe {
            ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                (&raw mut whole).cast::<u8>(),
                bytes.len().min(size_of::<DXGK_DRIVERCAPS>()),
            );
        }
        checks::caps::check(adapter, &whole);
        *adapter.caps.lock() = Some(Caps(whole));
        Ok(whole)
    }

    /// The segments, in two calls of the type that the driver's interface version has.
    ///
    /// # Errors
    /// The driver's, which is a violation of Q4.
    pub fn segments(&self) -> Result<Segments, Status> {
        let adapter = &*self.0;
        let modern = adapter.registration.version >= Version::WDDM2_0;
        let (segments, same) = if modern {
            adapter.segments_4()?
        } else {
            adapter.segments_3()?
        };
        adapter.check(
            Rule::Q5,
            NAME,
            same,
            || "a member of the segments is not set",
        );
        checks::segments::check(adapter, &segments);
        *adapter.segments.write() = Some(Arc::new(segments.clone()));
        Ok(segments)
    }

    /// Questions that Windows asks rarely or never: other sizes, private and unknown types.
    pub fn exercise_queries(&self) {
        let adapter = &*self.0;
        let _ = self.caps();
        let display_only = adapter.registration.display_only;
        if !display_only {
            let _ = self.segments();
        }
        let caps = DXGK_QUERYADAPTERINFOTYPE::DXGKQAITYPE_DRIVERCAPS;
        let segments = DXGK_QUERYADAPTERINFOTYPE::DXGKQAITYPE_QUERYSEGMENT3;
        for bytes in [0, 1, 16, 336, 551, 552, 592, 4096] {
            let _ = self.query(caps, &[], bytes);
        }
        adapter.ask(caps, &[], None);
        for bytes in [0, 8, size_of::<DXGK_QUERYSEGMENTOUT3>() - 1] {
            let _ = self.query(segments, &[0; size_of::<DXGK_QUERYSEGMENTIN>()], bytes);
        }
        adapter.ask(segments, &[], None);
        let private = DXGK_QUERYADAPTERINFOTYPE::DXGKQAITYPE_UMDRIVERPRIVATE;
        for (input, bytes) in [(0, 0), (0, 8), (8, 0), (8, 8), (4096, 4096)] {
            let _ = self.query(private, &alloc::vec![0xA5; input], bytes);
        }
        for unknown in [
            DXGK_QUERYADAPTERINFOTYPE(0x7FFF),
            DXGK_QUERYADAPTERINFOTYPE(-1),
        ] {
            let answer = self.query(unknown, &[], 64);
            adapter.check(Rule::Q4, NAME, answer.is_err(), || {
                format!("type {}, which nobody knows, succeeded", unknown.0)
            });
        }
    }
}
