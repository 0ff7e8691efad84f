//! The status codes that the services return.

/// A status code: negative is an error.
pub type Status = i32;

/// `code` as the headers spell it.
const fn status(code: u32) -> Status {
    code.cast_signed()
}

pub const SUCCESS: Status = 0;
pub const TIMEOUT: Status = 0x102;
pub const PENDING: Status = 0x103;
pub const BUFFER_OVERFLOW: Status = status(0x8000_0005);
pub const ACCESS_VIOLATION: Status = status(0xc000_0005);
pub const INVALID_HANDLE: Status = status(0xc000_0008);
pub const INVALID_PARAMETER: Status = status(0xc000_000d);
pub const INVALID_DEVICE_REQUEST: Status = status(0xc000_0010);
pub const INSUFFICIENT_RESOURCES: Status = status(0xc000_009a);
pub const BUFFER_TOO_SMALL: Status = status(0xc000_0023);
pub const OBJECT_NAME_NOT_FOUND: Status = status(0xc000_0034);
pub const IMAGE_ALREADY_LOADED: Status = status(0xc000_010e);
