//! IsSupportedVidPn, and what a driver recommends.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use dxgk_sys::status::*;
use dxgk_sys::*;

use super::common::miniport::vidpn::{self as good, FORMATS, SIZES, fill_source};
use super::common::miniport::vidpn_objects::{
    Mode, ModeSet, Path, Plan, SourceMode, interface, topology,
};
use super::common::miniport::{Context, context};
use super::with;

type MonitorMode = D3DKMDT_MONITOR_SOURCE_MODE;

/// What was asked.
struct Asked<'a> {
    context: &'a Context,
    handle: D3DKMDT_HVIDPN,
    plan: Option<Plan>,
}

impl Asked<'_> {
    fn is_empty(&self) -> bool {
        self.plan.is_none() && !self.handle.is_null() && {
            let vidpn = interface(self.context, self.handle).unwrap();
            matches!(Plan::read(vidpn, self.handle), Ok(None))
        }
    }

    fn is_valid(&self) -> bool {
        self.plan.is_some()
    }
}

/// Answers that differ from the good one: the block is given the good one.
macro_rules! answers {
    ($($name:ident($asked:ident, $status:ident, $answer:ident) $bend:block)*) => {
        ddi_fn! {$(
            unsafe fn $name(this: PVOID, argument: *mut DXGKARG_ISSUPPORTEDVIDPN) -> NTSTATUS {
                let unset = unsafe { (*argument).IsVidPnSupported };
                let $status = unsafe { good::is_supported(this, argument) };
                let context = unsafe { &*context(this) };
                let handle = unsafe { (*argument).hDesiredVidPn };
                let plan = (!handle.is_null())
                    .then(|| Plan::read(interface(context, handle).unwrap(), handle).ok().flatten())
                    .flatten();
                let $asked = &Asked { context, handle, plan };
                let $answer = unsafe { &mut (*argument).IsVidPnSupported };
                let _ = (unset, &$asked, &$answer);
                let outcome: Outcome = $bend;
                match outcome {
                    Outcome::Good => $status,
                    Outcome::Unset => {
                        *$answer = unset;
                        $status
                    }
                    Outcome::Other(status) => status,
                }
            }
        )*}
    };
}

enum Outcome {
    Good,
    Unset,
    Other(NTSTATUS),
}

answers! {
    never_nothing(asked, _status, answer) {
        if asked.handle.is_null() { *answer = 0; }
        Outcome::Good
    }
    never_empty(asked, _status, answer) {
        if asked.is_empty() { *answer = 0; }
        Outcome::Good
    }
    nothing_at_all(asked, _status, answer) {
        if asked.is_valid() { *answer = 0; }
        Outcome::Good
    }
    whatever(_asked, _status, answer) {
        *answer = 1;
        Outcome::Other(STATUS_SUCCESS)
    }
    invalid_but_good(_asked, status, answer) {
        if status != STATUS_SUCCESS { *answer = 1; }
        Outcome::Good
    }
    unset(_asked, _status, _answer) { Outcome::Unset }
    two(_asked, _status, answer) {
        if *answer == 1 { *answer = 2; }
        Outcome::Good
    }
    another_status(_asked, status, _answer) {
        if status == STATUS_SUCCESS {
            Outcome::Good
        } else {
            Outcome::Other(STATUS_GRAPHICS_VIDPN_TOPOLOGY_NOT_SUPPORTED)
        }
    }
    any_pinned_mode(asked, _status, answer) {
        if asked.plan.as_ref().is_some_and(|plan| plan.pinned_source.is_some()) { *answer = 1; }
        Outcome::Good
    }
    no_pinned_mode(asked, _status, answer) {
        if asked.plan.as_ref().is_some_and(|plan| plan.pinned_source.is_some()) { *answer = 0; }
        Outcome::Good
    }
    keeps_a_path(asked, _status, _answer) {
        if asked.is_valid() {
            let (handle, table) =
                topology(interface(asked.context, asked.handle).unwrap(), asked.handle).unwrap();
            let mut info = std::ptr::null();
            unsafe { table.pfnAcquireFirstPathInfo.unwrap()(handle, &raw mut info) };
        }
        Outcome::Good
    }
    assigns(asked, _status, _answer) {
        if asked.is_valid() {
            let vidpn = interface(asked.context, asked.handle).unwrap();
            let set = ModeSet::<SourceMode>::create(vidpn, asked.handle, 0).unwrap();
            let _ = set.add(|mode| fill_source(mode, SIZES[0], FORMATS[0]));
            SourceMode::assign(vidpn, asked.handle, 0, set.handle);
            SourceMode::release(vidpn, asked.handle, set.handle);
        }
        Outcome::Good
    }
    updates(asked, _status, _answer) {
        if let Some(plan) = &asked.plan {
            Plan::update(interface(asked.context, asked.handle).unwrap(), asked.handle, &plan.path);
        }
        Outcome::Good
    }
}

