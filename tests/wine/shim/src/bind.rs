//! Binding: which imports of the driver under test lead here.
//!
//! Wine tells of an image when it is mapped and bound, and before it runs.

use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::{CStr, c_void};
use core::ptr;

use nt::UNICODE_STRING;
use nt::protocol::Message;
use nt::text::{self, Utf16};
use vmdisp_wine_nt as nt;

use crate::{
    debug, deferred, fault, handles, images, lock, pages, pool, registration, report, saboteur,
    system, threads, user, wait,
};

const READ_WRITE: u32 = 4;
/// Where the address of the PE header is in a file.
const PE: usize = 0x3c;
/// Where the import directory's entry is in the PE header of a 64-bit image.
const IMPORTS: usize = 24 + 112 + 8;
/// Bytes of an import descriptor.
const DESCRIPTOR: usize = 20;

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "system" {
    fn MmGetSystemRoutineAddress(name: *const UNICODE_STRING) -> *const c_void;
    fn PsSetLoadImageNotifyRoutine(routine: Notify) -> i32;
    fn PsRemoveLoadImageNotifyRoutine(routine: Notify) -> i32;
}

type Notify = unsafe extern "system" fn(*const UNICODE_STRING, *mut c_void, *const ImageInfo);

/// `IMAGE_INFO`
#[repr(C)]
struct ImageInfo {
    properties: u32,
    base: *mut u8,
    selector: u32,
    size: usize,
    section: u32,
}

/// The service that an import of that name is bound to. None: it stays Wine's.
fn service(name: &str) -> Option<usize> {
    macro_rules! services {
        ($($name:literal => $service:path,)*) => {
            match name {
                $($name => $service as *const () as usize,)*
                _ => return None,
            }
        };
    }
    Some(services! {
        "DbgPrintEx" => debug::dbg_print_ex,
        "ExAcquirePushLockExclusiveEx" => lock::acquire_push_lock,
        "ExAllocatePool2" => pool::allocate_pool2,
        "ExAllocateTimer" => deferred::allocate_timer,
        "ExCancelTimer" => deferred::cancel_timer,
        "ExDeleteTimer" => deferred::delete_timer,
        "ExFreePool" => pool::free_pool,
        "ExFreePoolWithTag" => pool::free_pool_with_tag,
        "ExReleasePushLockExclusiveEx" => lock::release_push_lock,
        "ExSetTimer" => deferred::set_timer,
        "IoGetDeviceObjectPointer" => registration::get_device_object_pointer,
        "KeAcquireSpinLockRaiseToDpc" => lock::acquire_spin_lock,
        "KeBugCheckEx" => system::bug_check_ex,
        "KeClearEvent" => wait::clear_event,
        "KeDelayExecutionThread" => wait::delay_execution_thread,
        "KeEnterCriticalRegion" => threads::enter_critical_region,
        "KeFlushQueuedDpcs" => deferred::flush_dpcs,
        "KeGetCurrentIrql" => threads::current_irql,
        "KeGetCurrentProcessorNumberEx" => system::processor_number,
        "KeInitializeDpc" => deferred::initialize_dpc,
        "KeInsertQueueDpc" => deferred::insert_dpc,
        "KeLeaveCriticalRegion" => threads::leave_critical_region,
        "KeLowerIrql" => threads::lower_irql,
        "KeQueryInterruptTimePrecise" => system::interrupt_time_precise,
        "KeReleaseSpinLock" => lock::release_spin_lock,
        "KeRemoveQueueDpc" => deferred::remove_dpc,
        "KeSetEvent" => wait::set_event,
        "KeWaitForSingleObject" => wait::wait_for_single_object,
        "KfRaiseIrql" => threads::raise_irql,
        "MmAllocateMappingAddress" => pages::reserve,
        "MmCopyMemory" => user::copy_memory,
        "MmFreeMappingAddress" => pages::unreserve,
        "MmIsDriverVerifyingByAddress" => system::is_driver_verifying,
        "MmMapLockedPagesWithReservedMapping" => pages::map,
        "MmUnmapReservedMapping" => pages::unmap,
        "ObfDereferenceObject" => registration::dereference_object,
        "PsCreateSystemThread" => threads::create,
        "PsTerminateSystemThread" => threads::terminate,
        "ZwClose" => handles::close,
        "ZwLoadDriver" => registration::load_driver,
        "ZwOpenKey" => handles::open_key,
        "ZwUnloadDriver" => registration::unload_driver,
        "ZwWaitForSingleObject" => handles::wait,
        "ExForgetSomeBlock" => saboteur::forget_some_blocks,
        "ExFreeEveryBlock2" => saboteur::free_twice,
        "ExOverrunThenFree" => saboteur::overrun_then_free,
        "KeWaitThenRelease" => saboteur::wait_then_release,
    })
}

