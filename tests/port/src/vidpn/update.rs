//! UpdateActiveVidPnPresentPath and QueryVidPnHWCapability: DDIs about the active VidPN.

use alloc::boxed::Box;
use alloc::format;

use dxgk_sys::status::{STATUS_GRAPHICS_PATH_NOT_IN_TOPOLOGY, STATUS_SUCCESS};
use dxgk_sys::{
    D3DDDI_GAMMA_RAMP_RGB256x3x16, D3DDDI_GAMMARAMP_TYPE, D3DKMDT_VIDPN_HW_CAPABILITY,
    DXGK_GAMMARAMPCAPS, DXGKARG_QUERYVIDPNHWCAPABILITY, DXGKARG_UPDATEACTIVEVIDPNPRESENTPATH,
    NTSTATUS,
};

use crate::adapter::{Adapter, AdapterInner};
use crate::ddi::Ddi;
use crate::pattern::{Pattern, bytes_of};
use crate::rules::Rule;
use crate::vidpn::api::PathUpdate;
use crate::vidpn::network::Path;
use crate::vidpn::path::rotates;
use crate::vidpn::session::{Access, Request};
use crate::{STATUS_INVALID_DEVICE_STATE, STATUS_PROCEDURE_NOT_FOUND, Status};

const NAME: &str = "UpdateActiveVidPnPresentPath";

impl Adapter {
    /// UpdateActiveVidPnPresentPath on the active path.
    ///
    /// # Errors
    /// The driver's; `STATUS_INVALID_DEVICE_STATE` if no path is active.
    pub fn update_path(&self, update: &PathUpdate) -> Result<(), Status> {
        let adapter = &*self.0;
        let mut path = adapter.active_path().ok_or(STATUS_INVALID_DEVICE_STATE)?;
        let mut ramp = update.gamma.as_deref().map(ramp);
        if let Some(ramp) = &mut ramp {
            path.GammaRamp.Type = D3DDDI_GAMMARAMP_TYPE::D3DDDI_GAMMARAMP_RGB256x3x16;
            path.GammaRamp.DataSize = size_of::<D3DDDI_GAMMA_RAMP_RGB256x3x16>();
            path.GammaRamp.Data.pRgb256x3x16 = &raw mut **ramp;
        }
        if let Some(rotation) = update.rotation {
            path.ContentTransformation.Rotation = rotation;
        }
        let status = adapter.call_update(&path)?;
        adapter.check_update(&path, update, status);
        if status != STATUS_SUCCESS {
            return Err(status);
        }
        if let Some(rotation) = update.rotation
            && let Some(active) = adapter.vidpn.active.lock().as_mut()
        {
            active.committed.rotation = rotation;
            for path in &mut active.network.paths {
                path.ContentTransformation.Rotation = rotation;
            }
        }
        Ok(())
    }

    /// QueryVidPnHWCapability of the active path: what the driver does itself, and no hardware.
    ///
    /// # Errors
    /// The driver's; `STATUS_INVALID_DEVICE_STATE` if no path is active.
    pub fn query_vidpn_hw_capability(&self) -> Result<D3DKMDT_VIDPN_HW_CAPABILITY, Status> {
        self.0.query_hw_capability()
    }
}

fn ramp(values: &[[u16; 3]]) -> Box<D3DDDI_GAMMA_RAMP_RGB256x3x16> {
    let mut ramp = Box::new(Pattern(0xFF).filled::<D3DDDI_GAMMA_RAMP_RGB256x3x16>());
    for (index, [red, green, blue]) in values.iter().take(256).enumerate() {
        (ramp.Red[index], ramp.Green[index], ramp.Blue[index]) = (*red, *green, *blue);
    }
    ramp
}

impl AdapterInner {
    /// The active path, as it was committed and updated.
    pub(crate) fn active_path(&self) -> Option<Path> {
        let active = self.vidpn.active.lock();
        active.as_ref()?.network.paths.first().copied()
    }