/// Recommendations whose path is bent.
macro_rules! recommends {
    ($($name:ident $pins:literal $bend:expr;)*) => {
        ddi_fn! {$(
            unsafe fn $name(
                this: PVOID,
                argument: *const DXGKARG_RECOMMENDFUNCTIONALVIDPN,
            ) -> NTSTATUS {
                let handle = unsafe { (*argument).hRecommendedFunctionalVidPn };
                let done = good::recommend(unsafe { context(this) }, handle, $bend, $pins);
                done.err().map_or(STATUS_SUCCESS, |status| match status {
                    STATUS_NO_MEMORY => status,
                    _ => STATUS_GRAPHICS_NO_RECOMMENDED_FUNCTIONAL_VIDPN,
                })
            }
        )*}
    };
}

recommends! {
    pins_nothing false |_| ();
    no_importance true |path| path.ImportanceOrdinal.0 = 0;
    no_target true |path| path.VidPnTargetId = 77;
    no_source true |path| path.VidPnSourceId = 7;
    no_scaling true |path| path.ContentTransformation.Scaling.0 = 0;
    no_rotation true |path| path.ContentTransformation.Rotation.0 = 0;
    no_offset true |path| path.VisibleFromActiveTLOffset.cy = 0xCCCC_CCCC;
    no_basis true |path| path.VidPnTargetColorBasis.0 = 0;
    no_range true |path| path.VidPnTargetColorCoeffDynamicRanges.FourthChannel = 0x5555_5555;
    no_content true |path| path.Content.0 = 0;
    no_protection true |path| path.CopyProtection.CopyProtectionType.0 = 0;
    no_trigger true |path| path.CopyProtection.APSTriggerBits = 4;
    no_gamma true |path| path.GammaRamp.Type.0 = 0;
    turned true |path| {
        path.ContentTransformation.Rotation =
            D3DKMDT_VIDPN_PRESENT_PATH_ROTATION::D3DKMDT_VPPR_ROTATE90;
    };
}

ddi_fn! {
    unsafe fn recommends_an_error(
        _this: PVOID,
        _argument: *const DXGKARG_RECOMMENDFUNCTIONALVIDPN,
    ) -> NTSTATUS {
        STATUS_NOT_SUPPORTED
    }

    unsafe fn recommends_none(
        _this: PVOID,
        _argument: *const DXGKARG_RECOMMENDFUNCTIONALVIDPN,
    ) -> NTSTATUS {
        STATUS_GRAPHICS_NO_RECOMMENDED_FUNCTIONAL_VIDPN
    }

    unsafe fn recommends_nothing(
        _this: PVOID,
        _argument: *const DXGKARG_RECOMMENDFUNCTIONALVIDPN,
    ) -> NTSTATUS {
        STATUS_SUCCESS
    }

    unsafe fn recommends_two(
        this: PVOID,
        argument: *const DXGKARG_RECOMMENDFUNCTIONALVIDPN,
    ) -> NTSTATUS {
        let status = unsafe { good::recommend_functional(this, argument) };
        let handle = unsafe { (*argument).hRecommendedFunctionalVidPn };
        if status == STATUS_SUCCESS {
            let vidpn = interface(unsafe { context(this) }, handle).unwrap();
            let _ = Plan::add_path(vidpn, handle, |_: &mut Path| ());
        }
        status
    }

    unsafe fn keeps_a_monitor_mode(
        this: PVOID,
        argument: *const DXGKARG_RECOMMENDMONITORMODES,
    ) -> NTSTATUS {
        let (table, set) = unsafe {
            let argument = &*argument;
            (&*argument.pMonitorSourceModeSetInterface, argument.hMonitorSourceModeSet)
        };
        unsafe { table.pfnCreateNewModeInfo.unwrap()(set, &mut std::ptr::null_mut()) };
        unsafe { good::recommend_monitor_modes(this, argument) }
    }

    unsafe fn recommend_badly(
        _this: PVOID,
        _argument: *const DXGKARG_RECOMMENDMONITORMODES,
    ) -> NTSTATUS {
        STATUS_NOT_SUPPORTED
    }
}

/// Monitor modes that are bent.
macro_rules! monitors {
    ($($name:ident $bend:expr;)*) => {
        ddi_fn! {$(
            unsafe fn $name(
                _this: PVOID,
                argument: *const DXGKARG_RECOMMENDMONITORMODES,
            ) -> NTSTATUS {
                good::add_monitor_modes(unsafe { &*argument }, $bend);
                // What could not be added would be missed by the enumeration.
                let _ = good::add_monitor_modes(unsafe { &*argument }, |_| ());
                STATUS_SUCCESS
            }
        )*}
    };
}

monitors! {
    no_origin |mode: &mut MonitorMode| {
        mode.Origin = D3DKMDT_MONITOR_CAPABILITIES_ORIGIN::D3DKMDT_MCO_MONITORDESCRIPTOR;
    };
    no_preference |mode: &mut MonitorMode| mode.Preference.0 = 0;
    no_mode_basis |mode: &mut MonitorMode| mode.ColorBasis.0 = 9;
    no_mode_range |mode: &mut MonitorMode| mode.ColorCoeffDynamicRanges.FirstChannel = 300;
    no_frequency |mode: &mut MonitorMode| mode.VideoSignalInfo.HSyncFreq.Denominator = 0;
    no_region |mode: &mut MonitorMode| mode.VideoSignalInfo.ActiveSize.cx = 0;
}