/// From now on images are looked at.
pub fn watch() {
    // SAFETY: the routine lives until `stop_watching`.
    unsafe { PsSetLoadImageNotifyRoutine(loaded) };
}

/// From now on they are not.
pub fn stop_watching() {
    // SAFETY: it was set.
    unsafe { PsRemoveLoadImageNotifyRoutine(loaded) };
}

/// # Safety
///
/// The system's.
unsafe extern "system" fn loaded(
    name: *const UNICODE_STRING,
    _process: *mut c_void,
    info: *const ImageInfo,
) {
    // SAFETY: the system's records are valid during the call.
    let (name, info) = (unsafe { text::read(name) }, unsafe { &*info });
    let base = info.base;
    let known = images::know(&name, base.expose_provenance() as u64, info.size as u64);
    if known == Some(images::DRIVER) {
        // SAFETY: the image is mapped, and its imports are bound.
        unsafe { bind(base) };
    }
}

/// Binds the imports of the image at `base` that are supplied here.
///
/// # Safety
///
/// It is an image that the loader has mapped and bound.
unsafe fn bind(base: *mut u8) {
    // SAFETY: what is read lies in the image, as its headers say and the loader has checked.
    let word = |offset: usize| unsafe { base.wrapping_add(offset).cast::<u32>().read_unaligned() }
        as usize;
    let (mut shim, mut wine) = (Vec::new(), Vec::new());
    let mut descriptor = word(word(PE) + IMPORTS);
    if descriptor == 0 {
        return;
    }
    while word(descriptor + 12) != 0 {
        let (mut names, mut slots) = (word(descriptor), word(descriptor + 16));
        loop {
            // SAFETY: as above.
            let entry = unsafe { base.wrapping_add(names).cast::<u64>().read_unaligned() };
            if entry == 0 {
                break;
            }
            if entry >> 63 == 0 {
                let name = base.wrapping_add(entry as usize + 2).cast_const();
                // SAFETY: a name of the image's, with a zero behind it.
                let name = unsafe { CStr::from_ptr(name.cast()) }
                    .to_string_lossy()
                    .into_owned();
                let to = if let Some(address) = service(&name) {
                    put(base.wrapping_add(slots), address);
                    &mut shim
                } else {
                    demand_of_wine(&name);
                    &mut wine
                };
                to.push(name);
            }
            names += 8;
            slots += 8;
        }
        descriptor += DESCRIPTOR;
    }
    say(shim, wine);
}

/// Ends the run if Wine has no function or variable of that name: it would find out when the driver calls it.
fn demand_of_wine(name: &str) {
    let text = Utf16::new(name);
    // SAFETY: the name lives through the call.
    if unsafe { MmGetSystemRoutineAddress(&text.get()) }.is_null() {
        fault::missing_import(name);
    }
}

fn say(shim: Vec<String>, wine: Vec<String>) {
    report::message(&Message::Bound { shim, wine });
}

/// Writes an address into an import table, which the loader has made read-only.
fn put(slot: *mut u8, address: usize) {
    let old = user::protect(slot.expose_provenance(), 8, READ_WRITE);
    // SAFETY: the slot is writable now, and holds an address.
    unsafe { ptr::write_unaligned(slot.cast::<usize>(), address) };
    if let Some(old) = old {
        user::protect(slot.expose_provenance(), 8, old);
    }
}
