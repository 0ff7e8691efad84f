//! Everything that Windows may ask of the VidPN DDIs, and some that it should not have to.

use dxgk_sys::status::{
    STATUS_GRAPHICS_PATH_NOT_IN_TOPOLOGY, STATUS_GRAPHICS_VIDPN_MODALITY_NOT_SUPPORTED,
};
use dxgk_sys::{
    D3DKMDT_VIDPN_PRESENT_PATH_ROTATION as Rotation, D3DKMDT_VIDPN_PRESENT_PATH_SCALING as Scaling,
    DXGK_RECOMMENDFUNCTIONALVIDPN_REASON as Reason,
};

use alloc::format;
use core::ptr;
use core::sync::atomic::Ordering;

use crate::adapter::{Adapter, AdapterInner};
use crate::rules::Rule;
use crate::vidpn::api::{Choice, CommitFlags, PathUpdate};
use crate::vidpn::enumerate::fit;
use crate::vidpn::mode::{Mode, graphics};
use crate::vidpn::negotiate::{Negotiated, ends};
use crate::vidpn::network::{Modes, Network, open_path};
use crate::vidpn::path::{ROTATIONS, SCALINGS};
use crate::vidpn::session::Pivot;
use crate::vidpn::{SourceMode, TargetMode};

/// More than any hardware shows.
const ABSURD: u32 = 65_535;

impl Adapter {
    /// Puts the VidPN DDIs through what they must stand: VidPNs that are supported and that cannot be, every pivot
    /// with every kind of pinned mode, recommendations, commits with their flags, updates of the active path,
    /// allocations that fail. No path is active afterwards.
    pub fn exercise_vidpn(&self) {
        let adapter = &*self.0;
        // With no path to think of, nobody asks.
        if adapter.may_negotiate().is_err() || adapter.possible_paths().is_empty() {
            return;
        }
        adapter.must_support(None, "it asks whether nothing can be shown");
        let nothing = Network::default();
        adapter.must_support(Some(&nothing), "an empty topology is always supported");
        adapter.exercise_impossible();
        for reason in [Reason::DXGK_RFVR_HOTKEY, Reason::DXGK_RFVR_USERMODE] {
            let _ = adapter.recommend(reason);
        }
        for (source, target) in adapter.possible_paths() {
            let network = Network::of(source, target);
            if adapter.is_supported(Some(&network)) == Ok(true) {
                adapter.exercise_path(&network);
            }
        }
        self.exercise_commits();
        adapter.exercise_failures();
    }

    /// Two mode changes and what belongs to them.
    fn exercise_commits(&self) {
        let Ok(modes) = self.vidpn_modes() else {
            return;
        };
        let Some(first) = modes.first() else { return };
        let size =
            |mode: &&crate::VidPnMode| (mode.width, mode.height) != (first.width, first.height);
        let second = modes.iter().find(size).unwrap_or(first);
        let all = CommitFlags {
            all_sources: true,
            ..CommitFlags::default()
        };
        if self.commit_with(&Choice::from(second), &all).is_ok() {
            let _ = self.update_path(&PathUpdate::default());
        }
        if self.commit(&Choice::from(first)).is_err() {
            return;
        }
        self.exercise_updates();
        self.exercise_refusal(&Choice::from(first));
        for flags in [
            CommitFlags {
                enforce_monitors: true,
                ..CommitFlags::default()
            },
            CommitFlags {
                power_transition: true,
                powered_off: true,
                ..all
            },
            CommitFlags {
                powered_off: true,
                ..CommitFlags::default()
            },
            CommitFlags {
                power_transition: true,
                ..CommitFlags::default()
            },
        ] {
            let _ = self.commit_with(&Choice::from(second), &flags);
        }
        let Some(path) = self.0.active_path() else {
            return;
        };
        if self.commit_none().is_ok() {
            self.0.must_miss(&path);
        }
    }

    fn exercise_updates(&self) {
        let _ = self.update_path(&PathUpdate::default());
        // Falling, so that a driver that applies it shows a negative.
        let gamma = (0..=255).rev().map(|level| [level * 257; 3]).collect();
        let _ = self.update_path(&PathUpdate {
            gamma: Some(gamma),
            rotation: None,
        });
        for (rotation, _) in ROTATIONS.into_iter().rev() {
            let _ = self.update_path(&PathUpdate {
                rotation: Some(rotation),
                gamma: None,
            });
        }
        for _ in 0..2 {
            let _ = self.query_vidpn_hw_capability();
        }
        let adapter = &*self.0;
        let unknown = (0..u32::MAX)
            .find(|target| !adapter.is_target(*target))
            .unwrap_or(u32::MAX);
        adapter.must_miss(&open_path(0, unknown));
    }

