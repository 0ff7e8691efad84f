//! Saboteurs of the VidPN rules: answers, sets, modes, recommendations, commits, updates.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::ptr;
use std::sync::atomic::Ordering::Relaxed;

use dxgk_port::{Choice, CommitFlags, Report, Settings};
use dxgk_sys::status::*;
use dxgk_sys::*;

use super::miniport::vidpn::*;
use super::miniport::vidpn_objects::*;
use super::miniport::{self, Context, TARGET, context};
use super::{scenario, with};

saboteurs! {
    no_answer_about_a_vidpn breaks "V1" => with(|table| table.DxgkDdiIsSupportedVidPn = Some(says_nothing));
    nothing_is_supported breaks "V1" => with(|table| table.DxgkDdiIsSupportedVidPn = Some(says_no));
    the_absurd_is_supported breaks "V1" => with(|table| table.DxgkDdiIsSupportedVidPn = Some(says_yes));
    a_status_that_the_page_does_not_have breaks "G6" "V1" =>
        with(|table| table.DxgkDdiIsSupportedVidPn = Some(says_busy));
    a_set_is_acquired_and_kept breaks "V1" => with(|table| table.DxgkDdiIsSupportedVidPn = Some(keeps_a_set));
    a_path_is_acquired_and_kept breaks "V1" => with(|table| table.DxgkDdiIsSupportedVidPn = Some(keeps_a_path));
    a_set_is_made_while_it_only_looks breaks "V1" =>
        with(|table| table.DxgkDdiIsSupportedVidPn = Some(makes_a_set));

    the_recommendation_is_not_functional breaks "V2" =>
        with(|table| table.DxgkDdiRecommendFunctionalVidPn = Some(recommends_half));
    a_recommendation_with_a_wrong_status breaks "G6" "V2" =>
        with(|table| table.DxgkDdiRecommendFunctionalVidPn = Some(recommends_busily));
    monitor_modes_are_made_and_kept breaks "V2" =>
        with(|table| table.DxgkDdiRecommendMonitorModes = Some(keeps_a_monitor_mode));

    nothing_is_enumerated breaks "V3" => with(|table| table.DxgkDdiEnumVidPnCofuncModality = Some(enumerates_nothing));
    the_set_of_the_pivot_is_replaced breaks "V3" =>
        with(|table| table.DxgkDdiEnumVidPnCofuncModality = Some(replaces_all));
    a_set_of_dxgkrnls_is_edited breaks "V3" =>
        with(|table| table.DxgkDdiEnumVidPnCofuncModality = Some(edits));
    a_new_set_is_neither_assigned_nor_released breaks "V3" =>
        with(|table| table.DxgkDdiEnumVidPnCofuncModality = Some(loses_a_set));
    a_mode_is_neither_added_nor_released breaks "V3" =>
        with(|table| table.DxgkDdiEnumVidPnCofuncModality = Some(loses_a_mode));
    a_row_longer_than_its_stride breaks "V3" =>
        with(|table| table.DxgkDdiEnumVidPnCofuncModality = Some(short_stride));
    a_source_mode_of_no_size breaks "V3" =>
        with(|table| table.DxgkDdiEnumVidPnCofuncModality = Some(no_size));
    a_target_mode_without_a_rate breaks "V3" =>
        with(|table| table.DxgkDdiEnumVidPnCofuncModality = Some(no_rate));
    a_target_mode_that_no_source_mode_fits breaks "V3" =>
        with(|table| table.DxgkDdiEnumVidPnCofuncModality = Some(odd_target));
    a_path_that_supports_no_scaling breaks "V1" "V3" =>
        with(|table| table.DxgkDdiEnumVidPnCofuncModality = Some(no_scaling));

    a_commit_refuses_what_is_supported breaks "V4" => with(|table| table.DxgkDdiCommitVidPn = Some(commits_nothing));
    a_commit_keeps_a_set breaks "V4" => with(|table| table.DxgkDdiCommitVidPn = Some(commits_and_keeps));
    a_commit_forgets_the_monitor breaks "V4" => enforced(commits_without_a_look);

    an_update_refuses_the_path_as_it_is breaks "V7" =>
        with(|table| table.DxgkDdiUpdateActiveVidPnPresentPath = Some(updates_nothing));
    an_update_takes_any_rotation breaks "V7" =>
        with(|table| table.DxgkDdiUpdateActiveVidPnPresentPath = Some(updates_anything));

    a_capability_that_is_not_written breaks "V9" =>
        with(|table| table.DxgkDdiQueryVidPnHWCapability = Some(says_no_capability));
}

