//! From nothing to a functional VidPN, in the steps that Windows takes.

use alloc::vec::Vec;

use dxgk_sys::D3DDDIFORMAT;
use dxgk_sys::status::STATUS_GRAPHICS_VIDPN_MODALITY_NOT_SUPPORTED;

use crate::Status;
use crate::adapter::{Adapter, AdapterInner};
use crate::rules::Rule;
use crate::vidpn::api::{Choice, VidPnMode};
use crate::vidpn::mode::{graphics, size, target_preference};
use crate::vidpn::network::{Modes, Network};
use crate::vidpn::path::{rotates, scales};
use crate::vidpn::session::Pivot;
use crate::vidpn::{SourceMode, TargetMode, signal};

const NAME: &str = "EnumVidPnCofuncModality";

/// A functional VidPN of one path, and what it shows.
#[derive(Clone)]
pub(crate) struct Negotiated {
    pub network: Network,
    pub mode: VidPnMode,
}

impl Adapter {
    /// Every source mode with every target mode that goes with it, of every path that the driver supports: each
    /// source mode is pinned in turn, as Windows does it. In the driver's order.
    ///
    /// # Errors
    /// The driver's; `STATUS_INVALID_DEVICE_STATE` unless the adapter is started.
    pub fn vidpn_modes(&self) -> Result<Vec<VidPnMode>, Status> {
        let adapter = &*self.0;
        adapter.may_negotiate()?;
        let mut modes = Vec::new();
        let paths = adapter.possible_paths();
        let mut supported = false;
        for (source, target) in &paths {
            let network = Network::of(*source, *target);
            if adapter.is_supported(Some(&network))? {
                supported = true;
                adapter.walk(&network, &mut modes)?;
            }
        }
        adapter.check(
            Rule::V1,
            "IsSupportedVidPn",
            supported || paths.is_empty(),
            || "no path between any source and any target is supported",
        );
        Ok(modes)
    }
}

impl AdapterInner {
    /// Each source with each target; targets with a monitor first.
    pub(crate) fn possible_paths(&self) -> Vec<(u32, u32)> {
        let mut targets = self.targets();
        targets.sort_by_key(|target| !self.has_monitor(*target));
        let sources = 0..self
            .sources
            .load(core::sync::atomic::Ordering::Relaxed)
            .min(64);
        sources
            .flat_map(|source| targets.iter().map(move |target| (source, *target)))
            .collect()
    }

    /// Pins each source mode of a supported path in turn, and collects what goes with it.
    fn walk(&self, network: &Network, found: &mut Vec<VidPnMode>) -> Result<(), Status> {
        let open = self.enumerate(network, Pivot::None)?;
        let Some(path) = open.paths.first() else {
            return Ok(());
        };
        let (source, target) = (path.VidPnSourceId, path.VidPnTargetId);
        let offered = open.targets.get(&target).cloned().unwrap_or_default();
        let mut used: Vec<bool> = offered.list.iter().map(|_| false).collect();
        let sources = open.sources.get(&source).cloned().unwrap_or_default();
        for mode in &sources.list {
            let mut pinned = open.clone();
            pinned.sources.entry(source).or_default().pin(mode);
            if !self.must_support(Some(&pinned), "its source mode was enumerated") {
                // Target modes that go with it alone are not its fault.
                used.fill(true);
                continue;
            }
            let narrow = self.enumerate(&pinned, Pivot::Source(source))?;
            let Some(path) = narrow.paths.first() else {
                continue;
            };
            for other in narrow.targets.get(&target).map_or(&[][..], |set| &set.list) {
                let place = offered
                    .list
                    .iter()
                    .position(|known| same_target(known, other));
                self.check(Rule::V3, NAME, place.is_some(), || {
                    let (width, height) = signal::active(&other.VideoSignalInfo);
                    alloc::format!(
                        "target mode {width}x{height} appears with a pinned source mode only"
                    )
                });
                if let Some(used) = place.and_then(|place| used.get_mut(place)) {
                    *used = true;
                }
                found.extend(VidPnMode::new(path, mode, other));
            }
        }
        for (mode, used) in offered.list.iter().zip(used) {
            self.check(Rule::V3, NAME, used, || {
                let (width, height) = signal::active(&mode.VideoSignalInfo);
                alloc::format!("target mode {width}x{height} goes with no source mode")
            });
        }
        Ok(())
    }

    /// A functional VidPN for a choice.
    ///
    /// # Errors
    /// The driver's; `STATUS_GRAPHICS_VIDPN_MODALITY_NOT_SUPPORTED` if there is no such mode.
    pub(crate) fn negotiate(&self, choice: &Choice) -> Result<Negotiated, Status> {
        let mut paths = self.possible_paths();
        paths.retain(|(source, target)| {
            *source == choice.source && choice.target.is_none_or(|wanted| wanted == *target)
        });
        for (source, target) in paths {
            let network = Network::of(source, target);
            if self.is_supported(Some(&network))?
                && let Some(negotiated) = self.negotiate_path(choice, &network)?
            {
                return Ok(negotiated);
            }
        }
        Err(STATUS_GRAPHICS_VIDPN_MODALITY_NOT_SUPPORTED)
    }

