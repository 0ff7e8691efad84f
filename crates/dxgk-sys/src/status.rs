//! NTSTATUS values that display DDIs and dxgkrnl's callbacks return.
//!
//! The values were compared with Microsoft's metadata (crate `windows-sys` 0.61) and with the
//! `ntstatus.h` of mingw-w64. The two disagree on [`STATUS_GRAPHICS_DRIVER_MISMATCH`] alone: mingw-w64
//! has 0x401E0117, which would be a success code; this is Microsoft's.

use crate::NTSTATUS;

/// Whether a status reports success: its severity is success or informational.
pub const fn is_success(status: NTSTATUS) -> bool {
    status >= 0
}

/// The name of a status of this module.
pub fn name(status: NTSTATUS) -> Option<&'static str> {
    ALL.iter()
        .find(|(_, value)| *value == status)
        .map(|(name, _)| *name)
}

macro_rules! statuses {
    ($($(#[$meta:meta])* $name:ident = $value:literal;)*) => {
        $($(#[$meta])* pub const $name: NTSTATUS = u32::cast_signed($value);)*

        /// Every status of this module with its name.
        pub const ALL: &[(&str, NTSTATUS)] = &[$((stringify!($name), $name)),*];
    };
}

statuses! {
    /// Done.
    STATUS_SUCCESS = 0x0000_0000;
    /// The wait ended before what was waited for; a success code.
    STATUS_TIMEOUT = 0x0000_0102;
    /// It will be done later; a success code.
    STATUS_PENDING = 0x0000_0103;
    /// No mode of the set is pinned; informational.
    STATUS_GRAPHICS_MODE_NOT_PINNED = 0x401E_0307;
    /// No mode of the set is preferred; informational.
    STATUS_GRAPHICS_NO_PREFERRED_MODE = 0x401E_031E;
    /// There is no first element; informational.
    STATUS_GRAPHICS_DATASET_IS_EMPTY = 0x401E_034B;
    /// There is no next element; informational.
    STATUS_GRAPHICS_NO_MORE_ELEMENTS_IN_DATASET = 0x401E_034C;
    /// It failed, no reason given.
    STATUS_UNSUCCESSFUL = 0xC000_0001;
    /// The call exists, this request does not.
    STATUS_NOT_IMPLEMENTED = 0xC000_0002;
    /// The address cannot be read or written so.
    STATUS_ACCESS_VIOLATION = 0xC000_0005;
    /// The handle names nothing.
    STATUS_INVALID_HANDLE = 0xC000_0008;
    /// An argument is wrong.
    STATUS_INVALID_PARAMETER = 0xC000_000D;
    /// There is no such device.
    STATUS_NO_SUCH_DEVICE = 0xC000_000E;
    /// The device knows no such request.
    STATUS_INVALID_DEVICE_REQUEST = 0xC000_0010;
    /// No memory, of whichever kind.
    STATUS_NO_MEMORY = 0xC000_0017;
    /// A command buffer holds no valid command.
    STATUS_ILLEGAL_INSTRUCTION = 0xC000_001D;
    /// It may not be done here.
    STATUS_ACCESS_DENIED = 0xC000_0022;
    /// The caller's buffer is too small.
    STATUS_BUFFER_TOO_SMALL = 0xC000_0023;
    /// No object of that name.
    STATUS_OBJECT_NAME_NOT_FOUND = 0xC000_0034;
    /// A command buffer holds a command that its sender may not give.
    STATUS_PRIVILEGED_INSTRUCTION = 0xC000_0096;
    /// A resource of the system ran out.
    STATUS_INSUFFICIENT_RESOURCES = 0xC000_009A;
    /// The driver does not do this.
    STATUS_NOT_SUPPORTED = 0xC000_00BB;
    /// The user's buffer cannot be read or written.
    STATUS_INVALID_USER_BUFFER = 0xC000_00E8;
    /// The driver was loaded before.
    STATUS_IMAGE_ALREADY_LOADED = 0xC000_010E;
    /// The device's resources are not what it needs.
    STATUS_DEVICE_CONFIGURATION_ERROR = 0xC000_0182;
    /// There is no such thing.
    STATUS_NOT_FOUND = 0xC000_0225;
    /// The device is gone.
    STATUS_DEVICE_REMOVED = 0xC000_02B6;
    /// The monitor has no descriptor.
    STATUS_MONITOR_NO_DESCRIPTOR = 0xC01D_0001;
    /// The descriptor has no block of that number.
    STATUS_MONITOR_NO_MORE_DESCRIPTOR_DATA = 0xC01D_0008;
    /// The DMA buffer is full; the call comes again with another.
    STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER = 0xC01E_0001;
    /// The handle names no display adapter.
    STATUS_GRAPHICS_INVALID_DISPLAY_ADAPTER = 0xC01E_0002;
    /// The driver does not fit the model it declares.
    STATUS_GRAPHICS_INVALID_DRIVER_MODEL = 0xC01E_0004;
    /// No conversion between these formats.
    STATUS_GRAPHICS_CANNOTCOLORCONVERT = 0xC01E_0008;
    /// The user-mode driver is another build.
    STATUS_GRAPHICS_DRIVER_MISMATCH = 0xC01E_0009;
    /// The allocation is in use.
    STATUS_GRAPHICS_ALLOCATION_BUSY = 0xC01E_0102;
    /// The handle names no allocation.
    STATUS_GRAPHICS_INVALID_ALLOCATION_HANDLE = 0xC01E_0114;
    /// The device has failed and takes no more work.
    STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE = 0xC01E_0200;
    /// The paths of the `VidPN` cannot be.
    STATUS_GRAPHICS_INVALID_VIDPN_TOPOLOGY = 0xC01E_0300;
    /// The paths of the `VidPN` are more than the adapter does.
    STATUS_GRAPHICS_VIDPN_TOPOLOGY_NOT_SUPPORTED = 0xC01E_0301;
    /// The handle names no `VidPN`.
    STATUS_GRAPHICS_INVALID_VIDPN = 0xC01E_0303;
    /// No source of that number.
    STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_SOURCE = 0xC01E_0304;
    /// No target of that number.
    STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_TARGET = 0xC01E_0305;
    /// The modes of the `VidPN` are more than the adapter does.
    STATUS_GRAPHICS_VIDPN_MODALITY_NOT_SUPPORTED = 0xC01E_0306;
    /// The handle names no set of source modes.
    STATUS_GRAPHICS_INVALID_VIDPN_SOURCEMODESET = 0xC01E_0308;
    /// The handle names no set of target modes.
    STATUS_GRAPHICS_INVALID_VIDPN_TARGETMODESET = 0xC01E_0309;
    /// The frequency cannot be.
    STATUS_GRAPHICS_INVALID_FREQUENCY = 0xC01E_030A;
    /// No signal has such an active region.
    STATUS_GRAPHICS_INVALID_ACTIVE_REGION = 0xC01E_030B;
    /// No signal has such a total region.
    STATUS_GRAPHICS_INVALID_TOTAL_REGION = 0xC01E_030C;
    /// It is no mode of a VidPN source.
    STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_SOURCE_MODE = 0xC01E_0310;
    /// It is no mode of a VidPN target.
    STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_TARGET_MODE = 0xC01E_0311;
    /// The new mode set lacks the pinned mode.
    STATUS_GRAPHICS_PINNED_MODE_MUST_REMAIN_IN_SET = 0xC01E_0312;
    /// The topology has the path.
    STATUS_GRAPHICS_PATH_ALREADY_IN_TOPOLOGY = 0xC01E_0313;
    /// The set has that mode.
    STATUS_GRAPHICS_MODE_ALREADY_IN_MODESET = 0xC01E_0314;
    /// It is no present path.
    STATUS_GRAPHICS_INVALID_VIDPN_PRESENT_PATH = 0xC01E_0319;
    /// The handle names no set of frequency ranges.
    STATUS_GRAPHICS_INVALID_MONITOR_FREQUENCYRANGESET = 0xC01E_031B;
    /// It is no frequency range.
    STATUS_GRAPHICS_INVALID_MONITOR_FREQUENCYRANGE = 0xC01E_031C;
    /// The set of modes has changed since.
    STATUS_GRAPHICS_STALE_MODESET = 0xC01E_0320;
    /// The handle names no set of monitor source modes.
    STATUS_GRAPHICS_INVALID_MONITOR_SOURCEMODESET = 0xC01E_0321;
    /// It is no source mode of a monitor.
    STATUS_GRAPHICS_INVALID_MONITOR_SOURCE_MODE = 0xC01E_0322;
    /// No `VidPN` to recommend.
    STATUS_GRAPHICS_NO_RECOMMENDED_FUNCTIONAL_VIDPN = 0xC01E_0323;
    /// Another mode of the set has the identifier.
    STATUS_GRAPHICS_MODE_ID_MUST_BE_UNIQUE = 0xC01E_0324;
    /// The `VidPN` has no such path.
    STATUS_GRAPHICS_PATH_NOT_IN_TOPOLOGY = 0xC01E_0327;
    /// The handle names no set of monitor descriptors.
    STATUS_GRAPHICS_INVALID_MONITORDESCRIPTORSET = 0xC01E_032A;
    /// It is no monitor descriptor.
    STATUS_GRAPHICS_INVALID_MONITORDESCRIPTOR = 0xC01E_032B;
    /// The objects do not belong together.
    STATUS_GRAPHICS_RESOURCES_NOT_RELATED = 0xC01E_0330;
    /// The target has no monitor.
    STATUS_GRAPHICS_MONITOR_NOT_CONNECTED = 0xC01E_0338;
    /// The `VidPN` has no path from that source.
    STATUS_GRAPHICS_SOURCE_NOT_IN_TOPOLOGY = 0xC01E_0339;
    /// No path leads to the target.
    STATUS_GRAPHICS_TARGET_NOT_IN_TOPOLOGY = 0xC01E_0340;
    /// No such scaling or rotation on this path.
    STATUS_GRAPHICS_PATH_CONTENT_GEOMETRY_TRANSFORMATION_NOT_SUPPORTED = 0xC01E_0346;
    /// The set lacks that mode.
    STATUS_GRAPHICS_MODE_NOT_IN_MODESET = 0xC01E_034A;
    /// The child has no descriptor that can be read.
    STATUS_GRAPHICS_CHILD_DESCRIPTOR_NOT_SUPPORTED = 0xC01E_0401;
}
