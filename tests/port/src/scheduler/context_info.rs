//! DXGK_CONTEXTINFO: what a context needs of its buffers (X2).

use alloc::format;

use dxgk_sys::{DXGK_ALLOCATION_LIST_SIZE_GDICONTEXT, DXGK_CONTEXTINFO, DXGK_SEGMENTFLAGS};

use crate::adapter::AdapterInner;
use crate::pattern::Pattern;
use crate::rules::Rule;
use crate::scheduler::context::ContextKind;
use crate::version::Version;

const NAME: &str = "CreateContext";

/// No driver has DMA buffers of more.
const MOST_BYTES: u32 = 64 << 20;
/// No driver has lists of more.
const MOST_ELEMENTS: u32 = 1 << 20;

/// What the port needs of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ContextInfo {
    pub dma_bytes: u32,
    pub private_bytes: u32,
    pub allocations: u32,
    pub patches: u32,
}

/// `None` if no buffers can be made like that.
pub(crate) fn check(
    adapter: &AdapterInner,
    kind: ContextKind,
    info: &DXGK_CONTEXTINFO,
    pattern: Pattern,
) -> Option<ContextInfo> {
    let unset = pattern.u32();
    let members = [
        ("DmaBufferSize", info.DmaBufferSize),
        ("DmaBufferSegmentSet", info.DmaBufferSegmentSet),
        ("DmaBufferPrivateDataSize", info.DmaBufferPrivateDataSize),
        ("AllocationListSize", info.AllocationListSize),
        ("PatchLocationListSize", info.PatchLocationListSize),
        ("Reserved", info.Reserved),
    ];
    for (name, value) in members {
        adapter.check(Rule::X2, NAME, value != unset, || {
            format!("{name} is not set")
        });
    }
    adapter.check(
        Rule::X2,
        NAME,
        info.Reserved == 0 || info.Reserved == unset,
        || format!("Reserved is {:#x}", info.Reserved),
    );
    if adapter.registration.version < Version::WDDM2_0 {
        let same = info.Caps.bits() == unset && info.PagingCompanionNodeId == unset;
        adapter.check(
            Rule::B2_13,
            NAME,
            same,
            || "written behind the 24 bytes of DXGK_CONTEXTINFO",
        );
    }
    let segments = adapter.segments.read().clone();
    let set = info.DmaBufferSegmentSet;
    let apertures = set == unset
        || (0..32).filter(|bit| set >> bit & 1 != 0).all(|bit| {
            let segment = segments
                .as_ref()
                .and_then(|segments| segments.list.get(bit));
            segment.is_some_and(|segment| segment.flags.contains(DXGK_SEGMENTFLAGS::Aperture))
        });
    adapter.check(Rule::X2, NAME, apertures, || {
        format!("DmaBufferSegmentSet {set:#x} names what is no aperture segment")
    });
    if set != 0 && set != unset {
        let unsupported = "DMA buffers in aperture segments (they are in system memory)";
        adapter.port.journal.unsupported(unsupported);
    }
    let gdi = kind != ContextKind::Gdi
        || info.AllocationListSize == DXGK_ALLOCATION_LIST_SIZE_GDICONTEXT.cast_unsigned();
    adapter.check(Rule::X2, NAME, gdi, || {
        format!(
            "AllocationListSize of a GDI context is {}",
            info.AllocationListSize
        )
    });
    let sane = (1..=MOST_BYTES).contains(&info.DmaBufferSize)
        && info.DmaBufferPrivateDataSize <= MOST_BYTES
        && info.AllocationListSize <= MOST_ELEMENTS
        && info.PatchLocationListSize <= MOST_ELEMENTS;
    adapter.check(Rule::X2, NAME, sane, || {
        format!("no buffers can be made of {members:x?}")
    });
    sane.then_some(ContextInfo {
        dma_bytes: info.DmaBufferSize,
        private_bytes: info.DmaBufferPrivateDataSize,
        allocations: info.AllocationListSize,
        patches: info.PatchLocationListSize,
    })
}
