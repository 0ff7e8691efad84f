//! What each source is set to show, and what VSYNC says it shows. No allocation and no waiting: interrupts come here.

use alloc::vec::Vec;

/// More sources than any driver has that the port knows of; what lies beyond is not followed.
const SOURCES: usize = 16;
/// VSYNCs that are kept.
const KEPT: usize = 64;

/// A VSYNC as the driver reported it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vsync {
    /// `VidPnTargetId`.
    pub target: u32,
    /// `PhysicalAddress`, as [`Placement::address`](crate::Placement::address) counts; 0 of a display-only driver.
    pub address: u64,
    /// The host's clock when it was reported.
    pub time_100ns: u64,
}

/// The VSYNCs since the last start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vsyncs {
    /// All of them.
    pub count: u64,
    /// Those that came while DxgkDdiControlInterrupt had them disabled, which its page allows.
    pub while_disabled: u64,
    /// The last 64 at most, oldest first.
    pub recent: Vec<Vsync>,
}

/// What VSYNC must report of a source.
#[derive(Clone, Copy, Default)]
struct Shown {
    /// The address that was set last.
    address: u64,
    /// Those before it that no later VSYNC has overtaken, newest first.
    earlier: [Option<u64>; 4],
    /// Nothing was known of the picture before: the first report may be of any address.
    anything: bool,
    stage: Stage,
}

/// How far an address has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// SetVidPnSourceAddress has not returned.
    #[default]
    Setting,
    /// It has.
    Set,
    /// After that a VSYNC came and still reported an earlier one.
    Late,
    /// VSYNC has reported it.
    Shown,
}

#[derive(Clone, Copy, Default)]
struct Source {
    visible: bool,
    /// The target that it is committed to.
    target: Option<u32>,
    shown: Option<Shown>,
}

/// The sources of an adapter and its VSYNC.
#[derive(Default)]
pub(crate) struct Scan {
    /// DXGK_INTERRUPT_CRTC_VSYNC is enabled.
    pub(super) enabled: bool,
    /// The adapter is not in D0.
    pub(super) asleep: bool,
    sources: [Source; SOURCES],
    count: u64,
    while_disabled: u64,
    recent: Kept,
}

struct Kept([Vsync; KEPT]);

impl Default for Kept {
    fn default() -> Self {
        Self([Vsync::default(); KEPT])
    }
}

/// What an address in a VSYNC is, against what was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It fits, or nothing was set.
    Fits,
    /// It is not what was set.
    Wrong {
        /// What was.
        set: u64,
    },
}

impl Scan {
    /// These paths are active from now on. The pictures of the others, and of those that changed, are unknown.
    pub(super) fn commit(&mut self, paths: &[(u32, u32)]) {
        for (id, source) in (0u32..).zip(&mut self.sources) {
            let path = paths.iter().find(|(of, _)| *of == id);
            source.target = path.map(|(_, target)| *target);
            source.shown = None;
        }
    }

    /// What the sources show is unknown until their addresses are set.
    pub(super) fn forget_pictures(&mut self) {
        for source in &mut self.sources {
            source.shown = None;
        }
    }

    /// Whether a VSYNC is to be expected.
    pub(super) fn should_tick(&self) -> bool {
        let active = |source: &Source| source.target.is_some();
        self.enabled && !self.asleep && self.sources.iter().any(active)
    }

    pub(super) fn is_committed(&self, source: u32) -> bool {
        let of = self.sources.get(source as usize);
        of.is_some_and(|source| source.target.is_some())
    }

    pub(super) fn is_visible(&self, source: u32) -> bool {
        let of = self.sources.get(source as usize);
        of.is_some_and(|source| source.visible)
    }

    pub(super) fn set_visible(&mut self, source: u32, visible: bool) {
        if let Some(source) = self.sources.get_mut(source as usize) {
            source.visible = visible;
        }
    }

    pub(super) fn all_invisible(&mut self) {
        for source in &mut self.sources {
            source.visible = false;
        }
    }

    /// SetVidPnSourceAddress is about to be called: until it returns either address may be reported.
    /// Returns what to give [`Self::cancel`] if it fails.
    pub(super) fn begin(&mut self, source: u32, address: u64) -> Before {
        let Some(source) = self.sources.get_mut(source as usize) else {
            return Before(None);
        };
        let before = source.shown;
        let mut earlier = [None; 4];
        let mut anything = true;
        if let Some(shown) = before {
            anything = shown.anything && shown.stage != Stage::Shown;
            earlier[0] = Some(shown.address);
            if shown.stage != Stage::Shown {
                earlier[1..].copy_from_slice(&shown.earlier[..3]);
            }
        }
        source.shown = Some(Shown {
            address,
            earlier,
            anything,
            ..Shown::default()
        });
        Before(before)
    }

    /// SetVidPnSourceAddress has succeeded.
    pub(super) fn settle(&mut self, source: u32) {
        if let Some(shown) = self.shown(source)
            && shown.stage == Stage::Setting
        {
            shown.stage = Stage::Set;
        }
    }

