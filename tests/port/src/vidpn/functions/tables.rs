//! The interfaces as tables of functions. They live as long as the port, whatever drivers keep.

use dxgk_sys::{
    DXGK_MONITOR_INTERFACE, DXGK_MONITOR_INTERFACE_V2, DXGK_MONITOR_INTERFACE_VERSION,
    DXGK_MONITORDESCRIPTORSET_INTERFACE, DXGK_MONITORFREQUENCYRANGESET_INTERFACE,
    DXGK_MONITORSOURCEMODESET_INTERFACE, DXGK_VIDPN_INTERFACE, DXGK_VIDPN_INTERFACE_VERSION,
    DXGK_VIDPNSOURCEMODESET_INTERFACE, DXGK_VIDPNTARGETMODESET_INTERFACE,
    DXGK_VIDPNTOPOLOGY_INTERFACE,
};

use super::{descriptors, mode_sets, monitor, topology, vidpn};

/// Of a VidPN.
pub(crate) static VIDPN: DXGK_VIDPN_INTERFACE = DXGK_VIDPN_INTERFACE {
    Version: DXGK_VIDPN_INTERFACE_VERSION::DXGK_VIDPN_INTERFACE_VERSION_V1,
    pfnGetTopology: Some(vidpn::get_topology),
    pfnAcquireSourceModeSet: Some(vidpn::acquire_source_mode_set),
    pfnReleaseSourceModeSet: Some(vidpn::release_source_mode_set),
    pfnCreateNewSourceModeSet: Some(vidpn::create_source_mode_set),
    pfnAssignSourceModeSet: Some(vidpn::assign_source_mode_set),
    pfnAssignMultisamplingMethodSet: Some(vidpn::assign_multisampling),
    pfnAcquireTargetModeSet: Some(vidpn::acquire_target_mode_set),
    pfnReleaseTargetModeSet: Some(vidpn::release_target_mode_set),
    pfnCreateNewTargetModeSet: Some(vidpn::create_target_mode_set),
    pfnAssignTargetModeSet: Some(vidpn::assign_target_mode_set),
};

/// Of its topology.
pub(crate) static TOPOLOGY: DXGK_VIDPNTOPOLOGY_INTERFACE = DXGK_VIDPNTOPOLOGY_INTERFACE {
    pfnGetNumPaths: Some(topology::get_num_paths),
    pfnGetNumPathsFromSource: Some(topology::get_num_paths_from_source),
    pfnEnumPathTargetsFromSource: Some(topology::enum_path_targets_from_source),
    pfnGetPathSourceFromTarget: Some(topology::get_path_source_from_target),
    pfnAcquirePathInfo: Some(topology::acquire_path_info),
    pfnAcquireFirstPathInfo: Some(topology::acquire_first_path_info),
    pfnAcquireNextPathInfo: Some(topology::acquire_next_path_info),
    pfnUpdatePathSupportInfo: Some(topology::update_path_support_info),
    pfnReleasePathInfo: Some(topology::release_path_info),
    pfnCreateNewPathInfo: Some(topology::create_new_path_info),
    pfnAddPath: Some(topology::add_path),
    pfnRemovePath: Some(topology::remove_path),
};

/// Of the mode set of a source.
pub(crate) static SOURCE_MODE_SET: DXGK_VIDPNSOURCEMODESET_INTERFACE =
    DXGK_VIDPNSOURCEMODESET_INTERFACE {
        pfnGetNumModes: Some(mode_sets::source::get_num_modes),
        pfnAcquireFirstModeInfo: Some(mode_sets::source::acquire_first),
        pfnAcquireNextModeInfo: Some(mode_sets::source::acquire_next),
        pfnAcquirePinnedModeInfo: Some(mode_sets::source_pin::acquire_pinned),
        pfnReleaseModeInfo: Some(mode_sets::source::release_info),
        pfnCreateNewModeInfo: Some(mode_sets::source::create_new),
        pfnAddMode: Some(mode_sets::source::add_mode),
        pfnPinMode: Some(mode_sets::source_pin::pin_mode),
    };

