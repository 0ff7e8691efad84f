//! Deferred procedure calls.

use alloc::{collections::VecDeque, format, string::String, vec, vec::Vec};
use core::sync::atomic::{AtomicUsize, Ordering};

use spin::Mutex;

use super::{
    caller, demand_irql,
    dispatcher::{self, Work},
};
use crate::{
    cpu::{apic, irql::PASSIVE_LEVEL},
    fault,
};

/// `KDPC`.
#[repr(C)]
pub struct Dpc {
    /// `DpcObject`.
    kind: u8,
    importance: u8,
    number: u16,
    next: usize,
    history: usize,
    routine: u64,
    context: u64,
    arguments: [u64; 2],
    /// Not zero while it is queued.
    queue: usize,
}

const _: () = assert!(size_of::<Dpc>() == 64);

/// `DpcObject` of `KOBJECTS`.
const DPC_OBJECT: u8 = 19;
/// `MediumImportance`.
const MEDIUM: u8 = 1;

/// Where each queued DPC is, and who queued it.
static QUEUE: Mutex<VecDeque<(u64, u64)>> = Mutex::new(VecDeque::new());
/// How many there are.
static QUEUED: AtomicUsize = AtomicUsize::new(0);

/// Whether any DPC is queued. Any IRQL.
pub fn any_queued() -> bool {
    QUEUED.load(Ordering::Relaxed) != 0
}

/// Takes the DPC out that was queued first.
pub fn take() -> Option<Work> {
    let (dpc, _) = QUEUE.lock().pop_front()?;
    QUEUED.fetch_sub(1, Ordering::Relaxed);
    // SAFETY: a queued DPC's memory may not be freed, which `demand_none_in` sees to.
    let known = unsafe { &mut *(dpc as *mut Dpc) };
    known.queue = 0;
    let [first, second] = known.arguments;
    Some(Work {
        service: "KeInsertQueueDpc",
        routine: known.routine,
        arguments: [dpc, known.context, first, second],
    })
}

/// Takes out what is left of a driver that goes, and describes it.
pub fn forget_all() -> Vec<String> {
    QUEUED.store(0, Ordering::Relaxed);
    let left = core::mem::take(&mut *QUEUE.lock());
    left.iter()
        .map(|(dpc, by)| format!("a DPC still queued: {dpc:#x}, queued by <{by:#x}>"))
        .collect()
}

/// Ends the run if a queued DPC lies in memory that is about to be freed.
pub fn demand_none_in(service: &str, start: u64, bytes: u64) {
    let inside = QUEUE
        .lock()
        .iter()
        .find(|(dpc, _)| (start..start + bytes).contains(dpc))
        .copied();
    if let Some((dpc, by)) = inside {
        let text = format!("the block at {start:#x} has a queued DPC in it, at {dpc:#x}");
        fault::wrong_use(service, &text, vec![format!("queued by <{by:#x}>")]);
    }
}

/// The DPC at `dpc`, if it is one.
///
/// # Safety
///
/// `dpc` points at memory of a DPC's size.
unsafe fn known<'a>(service: &str, dpc: *mut Dpc) -> &'a mut Dpc {
    // SAFETY: the caller's promise; nothing runs beside the call.
    let known = unsafe { &mut *dpc };
    if known.kind != DPC_OBJECT || known.routine == 0 {
        let text = format!("{dpc:p} is no DPC that was initialised");
        fault::wrong_use(service, &text, Vec::new());
    }
    known
}

/// `void KeInitializeDpc(PRKDPC, PKDEFERRED_ROUTINE, PVOID)`.
pub unsafe extern "win64" fn initialize(dpc: *mut Dpc, routine: u64, context: u64) {
    demand_none_in("KeInitializeDpc", dpc as u64, size_of::<Dpc>() as u64);
    let new = Dpc {
        kind: DPC_OBJECT,
        importance: MEDIUM,
        number: 0,
        next: 0,
        history: 0,
        routine,
        context,
        arguments: [0; 2],
        queue: 0,
    };
    // SAFETY: the driver passes memory of its own for the DPC.
    unsafe { dpc.write(new) }
}

/// `BOOLEAN KeInsertQueueDpc(PRKDPC, PVOID, PVOID)`. Any IRQL.
pub unsafe extern "win64" fn insert(dpc: *mut Dpc, first: u64, second: u64) -> u8 {
    // SAFETY: the driver passes a DPC of its own.
    let known = unsafe { known("KeInsertQueueDpc", dpc) };
    if known.queue != 0 {
        return 0;
    }
    known.queue = 1;
    known.arguments = [first, second];
    QUEUE.lock().push_back((dpc as u64, caller()));
    QUEUED.fetch_add(1, Ordering::Relaxed);
    apic::request_dispatch();
    dispatcher::run_due();
    1
}

/// `BOOLEAN KeRemoveQueueDpc(PRKDPC)`. Any IRQL.
pub unsafe extern "win64" fn remove(dpc: *mut Dpc) -> u8 {
    // SAFETY: the driver passes a DPC of its own.
    let known = unsafe { known("KeRemoveQueueDpc", dpc) };
    let mut queue = QUEUE.lock();
    let before = queue.len();
    queue.retain(|(queued, _)| *queued != dpc as u64);
    known.queue = 0;
    let removed = before - queue.len();
    QUEUED.fetch_sub(removed, Ordering::Relaxed);
    removed as u8
}

/// `void KeFlushQueuedDpcs(void)`.
pub unsafe extern "win64" fn flush() {
    demand_irql("KeFlushQueuedDpcs", PASSIVE_LEVEL);
    dispatcher::run_due();
}
