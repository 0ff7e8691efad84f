//! `DXGK_ALLOCATIONINFO` as a successful CreateAllocation left it: rules C13 to C33.

use alloc::format;
use alloc::string::String;

use dxgk_sys::{
    DXGK_ALLOCATIONINFO, DXGK_ALLOCATIONINFOFLAGS as Flags,
    DXGK_ALLOCATIONINFOFLAGS_WDDM2_0 as FlagsWddm2, DXGK_ALLOCATIONINFOFLAGS2 as Flags2,
    DXGK_SEGMENTFLAGS, DXGK_VIDMMCAPS_u0,
};

use crate::adapter::AdapterInner;
use crate::pattern::Pattern;
use crate::query::{Segment, Segments};
use crate::rules::Rule;
use crate::version::Version;

const NAME: &str = "CreateAllocation";
const LARGE_PAGE: u32 = 64 << 10;

/// Flags of `Flags` before WDDM 2.0 (bits 0 to 14) and of `FlagsWddm2` from it on (0 to 10, 13 to 18).
const FLAGS_WDDM1: u32 = 0x7FFF;
const FLAGS_WDDM2: u32 = 0x0007_E7FF;

/// The record as numbers: unions of one width are one member.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    pub private: u64,
    pub private_size: u32,
    pub alignment: u32,
    pub size: u64,
    pub pitch_aligned_size: u64,
    pub hinted_bank: u32,
    pub preferred: u32,
    pub read_set: u32,
    pub write_set: u32,
    pub eviction_set: u32,
    pub renaming: u32,
    pub handle: u64,
    pub flags: u32,
    pub padding: u32,
    pub usage_hint: u64,
    pub priority: u32,
    pub flags2: u32,
}

const _: () = assert!(size_of::<Words>() == size_of::<DXGK_ALLOCATIONINFO>());

impl Words {
    /// The numbers of a record that was filled with a pattern first.
    pub(crate) fn of(info: &DXGK_ALLOCATIONINFO) -> Self {
        // SAFETY: of the same size, and any bytes are numbers.
        unsafe { core::ptr::from_ref(info).cast::<Self>().read() }
    }
}

/// One element as it is checked.
struct Element<'a> {
    adapter: &'a AdapterInner,
    index: usize,
    words: Words,
    pattern: Pattern,
    version: Version,
    segments: &'a [Segment],
    /// Bits of the segments that exist.
    all: u32,
}

/// Checks all that one element says. The handle is the caller's to check (C13).
pub(crate) fn check(
    adapter: &AdapterInner,
    index: usize,
    info: &DXGK_ALLOCATIONINFO,
    pattern: Pattern,
    primary: bool,
) {
    // Without segments (a violation of Q5) nothing can be said of sets.
    let segments = adapter.segments.read().clone();
    let segments = segments
        .as_deref()
        .map(|segments: &Segments| segments.list.as_slice());
    let element = Element {
        adapter,
        index,
        words: Words::of(info),
        pattern,
        version: adapter.registration.version,
        segments: segments.unwrap_or(&[]),
        all: match segments.map(<[Segment]>::len) {
            Some(count @ 0..32) => (1 << count) - 1,
            _ => u32::MAX,
        },
    };
    element.sizes();
    element.segments();
    element.placement();
    element.others();
    element.flags(primary);
}

