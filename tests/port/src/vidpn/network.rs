//! A VidPN as plain values: what the port designs before a call, and what it reads after one.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use dxgk_sys::{
    D3DDDI_GAMMARAMP_TYPE, D3DKMDT_COLOR_BASIS, D3DKMDT_COLOR_COEFF_DYNAMIC_RANGES,
    D3DKMDT_VIDPN_PRESENT_PATH, D3DKMDT_VIDPN_PRESENT_PATH_CONTENT,
    D3DKMDT_VIDPN_PRESENT_PATH_COPYPROTECTION_SUPPORT,
    D3DKMDT_VIDPN_PRESENT_PATH_COPYPROTECTION_TYPE, D3DKMDT_VIDPN_PRESENT_PATH_IMPORTANCE,
    D3DKMDT_VIDPN_PRESENT_PATH_ROTATION as Rotation, D3DKMDT_VIDPN_PRESENT_PATH_SCALING as Scaling,
};

use crate::pattern::Pattern;
use crate::vidpn::mode::Mode;
use crate::vidpn::{SourceMode, TargetMode};

/// A path between a source and a target.
pub(crate) type Path = D3DKMDT_VIDPN_PRESENT_PATH;

/// The modes of a set, and which one is pinned.
#[derive(Clone)]
pub(crate) struct Modes<M> {
    pub list: Vec<M>,
    /// Identifier of the pinned mode.
    pub pinned: Option<u32>,
}

impl<M: Mode> Modes<M> {
    pub(crate) fn new(list: Vec<M>) -> Self {
        Self { list, pinned: None }
    }

    /// The pinned mode.
    pub(crate) fn pinned(&self) -> Option<&M> {
        let id = self.pinned?;
        self.list.iter().find(|mode| mode.id() == id)
    }

    /// The modes that are left to choose from: the pinned one, or all.
    pub(crate) fn open(&self) -> &[M] {
        self.pinned()
            .map_or(self.list.as_slice(), core::slice::from_ref)
    }

    /// Whether a mode like this one is in the set.
    pub(crate) fn has(&self, mode: &M) -> bool {
        self.list.iter().any(|known| known.same(mode))
    }

    /// Pins the mode that is like this one; it is added if need be.
    pub(crate) fn pin(&mut self, mode: &M) {
        let known = self
            .list
            .iter()
            .find(|known| known.same(mode))
            .map(Mode::id);
        let id = known.unwrap_or_else(|| {
            let id = self.list.iter().map(Mode::id).max().unwrap_or(0) + 1;
            self.list.push(mode.with_id(id));
            id
        });
        self.pinned = Some(id);
    }
}

impl<M> Default for Modes<M> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            pinned: None,
        }
    }
}

/// Paths and the mode sets of their ends.
#[derive(Clone, Default)]
pub(crate) struct Network {
    pub paths: Vec<Path>,
    pub sources: BTreeMap<u32, Modes<SourceMode>>,
    pub targets: BTreeMap<u32, Modes<TargetMode>>,
}

impl Network {
    /// One path with nothing pinned and no mode known.
    pub(crate) fn of(source: u32, target: u32) -> Self {
        let mut network = Self::default();
        network.connect(source, target);
        network
    }

    /// One path more.
    pub(crate) fn connect(&mut self, source: u32, target: u32) {
        let mut path = open_path(source, target);
        let ordinal = i32::try_from(self.paths.len()).unwrap_or(0) + 1;
        path.ImportanceOrdinal = D3DKMDT_VIDPN_PRESENT_PATH_IMPORTANCE(ordinal);
        self.paths.push(path);
        self.sources.entry(source).or_default();
        self.targets.entry(target).or_default();
    }

    /// Whether each end of each path has a pinned mode, and there is a path.
    pub(crate) fn is_functional(&self) -> bool {
        let pinned = |path: &Path| {
            let source = self.sources.get(&path.VidPnSourceId);
            let target = self.targets.get(&path.VidPnTargetId);
            source.is_some_and(|set| set.pinned().is_some())
                && target.is_some_and(|set| set.pinned().is_some())
        };
        !self.paths.is_empty() && self.paths.iter().all(pinned)
    }
}

/// A path with no transformation pinned and no support reported.
pub(crate) fn open_path(source: u32, target: u32) -> Path {
    let mut path: Path = Pattern(0).filled();
    path.VidPnSourceId = source;
    path.VidPnTargetId = target;
    path.ImportanceOrdinal = D3DKMDT_VIDPN_PRESENT_PATH_IMPORTANCE::D3DKMDT_VPPI_PRIMARY;
    path.ContentTransformation.Scaling = Scaling::D3DKMDT_VPPS_UNPINNED;
    path.ContentTransformation.Rotation = Rotation::D3DKMDT_VPPR_UNPINNED;
    path.VidPnTargetColorBasis = D3DKMDT_COLOR_BASIS::D3DKMDT_CB_SRGB;
    path.VidPnTargetColorCoeffDynamicRanges = D3DKMDT_COLOR_COEFF_DYNAMIC_RANGES {
        FirstChannel: 8,
        SecondChannel: 8,
        ThirdChannel: 8,
        FourthChannel: 8,
    };
    path.Content = D3DKMDT_VIDPN_PRESENT_PATH_CONTENT::D3DKMDT_VPPC_GRAPHICS;
    path.CopyProtection.CopyProtectionType =
        D3DKMDT_VIDPN_PRESENT_PATH_COPYPROTECTION_TYPE::D3DKMDT_VPPMT_NOPROTECTION;
    path.CopyProtection.CopyProtectionSupport =
        D3DKMDT_VIDPN_PRESENT_PATH_COPYPROTECTION_SUPPORT::NoProtection;
    path.GammaRamp.Type = D3DDDI_GAMMARAMP_TYPE::D3DDDI_GAMMARAMP_DEFAULT;
    path
}

/// Whether a scaling counts as pinned.
pub(crate) fn scaling_is_pinned(path: &Path) -> bool {
    (Scaling::D3DKMDT_VPPS_IDENTITY..=Scaling::D3DKMDT_VPPS_CUSTOM)
        .contains(&path.ContentTransformation.Scaling)
}

/// Whether a rotation counts as pinned.
pub(crate) fn rotation_is_pinned(path: &Path) -> bool {
    (Rotation::D3DKMDT_VPPR_IDENTITY..=Rotation::D3DKMDT_VPPR_ROTATE270_OFFSET270)
        .contains(&path.ContentTransformation.Rotation)
}