type This = *mut std::ffi::c_void;

/// The VidPN of a call, with its functions.
fn opened(this: This, handle: D3DKMDT_HVIDPN) -> Option<(&'static mut Context, VidPn)> {
    let context = unsafe { context(this) };
    let vidpn = interface(context, handle).ok()?;
    Some((context, vidpn))
}

/// Enumerates as the good miniport does, with one thing done before.
fn enumerate_after(
    this: This,
    argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY,
    before: impl FnOnce(VidPn, D3DKMDT_HVIDPN),
) -> NTSTATUS {
    let handle = unsafe { &*argument }.hConstrainingVidPn;
    if let Some((_, vidpn)) = opened(this, handle) {
        before(vidpn, handle);
    }
    unsafe { enum_cofunc_modality(this, argument) }
}

/// Enumerates as the good miniport does, then replaces the source's set, where it may, by another.
fn with_sources(
    this: This,
    argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY,
    bend: impl Fn(&mut SourceMode),
) -> NTSTATUS {
    let status = unsafe { enum_cofunc_modality(this, argument) };
    let argument = unsafe { &*argument };
    let handle = argument.hConstrainingVidPn;
    let free =
        argument.EnumPivotType != D3DKMDT_ENUMCOFUNCMODALITY_PIVOT_TYPE::D3DKMDT_EPT_VIDPNSOURCE;
    if let Some((_, vidpn)) = opened(this, handle)
        && let Ok(Some(plan)) = Plan::read(vidpn, handle)
        && plan.pinned_source.is_none()
        && free
    {
        return ModeSet::<SourceMode>::replace(vidpn, handle, 0, |set| {
            set.add(|mode| {
                fill_source(mode, SIZES[0], FORMATS[0]);
                bend(mode);
            })
            .map(|_| ())
        });
    }
    status
}

/// The same with the target's.
fn with_targets(
    this: This,
    argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY,
    bend: impl Fn(&mut TargetMode),
) -> NTSTATUS {
    let status = unsafe { enum_cofunc_modality(this, argument) };
    let argument = unsafe { &*argument };
    let handle = argument.hConstrainingVidPn;
    let free =
        argument.EnumPivotType != D3DKMDT_ENUMCOFUNCMODALITY_PIVOT_TYPE::D3DKMDT_EPT_VIDPNTARGET;
    if let Some((_, vidpn)) = opened(this, handle)
        && let Ok(Some(plan)) = Plan::read(vidpn, handle)
        && plan.pinned_target.is_none()
        && free
    {
        return ModeSet::<TargetMode>::replace(vidpn, handle, TARGET, |set| {
            set.add(|mode| {
                fill_target(mode, SIZES[0]);
                bend(mode);
            })
            .map(|_| ())
        });
    }
    status
}

/// A commit that is to insist on a monitor, without one.
fn enforced(commit: DXGKDDI_COMMITVIDPN) -> Report {
    let mut table = miniport::table(0x4002);
    table.DxgkDdiCommitVidPn = Some(commit);
    let (port, machine) = scenario::boot(&table, Settings::default());
    let adapter = port.add_device(0).unwrap();
    adapter.start().unwrap();
    let choice = Choice::from(&adapter.vidpn_modes().unwrap()[0]);
    machine.unplugged.store(true, Relaxed);
    adapter.interrupt(0);
    adapter.update_children();
    let flags = CommitFlags {
        enforce_monitors: true,
        ..CommitFlags::default()
    };
    let _ = adapter.commit_with(&choice, &flags);
    adapter.remove().unwrap();
    port.unload();
    port.report()
}

/// The good miniport refuses as it should.
#[test]
fn a_commit_that_looks_for_the_monitor() {
    let report = enforced(commit_vidpn);
    assert!(report.broken().is_empty(), "{:#?}", report.violations);
}