    /// A scaling that the path does not support is committed: a refusal leaves active what is active.
    fn exercise_refusal(&self, choice: &Choice) {
        let adapter = &*self.0;
        let Ok(negotiated) = adapter.negotiate(choice) else {
            return;
        };
        let Some(network) = AdapterInner::unsupported_scaling(&negotiated) else {
            return;
        };
        let Ok(status) = adapter.call_commit(&network, ptr::null_mut(), &CommitFlags::default())
        else {
            return;
        };
        let right = status == STATUS_GRAPHICS_VIDPN_MODALITY_NOT_SUPPORTED;
        adapter.check(Rule::V4, "CommitVidPn", right, || {
            format!("status {status:#010x} for a scaling that the path does not support")
        });
        let _ = self.update_path(&PathUpdate::default());
    }
}

impl AdapterInner {
    /// The path is not active: an update must be refused.
    fn must_miss(&self, path: &crate::vidpn::network::Path) {
        let mut path = *path;
        path.ContentTransformation.Scaling = Scaling::D3DKMDT_VPPS_IDENTITY;
        path.ContentTransformation.Rotation = Rotation::D3DKMDT_VPPR_IDENTITY;
        let Ok(status) = self.call_update(&path) else {
            return;
        };
        let right = status == STATUS_GRAPHICS_PATH_NOT_IN_TOPOLOGY;
        self.check(Rule::V7, "UpdateActiveVidPnPresentPath", right, || {
            let (source, target) = (path.VidPnSourceId, path.VidPnTargetId);
            format!("status {status:#010x} for source {source} to target {target}, no active path")
        });
    }

    fn unsupported_scaling(negotiated: &Negotiated) -> Option<Network> {
        let flags = negotiated.mode.scaling;
        let (scaling, _) = SCALINGS
            .into_iter()
            .find(|(_, flag)| !flags.contains(*flag))?;
        let mut network = negotiated.network.clone();
        network.paths.first_mut()?.ContentTransformation.Scaling = scaling;
        Some(network)
    }

    /// Topologies that no adapter has.
    fn exercise_impossible(&self) {
        let sources = self.sources.load(Ordering::Relaxed);
        let targets = self.targets();
        let unknown = (0..u32::MAX)
            .find(|target| !targets.contains(target))
            .unwrap_or(u32::MAX);
        self.must_refuse(&Network::of(0, unknown), "there is no such target");
        for target in targets {
            self.must_refuse(&Network::of(sources, target), "there is no such source");
            if sources > 1 {
                let mut both = Network::of(0, target);
                both.connect(1, target);
                self.must_refuse(&both, "a target belongs to one path");
            }
        }
    }

    /// One path, with modes of its ends pinned or not, enumerated about every pivot.
    fn exercise_path(&self, network: &Network) {
        let Ok(open) = self.enumerate(network, Pivot::None) else {
            return;
        };
        let Some((source, target)) = ends(&open) else {
            return;
        };
        if let Ok(again) = self.enumerate(&open, Pivot::None) {
            self.check_same(&open, &again);
        }
        let mut unspecified = network.clone();
        for path in &mut unspecified.paths {
            path.ContentTransformation.Scaling = Scaling::D3DKMDT_VPPS_NOTSPECIFIED;
            path.ContentTransformation.Rotation = Rotation::D3DKMDT_VPPR_NOTSPECIFIED;
        }
        if self.must_support(
            Some(&unspecified),
            "the same path with nothing specified is",
        ) {
            let _ = self.enumerate(&unspecified, Pivot::None);
        }
        let Some((one, other)) = pair(&open) else {
            return;
        };
        let pivots = [
            Pivot::None,
            Pivot::Source(source),
            Pivot::Target(target),
            Pivot::Scaling(source, target),
            Pivot::Rotation(source, target),
        ];
        for pins in [(false, false), (true, false), (false, true), (true, true)] {
            let mut pinned = open.clone();
            if pins.0 {
                pinned.sources.entry(source).or_default().pin(&one);
            }
            if pins.1 {
                pinned.targets.entry(target).or_default().pin(&other);
            }
            if !self.must_support(Some(&pinned), "its modes were enumerated") {
                continue;
            }
            for pivot in pivots {
                let _ = self.enumerate(&pinned, pivot);
            }
            if pins == (true, true) {
                self.exercise_transformations(&pinned);
            }
        }
        self.exercise_absurd(&open, (&one, &other));
    }

