//! `DXGK_VIDPNTOPOLOGY_INTERFACE`: the paths of a VidPN.

use alloc::format;

use dxgk_sys::status::{
    STATUS_ACCESS_DENIED, STATUS_GRAPHICS_DATASET_IS_EMPTY,
    STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_SOURCE, STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_TARGET,
    STATUS_GRAPHICS_INVALID_VIDPN_PRESENT_PATH, STATUS_GRAPHICS_INVALID_VIDPN_TOPOLOGY,
    STATUS_GRAPHICS_NO_MORE_ELEMENTS_IN_DATASET, STATUS_GRAPHICS_PATH_ALREADY_IN_TOPOLOGY,
    STATUS_GRAPHICS_PATH_NOT_IN_TOPOLOGY, STATUS_GRAPHICS_TARGET_NOT_IN_TOPOLOGY,
    STATUS_INVALID_PARAMETER, STATUS_NO_MEMORY, STATUS_SUCCESS,
};
use dxgk_sys::{D3DKMDT_HVIDPNTOPOLOGY, NTSTATUS, SIZE_T, ddi_fn};

use crate::pattern::Pattern;
use crate::vidpn::entry::{Entered, Out, enter};
use crate::vidpn::handle::Kind;
use crate::vidpn::network::{Path, rotation_is_pinned, scaling_is_pinned};
use crate::vidpn::path;
use crate::vidpn::records::{RecordKind, Records};
use crate::vidpn::session::{Access, Pivot};