    /// One call as it comes.
    pub(crate) fn call_update(&self, path: &Path) -> Result<NTSTATUS, Status> {
        let update = self.registration.table.DxgkDdiUpdateActiveVidPnPresentPath;
        let update = update.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let mut argument: DXGKARG_UPDATEACTIVEVIDPNPRESENTPATH = Pattern(0).filled();
        argument.VidPnPresentPathInfo = *path;
        let given = argument;
        let ddi = Ddi::UpdateActiveVidPnPresentPath;
        let arguments = || {
            let (source, target) = (path.VidPnSourceId, path.VidPnTargetId);
            format!("source {source} to target {target}")
        };
        let status = self.call(ddi, arguments, |_| {
            // SAFETY: the driver's own function and context, at its IRQL and level.
            unsafe { update(self.context(), &raw const argument) }
        });
        let same = bytes_of(&argument) == bytes_of(&given);
        self.check(Rule::B2_13, NAME, same, || "the argument was written");
        Ok(status)
    }

    fn check_update(&self, path: &Path, update: &PathUpdate, status: NTSTATUS) {
        // The commit has not done what it said.
        self.check(
            Rule::V4,
            "CommitVidPn",
            status != STATUS_GRAPHICS_PATH_NOT_IN_TOPOLOGY,
            || "it succeeded, yet UpdateActiveVidPnPresentPath says that the path is not active",
        );
        if status == STATUS_GRAPHICS_PATH_NOT_IN_TOPOLOGY {
            return;
        }
        let Some(caps) = self.caps.lock().map(|caps| caps.0) else {
            return;
        };
        let succeeded = status == STATUS_SUCCESS;
        let rotation = path.ContentTransformation.Rotation;
        let supported = rotates(path.ContentTransformation.RotationSupport, rotation);
        if !supported {
            self.check(Rule::V7, NAME, !succeeded, || {
                format!(
                    "rotation {} is taken, which the path does not support",
                    rotation.0
                )
            });
            return;
        }
        let rotated = update.rotation.is_some();
        let smooth = caps.SupportSmoothRotation != 0;
        // SAFETY: any bytes are an integer.
        let ramps = unsafe { caps.u0.GammaRampCaps };
        let claimed = ramps.contains(DXGK_GAMMARAMPCAPS::Gamma_Rgb256x3x16);
        if update.gamma.is_some() {
            self.check(Rule::V7, NAME, succeeded || !claimed, || {
                format!("status {status:#010x} for a gamma ramp that the capabilities promise")
            });
        } else if rotated {
            self.check(Rule::V7, NAME, succeeded || !smooth, || {
                format!(
                    "status {status:#010x} for rotation {}, which the path supports",
                    rotation.0
                )
            });
        } else {
            self.check(Rule::V7, NAME, succeeded, || {
                format!("status {status:#010x} for the path as it is")
            });
        }
    }

    fn query_hw_capability(&self) -> Result<D3DKMDT_VIDPN_HW_CAPABILITY, Status> {
        let query = self.registration.table.DxgkDdiQueryVidPnHWCapability;
        let query = query.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let active = self
            .vidpn
            .active
            .lock()
            .as_ref()
            .map(|active| active.network.clone());
        let network = active.ok_or(STATUS_INVALID_DEVICE_STATE)?;
        let path = self.active_path().ok_or(STATUS_INVALID_DEVICE_STATE)?;
        let pattern = Pattern::turn(self.port.turns.next());
        let mut argument: DXGKARG_QUERYVIDPNHWCAPABILITY = pattern.filled();
        argument.SourceId = path.VidPnSourceId;
        argument.TargetId = path.VidPnTargetId;
        let ddi = Ddi::QueryVidPnHWCapability;
        let request = Request::new(ddi, Access::Inspect, Some(network));
        let mut same = true;
        let outcome = self.with_vidpn(request, Default::default, |vidpn| {
            argument.hFunctionalVidPn = vidpn;
            // SAFETY: the driver's own function and context, at its IRQL and level.
            let status = unsafe { query(self.context(), &raw mut argument) };
            same = argument.hFunctionalVidPn == vidpn
                && argument.SourceId == path.VidPnSourceId
                && argument.TargetId == path.VidPnTargetId;
            status
        });
        self.check(Rule::B2_13, ddi.name(), same, || "an input was written");
        if outcome.status != STATUS_SUCCESS {
            return Err(outcome.status);
        }
        let caps = argument.VidPnHWCaps;
        self.check(Rule::V9, ddi.name(), caps.bits() >> 6 == 0, || {
            format!(
                "VidPnHWCaps is {:#010x}: Reserved is not 0, or nothing was written",
                caps.bits()
            )
        });
        Ok(caps)
    }
}
