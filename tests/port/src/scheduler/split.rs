//! Where a DMA buffer may be divided, and what each part needs in memory.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use dxgk_sys::D3DDDI_PATCHLOCATIONLIST;

use crate::scheduler::packet::Portion;

/// The portions of a buffer. `divide` is asked for each split point that the driver gave.
///
/// A portion needs what its own patch locations name, and what is bound to a slot when it begins.
pub(crate) fn portions(
    bytes: u32,
    patches: &[D3DDDI_PATCHLOCATIONLIST],
    mut divide: impl FnMut(u32) -> bool,
) -> Vec<Portion> {
    let mut cuts = Vec::new();
    for (index, patch) in patches.iter().enumerate() {
        let at = patch.SplitOffset;
        let first = index == 0 || patches[index - 1].SplitOffset < at;
        // Addresses must be written where they are used.
        let clean = patches[..index]
            .iter()
            .all(|before| before.PatchOffset < at)
            && patches[index..].iter().all(|after| after.PatchOffset >= at);
        if first && clean && at > 0 && at < bytes && divide(at) {
            cuts.push((at, index));
        }
    }
    cuts.push((bytes, patches.len()));
    let mut slots: BTreeMap<u32, u32> = BTreeMap::new();
    let (mut start, mut first) = (0, 0);
    let mut portions = Vec::with_capacity(cuts.len());
    for (end, last) in cuts {
        let own = &patches[first..last];
        let rebound: BTreeSet<_> = own
            .iter()
            .filter(|patch| patch.SplitOffset == start)
            .map(|patch| patch.u0.SlotId())
            .collect();
        let bound = slots.iter().filter(|(slot, _)| !rebound.contains(slot));
        let mut resident: BTreeSet<u32> = bound.map(|(_, allocation)| *allocation).collect();
        resident.extend(own.iter().map(|patch| patch.AllocationIndex));
        for patch in own {
            slots.insert(patch.u0.SlotId(), patch.AllocationIndex);
        }
        let part = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        portions.push(Portion {
            bytes: start..end,
            patches: part(first)..part(last),
            patched: resident.iter().map(|_| (0, 0)).collect(),
            resident: resident.into_iter().collect(),
        });
        (start, first) = (end, last);
    }
    portions
}

/// Two parts of a portion; `None` if the driver gave no split point in it.
pub(crate) fn halve(
    bytes: u32,
    patches: &[D3DDDI_PATCHLOCATIONLIST],
    portion: &Portion,
) -> Option<[Portion; 2]> {
    let mut points = Vec::new();
    portions(bytes, patches, |at| {
        points.extend((at > portion.bytes.start && at < portion.bytes.end).then_some(at));
        false
    });
    let middle = *points.get(points.len() / 2)?;
    let cuts = [portion.bytes.start, middle, portion.bytes.end];
    let all = portions(bytes, patches, |at| cuts.contains(&at));
    let mut parts = all
        .into_iter()
        .filter(|part| {
            part.bytes.start >= portion.bytes.start && part.bytes.end <= portion.bytes.end
        })
        .map(|mut part| {
            for (index, place) in part.resident.iter().zip(&mut part.patched) {
                let before = portion.resident.iter().position(|old| old == index);
                *place = before.map_or((0, 0), |at| portion.patched[at]);
            }
            part
        });
    Some([parts.next()?, parts.next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(split: u32, allocation: u32, slot: u32) -> D3DDDI_PATCHLOCATIONLIST {
        let mut patch = D3DDDI_PATCHLOCATIONLIST::ZERO;
        (patch.SplitOffset, patch.PatchOffset) = (split, split + 8);
        patch.AllocationIndex = allocation;
        patch.u0.set_SlotId(slot);
        patch
    }

    #[test]
    fn a_part_needs_what_is_bound_and_not_what_was_replaced() {
        let list = [
            patch(0, 5, 0),
            patch(0, 6, 1),
            patch(64, 7, 0),
            patch(128, 8, 2),
        ];
        let parts = portions(192, &list, |_| true);
        let resident: Vec<_> = parts.iter().map(|part| part.resident.clone()).collect();
        assert_eq!(
            resident,
            [[5, 6].to_vec(), [6, 7].to_vec(), [6, 7, 8].to_vec()]
        );
        assert_eq!(parts[1].bytes, 64..128);
        assert_eq!(parts[2].patches, 3..4);
        assert_eq!(portions(192, &list, |_| false).len(), 1);
        assert_eq!(portions(0, &[], |_| true)[0].bytes, 0..0);
    }

    #[test]
    fn what_does_not_fit_is_halved() {
        let list = [
            patch(0, 5, 0),
            patch(64, 7, 0),
            patch(128, 8, 0),
            patch(192, 9, 0),
        ];
        let mut whole = portions(256, &list, |_| false).remove(0);
        whole.patched[1] = (1, 0x1000);
        let [first, second] = halve(256, &list, &whole).unwrap();
        assert_eq!(
            (first.bytes.clone(), second.bytes.clone()),
            (0..128, 128..256)
        );
        assert_eq!(
            (first.resident, first.patched),
            ([5, 7].to_vec(), [(0, 0), (1, 0x1000)].to_vec())
        );
        let [third, fourth] = halve(256, &list, &second).unwrap();
        assert_eq!((third.bytes, fourth.bytes.clone()), (128..192, 192..256));
        assert_eq!(halve(256, &list, &fourth), None);
    }

    #[test]
    fn addresses_of_one_part_are_not_patched_in_another() {
        let mut list = [patch(0, 1, 0), patch(64, 2, 1)];
        list[0].PatchOffset = 70;
        assert_eq!(portions(128, &list, |_| true).len(), 1);
    }
}
