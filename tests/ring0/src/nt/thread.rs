//! System threads: making them, waiting for their end, closing their handles.

use alloc::{collections::BTreeMap, format, vec::Vec};
use core::sync::atomic::{AtomicU64, Ordering};

use spin::Mutex;

use super::{
    caller, demand_irql, event,
    registry::ObjectAttributes,
    status::{self, Status},
};
use crate::{
    cpu::irql::PASSIVE_LEVEL,
    fault,
    threads::{self, On, Woken},
};

/// Open handles and their threads. Like NT's, handles are multiples of four; the registry's begin elsewhere.
static HANDLES: Mutex<BTreeMap<usize, u64>> = Mutex::new(BTreeMap::new());
/// The first handle.
const FIRST: usize = 0x8000_0100;

/// Threads that were asked for.
static CREATED: AtomicU64 = AtomicU64::new(0);
/// The number of the one that shall fail; 0 for none.
static FAILS: AtomicU64 = AtomicU64::new(0);

/// Lets the `nth` thread from now on fail, 1 being the next, or none any more.
pub fn fail_creation(nth: Option<u64>) {
    let number = nth.map_or(0, |nth| created() + nth.max(1));
    FAILS.store(number, Ordering::Relaxed);
}

/// Threads that were asked for so far.
pub fn created() -> u64 {
    CREATED.load(Ordering::Relaxed)
}

/// Forgets the handles of a driver that goes.
pub fn forget_all() -> Vec<alloc::string::String> {
    HANDLES.lock().clear();
    threads::forget_all()
}

/// `NTSTATUS PsCreateSystemThread(PHANDLE, ULONG, POBJECT_ATTRIBUTES, HANDLE, PCLIENT_ID, PKSTART_ROUTINE, PVOID)`.
pub unsafe extern "win64" fn create(
    handle: *mut usize,
    _access: u32,
    attributes: *const ObjectAttributes,
    process: usize,
    _client: u64,
    routine: u64,
    context: u64,
) -> Status {
    const SERVICE: &str = "PsCreateSystemThread";
    demand_irql(SERVICE, PASSIVE_LEVEL);
    threads::stall_point(SERVICE);
    // SAFETY: the driver passes null or a structure of its own.
    let attributes = unsafe { attributes.as_ref() };
    if !attributes.is_some_and(ObjectAttributes::is_for_kernel) {
        let text = "the handle is not a kernel handle (OBJ_KERNEL_HANDLE)";
        fault::wrong_use(SERVICE, text, Vec::new());
    }
    if process != 0 || routine == 0 {
        let text = format!("process {process:#x}, routine {routine:#x}: no system thread's");
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    let number = CREATED.fetch_add(1, Ordering::Relaxed) + 1;
    if FAILS.load(Ordering::Relaxed) == number {
        return status::INSUFFICIENT_RESOURCES;
    }
    let Some(thread) = threads::create(routine, context, caller()) else {
        return status::INSUFFICIENT_RESOURCES;
    };
    let new = FIRST + 4 * thread as usize;
    HANDLES.lock().insert(new, thread);
    // SAFETY: the driver passes a variable of its own.
    unsafe { handle.write(new) };
    status::SUCCESS
}

/// `NTSTATUS PsTerminateSystemThread(NTSTATUS)`.
pub unsafe extern "win64" fn terminate(_status: Status) -> Status {
    const SERVICE: &str = "PsTerminateSystemThread";
    demand_irql(SERVICE, PASSIVE_LEVEL);
    if threads::current() == threads::MAIN {
        return status::INVALID_PARAMETER;
    }
    threads::end(SERVICE)
}

/// `NTSTATUS ZwWaitForSingleObject(HANDLE, BOOLEAN, PLARGE_INTEGER)`, for a thread's end.
pub unsafe extern "win64" fn wait_for_handle(
    handle: usize,
    _alertable: u8,
    timeout: *const i64,
) -> Status {
    const SERVICE: &str = "ZwWaitForSingleObject";
    demand_irql(SERVICE, PASSIVE_LEVEL);
    threads::stall_point(SERVICE);
    let Some(thread) = HANDLES.lock().get(&handle).copied() else {
        let text = format!("{handle:#x} is no open handle of a thread");
        fault::wrong_use(SERVICE, &text, Vec::new());
    };
    if thread == threads::current() {
        fault::wrong_use(SERVICE, "a thread waits for its own end", Vec::new());
    }
    // SAFETY: the driver passes null or a time of its own.
    let timeout = unsafe { timeout.as_ref() }.copied();
    if threads::has_ended(thread) == Some(true) {
        return status::SUCCESS;
    }
    let deadline = timeout.map_or(u64::MAX, event::deadline);
    match threads::wait(SERVICE, On::Thread(thread), deadline) {
        Woken::Signalled => status::SUCCESS,
        Woken::TimedOut => status::TIMEOUT,
    }
}

/// Closes a thread's handle; false if it is none.
pub fn close(handle: usize) -> bool {
    let thread = HANDLES.lock().remove(&handle);
    thread.inspect(|thread| threads::close(*thread)).is_some()
}
