//! Lines for people: each goes to the kernel debugger and into the trace.
#![forbid(unsafe_code)]

use core::ffi::CStr;

use super::{back, trace};

/// Says in one debug line which field of which call is wrong, and why:
/// `vmdisp: CreateAllocation: width = 0x1ffff: larger than 16384`. Any IRQL.
#[cold]
pub fn complain(call: &'static CStr, field: &'static CStr, value: u64, why: &'static CStr) {
    trace::complaint(call, field, value, why);
    back::complain(call, field, value, why);
}

/// Says in one debug line what was found or done:
/// `vmdisp: StartDevice: vram bytes = 0x1000000`. Any IRQL.
pub fn note(call: &'static CStr, what: &'static CStr, value: u64) {
    trace::note(call, what, value);
    back::note(call, what, value);
}