    /// SetVidPnSourceAddress has failed.
    pub(super) fn cancel(&mut self, source: u32, before: &Before) {
        if let Some(source) = self.sources.get_mut(source as usize) {
            source.shown = before.0;
        }
    }

    /// VSYNC has reported the address that was set last.
    pub(super) fn is_confirmed(&mut self, source: u32) -> bool {
        self.shown(source)
            .is_some_and(|shown| shown.stage == Stage::Shown)
    }

    fn shown(&mut self, source: u32) -> Option<&mut Shown> {
        self.sources.get_mut(source as usize)?.shown.as_mut()
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// A VSYNC, whose address counts if it is `checked`.
    pub(super) fn vsync(&mut self, vsync: Vsync, checked: bool) -> Verdict {
        let place = usize::try_from(self.count % KEPT as u64).unwrap_or(0);
        self.recent.0[place] = vsync;
        self.count += 1;
        if !self.enabled {
            self.while_disabled += 1;
        }
        let by_path = |source: &Source| source.target == Some(vsync.target);
        let of = self.sources.iter_mut().find(|source| by_path(source));
        match of.and_then(|source| source.shown.as_mut()) {
            Some(shown) if checked => shown.report(vsync.address),
            _ => Verdict::Fits,
        }
    }

    /// The kept VSYNCs, oldest first, into `recent`, which has room for them.
    pub(super) fn copy(&self, all: &mut Vsyncs) {
        all.count = self.count;
        all.while_disabled = self.while_disabled;
        let first = self.count.saturating_sub(KEPT as u64);
        for number in first..self.count {
            let place = usize::try_from(number % KEPT as u64).unwrap_or(0);
            all.recent.push(self.recent.0[place]);
        }
    }
}

/// What a source showed before.
pub(super) struct Before(Option<Shown>);

impl Vsyncs {
    pub(super) fn with_room() -> Self {
        Self {
            recent: Vec::with_capacity(KEPT),
            ..Self::default()
        }
    }
}

impl Shown {
    fn report(&mut self, address: u64) -> Verdict {
        if address == self.address {
            self.stage = Stage::Shown;
            self.earlier = [None; 4];
            self.anything = false;
            return Verdict::Fits;
        }
        // One report may have been under way when the address was set.
        let old = self.anything || self.earlier.contains(&Some(address));
        let excused = old && matches!(self.stage, Stage::Setting | Stage::Set);
        if self.stage == Stage::Set {
            self.stage = Stage::Late;
        }
        if excused {
            Verdict::Fits
        } else {
            Verdict::Wrong { set: self.address }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(scan: &mut Scan, address: u64) -> Verdict {
        let vsync = Vsync {
            target: 7,
            address,
            time_100ns: 0,
        };
        scan.vsync(vsync, true)
    }

    #[test]
    fn an_old_address_is_excused_once() {
        let mut scan = Scan::default();
        scan.commit(&[(0, 7)]);
        assert_eq!(at(&mut scan, 5), Verdict::Fits);
        scan.begin(0, 0x1000);
        assert_eq!(at(&mut scan, 5), Verdict::Fits);
        scan.settle(0);
        assert_eq!(at(&mut scan, 5), Verdict::Fits);
        assert_eq!(at(&mut scan, 5), Verdict::Wrong { set: 0x1000 });
        assert_eq!(at(&mut scan, 0x1000), Verdict::Fits);
        assert!(scan.is_confirmed(0));
        assert_eq!(at(&mut scan, 5), Verdict::Wrong { set: 0x1000 });

        // Two flips between two VSYNCs: the first may still be under way, a third address may not.
        scan.begin(0, 0x2000);
        scan.settle(0);
        scan.begin(0, 0x3000);
        scan.settle(0);
        assert_eq!(at(&mut scan, 0x2000), Verdict::Fits);
        assert_eq!(at(&mut scan, 0x3000), Verdict::Fits);
        scan.begin(0, 0x4000);
        scan.settle(0);
        assert_eq!(at(&mut scan, 0x5000), Verdict::Wrong { set: 0x4000 });
    }

    #[test]
    fn a_failed_flip_leaves_the_picture() {
        let mut scan = Scan::default();
        assert_eq!(at(&mut scan, 5), Verdict::Fits);
        assert!(!scan.is_committed(0));
        scan.commit(&[(0, 7)]);
        scan.begin(0, 0x1000);
        scan.settle(0);
        let before = scan.begin(0, 0x2000);
        scan.cancel(0, &before);
        assert_eq!(at(&mut scan, 0x1000), Verdict::Fits);
        assert!(scan.is_confirmed(0));
    }

    #[test]
    fn the_last_reports_are_kept() {
        let mut scan = Scan::default();
        for address in 0..100 {
            at(&mut scan, address);
        }
        let mut all = Vsyncs::with_room();
        scan.copy(&mut all);
        assert_eq!((all.count, all.while_disabled), (100, 100));
        assert_eq!(all.recent.len(), KEPT);
        assert_eq!(all.recent[0].address, 36);
        assert_eq!(all.recent[63].address, 99);
    }
}
