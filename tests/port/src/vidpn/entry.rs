//! The way into every function of the VidPN and monitor interfaces.

use alloc::string::String;
use core::ptr::NonNull;

use dxgk_sys::NTSTATUS;
use dxgk_sys::status::STATUS_INVALID_PARAMETER;

use crate::adapter::AdapterInner;
use crate::callbacks::calling_port;
use crate::host::irql;
use crate::port::PortInner;
use crate::rules::Rule;
use crate::vidpn::handle::{self, Kind};
use crate::vidpn::{State, rule_of};

/// A variable of the driver's that a function writes.
pub(crate) struct Out<T>(NonNull<T>);

impl<T> Out<T> {
    /// `None` for NULL.
    ///
    /// # Safety
    /// What is not NULL can be written during the call.
    pub(crate) unsafe fn new(pointer: *mut T) -> Option<Self> {
        NonNull::new(pointer).map(Self)
    }

    pub(crate) fn set(&self, value: T) {
        // SAFETY: `new` promises it.
        unsafe { self.0.write(value) };
    }
}

/// A function that is called with a good handle.
pub(crate) struct Entered<'a> {
    pub adapter: &'a AdapterInner,
    pub state: &'a mut State,
    pub function: &'static str,
    /// The object of the handle.
    pub serial: u32,
}

impl Entered<'_> {
    /// The rule that misuse in this call breaks.
    pub(crate) fn rule(&self) -> Rule {
        self.state.call.as_ref().map_or(Rule::V3, |call| call.rule)
    }

    /// Records misuse, and returns the status for it.
    pub(crate) fn misuse<D: Into<String>>(
        &self,
        status: NTSTATUS,
        detail: impl FnOnce() -> D,
    ) -> NTSTATUS {
        self.adapter
            .check(self.rule(), self.function, false, detail);
        status
    }

    /// A parameter that must not be NULL is.
    pub(crate) fn null(&self) -> NTSTATUS {
        self.misuse(STATUS_INVALID_PARAMETER, || "a pointer is NULL")
    }

    /// Whether an allocation fails now, because the port wants it to.
    pub(crate) fn fails(&mut self) -> bool {
        let Some(call) = self.state.call.as_mut() else {
            return false;
        };
        call.allocations += 1;
        call.fail_allocation == Some(call.allocations)
    }
}

/// Checks the IRQL and the handle, and runs `work` with the manager's state. `invalid` is the status of a handle
/// that is none.
pub(crate) fn enter<T>(
    function: &'static str,
    (handle, kind): (*mut T, Kind),
    invalid: NTSTATUS,
    work: impl FnOnce(&mut Entered<'_>) -> NTSTATUS,
) -> NTSTATUS {
    let Some((adapter, serial)) = handle::open(handle, kind) else {
        if let Some(port) = calling_port() {
            port.journal.interface_function(function);
            unknown(&port, function, handle);
        }
        return invalid;
    };
    adapter.port.journal.interface_function(function);
    let now = adapter.port.host.irql();
    let low = adapter.check(Rule::B3, function, now == irql::PASSIVE, || {
        alloc::format!("called at IRQL {now}")
    });
    if !low {
        return invalid;
    }
    let mut state = adapter.vidpn.lock(&adapter.port);
    if !state.has(kind, serial) {
        drop(state);
        unknown(&adapter.port, function, handle);
        return invalid;
    }
    let mut entered = Entered {
        adapter: &adapter,
        state: &mut state,
        function,
        serial,
    };
    let status = work(&mut entered);
    if let Some(call) = state.call.as_mut()
        && status < 0
    {
        call.errors.push(status);
    }
    status
}

fn unknown<T>(port: &PortInner, function: &'static str, handle: *mut T) {
    let thread = port.host.thread_id();
    let rule = port.frames.current(thread, |frame| rule_of(frame.ddi));
    port.check(rule.unwrap_or(Rule::V3), function, false, || {
        alloc::format!("{handle:p} is no handle of such an object, or no longer one")
    });
}