fn enter_topology(
    function: &'static str,
    handle: D3DKMDT_HVIDPNTOPOLOGY,
    work: impl FnOnce(&mut Entered<'_>) -> NTSTATUS,
) -> NTSTATUS {
    enter(
        function,
        (handle, Kind::Topology),
        STATUS_GRAPHICS_INVALID_VIDPN_TOPOLOGY,
        work,
    )
}

fn paths<'a>(entered: &'a Entered<'_>) -> &'a [Path] {
    entered
        .state
        .vidpn
        .as_ref()
        .map_or(&[], |vidpn| &vidpn.paths)
}

fn access(entered: &Entered<'_>) -> Option<Access> {
    entered.state.call.as_ref().map(|call| call.access)
}

/// Lends the path at a place; NULL and `none` if there is none. The pages name no status for the end.
fn lend(
    entered: &mut Entered<'_>,
    place: Option<usize>,
    none: NTSTATUS,
    out: &Out<*const Path>,
) -> NTSTATUS {
    let found = place.and_then(|place| Some((place, *paths(entered).get(place)?)));
    let Some((place, path)) = found else {
        out.set(core::ptr::null());
        return none;
    };
    let at = (RecordKind::Path, entered.serial, place);
    let pointer = entered
        .state
        .records
        .lend(at, false, entered.function, &path);
    out.set(pointer.cast_const());
    STATUS_SUCCESS
}

/// Takes a record back and looks at what was done to it.
fn give_back(entered: &mut Entered<'_>, info: *const Path) {
    let Some(returned) = entered
        .state
        .records
        .take_back::<Path>(RecordKind::Path, info)
    else {
        return;
    };
    let (rule, name) = (entered.rule(), entered.function);
    entered.adapter.check(
        rule,
        name,
        !returned.edited,
        || "an acquired path info was written: it is read-only",
    );
    entered.adapter.check(
        rule,
        name,
        !returned.overrun,
        || "the memory behind a path info was written",
    );
}

/// Adds a path that the driver has made and filled.
fn add(entered: &mut Entered<'_>, info: *const Path) -> NTSTATUS {
    if access(entered) != Some(Access::Recommend) {
        return entered.misuse(STATUS_ACCESS_DENIED, || "only a recommendation adds paths");
    }
    let record = entered.state.records.find(RecordKind::Path, info);
    let Some(record) = record.filter(|record| record.made) else {
        return entered.misuse(
            STATUS_GRAPHICS_INVALID_VIDPN_PRESENT_PATH,
            || "the path is none that pfnCreateNewPathInfo made and that was not added yet",
        );
    };
    let path = Records::value::<Path>(record);
    let (source, target) = (path.VidPnSourceId, path.VidPnTargetId);
    if !entered.adapter.is_source(source) {
        return entered.misuse(STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_SOURCE, || {
            format!("VidPnSourceId is {source:#x}")
        });
    }
    if !entered.adapter.is_target(target) {
        return entered.misuse(STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_TARGET, || {
            format!("VidPnTargetId is {target:#x}")
        });
    }
    let ordinal = path.ImportanceOrdinal;
    let taken = |known: &Path| known.VidPnTargetId == target || known.ImportanceOrdinal == ordinal;
    if paths(entered).iter().any(taken) {
        return entered.misuse(STATUS_GRAPHICS_PATH_ALREADY_IN_TOPOLOGY, || {
            format!(
                "another path has target {target} or importance {}",
                ordinal.0
            )
        });
    }
    if let Some(what) = path::fault(&path) {
        return entered.misuse(STATUS_GRAPHICS_INVALID_VIDPN_PRESENT_PATH, || what);
    }
    if let Some(vidpn) = entered.state.vidpn.as_mut() {
        vidpn.paths.push(path);
    }
    give_back(entered, info);
    STATUS_SUCCESS
}

/// Takes over the support flags of a path, and nothing else.
fn update(entered: &mut Entered<'_>, new: &Path) -> NTSTATUS {
    let access = access(entered);
    if !matches!(access, Some(Access::Enumerate(_) | Access::Recommend)) {
        return entered.misuse(
            STATUS_ACCESS_DENIED,
            || "this DDI's VidPN is for looking at",
        );
    }
    let (source, target) = (new.VidPnSourceId, new.VidPnTargetId);
    let Some(old) = entered.state.path(source, target).copied() else {
        return entered.misuse(STATUS_INVALID_PARAMETER, || {
            format!("no path from {source} to {target}")
        });
    };
    if let Some(what) = path::support_fault(new) {
        return entered.misuse(STATUS_INVALID_PARAMETER, || what);
    }
    let (was, is) = (&old.ContentTransformation, &new.ContentTransformation);
    if (was.Scaling, was.Rotation) != (is.Scaling, is.Rotation) {
        return entered.misuse(
            STATUS_INVALID_PARAMETER,
            || "Scaling or Rotation differs: support flags alone are updated",
        );
    }
    if let Some(Access::Enumerate(pivot)) = access {
        let kept = |pinned: bool, kind: Pivot| pinned || pivot == kind;
        let scaling = kept(scaling_is_pinned(&old), Pivot::Scaling(source, target));
        if scaling && was.ScalingSupport != is.ScalingSupport {
            return entered.misuse(
                STATUS_INVALID_PARAMETER,
                || "scaling is pinned or the pivot, yet ScalingSupport changes",
            );
        }
        let rotation = kept(rotation_is_pinned(&old), Pivot::Rotation(source, target));
        if rotation && was.RotationSupport != is.RotationSupport {
            return entered.misuse(
                STATUS_INVALID_PARAMETER,
                || "rotation is pinned or the pivot, yet RotationSupport changes",
            );
        }
    }
    let paths = entered.state.vidpn.as_mut().map(|vidpn| &mut vidpn.paths);
    for path in paths.into_iter().flatten() {
        if (path.VidPnSourceId, path.VidPnTargetId) == (source, target) {
            path.ContentTransformation.ScalingSupport = is.ScalingSupport;
            path.ContentTransformation.RotationSupport = is.RotationSupport;
            path.CopyProtection.CopyProtectionSupport = new.CopyProtection.CopyProtectionSupport;
        }
    }
    STATUS_SUCCESS
}

ddi_fn! {
    pub(crate) unsafe fn get_num_paths(
        handle: D3DKMDT_HVIDPNTOPOLOGY,
        out: *mut SIZE_T,
    ) -> NTSTATUS {
        // SAFETY: the driver's variable.
        let out = unsafe { Out::new(out) };
        enter_topology("Topology.pfnGetNumPaths", handle, |entered| {
            let Some(out) = out else { return entered.null() };
            out.set(paths(entered).len());
            STATUS_SUCCESS
        })
    }

    pub(crate) unsafe fn get_num_paths_from_source(
        handle: D3DKMDT_HVIDPNTOPOLOGY,
        source: u32,
        out: *mut SIZE_T,
    ) -> NTSTATUS {
        // SAFETY: the driver's variable.
        let out = unsafe { Out::new(out) };
        enter_topology("Topology.pfnGetNumPathsFromSource", handle, |entered| {
            let Some(out) = out else { return entered.null() };
            let from = |path: &&Path| path.VidPnSourceId == source;
            out.set(paths(entered).iter().filter(from).count());
            STATUS_SUCCESS
        })
    }

    /// An index that is too high is no misuse; the page names no status for it.
    pub(crate) unsafe fn enum_path_targets_from_source(
        handle: D3DKMDT_HVIDPNTOPOLOGY,
        source: u32,
        index: SIZE_T,
        out: *mut u32,
    ) -> NTSTATUS {
        // SAFETY: the driver's variable.
        let out = unsafe { Out::new(out) };
        enter_topology("Topology.pfnEnumPathTargetsFromSource", handle, |entered| {
            let Some(out) = out else { return entered.null() };
            let from = |path: &&Path| path.VidPnSourceId == source;
            let Some(path) = paths(entered).iter().filter(from).nth(index) else {
                return STATUS_INVALID_PARAMETER;
            };
            out.set(path.VidPnTargetId);
            STATUS_SUCCESS
        })
    }

    /// A target without a path is no misuse; the page names no status for it.
    pub(crate) unsafe fn get_path_source_from_target(
        handle: D3DKMDT_HVIDPNTOPOLOGY,
        target: u32,
        out: *mut u32,
    ) -> NTSTATUS {
        // SAFETY: the driver's variable.
        let out = unsafe { Out::new(out) };
        enter_topology("Topology.pfnGetPathSourceFromTarget", handle, |entered| {
            let Some(out) = out else { return entered.null() };
            let to = |path: &&Path| path.VidPnTargetId == target;
            let Some(path) = paths(entered).iter().find(to) else {
                return STATUS_GRAPHICS_TARGET_NOT_IN_TOPOLOGY;
            };
            out.set(path.VidPnSourceId);
            STATUS_SUCCESS
        })
    }

    /// Ends without a path between them are no misuse; the page names no status for it.
    pub(crate) unsafe fn acquire_path_info(
        handle: D3DKMDT_HVIDPNTOPOLOGY,
        source: u32,
        target: u32,
        out: *mut *const Path,
    ) -> NTSTATUS {
        // SAFETY: the driver's variable.
        let out = unsafe { Out::new(out) };
        enter_topology("Topology.pfnAcquirePathInfo", handle, |entered| {
            let Some(out) = out else { return entered.null() };
            let ends = |path: &Path| (path.VidPnSourceId, path.VidPnTargetId) == (source, target);
            let place = paths(entered).iter().position(ends);
            lend(entered, place, STATUS_GRAPHICS_PATH_NOT_IN_TOPOLOGY, &out)
        })
    }

    pub(crate) unsafe fn acquire_first_path_info(
        handle: D3DKMDT_HVIDPNTOPOLOGY,
        out: *mut *const Path,
    ) -> NTSTATUS {
        // SAFETY: the driver's variable.
        let out = unsafe { Out::new(out) };
        enter_topology("Topology.pfnAcquireFirstPathInfo", handle, |entered| {
            let Some(out) = out else { return entered.null() };
            lend(entered, Some(0), STATUS_GRAPHICS_DATASET_IS_EMPTY, &out)
        })
    }

    pub(crate) unsafe fn acquire_next_path_info(
        handle: D3DKMDT_HVIDPNTOPOLOGY,
        current: *const Path,
        out: *mut *const Path,
    ) -> NTSTATUS {
        // SAFETY: the driver's variable.
        let out = unsafe { Out::new(out) };
        enter_topology("Topology.pfnAcquireNextPathInfo", handle, |entered| {
            let Some(out) = out else { return entered.null() };
            let record = entered.state.records.find(RecordKind::Path, current);
            let place = record.filter(|record| !record.made).map(|record| record.element + 1);
            if place.is_none() {
                out.set(core::ptr::null());
                return entered.misuse(STATUS_GRAPHICS_INVALID_VIDPN_PRESENT_PATH, || {
                    "the current path is none that was acquired and not released"
                });
            }
            lend(entered, place, STATUS_GRAPHICS_NO_MORE_ELEMENTS_IN_DATASET, &out)
        })
    }

    pub(crate) unsafe fn update_path_support_info(
        handle: D3DKMDT_HVIDPNTOPOLOGY,
        info: *const Path,
    ) -> NTSTATUS {
        enter_topology("Topology.pfnUpdatePathSupportInfo", handle, |entered| {
            // SAFETY: the driver's record.
            let Some(new) = (unsafe { info.as_ref() }) else { return entered.null() };
            update(entered, new)
        })
    }

    pub(crate) unsafe fn release_path_info(
        handle: D3DKMDT_HVIDPNTOPOLOGY,
        info: *const Path,
    ) -> NTSTATUS {
        enter_topology("Topology.pfnReleasePathInfo", handle, |entered| {
            if entered.state.records.find(RecordKind::Path, info).is_none() {
                return entered.misuse(STATUS_GRAPHICS_INVALID_VIDPN_PRESENT_PATH, || {
                    "the path is none that the driver holds"
                });
            }
            give_back(entered, info);
            STATUS_SUCCESS
        })
    }

    pub(crate) unsafe fn create_new_path_info(
        handle: D3DKMDT_HVIDPNTOPOLOGY,
        out: *mut *mut Path,
    ) -> NTSTATUS {
        // SAFETY: the driver's variable.
        let out = unsafe { Out::new(out) };
        enter_topology("Topology.pfnCreateNewPathInfo", handle, |entered| {
            let Some(out) = out else { return entered.null() };
            if entered.fails() {
                out.set(core::ptr::null_mut());
                return STATUS_NO_MEMORY;
            }
            let path = Pattern::turn(entered.adapter.port.turns.next()).filled();
            let at = (RecordKind::Path, entered.serial, 0);
            out.set(entered.state.records.lend(at, true, entered.function, &path));
            STATUS_SUCCESS
        })
    }

    pub(crate) unsafe fn add_path(handle: D3DKMDT_HVIDPNTOPOLOGY, info: *mut Path) -> NTSTATUS {
        enter_topology("Topology.pfnAddPath", handle, |entered| add(entered, info))
    }

    pub(crate) unsafe fn remove_path(
        handle: D3DKMDT_HVIDPNTOPOLOGY,
        source: u32,
        target: u32,
    ) -> NTSTATUS {
        enter_topology("Topology.pfnRemovePath", handle, |entered| {
            if access(entered) != Some(Access::Recommend) {
                return entered.misuse(STATUS_ACCESS_DENIED, || {
                    "only a recommendation removes paths"
                });
            }
            let ends = |path: &Path| (path.VidPnSourceId, path.VidPnTargetId) == (source, target);
            let vidpn = entered.state.vidpn.as_mut();
            let place = vidpn.as_ref().and_then(|vidpn| vidpn.paths.iter().position(ends));
            if let (Some(vidpn), Some(place)) = (vidpn, place) {
                vidpn.paths.remove(place);
                return STATUS_SUCCESS;
            }
            let known = paths(entered).iter().any(|path| path.VidPnSourceId == source);
            let status = if known {
                STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_TARGET
            } else {
                STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_SOURCE
            };
            entered.misuse(status, || format!("no path from {source} to {target}"))
        })
    }
}
