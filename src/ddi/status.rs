//! The statuses of each family of DDIs, by its error type.

use dxgk_sys::NTSTATUS;
use dxgk_sys::status::{
    STATUS_DEVICE_CONFIGURATION_ERROR, STATUS_GRAPHICS_CANNOTCOLORCONVERT,
    STATUS_GRAPHICS_CHILD_DESCRIPTOR_NOT_SUPPORTED, STATUS_GRAPHICS_DRIVER_MISMATCH,
    STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER, STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_SOURCE,
    STATUS_GRAPHICS_INVALID_VIDPN_TOPOLOGY, STATUS_GRAPHICS_NO_RECOMMENDED_FUNCTIONAL_VIDPN,
    STATUS_GRAPHICS_PATH_CONTENT_GEOMETRY_TRANSFORMATION_NOT_SUPPORTED,
    STATUS_GRAPHICS_PATH_NOT_IN_TOPOLOGY, STATUS_GRAPHICS_VIDPN_MODALITY_NOT_SUPPORTED,
    STATUS_ILLEGAL_INSTRUCTION, STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_HANDLE,
    STATUS_INVALID_PARAMETER, STATUS_INVALID_USER_BUFFER, STATUS_MONITOR_NO_DESCRIPTOR,
    STATUS_MONITOR_NO_MORE_DESCRIPTOR_DATA, STATUS_NO_MEMORY, STATUS_NO_SUCH_DEVICE,
    STATUS_NOT_SUPPORTED, STATUS_PRIVILEGED_INSTRUCTION, STATUS_SUCCESS,
};

use crate::adapter::{EscapeError, StartError};
use crate::allocation::standard::NoDescription;
use crate::allocation::{create, destroy, open};
use crate::device::OpenError;
use crate::display::NotShown;
use crate::display::vidpn::child::NoDescriptor;
use crate::display::vidpn::{active, cofunctional, commit, functional, supported};
use crate::engine::{context, present, render};
use crate::kernel::NoMemory;
use crate::kernel::dxgkrnl::Refused;

/// Turns the result of a safe function into what the DDI returns.
pub fn of<E: Into<Failure>>(result: Result<(), E>) -> NTSTATUS {
    match result {
        Ok(()) => STATUS_SUCCESS,
        Err(error) => error.into().0,
    }
}

/// A status that is no success.
pub struct Failure(NTSTATUS);

/// An argument that no DDI can work with, of those whose page lists `STATUS_INVALID_PARAMETER`.
pub struct InvalidParameter;

/// What the hardware or the driver does not do, where a page lists or allows
/// `STATUS_NOT_SUPPORTED`.
pub struct NotSupported;

impl From<NotSupported> for Failure {
    fn from(_: NotSupported) -> Self {
        Self(STATUS_NOT_SUPPORTED)
    }
}

impl From<InvalidParameter> for Failure {
    fn from(_: InvalidParameter) -> Self {
        Self(STATUS_INVALID_PARAMETER)
    }
}

impl From<NoMemory> for Failure {
    fn from(_: NoMemory) -> Self {
        Self(STATUS_NO_MEMORY)
    }
}

/// Contract: C2.
impl From<create::Error> for Failure {
    fn from(error: create::Error) -> Self {
        Self(match error {
            create::Error::InvalidParameter => STATUS_INVALID_PARAMETER,
            create::Error::NoMemory => STATUS_NO_MEMORY,
            create::Error::DriverMismatch => STATUS_GRAPHICS_DRIVER_MISMATCH,
        })
    }
}

/// Contract: D2; DescribeAllocation and CloseAllocation take any error.
impl From<destroy::WrongHandle> for Failure {
    fn from(_: destroy::WrongHandle) -> Self {
        Self(STATUS_INVALID_PARAMETER)
    }
}

/// Contract: O1, G8.
impl From<open::Error> for Failure {
    fn from(error: open::Error) -> Self {
        Self(match error {
            open::Error::InvalidParameter => STATUS_INVALID_PARAMETER,
            open::Error::InvalidHandle => STATUS_INVALID_HANDLE,
            open::Error::NoMemory => STATUS_NO_MEMORY,
        })
    }
}

/// Contract: O5.
impl From<NoDescription> for Failure {
    fn from(_: NoDescription) -> Self {
        Self(STATUS_NO_MEMORY)
    }
}

/// Contract: X2.
impl From<context::Error> for Failure {
    fn from(error: context::Error) -> Self {
        Self(match error {
            context::Error::NoMemory => STATUS_NO_MEMORY,
            context::Error::Mismatch => STATUS_GRAPHICS_DRIVER_MISMATCH,
        })
    }
}

/// Contract: E1.
impl From<EscapeError> for Failure {
    fn from(error: EscapeError) -> Self {
        Self(match error {
            EscapeError::Parameter => STATUS_INVALID_PARAMETER,
            EscapeError::Illegal => STATUS_ILLEGAL_INSTRUCTION,
            EscapeError::Mismatch => STATUS_GRAPHICS_DRIVER_MISMATCH,
        })
    }
}

