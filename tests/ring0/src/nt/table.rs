//! ntoskrnl's export table, as far as this kernel has it.
//!
//! An import is not bound to its service itself but to a stub that first notes
//! the return address, so that wrong use is reported with the line of the
//! driver that it is in.

use core::arch::naked_asm;

use super::{
    CALLER, debug, device, dpc, event, lock, mapping, memory, pool, process, registry, system,
    thread, timer,
};

/// Makes a stub for each service, and the table of them.
macro_rules! services {
    ($($name:ident: $service:path,)*) => {
        /// Name and entry stub of each service.
        static SERVICES: &[(&str, unsafe extern "win64" fn())] = &[$((
            stringify!($name),
            {
                #[unsafe(naked)]
                unsafe extern "win64" fn stub() {
                    // RAX carries nothing into a Microsoft x64 call.
                    naked_asm!(
                        "mov rax, [rsp]",
                        "mov [{caller}], rax",
                        "jmp {service}",
                        caller = sym CALLER,
                        service = sym $service,
                    )
                }
                stub
            },
        )),*];
    };
}

services! {
    DbgPrint: debug::dbg_print,
    DbgPrintEx: debug::dbg_print_ex,
    ExAcquireFastMutex: lock::acquire_fast_mutex,
    ExAcquirePushLockExclusiveEx: lock::acquire_push_lock_exclusive,
    ExAllocatePool2: pool::allocate_pool2,
    ExAllocateTimer: timer::allocate,
    ExCancelTimer: timer::cancel,
    ExDeleteTimer: timer::delete,
    ExFreePool: pool::free_pool,
    ExFreePoolWithTag: pool::free_pool_with_tag,
    ExReleaseFastMutex: lock::release_fast_mutex,
    ExReleasePushLockExclusiveEx: lock::release_push_lock_exclusive,
    ExSetTimer: timer::set,
    IoBuildDeviceIoControlRequest: device::build_device_io_control_request,
    IofCallDriver: device::call_driver,
    IoGetDeviceObjectPointer: device::get_device_object_pointer,
    KeAcquireSpinLockAtDpcLevel: lock::acquire_spin_lock_at_dpc_level,
    KeAcquireSpinLockRaiseToDpc: lock::acquire_spin_lock_raise_to_dpc,
    KeBugCheckEx: system::bug_check_ex,
    KeClearEvent: event::clear,
    KeDelayExecutionThread: event::delay_execution_thread,
    KeEnterCriticalRegion: process::enter_critical_region,
    KeFlushQueuedDpcs: dpc::flush,
    KeGetCurrentIrql: process::current_irql,
    KeGetCurrentProcessorNumberEx: process::current_processor_number,
    KeInitializeDpc: dpc::initialize,
    KeInitializeEvent: event::initialize,
    KeInitializeSpinLock: lock::initialize_spin_lock,
    KeInsertQueueDpc: dpc::insert,
    KeLeaveCriticalRegion: process::leave_critical_region,
    KeLowerIrql: process::lower_irql,
    KeQueryInterruptTimePrecise: system::query_interrupt_time_precise,
    KeReadStateEvent: event::read_state,
    KeReleaseSpinLock: lock::release_spin_lock,
    KeReleaseSpinLockFromDpcLevel: lock::release_spin_lock_from_dpc_level,
    KeRemoveQueueDpc: dpc::remove,
    KeResetEvent: event::reset,
    KeSetEvent: event::set,
    KeWaitForSingleObject: event::wait_for_single_object,
    KfRaiseIrql: process::raise_irql,
    MmAllocateMappingAddress: mapping::allocate,
    MmCopyMemory: memory::copy_memory,
    MmFreeMappingAddress: mapping::free,
    MmGetSystemRoutineAddress: system::system_routine_address,
    MmIsDriverVerifyingByAddress: system::is_driver_verifying_by_address,
    MmMapLockedPagesWithReservedMapping: mapping::map,
    MmUnmapReservedMapping: mapping::unmap,
    ObDereferenceObject: device::dereference_object,
    ObfDereferenceObject: device::dereference_object,
    PsCreateSystemThread: thread::create,
    PsTerminateSystemThread: thread::terminate,
    RtlCompareMemory: memory::compare,
    ZwClose: registry::close,
    ZwLoadDriver: device::load_driver,
    ZwOpenKey: registry::open_key,
    ZwQueryValueKey: registry::query_value_key,
    ZwUnloadDriver: device::unload_driver,
    ZwWaitForSingleObject: thread::wait_for_handle,
    memcmp: memory::memcmp,
    memcpy: memory::memcpy,
    memmove: memory::memmove,
    memset: memory::memset,
}

/// The address that an import of `name` is bound to, if this kernel has the export: a service's
/// stub, or a variable.
pub fn resolve(name: &str) -> Option<u64> {
    if name == "MmHighestUserAddress" {
        return Some(&raw const memory::HIGHEST_USER_ADDRESS as u64);
    }
    let index = SERVICES.iter().position(|(known, _)| *known == name)?;
    let (_, stub) = SERVICES.get(index)?;
    Some(*stub as usize as u64)
}
