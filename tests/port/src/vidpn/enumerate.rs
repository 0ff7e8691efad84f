//! EnumVidPnCofuncModality, and what must hold of the mode sets that it leaves.

use alloc::format;

use dxgk_sys::DXGKARG_ENUMVIDPNCOFUNCMODALITY;
use dxgk_sys::status::STATUS_SUCCESS;

use crate::adapter::AdapterInner;
use crate::ddi::Ddi;
use crate::pattern::{Pattern, bytes_of};
use crate::rules::Rule;
use crate::vidpn::mode::{graphics, size};
use crate::vidpn::network::{Network, Path, rotation_is_pinned, scaling_is_pinned};
use crate::vidpn::path::{ROTATIONS, SCALINGS, may_scale};
use crate::vidpn::session::{Access, Outcome, Pivot, Request};
use crate::vidpn::supported::describe;
use crate::vidpn::{SourceMode, TargetMode, signal};
use crate::{STATUS_PROCEDURE_NOT_FOUND, Status};

const NAME: &str = "EnumVidPnCofuncModality";

impl AdapterInner {
    /// Enumerates what is cofunctional with a supported VidPN, and checks the result.
    ///
    /// # Errors
    /// The driver's, which is a violation: the VidPN is supported.
    pub(crate) fn enumerate(&self, network: &Network, pivot: Pivot) -> Result<Network, Status> {
        let outcome = self.enumerate_with(network, pivot, None)?;
        let succeeded = self.check(Rule::V3, NAME, outcome.status == STATUS_SUCCESS, || {
            let what = describe(network);
            format!(
                "status {:#010x} for {what}, which is supported",
                outcome.status
            )
        });
        if !succeeded {
            return Err(outcome.status);
        }
        self.check_enumerated(&outcome.network, pivot);
        Ok(outcome.network)
    }

    /// One call as it comes.
    pub(crate) fn enumerate_with(
        &self,
        network: &Network,
        pivot: Pivot,
        fail_allocation: Option<u32>,
    ) -> Result<Outcome, Status> {
        let ask = self.registration.table.DxgkDdiEnumVidPnCofuncModality;
        let ask = ask.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let ddi = Ddi::EnumVidPnCofuncModality;
        let request = Request {
            fail_allocation,
            ..Request::new(ddi, Access::Enumerate(pivot), Some(network.clone()))
        };
        let mut argument: DXGKARG_ENUMVIDPNCOFUNCMODALITY = Pattern(0).filled();
        (argument.EnumPivotType, argument.EnumPivot) = pivot.arguments();
        let mut same = true;
        let arguments = || format!("{}, pivot {pivot:?}", describe(network));
        let outcome = self.with_vidpn(request, arguments, |vidpn| {
            argument.hConstrainingVidPn = vidpn;
            let given = argument;
            // SAFETY: the driver's own function and context, at its IRQL and level.
            let status = unsafe { ask(self.context(), &raw const argument) };
            same = bytes_of(&argument) == bytes_of(&given);
            status
        });
        self.check(Rule::B2_13, NAME, same, || "the argument was written");
        Ok(outcome)
    }

    fn check_enumerated(&self, network: &Network, pivot: Pivot) {
        for path in &network.paths {
            let (source, target) = (path.VidPnSourceId, path.VidPnTargetId);
            self.check_support(path, pivot);
            let (Some(sources), Some(targets)) =
                (network.sources.get(&source), network.targets.get(&target))
            else {
                continue;
            };
            let fixed = (
                pivot == Pivot::Source(source) || sources.pinned.is_some(),
                pivot == Pivot::Target(target) || targets.pinned.is_some(),
            );
            if !fixed.0 {
                self.check_set("source", source, sources.list.is_empty());
                for mode in sources.open() {
                    let fits = targets.open().iter().any(|other| fit(path, mode, other));
                    self.check(Rule::V3, NAME, fits || targets.list.is_empty(), || {
                        let (width, height) = graphics(mode).map_or((0, 0), |format| size(&format));
                        format!(
                            "source mode {width}x{height} has no target mode of its size, \
                             and the path cannot scale"
                        )
                    });
                }
            }
            if !fixed.1 {
                self.check_set("target", target, targets.list.is_empty());
                for mode in targets.open() {
                    let fits = sources.open().iter().any(|other| fit(path, other, mode));
                    self.check(Rule::V3, NAME, fits || sources.list.is_empty(), || {
                        let (width, height) = signal::active(&mode.VideoSignalInfo);
                        format!(
                            "ActiveSize {width}x{height} is no source mode's size, \
                             and the path cannot scale"
                        )
                    });
                    self.check_shown(target, mode);
                }
            }
        }
    }

    fn check_set(&self, end: &str, id: u32, empty: bool) {
        self.check(Rule::V3, NAME, !empty, || {
            format!("the mode set of {end} {id} is empty, though it was to be enumerated")
        });
    }

    /// A monitor that is connected shows the mode.
    fn check_shown(&self, target: u32, mode: &TargetMode) {
        let state = self.vidpn.lock(&self.port);
        let shown = state.monitor_modes(target).is_none_or(|modes| {
            let wanted = &mode.VideoSignalInfo;
            modes
                .iter()
                .any(|known| signal::shows(&known.VideoSignalInfo, wanted))
        });
        drop(state);
        self.check(Rule::V3, NAME, shown, || {
            let (width, height) = signal::active(&mode.VideoSignalInfo);
            let rate = signal::millihertz(mode.VideoSignalInfo.VSyncFreq).unwrap_or(0);
            format!("target mode {width}x{height} at {rate} mHz is none of the monitor's")
        });
    }

    /// Something is supported of what is neither pinned nor the pivot.
    fn check_support(&self, path: &Path, pivot: Pivot) {
        let ends = (path.VidPnSourceId, path.VidPnTargetId);
        let transformation = &path.ContentTransformation;
        let scales = SCALINGS
            .iter()
            .any(|(_, flag)| transformation.ScalingSupport.contains(*flag));
        let fixed = scaling_is_pinned(path) || pivot == Pivot::Scaling(ends.0, ends.1);
        self.check(
            Rule::V3,
            NAME,
            fixed || scales,
            || "no bit of ScalingSupport is set, though scaling is not pinned",
        );
        let rotates = ROTATIONS
            .iter()
            .any(|(_, flag)| transformation.RotationSupport.contains(*flag));
        let fixed = rotation_is_pinned(path) || pivot == Pivot::Rotation(ends.0, ends.1);
        self.check(
            Rule::V3,
            NAME,
            fixed || rotates,
            || "no rotation of RotationSupport is set, though rotation is not pinned",
        );
    }
}

/// Whether the two ends of a path can have these modes, as far as the pages say.
pub(crate) fn fit(path: &Path, source: &SourceMode, target: &TargetMode) -> bool {
    let Some(format) = graphics(source) else {
        return true;
    };
    may_scale(path) || size(&format) == signal::active(&target.VideoSignalInfo)
}
