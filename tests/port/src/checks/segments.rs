//! Segments: rules Q5 and Q6.

use alloc::format;

use dxgk_sys::DXGK_SEGMENTFLAGS as Flags;

use crate::adapter::AdapterInner;
use crate::query::{Segment, Segments};
use crate::rules::Rule;
use crate::version::Version;

const NAME: &str = "QueryAdapterInfo";
const PAGE: u64 = 4096;

/// Flags that Windows 8.1 knows, and those of the newest version but the one that is reserved for the system.
const FLAGS_WDDM1: u32 = 0x7FF;
const FLAGS_WDDM2: u32 = 0x003F_EFFF;

pub(crate) fn check(adapter: &AdapterInner, segments: &Segments) {
    let paging = segments.paging_segment;
    let aperture = paging == 0
        || segments
            .list
            .get(paging as usize - 1)
            .is_some_and(|segment| is_aperture(*segment));
    adapter.check(Rule::Q5, NAME, aperture, || {
        format!("the paging buffer's segment {paging} is no aperture segment")
    });
    for (index, segment) in segments.list.iter().enumerate() {
        check_flags(adapter, index + 1, *segment);
        check_ranges(adapter, index + 1, *segment);
    }
    let apertures = segments
        .list
        .iter()
        .filter(|segment| is_aperture(**segment))
        .count();
    let allowed = apertures <= 1 || adapter.registration.version < Version::WDDM2_0;
    adapter.check(Rule::Q6, NAME, allowed, || {
        format!("{apertures} aperture segments")
    });
}

fn is_aperture(segment: Segment) -> bool {
    segment.flags.intersects(Flags::Aperture | Flags::Agp)
}

fn check_flags(adapter: &AdapterInner, id: usize, segment: Segment) {
    let flags = segment.flags;
    let require = |holds: bool, what: &str| {
        adapter.check(Rule::Q6, NAME, holds, || {
            format!("segment {id}, flags {:#x}: {what}", flags.bits())
        });
    };
    let has = |flag: Flags| flags.contains(flag);
    let known = if adapter.registration.version < Version::WDDM2_0 {
        FLAGS_WDDM1
    } else {
        FLAGS_WDDM2
    };
    require(
        flags.bits() & !known == 0,
        "bits that the interface version does not have",
    );
    require(
        !has(Flags::Agp),
        "an AGP segment, and there is no AGP aperture",
    );
    require(
        !has(Flags::CacheCoherent) || has(Flags::Aperture),
        "CacheCoherent without Aperture",
    );
    require(
        !(has(Flags::CpuVisible) && has(Flags::SupportsCpuHostAperture)),
        "CpuVisible and SupportsCpuHostAperture",
    );
    require(
        !has(Flags::SupportsCachedCpuHostAperture) || has(Flags::SupportsCpuHostAperture),
        "SupportsCachedCpuHostAperture without SupportsCpuHostAperture",
    );
    let standby = has(Flags::PreservedDuringStandby);
    let hibernate = has(Flags::PreservedDuringHibernate);
    let partially = has(Flags::PartiallyPreservedDuringHibernate);
    require(
        standby || !(hibernate || partially),
        "preserved in hibernation but not in standby",
    );
    require(
        !(hibernate && partially),
        "preserved and partially preserved in hibernation",
    );
    require(
        !has(Flags::UseBanking) || segment.banks != 0 && segment.has_bank_table,
        "UseBanking without banks",
    );
}

fn check_ranges(adapter: &AdapterInner, id: usize, segment: Segment) {
    let require = |holds: bool, what: &str| {
        adapter.check(Rule::Q6, NAME, holds, || {
            format!("segment {id}, {:#x} bytes: {what}", segment.size)
        });
    };
    require(
        segment.size != 0 && segment.size.is_multiple_of(PAGE),
        "the size is no multiple of a page",
    );
    if is_aperture(segment) {
        return;
    }
    require(
        segment.commit_limit == segment.size,
        "CommitLimit of a memory segment is not Size",
    );
    if segment.flags.contains(Flags::CpuVisible) {
        let range = adapter.resources.range(segment.cpu, segment.size);
        require(
            range.is_some(),
            "CpuTranslatedAddress is outside the adapter's resources",
        );
    }
}