ddi_fn! {
    unsafe fn says_nothing(_this: This, _argument: *mut DXGKARG_ISSUPPORTEDVIDPN) -> NTSTATUS {
        STATUS_SUCCESS
    }

    unsafe fn says_no(_this: This, argument: *mut DXGKARG_ISSUPPORTEDVIDPN) -> NTSTATUS {
        unsafe { (*argument).IsVidPnSupported = 0 };
        STATUS_SUCCESS
    }

    unsafe fn says_yes(_this: This, argument: *mut DXGKARG_ISSUPPORTEDVIDPN) -> NTSTATUS {
        unsafe { (*argument).IsVidPnSupported = 1 };
        STATUS_SUCCESS
    }

    unsafe fn says_busy(this: This, argument: *mut DXGKARG_ISSUPPORTEDVIDPN) -> NTSTATUS {
        let status = unsafe { is_supported(this, argument) };
        if status < 0 { STATUS_NOT_IMPLEMENTED } else { status }
    }

    unsafe fn keeps_a_set(this: This, argument: *mut DXGKARG_ISSUPPORTEDVIDPN) -> NTSTATUS {
        let handle = unsafe { &*argument }.hDesiredVidPn;
        if let Some((_, vidpn)) = opened(this, handle) {
            let _ = ModeSet::<SourceMode>::acquire(vidpn, handle, 0);
        }
        unsafe { is_supported(this, argument) }
    }

    unsafe fn keeps_a_path(this: This, argument: *mut DXGKARG_ISSUPPORTEDVIDPN) -> NTSTATUS {
        let handle = unsafe { &*argument }.hDesiredVidPn;
        if let Some((_, vidpn)) = opened(this, handle)
            && let Ok((topology, paths)) = topology(vidpn, handle)
        {
            let mut info = ptr::null();
            let _ = unsafe { paths.pfnAcquireFirstPathInfo.unwrap()(topology, &raw mut info) };
        }
        unsafe { is_supported(this, argument) }
    }

    unsafe fn makes_a_set(this: This, argument: *mut DXGKARG_ISSUPPORTEDVIDPN) -> NTSTATUS {
        let handle = unsafe { &*argument }.hDesiredVidPn;
        if let Some((_, vidpn)) = opened(this, handle) {
            let _ = ModeSet::<SourceMode>::replace(vidpn, handle, 0, |set| {
                set.add(|mode| fill_source(mode, SIZES[0], FORMATS[0])).map(|_| ())
            });
        }
        unsafe { is_supported(this, argument) }
    }

    unsafe fn recommends_half(
        this: This,
        argument: *const DXGKARG_RECOMMENDFUNCTIONALVIDPN,
    ) -> NTSTATUS {
        let handle = unsafe { &*argument }.hRecommendedFunctionalVidPn;
        match opened(this, handle) {
            Some((_, vidpn)) => Plan::add_path(vidpn, handle).err().unwrap_or(STATUS_SUCCESS),
            None => STATUS_GRAPHICS_NO_RECOMMENDED_FUNCTIONAL_VIDPN,
        }
    }

    unsafe fn recommends_busily(
        _this: This,
        _argument: *const DXGKARG_RECOMMENDFUNCTIONALVIDPN,
    ) -> NTSTATUS {
        STATUS_NOT_IMPLEMENTED
    }

    unsafe fn keeps_a_monitor_mode(
        this: This,
        argument: *const DXGKARG_RECOMMENDMONITORMODES,
    ) -> NTSTATUS {
        let (table, set) = unsafe {
            (&*(*argument).pMonitorSourceModeSetInterface, (*argument).hMonitorSourceModeSet)
        };
        let mut info = ptr::null_mut();
        let _ = unsafe { table.pfnCreateNewModeInfo.unwrap()(set, &raw mut info) };
        unsafe { recommend_monitor_modes(this, argument) }
    }

    unsafe fn enumerates_nothing(
        _this: This,
        _argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY,
    ) -> NTSTATUS {
        STATUS_SUCCESS
    }

    unsafe fn replaces_all(this: This, argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY) -> NTSTATUS {
        enumerate_after(this, argument, |vidpn, handle| {
            let _ = ModeSet::<SourceMode>::replace(vidpn, handle, 0, |set| {
                set.add(|mode| fill_source(mode, SIZES[0], FORMATS[0])).map(|_| ())
            });
        })
    }

    unsafe fn edits(this: This, argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY) -> NTSTATUS {
        enumerate_after(this, argument, |vidpn, handle| {
            if let Ok(set) = ModeSet::<SourceMode>::acquire(vidpn, handle, 0) {
                let _ = set.add(|mode| fill_source(mode, SIZES[2], FORMATS[0]));
                SourceMode::release(vidpn, handle, set.handle);
            }
        })
    }

    unsafe fn loses_a_set(this: This, argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY) -> NTSTATUS {
        enumerate_after(this, argument, |vidpn, handle| {
            let _ = ModeSet::<TargetMode>::create(vidpn, handle, TARGET);
        })
    }

    unsafe fn loses_a_mode(this: This, argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY) -> NTSTATUS {
        enumerate_after(this, argument, |vidpn, handle| {
            if let Ok(set) = ModeSet::<SourceMode>::create(vidpn, handle, 0) {
                let mut info = ptr::null_mut();
                SourceMode::create_info(&set, &mut info);
                SourceMode::release(vidpn, handle, set.handle);
            }
        })
    }

    unsafe fn short_stride(this: This, argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY) -> NTSTATUS {
        with_sources(this, argument, |mode| mode.Format.Graphics.Stride = SIZES[0].0 * 4 - 4)
    }

    unsafe fn no_size(this: This, argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY) -> NTSTATUS {
        with_sources(this, argument, |mode| {
            mode.Format.Graphics.PrimSurfSize = D3DKMDT_2DREGION { cx: 0, cy: 0 };
        })
    }

    unsafe fn no_rate(this: This, argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY) -> NTSTATUS {
        with_targets(this, argument, |mode| {
            mode.VideoSignalInfo.VSyncFreq = D3DDDI_RATIONAL { Numerator: 60, Denominator: 0 };
        })
    }

    unsafe fn odd_target(this: This, argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY) -> NTSTATUS {
        with_targets(this, argument, |mode| mode.VideoSignalInfo = signal((720, 400)))
    }

    unsafe fn no_scaling(this: This, argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY) -> NTSTATUS {
        let status = unsafe { enum_cofunc_modality(this, argument) };
        let handle = unsafe { &*argument }.hConstrainingVidPn;
        if let Some((_, vidpn)) = opened(this, handle)
            && let Ok(Some(mut plan)) = Plan::read(vidpn, handle)
        {
            let transformation = &mut plan.path.ContentTransformation;
            transformation.ScalingSupport = D3DKMDT_VIDPN_PRESENT_PATH_SCALING_SUPPORT::empty();
            return Plan::update(vidpn, handle, &plan.path);
        }
        status
    }

    unsafe fn commits_nothing(_this: This, _argument: *const DXGKARG_COMMITVIDPN) -> NTSTATUS {
        STATUS_GRAPHICS_VIDPN_MODALITY_NOT_SUPPORTED
    }

    unsafe fn commits_and_keeps(this: This, argument: *const DXGKARG_COMMITVIDPN) -> NTSTATUS {
        let handle = unsafe { &*argument }.hFunctionalVidPn;
        if let Some((_, vidpn)) = opened(this, handle) {
            let _ = ModeSet::<TargetMode>::acquire(vidpn, handle, TARGET);
        }
        unsafe { commit_vidpn(this, argument) }
    }

    unsafe fn commits_without_a_look(
        this: This,
        argument: *const DXGKARG_COMMITVIDPN,
    ) -> NTSTATUS {
        let mut argument = unsafe { *argument };
        let ignore = D3DKMDT_MONITOR_CONNECTIVITY_CHECKS::D3DKMDT_MCC_IGNORE;
        argument.MonitorConnectivityChecks = ignore;
        unsafe { commit_vidpn(this, &raw const argument) }
    }

    unsafe fn updates_nothing(
        _this: This,
        _argument: *const DXGKARG_UPDATEACTIVEVIDPNPRESENTPATH,
    ) -> NTSTATUS {
        STATUS_GRAPHICS_PATH_CONTENT_GEOMETRY_TRANSFORMATION_NOT_SUPPORTED
    }

    unsafe fn updates_anything(
        this: This,
        argument: *const DXGKARG_UPDATEACTIVEVIDPNPRESENTPATH,
    ) -> NTSTATUS {
        let missing = STATUS_GRAPHICS_PATH_NOT_IN_TOPOLOGY;
        match unsafe { update_active_path(this, argument) } {
            status if status == missing => missing,
            _ => STATUS_SUCCESS,
        }
    }

    unsafe fn says_no_capability(
        _this: This,
        _argument: *mut DXGKARG_QUERYVIDPNHWCAPABILITY,
    ) -> NTSTATUS {
        STATUS_SUCCESS
    }
}