/// Of the mode set of a target.
pub(crate) static TARGET_MODE_SET: DXGK_VIDPNTARGETMODESET_INTERFACE =
    DXGK_VIDPNTARGETMODESET_INTERFACE {
        pfnGetNumModes: Some(mode_sets::target::get_num_modes),
        pfnAcquireFirstModeInfo: Some(mode_sets::target::acquire_first),
        pfnAcquireNextModeInfo: Some(mode_sets::target::acquire_next),
        pfnAcquirePinnedModeInfo: Some(mode_sets::target_pin::acquire_pinned),
        pfnReleaseModeInfo: Some(mode_sets::target::release_info),
        pfnCreateNewModeInfo: Some(mode_sets::target::create_new),
        pfnAddMode: Some(mode_sets::target::add_mode),
        pfnPinMode: Some(mode_sets::target_pin::pin_mode),
    };

/// Of the mode set of a monitor.
pub(crate) static MONITOR_MODE_SET: DXGK_MONITORSOURCEMODESET_INTERFACE =
    DXGK_MONITORSOURCEMODESET_INTERFACE {
        pfnGetNumModes: Some(mode_sets::monitor::get_num_modes),
        pfnAcquirePreferredModeInfo: Some(mode_sets::acquire_preferred),
        pfnAcquireFirstModeInfo: Some(mode_sets::monitor::acquire_first),
        pfnAcquireNextModeInfo: Some(mode_sets::monitor::acquire_next),
        pfnCreateNewModeInfo: Some(mode_sets::monitor::create_new),
        pfnAddMode: Some(mode_sets::monitor::add_mode),
        pfnReleaseModeInfo: Some(mode_sets::monitor::release_info),
    };

/// Of a monitor.
pub(crate) static MONITOR: DXGK_MONITOR_INTERFACE = DXGK_MONITOR_INTERFACE {
    Version: DXGK_MONITOR_INTERFACE_VERSION::DXGK_MONITOR_INTERFACE_VERSION_V1,
    pfnAcquireMonitorSourceModeSet: Some(monitor::acquire_monitor_source_mode_set),
    pfnReleaseMonitorSourceModeSet: Some(monitor::release_monitor_source_mode_set),
    pfnGetMonitorFrequencyRangeSet: Some(monitor::get_frequency_range_set),
    pfnGetMonitorDescriptorSet: Some(monitor::get_descriptor_set),
};

/// The same with additional modes.
pub(crate) static MONITOR_V2: DXGK_MONITOR_INTERFACE_V2 = DXGK_MONITOR_INTERFACE_V2 {
    Version: DXGK_MONITOR_INTERFACE_VERSION::DXGK_MONITOR_INTERFACE_VERSION_V2,
    pfnAcquireMonitorSourceModeSet: Some(monitor::acquire_monitor_source_mode_set),
    pfnReleaseMonitorSourceModeSet: Some(monitor::release_monitor_source_mode_set),
    pfnGetMonitorFrequencyRangeSet: Some(monitor::get_frequency_range_set),
    pfnGetMonitorDescriptorSet: Some(monitor::get_descriptor_set),
    pfnGetAdditionalMonitorModeSet: Some(monitor::get_additional_mode_set),
    pfnReleaseAdditionalMonitorModeSet: Some(monitor::release_additional_mode_set),
};

/// Of a monitor's frequency ranges.
pub(crate) static FREQUENCY_RANGE_SET: DXGK_MONITORFREQUENCYRANGESET_INTERFACE =
    DXGK_MONITORFREQUENCYRANGESET_INTERFACE {
        pfnGetNumFrequencyRanges: Some(descriptors::ranges::get_count),
        pfnAcquireFirstFrequencyRangeInfo: Some(descriptors::ranges::acquire_first),
        pfnAcquireNextFrequencyRangeInfo: Some(descriptors::ranges::acquire_next),
        pfnReleaseFrequencyRangeInfo: Some(descriptors::ranges::release_info),
    };

/// Of a monitor's descriptors.
pub(crate) static DESCRIPTOR_SET: DXGK_MONITORDESCRIPTORSET_INTERFACE =
    DXGK_MONITORDESCRIPTORSET_INTERFACE {
        pfnGetNumDescriptors: Some(descriptors::descriptors::get_count),
        pfnAcquireFirstDescriptorInfo: Some(descriptors::descriptors::acquire_first),
        pfnAcquireNextDescriptorInfo: Some(descriptors::descriptors::acquire_next),
        pfnReleaseDescriptorInfo: Some(descriptors::descriptors::release_info),
    };