impl Element<'_> {
    fn require(&self, rule: Rule, holds: bool, detail: impl FnOnce() -> String) {
        self.adapter.check(rule, NAME, holds, || {
            format!("element {}: {}", self.index, detail())
        });
    }

    fn set(&self, rule: Rule, value: u32, name: &str) {
        self.require(rule, value != self.pattern.u32(), || {
            format!("{name} is not set")
        });
    }

    fn set_long(&self, rule: Rule, value: u64, name: &str) {
        self.require(rule, value != self.pattern.u64(), || {
            format!("{name} is not set")
        });
    }

    /// The segments of a set.
    fn of_set(&self, set: u32) -> impl Iterator<Item = &Segment> {
        let indexed = self.segments.iter().enumerate();
        indexed
            .filter(move |(index, _)| set & 1 << index != 0)
            .map(|(_, segment)| segment)
    }

    fn sizes(&self) {
        let words = self.words;
        self.set_long(Rule::C14, words.size, "Size");
        self.require(Rule::C14, words.size != 0, || "Size is 0".into());
        let largest = self
            .of_set(words.write_set)
            .map(|segment| segment.size)
            .max()
            .unwrap_or(0);
        let fits = words.size <= largest || words.size == self.pattern.u64() || largest == 0;
        self.require(Rule::C14, fits, || {
            format!(
                "Size {:#x} fits none of its segments, the largest has {largest:#x}",
                words.size
            )
        });
        self.set(Rule::C15, words.alignment, "Alignment");
        let power = words.alignment.is_power_of_two() || words.alignment == self.pattern.u32();
        self.require(Rule::C15, power, || {
            format!("Alignment {:#x} is no power of two", words.alignment)
        });
        let mut all = self.of_set(words.write_set);
        let large = self.version >= Version::WDDM2_0
            && all.any(|segment| segment.flags.contains(DXGK_SEGMENTFLAGS::Use64KBPages));
        let aligned = !large || words.alignment.is_multiple_of(LARGE_PAGE);
        self.require(Rule::C15, aligned, || {
            "Alignment of less than a 64 KiB page".into()
        });
        self.set_long(Rule::C16, words.pitch_aligned_size, "PitchAlignedSize");
        let pitch = words.pitch_aligned_size;
        self.require(Rule::C16, pitch == 0 || pitch >= words.size, || {
            format!(
                "PitchAlignedSize {pitch:#x} is below Size {:#x}",
                words.size
            )
        });
    }

    fn segments(&self) {
        let words = self.words;
        let all = self.all;
        for (set, name) in [
            (words.read_set, "SupportedReadSegmentSet"),
            (words.write_set, "SupportedWriteSegmentSet"),
        ] {
            self.set(Rule::C19, set, name);
            let exist = set & !all == 0 || set == self.pattern.u32();
            self.require(Rule::C19, exist, || {
                format!("{name} {set:#x} names no segment")
            });
        }
        self.require(Rule::C19, words.write_set != 0, || {
            "SupportedWriteSegmentSet is empty".into()
        });
        if self.version >= Version::WDDM2_0 {
            self.require(Rule::C19, words.read_set == words.write_set, || {
                format!(
                    "read set {:#x}, write set {:#x}",
                    words.read_set, words.write_set
                )
            });
        }
        self.set(Rule::C20, words.eviction_set, "EvictionSegmentSet");
        let apertures = DXGK_SEGMENTFLAGS::Aperture | DXGK_SEGMENTFLAGS::Agp;
        let evict = words.eviction_set;
        let fits = evict & !all == 0
            && self
                .of_set(evict)
                .all(|segment| segment.flags.intersects(apertures));
        self.require(Rule::C20, fits || evict == self.pattern.u32(), || {
            format!("EvictionSegmentSet {evict:#x} names more than aperture segments")
        });
    }

    fn placement(&self) {
        let words = self.words;
        self.set(Rule::C18, words.preferred, "PreferredSegment");
        self.set(Rule::C17, words.hinted_bank, "HintedBank");
        if words.preferred == self.pattern.u32() {
            return;
        }
        let supported = words.read_set | words.write_set;
        for place in 0..5 {
            let id = words.preferred >> (6 * place) & 0x1F;
            let known = id == 0 || supported & 1 << (id - 1) != 0;
            self.require(Rule::C18, known, || {
                format!("segment {id} is preferred, not supported")
            });
        }
        self.require(Rule::C18, words.preferred >> 30 == 0, || {
            "PreferredSegment: reserved bits are set".into()
        });
        if words.hinted_bank == self.pattern.u32() {
            return;
        }
        let first = words.preferred & 0x1F;
        let segment = first
            .checked_sub(1)
            .and_then(|index| self.segments.get(index as usize));
        let banks = segment.map_or(0, |segment| segment.banks);
        for place in 0..4 {
            let bank = words.hinted_bank >> (8 * place) & 0x7F;
            self.require(Rule::C17, bank <= banks, || {
                format!("bank {bank} is hinted, segment {first} has {banks}")
            });
        }
    }

    fn others(&self) {
        let words = self.words;
        self.set(
            Rule::C21,
            words.renaming,
            "MaximumRenamingListLength or PhysicalAdapterIndex",
        );
        self.set_long(Rule::C23, words.usage_hint, "pAllocationUsageHint");
        self.set(Rule::C24, words.priority, "AllocationPriority");
        self.require(Rule::C24, words.priority != 0, || {
            "AllocationPriority is 0".into()
        });
        if self.version >= Version::WDDM3_0 {
            let mut known = Flags2::ShareBackingStoreWithKmd
                | Flags2::NoImplicitSynchronization
                | Flags2::DisablePartialResidency
                | Flags2::RestrictedToSingleSegment;
            if self.version >= Version::WDDM3_2 {
                known |= Flags2::NotifyEviction | Flags2::NotifyIoMmuUnmap;
            }
            self.require(Rule::C25, words.flags2 & !known.bits() == 0, || {
                format!(
                    "Flags2 {:#x} has bits that the interface version does not",
                    words.flags2
                )
            });
        }
    }

    fn flags(&self, primary: bool) {
        let bits = self.words.flags;
        self.set(Rule::C22, bits, "Flags");
        if bits == self.pattern.u32() {
            return;
        }
        let modern = self.version >= Version::WDDM2_0;
        let known = if modern { FLAGS_WDDM2 } else { FLAGS_WDDM1 };
        self.require(Rule::C22, bits & !known == 0, || {
            format!("Flags {bits:#x} has bits that the interface version does not")
        });
        let flags = Flags::from_bits_retain(bits);
        let has = |flag: Flags| flags.contains(flag);
        let visible = has(Flags::CpuVisible);
        self.require(Rule::C27, visible || !has(Flags::Cached), || {
            "Cached without CpuVisible".into()
        });
        let system = [
            Flags::PermanentSysMem,
            Flags::Protected,
            Flags::ExistingSysMem,
            Flags::ExistingKernelSysMem,
        ];
        let several = system.iter().filter(|flag| has(**flag)).count() > 1;
        self.require(Rule::C28, !several, || {
            format!("Flags {bits:#x}: exclude each other")
        });
        let history = Flags::CpuVisible | Flags::Cached | Flags::HistoryBuffer;
        let alone = visible && bits & !history.bits() == 0;
        self.require(Rule::C31, alone || !has(Flags::HistoryBuffer), || {
            format!("HistoryBuffer with Flags {bits:#x}")
        });
        if modern {
            self.flags_wddm2(FlagsWddm2::from_bits_retain(bits));
        } else {
            self.require(Rule::C29, primary || !has(Flags::UseAlternateVA), || {
                "UseAlternateVA on what is not the primary".into()
            });
        }
        if primary {
            self.primary(flags);
        }
    }

    fn flags_wddm2(&self, flags: FlagsWddm2) {
        let physical = flags.contains(FlagsWddm2::AccessedPhysically);
        let explicit = flags.contains(FlagsWddm2::ExplicitResidencyNotification);
        self.require(Rule::C32, physical || !explicit, || {
            "ExplicitResidencyNotification without AccessedPhysically".into()
        });
    }

    fn primary(&self, flags: Flags) {
        let excluded = Flags::PermanentSysMem
            | Flags::Cached
            | Flags::Protected
            | Flags::ExistingSysMem
            | Flags::ExistingKernelSysMem;
        self.require(Rule::C33, !flags.intersects(excluded), || {
            format!("the primary has Flags {:#x}", flags.bits())
        });
        // An aperture's pages are reached where they are, if the primary has a section behind it (V8).
        let section = self.adapter.caps.lock().is_some_and(|caps| {
            caps.0
                .MemoryManagementCaps
                .u0
                .contains(DXGK_VIDMMCAPS_u0::SectionBackedPrimary)
        });
        let mut reachable = DXGK_SEGMENTFLAGS::CpuVisible;
        reachable.set(DXGK_SEGMENTFLAGS::Aperture, section);
        let mut segments = self.of_set(self.words.write_set);
        let reachable = segments.all(|segment| segment.flags.intersects(reachable));
        self.require(Rule::C33, reachable, || {
            format!(
                "segments {:#x} of the primary are not all visible",
                self.words.write_set
            )
        });
    }
}
