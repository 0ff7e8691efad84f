//! The part of ntoskrnl that a display miniport imports, played by this kernel.
//!
//! Each family of services has a file. A service checks what its page in
//! Microsoft's documentation demands of the caller (IRQL, ownership, known
//! pointers) and ends the run with the caller's address where that is broken.

mod debug;
mod device;
pub mod dispatcher;
mod dpc;
mod event;
mod format;
mod lock;
mod mapping;
mod memory;
pub mod pool;
mod process;
mod registry;
mod status;
mod string;
mod system;
mod table;
mod thread;
mod timer;

use alloc::{format, string::String, vec::Vec};
use core::sync::atomic::{AtomicU64, Ordering};

pub use debug::{take_complaints, write_all_lines};
pub use device::{DRIVER_OBJECT_SIZE, set_entry_points};
pub use mapping::demand_none_of as demand_no_mapping_of;
pub use memory::{is_copying, while_changing};
pub use process::critical_regions;
pub use registry::{SERVICE_KEY, set_parameter, set_parameter_strings, set_parameters};
pub use string::{UnicodeString, Utf16};
pub use system::{set_image, set_verified};
pub use table::resolve;
pub use thread::{created as threads_created, fail_creation as fail_thread_creation};

use crate::{cpu::irql, fault};

/// Return address of the service call that was made last; each entry in the driver's import
/// table points at a stub that stores it (`table`).
static CALLER: AtomicU64 = AtomicU64::new(0);

/// Where the driver called the running service from.
pub fn caller() -> u64 {
    CALLER.load(Ordering::Relaxed)
}

/// What of the services' state belongs to the running thread: where it called the service from, and its critical
/// regions.
pub fn context() -> (u64, i64) {
    (caller(), critical_regions())
}

/// Makes this the running thread's state.
pub fn set_context(caller: u64, regions: i64) {
    CALLER.store(caller, Ordering::Relaxed);
    process::set_critical_regions(regions);
}

/// Ends the run if the running thread, which ends, holds a lock or is in a critical region.
pub fn demand_nothing_held(service: &str) {
    let regions = critical_regions();
    if regions != 0 {
        let text = format!("a thread ends in {regions} critical regions");
        fault::wrong_use(service, &text, Vec::new());
    }
    lock::demand_none_held(service);
}

/// What the driver should have given back by the time that it is unloaded, a line each.
pub fn left_behind() -> Vec<String> {
    let mut left = Vec::new();
    let mut count = |what: &str, number: u64| {
        if number > 0 {
            left.push(format!("{what}: {number}"));
        }
    };
    count(
        "registry handles not closed",
        registry::open_handles() as u64,
    );
    count(
        "references to dxgkrnl's file object not given back",
        device::leaked_references(),
    );
    count(
        "critical regions not left",
        critical_regions().unsigned_abs(),
    );
    left.extend(
        lock::still_held()
            .into_iter()
            .map(|lock| format!("lock not released: {lock}")),
    );
    left.extend(thread::forget_all());
    left.extend(mapping::forget_all());
    left.extend(timer::forget_all());
    left.extend(dpc::forget_all());
    left
}

/// Ends the run if the IRQL is above `highest`.
fn demand_irql(service: &str, highest: u8) {
    let level = irql::current();
    if level > highest {
        let text = format!(
            "called at IRQL {level} ({}), allowed up to {}",
            irql::name(level),
            irql::name(highest)
        );
        fault::wrong_use(service, &text, Vec::new());
    }
}