    /// What the flags promise is supported when it is pinned, and nothing else is.
    fn exercise_transformations(&self, network: &Network) {
        let Ok(mut network) = self.enumerate(network, Pivot::None) else {
            return;
        };
        let Some(path) = network.paths.first().copied() else {
            return;
        };
        let answer = |network: &Network, promised: bool| {
            if promised {
                if self.must_support(Some(network), "the path's support flags promise it") {
                    let _ = self.enumerate(network, Pivot::None);
                }
            } else {
                self.must_refuse(network, "the path's support flags do not promise it");
            }
        };
        for (scaling, flag) in SCALINGS {
            for path in &mut network.paths {
                path.ContentTransformation.Scaling = scaling;
            }
            answer(
                &network,
                path.ContentTransformation.ScalingSupport.contains(flag),
            );
        }
        for path in &mut network.paths {
            path.ContentTransformation.Scaling = Scaling::D3DKMDT_VPPS_UNPINNED;
        }
        for (rotation, flag) in ROTATIONS {
            for path in &mut network.paths {
                path.ContentTransformation.Rotation = rotation;
            }
            answer(
                &network,
                path.ContentTransformation.RotationSupport.contains(flag),
            );
        }
    }

    /// Modes that were not offered, pinned.
    fn exercise_absurd(&self, open: &Network, (one, other): (&SourceMode, &TargetMode)) {
        let Some((source, target)) = ends(open) else {
            return;
        };
        let mut huge = *one;
        // SAFETY: the union was read as this member when the pair was chosen.
        let format = unsafe { &mut huge.Format.Graphics };
        format.PrimSurfSize.cx = ABSURD;
        format.PrimSurfSize.cy = ABSURD;
        format.VisibleRegionSize = format.PrimSurfSize;
        format.Stride = ABSURD * 8;
        let mut network = open.clone();
        network.sources.entry(source).or_default().pin(&huge);
        self.must_refuse(&network, "no such source mode was enumerated");

        let mut huge = *other;
        huge.VideoSignalInfo.ActiveSize.cx = ABSURD;
        huge.VideoSignalInfo.ActiveSize.cy = ABSURD;
        huge.VideoSignalInfo.TotalSize = huge.VideoSignalInfo.ActiveSize;
        let mut network = open.clone();
        network.targets.entry(target).or_default().pin(&huge);
        self.must_refuse(&network, "no such target mode was enumerated");

        // Two sizes, and no scaling between them.
        let sources = open.sources.get(&source).map_or(&[][..], |set| &set.list);
        let mut identity = open.clone();
        for path in &mut identity.paths {
            path.ContentTransformation.Scaling = Scaling::D3DKMDT_VPPS_IDENTITY;
        }
        let Some(path) = identity.paths.first().copied() else {
            return;
        };
        let Some(unlike) = sources.iter().find(|mode| !fit(&path, mode, other)) else {
            return;
        };
        identity.sources.entry(source).or_default().pin(unlike);
        identity.targets.entry(target).or_default().pin(other);
        self.must_refuse(&identity, "identity scaling needs modes of one size");
    }

    /// Enumerating again what was enumerated gives the same.
    fn check_same(&self, one: &Network, two: &Network) {
        let Some((source, target)) = ends(one) else {
            return;
        };
        let same = same_modes(one.sources.get(&source), two.sources.get(&source))
            && same_modes(one.targets.get(&target), two.targets.get(&target));
        self.check(
            Rule::V3,
            "EnumVidPnCofuncModality",
            same,
            || "a second enumeration of the same VidPN gives other modes",
        );
    }
}

fn same_modes<M: Mode>(one: Option<&Modes<M>>, two: Option<&Modes<M>>) -> bool {
    let (Some(one), Some(two)) = (one, two) else {
        return one.is_none() == two.is_none();
    };
    one.list.len() == two.list.len() && one.list.iter().all(|mode| two.has(mode))
}

/// A source mode and a target mode that go together.
fn pair(network: &Network) -> Option<(SourceMode, TargetMode)> {
    let (source, target) = ends(network)?;
    let path = network.paths.first()?;
    let (sources, targets) = (network.sources.get(&source)?, network.targets.get(&target)?);
    sources
        .list
        .iter()
        .filter(|mode| graphics(mode).is_some())
        .find_map(|one| {
            let other = targets.list.iter().find(|other| fit(path, one, other))?;
            Some((*one, *other))
        })
}