macro_rules! supports {
    ($name:ident) => {
        with(|table| table.DxgkDdiIsSupportedVidPn = Some($name))
    };
}

macro_rules! recommended {
    ($name:ident) => {
        with(|table| table.DxgkDdiRecommendFunctionalVidPn = Some($name))
    };
}

macro_rules! monitor {
    ($name:ident) => {
        with(|table| table.DxgkDdiRecommendMonitorModes = Some($name))
    };
}

bad_drivers! {
    no_vidpn_is_not_supported breaks "V1" saying "NULL is not supported" => supports!(never_nothing);
    no_path_is_not_supported breaks "V1" saying "no path is not supported" => supports!(never_empty);
    no_way_leads_anywhere breaks "V1" saying "is not supported: the driver recommended it" => supports!(nothing_at_all);
    no_way_is_recommended_either breaks "V1" saying "no path between any source and any target" => with(|table| {
        table.DxgkDdiIsSupportedVidPn = Some(nothing_at_all);
        table.DxgkDdiRecommendFunctionalVidPn = Some(recommends_none);
    });
    everything_is_supported breaks "V1" saying "is supported" => supports!(whatever);
    an_invalid_topology_is_supported breaks "V1" saying "said to be supported" => supports!(invalid_but_good);
    the_answer_is_not_set breaks "V1" saying "not set" => supports!(unset);
    the_answer_is_two breaks "V1" saying "0x2" => supports!(two);
    a_topology_is_not_supported breaks "G6" "V1" saying "not on the page" => supports!(another_status);
    any_mode_may_be_pinned breaks "V1" saying "is supported" => supports!(any_pinned_mode);
    no_mode_may_be_pinned breaks "V1" saying "not supported" => supports!(no_pinned_mode);
    the_question_keeps_a_path breaks "V1" saying "1 path info" => supports!(keeps_a_path);
    the_question_assigns_a_set breaks "V1" saying "for looking at" => supports!(assigns);
    the_question_updates_a_path breaks "V1" saying "for looking at" => supports!(updates);
    a_recommendation_pins_nothing breaks "V2" saying "not functional" => recommended!(pins_nothing);
    nothing_is_recommended_with_success breaks "V2" saying "not functional: no path" => recommended!(recommends_nothing);
    a_recommendation_is_not_supported breaks "V1" saying "the driver recommended it" => recommended!(turned);
    a_recommendation_is_an_error breaks "G6" "V2" saying "not on the page" => recommended!(recommends_an_error);
    a_target_has_two_paths breaks "V2" saying "another path has" => recommended!(recommends_two);
    a_path_has_no_importance breaks "V2" saying "ImportanceOrdinal is 0" => recommended!(no_importance);
    a_path_has_no_target breaks "V2" saying "VidPnTargetId" => recommended!(no_target);
    a_path_has_no_source breaks "V2" saying "VidPnSourceId" => recommended!(no_source);
    a_path_has_no_scaling breaks "V2" saying "Scaling is 0" => recommended!(no_scaling);
    a_path_has_no_rotation breaks "V2" saying "Rotation is 0" => recommended!(no_rotation);
    a_path_has_no_offset breaks "V2" saying "Offset" => recommended!(no_offset);
    a_path_has_no_color_basis breaks "V2" saying "ColorBasis is 0" => recommended!(no_basis);
    a_path_has_no_color_range breaks "V2" saying "a channel" => recommended!(no_range);
    a_path_has_no_content breaks "V2" saying "Content is 0" => recommended!(no_content);
    a_path_has_no_copy_protection_type breaks "V2" saying "CopyProtectionType" => recommended!(no_protection);
    a_path_has_a_fourth_trigger breaks "V2" saying "APSTriggerBits" => recommended!(no_trigger);
    a_path_has_no_gamma breaks "V2" saying "GammaRamp.Type" => recommended!(no_gamma);
    a_monitor_mode_is_the_monitors_own breaks "V2" saying "Origin" => monitor!(no_origin);
    a_monitor_mode_is_neither_preferred_nor_not breaks "V2" saying "Preference" => monitor!(no_preference);
    a_monitor_mode_has_no_basis breaks "V2" saying "ColorBasis is 9" => monitor!(no_mode_basis);
    a_monitor_mode_has_too_many_colors breaks "V2" saying "is 300" => monitor!(no_mode_range);
    a_monitor_mode_has_no_line_rate breaks "V2" saying "HSyncFreq" => monitor!(no_frequency);
    a_monitor_mode_has_no_width breaks "V2" saying "ActiveSize is 0" => monitor!(no_region);
    a_monitor_mode_is_kept breaks "V2" saying "1 monitor source mode info" => monitor!(keeps_a_monitor_mode);
    monitor_modes_are_not_supported breaks "G6" "V2" saying "nor dxgkrnl's own" => monitor!(recommend_badly);
}