/// Contract: X3.
impl From<render::Error> for Failure {
    fn from(error: render::Error) -> Self {
        Self(match error {
            render::Error::Mismatch => STATUS_GRAPHICS_DRIVER_MISMATCH,
            render::Error::UserBuffer => STATUS_INVALID_USER_BUFFER,
            render::Error::Illegal => STATUS_ILLEGAL_INSTRUCTION,
            render::Error::Parameter => STATUS_INVALID_PARAMETER,
            render::Error::Handle => STATUS_INVALID_HANDLE,
            render::Error::Privileged => STATUS_PRIVILEGED_INSTRUCTION,
            render::Error::Insufficient => STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER,
        })
    }
}

/// Contract: X7.
impl From<present::Error> for Failure {
    fn from(error: present::Error) -> Self {
        Self(match error {
            present::Error::ColorConvert => STATUS_GRAPHICS_CANNOTCOLORCONVERT,
            present::Error::Illegal => STATUS_ILLEGAL_INSTRUCTION,
            present::Error::Handle => STATUS_INVALID_HANDLE,
            present::Error::Privileged => STATUS_PRIVILEGED_INSTRUCTION,
            present::Error::Insufficient => STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER,
        })
    }
}

/// StartDevice's page allows any status; these are what the device manager shows a person.
impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self(match error {
            StartError::Refused(Refused(status)) => status,
            StartError::Hardware(OpenError::NotOurs) => STATUS_NO_SUCH_DEVICE,
            StartError::Hardware(OpenError::Resources) => STATUS_DEVICE_CONFIGURATION_ERROR,
            StartError::Hardware(OpenError::Mapping) => STATUS_INSUFFICIENT_RESOURCES,
            StartError::NoMemory => STATUS_NO_MEMORY,
        })
    }
}

/// Contract: V7; the page allows any error.
impl From<NotShown> for Failure {
    fn from(error: NotShown) -> Self {
        Self(match error {
            NotShown::InvalidParameter => STATUS_INVALID_PARAMETER,
            NotShown::Unreadable => STATUS_INVALID_USER_BUFFER,
            NotShown::NoMemory => STATUS_NO_MEMORY,
        })
    }
}

/// Contract: V1.
impl From<supported::Error> for Failure {
    fn from(error: supported::Error) -> Self {
        Self(match error {
            supported::Error::InvalidTopology => STATUS_GRAPHICS_INVALID_VIDPN_TOPOLOGY,
            supported::Error::NoMemory => STATUS_NO_MEMORY,
        })
    }
}

/// Contract: V2.
impl From<functional::Error> for Failure {
    fn from(error: functional::Error) -> Self {
        Self(match error {
            functional::Error::NoRecommendation => STATUS_GRAPHICS_NO_RECOMMENDED_FUNCTIONAL_VIDPN,
            functional::Error::NoMemory => STATUS_NO_MEMORY,
        })
    }
}

/// EnumVidPnCofuncModality's page allows any error.
impl From<cofunctional::Error> for Failure {
    fn from(error: cofunctional::Error) -> Self {
        Self(match error {
            cofunctional::Error::InvalidTopology => STATUS_GRAPHICS_INVALID_VIDPN_TOPOLOGY,
            cofunctional::Error::Modality => STATUS_GRAPHICS_VIDPN_MODALITY_NOT_SUPPORTED,
            cofunctional::Error::Refused(Refused(status)) => status,
        })
    }
}

/// RecommendMonitorModes hands on what dxgkrnl refused with, as its page asks.
impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self(refused.0)
    }
}

/// CommitVidPn's page allows any error (contract: V4).
impl From<commit::Error> for Failure {
    fn from(error: commit::Error) -> Self {
        Self(match error {
            commit::Error::Source => STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_SOURCE,
            commit::Error::InvalidTopology => STATUS_GRAPHICS_INVALID_VIDPN_TOPOLOGY,
            commit::Error::Modality => STATUS_GRAPHICS_VIDPN_MODALITY_NOT_SUPPORTED,
            commit::Error::Refused(Refused(status)) => status,
        })
    }
}

/// Contract: V7.
impl From<active::UpdateError> for Failure {
    fn from(error: active::UpdateError) -> Self {
        Self(match error {
            active::UpdateError::NotInTopology => STATUS_GRAPHICS_PATH_NOT_IN_TOPOLOGY,
            active::UpdateError::Transformation => {
                STATUS_GRAPHICS_PATH_CONTENT_GEOMETRY_TRANSFORMATION_NOT_SUPPORTED
            }
        })
    }
}

/// QueryVidPnHWCapability's page allows any error.
impl From<active::CapabilityError> for Failure {
    fn from(error: active::CapabilityError) -> Self {
        Self(match error {
            active::CapabilityError::NotInTopology => STATUS_GRAPHICS_PATH_NOT_IN_TOPOLOGY,
            active::CapabilityError::Refused(Refused(status)) => status,
        })
    }
}

/// Contract: Q2.
impl From<NoDescriptor> for Failure {
    fn from(error: NoDescriptor) -> Self {
        Self(match error {
            NoDescriptor::NotSupported => STATUS_GRAPHICS_CHILD_DESCRIPTOR_NOT_SUPPORTED,
            NoDescriptor::None => STATUS_MONITOR_NO_DESCRIPTOR,
            NoDescriptor::NoMore => STATUS_MONITOR_NO_MORE_DESCRIPTOR_DATA,
        })
    }
}