    fn negotiate_path(
        &self,
        choice: &Choice,
        network: &Network,
    ) -> Result<Option<Negotiated>, Status> {
        let mut open = self.enumerate(network, Pivot::None)?;
        let Some((source, target)) = ends(&open) else {
            return Ok(None);
        };
        let Some(source_mode) = open
            .sources
            .get(&source)
            .and_then(|set| pick_source(choice, set))
        else {
            return Ok(None);
        };
        open.sources.entry(source).or_default().pin(&source_mode);
        if !self.must_support(Some(&open), "its source mode was enumerated") {
            return Ok(None);
        }
        let mut narrow = self.enumerate(&open, Pivot::Source(source))?;
        let Some(target_mode) = narrow
            .targets
            .get(&target)
            .and_then(|set| pick_target(choice, set))
        else {
            return Ok(None);
        };
        narrow.targets.entry(target).or_default().pin(&target_mode);
        if !self.must_support(Some(&narrow), "both of its modes were enumerated") {
            return Ok(None);
        }
        let mut network = self.enumerate(&narrow, Pivot::None)?;
        let Some(path) = network.paths.first_mut() else {
            return Ok(None);
        };
        let transformation = &mut path.ContentTransformation;
        if !scales(transformation.ScalingSupport, choice.scaling)
            || !rotates(transformation.RotationSupport, choice.rotation)
        {
            return Ok(None);
        }
        transformation.Scaling = choice.scaling;
        transformation.Rotation = choice.rotation;
        let Some(mode) = VidPnMode::new(path, &source_mode, &target_mode) else {
            return Ok(None);
        };
        let supported = self.must_support(Some(&network), "all of it was enumerated");
        Ok(supported.then_some(Negotiated { network, mode }))
    }
}

/// The ends of the first path.
pub(crate) fn ends(network: &Network) -> Option<(u32, u32)> {
    let path = network.paths.first()?;
    Some((path.VidPnSourceId, path.VidPnTargetId))
}

fn same_target(one: &TargetMode, other: &TargetMode) -> bool {
    signal::same(&one.VideoSignalInfo, &other.VideoSignalInfo)
}

fn pick_source(choice: &Choice, set: &Modes<SourceMode>) -> Option<SourceMode> {
    let wanted = |format: D3DDDIFORMAT| {
        set.list.iter().copied().find(|mode| {
            graphics(mode).is_some_and(|known| {
                size(&known) == (choice.width, choice.height) && known.PixelFormat == format
            })
        })
    };
    if let Some(format) = choice.format {
        return wanted(format);
    }
    let any = || {
        set.list.iter().copied().find(|mode| {
            graphics(mode).is_some_and(|known| size(&known) == (choice.width, choice.height))
        })
    };
    wanted(D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8)
        .or_else(|| wanted(D3DDDIFORMAT::D3DDDIFMT_A8R8G8B8))
        .or_else(any)
}

fn pick_target(choice: &Choice, set: &Modes<TargetMode>) -> Option<TargetMode> {
    let identity = dxgk_sys::D3DKMDT_VIDPN_PRESENT_PATH_SCALING::D3DKMDT_VPPS_IDENTITY;
    let right_size = |mode: &TargetMode| {
        choice.scaling != identity
            || signal::active(&mode.VideoSignalInfo) == (choice.width, choice.height)
    };
    let right_rate = |mode: &TargetMode| {
        let Some((numerator, denominator)) = choice.refresh else {
            return true;
        };
        let wanted = u64::from(numerator) * 1000 / u64::from(denominator.max(1));
        signal::millihertz(mode.VideoSignalInfo.VSyncFreq)
            .is_none_or(|rate| rate.abs_diff(wanted) <= 500)
    };
    let mut fitting: Vec<TargetMode> = set
        .list
        .iter()
        .copied()
        .filter(|mode| right_size(mode) && right_rate(mode))
        .collect();
    if let Some((numerator, denominator)) = choice.refresh {
        // Rates of half a hertz beside each other exist: the nearest.
        let wanted = u64::from(numerator) * 1000 / u64::from(denominator.max(1));
        fitting.sort_by_key(|mode| {
            signal::millihertz(mode.VideoSignalInfo.VSyncFreq)
                .map_or(u64::MAX, |rate| rate.abs_diff(wanted))
        });
    } else {
        fitting.sort_by_key(|mode| target_preference(mode) != 1);
    }
    fitting.first().copied()
}
