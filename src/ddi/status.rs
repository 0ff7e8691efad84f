//! The statuses of each family of DDIs, by its error type.

use dxgk_sys::NTSTATUS;
use dxgk_sys::status::{
    STATUS_DEVICE_CONFIGURATION_ERROR, STATUS_GRAPHICS_DRIVER_MISMATCH,
    STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_HANDLE, STATUS_INVALID_PARAMETER,
    STATUS_INVALID_USER_BUFFER, STATUS_NO_MEMORY, STATUS_NO_SUCH_DEVICE, STATUS_NOT_SUPPORTED,
    STATUS_SUCCESS,
};

use crate::adapter::StartError;
use crate::allocation::standard::NoDescription;
use crate::allocation::{create, destroy, open};
use crate::device::OpenError;
use crate::display::NotShown;
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
