//! NTSTATUS values that display DDIs return.

use crate::NTSTATUS;

/// Success.
pub const STATUS_SUCCESS: NTSTATUS = 0;
