//! Bad drivers: vmdisp with one callback replaced by one that does a single thing wrong.
//!
//! They are how the tests are tested: each names the rows that must fail with it, and some make a run
//! of the main job fail. `cargo run -- --sabotage NAME` shows what one looks like.

mod engine;

use core::ffi::c_void;
use core::ptr;
use std::cell::{Cell, RefCell};
use std::slice;

use dxgk_sys::status::{STATUS_NO_MEMORY, STATUS_SUCCESS, STATUS_UNSUCCESSFUL, is_success};
use dxgk_sys::{
    DRIVER_INITIALIZATION_DATA, DXGK_ALLOCATIONINFO, DXGK_CREATEALLOCATIONFLAGS,
    DXGK_DESTROYALLOCATIONFLAGS, DXGK_START_INFO, DXGK_SURPRISE_REMOVAL_TYPE,
    DXGKARG_CREATEALLOCATION, DXGKARG_DESCRIBEALLOCATION, DXGKARG_DESTROYALLOCATION,
    DXGKRNL_INTERFACE, NTSTATUS, ULONG, ddi_fn,
};
use vmdisp::kernel::irql::Passive;
use vmdisp::kernel::{Align, Tag, allocate, complain};

use engine::{
    begin_again, blame_a_parameter, execute_nothing, forgive_the_guilty, patch_nothing,
    transfer_nothing, unmap_nothing,
};

/// A bad driver.
#[derive(Clone, Copy)]
pub struct Saboteur {
    /// Its name.
    pub name: &'static str,
    /// What it does wrong.
    pub does: &'static str,
    /// Puts the bad callback into the table.
    pub enter: fn(&mut DRIVER_INITIALIZATION_DATA),
    /// Rows that must fail with it.
    pub rows: &'static [&'static str],
    /// Whether a run of the main job must fail with it.
    pub main_job: bool,
}

macro_rules! saboteurs {
    ($($name:literal $does:literal $member:ident $function:ident [$($row:literal)*] $main_job:literal;)*) => {
        /// Every saboteur.
        pub const SABOTEURS: &[Saboteur] = &[$(Saboteur {
            name: $name,
            does: $does,
            enter: |table| table.$member = Some($function),
            rows: &[$($row),*],
            main_job: $main_job,
        }),*];
    };
}

saboteurs! {
    "leak-a-buffer" "the first CreateAllocation takes a block of pool and forgets it"
        DxgkDdiCreateAllocation leak_a_buffer ["row_01_three_good"] true;
    "leak-on-failure" "CreateAllocation leaves a block behind when memory is short"
        DxgkDdiCreateAllocation leak_on_failure
        ["row_02_element_k_fails" "row_03_existing_resource_survives" "systematic_failure"
         "storm_with_failures"] false;
    "leave-handles" "a CreateAllocation that fails leaves a handle"
        DxgkDdiCreateAllocation leave_handles ["row_02_element_k_fails"] true;
    "drop-the-resource" "a CreateAllocation that fails clears hResource"
        DxgkDdiCreateAllocation drop_the_resource ["row_03_existing_resource_survives"] false;
    "ignore-the-flag" "CreateAllocation takes any hResource for a resource"
        DxgkDdiCreateAllocation ignore_the_flag ["row_04_resource_flag_and_handle"] false;
    "refuse-the-empty" "DestroyAllocation wants a list"
        DxgkDdiDestroyAllocation refuse_the_empty ["row_05_destroy_resource_alone"] true;
    "destroy-too-much" "DestroyAllocation destroys the resource, asked to or not"
        DxgkDdiDestroyAllocation destroy_too_much ["row_06_resource_survives_its_allocations"] false;
    "take-longer-data" "CreateAllocation takes private data that is too long"
        DxgkDdiCreateAllocation take_longer_data ["row_07_private_data_sizes"] false;
    "read-twice" "CreateAllocation reads private data a second time"
        DxgkDdiCreateAllocation read_twice ["row_08_private_data_changes"] false;
    "take-empty-buffers" "CreateAllocation takes a buffer of no bytes for one of one byte"
        DxgkDdiCreateAllocation take_empty_buffers ["row_09_sizes_overflow" "bad_input"] false;
    "make-a-status-up" "CreateAllocation fails with a status that its page does not list"
        DxgkDdiCreateAllocation make_a_status_up ["row_11_documented_statuses"] true;
    "forget-an-output" "CreateAllocation leaves EvictionSegmentSet as it was"
        DxgkDdiCreateAllocation forget_an_output ["row_12_every_output"] true;
    "stop-early" "DestroyAllocation looks at three entries"
        DxgkDdiDestroyAllocation stop_early ["row_13_wrong_among_good"] true;
    "keep-the-handle" "DestroyAllocation leaves hResource as it was"
        DxgkDdiDestroyAllocation keep_the_handle
        ["row_01_three_good" "row_05_destroy_resource_alone"] true;
    "destroy-anywhere" "DestroyAllocation looks for handles in every adapter"
        DxgkDdiDestroyAllocation destroy_anywhere ["two_adapters_at_once"] false;
    "need-a-stop" "RemoveDevice leaks what StopDevice did not free"
        DxgkDdiRemoveDevice need_a_stop ["remove_without_stop"] false;
    "fail-removal" "NotifySurpriseRemoval fails"
        DxgkDdiNotifySurpriseRemoval fail_removal ["surprise_removal_between_calls"] false;
    "start-once" "StartDevice works once"
        DxgkDdiStartDevice start_once ["stop_and_start_again"] false;
    "describe-anything" "DescribeAllocation takes any handle"
        DxgkDdiDescribeAllocation describe_anything
        ["row_01_three_good" "row_13_wrong_among_good" "two_adapters_at_once" "wrong_handles"] false;
    "complain-twice" "a refused CreateAllocation writes two debug lines"
        DxgkDdiCreateAllocation complain_twice ["row_07_private_data_sizes" "bad_input"] true;
    "execute-nothing" "what is submitted completes and is not executed"
        DxgkDdiSubmitCommand execute_nothing
        ["row_10_destroy_while_pending" "primary_surface" "mode_change" "eviction" "lock_smith"
         "process_callout" "pnp_stop_mode_switch" "tdr2" "storm"] false;
    "begin-again" "a buffer that was preempted is executed from its beginning"
        DxgkDdiSubmitCommand begin_again
        ["scheduler_stress_always_repatch" "scheduler_stress_no_pre_patching"] false;
    "patch-nothing" "Patch leaves addresses as they were"
        DxgkDdiPatch patch_nothing ["scheduler_stress_no_pre_patching"] false;
    "transfer-nothing" "the memory manager's transfers are left out"
        DxgkDdiBuildPagingBuffer transfer_nothing ["eviction" "lock_smith" "storm"] false;
    "unmap-nothing" "unmapped parts of the aperture keep their pages"
        DxgkDdiBuildPagingBuffer unmap_nothing ["unmap_segment_to_dummy_page"] false;
    "blame-a-parameter" "Render answers for memory that is gone as for a wrong parameter"
        DxgkDdiRender blame_a_parameter ["commands_lose_their_pages"] false;
    "forgive-the-guilty" "ResetEngine says that what hung was not begun"
        DxgkDdiResetEngine forgive_the_guilty ["simulate_preemption_tdr"] false;
}

thread_local! {
    /// How often the saboteur was called for what it does only once.
    static TIMES: Cell<u32> = const { Cell::new(0) };
    /// Adapters that were seen.
    static ADAPTERS: RefCell<Vec<*mut c_void>> = const { RefCell::new(Vec::new()) };
}

/// A new machine: what was done once is to be done once more.
pub(crate) fn forget() {
    TIMES.set(0);
    ADAPTERS.take();
}

type Create = DXGKARG_CREATEALLOCATION;
type Destroy = DXGKARG_DESTROYALLOCATION;

fn real() -> DRIVER_INITIALIZATION_DATA {
    vmdisp::ddi::initialization_data()
}

/// vmdisp's own CreateAllocation.
///
/// # Safety
///
/// As the DDI.
unsafe fn create(context: *mut c_void, argument: *mut Create) -> NTSTATUS {
    let create = real().DxgkDdiCreateAllocation.expect("it is in the table");
    // SAFETY: the caller's contract.
    unsafe { create(context, argument) }
}

/// vmdisp's own DestroyAllocation.
///
/// # Safety
///
/// As the DDI.
unsafe fn destroy(context: *mut c_void, argument: *const Destroy) -> NTSTATUS {
    let destroy = real().DxgkDdiDestroyAllocation.expect("it is in the table");
    // SAFETY: the caller's contract.
    unsafe { destroy(context, argument) }
}

/// Takes a block of pool and forgets it.
fn leak() {
    // SAFETY: the tests' calls come at PASSIVE_LEVEL.
    let irql = unsafe { Passive::assume() };
    let _ = allocate(Tag(*b"Leak"), 64, Align::Natural, irql);
}

/// The elements of a call.
///
/// # Safety
///
/// The argument is a whole one, and nobody else uses its elements meanwhile.
unsafe fn elements<'a>(argument: *mut Create) -> &'a mut [DXGK_ALLOCATIONINFO] {
    // SAFETY: the caller's contract.
    let argument = unsafe { argument.read() };
    let (first, count) = (argument.pAllocationInfo, argument.NumAllocations);
    if first.is_null() || !first.is_aligned() || count > 10_000 {
        return &mut [];
    }
    // SAFETY: the caller's contract.
    unsafe { slice::from_raw_parts_mut(first, count as usize) }
}

ddi_fn! {
    unsafe fn leak_a_buffer(context: *mut c_void, argument: *mut Create) -> i32 {
        if TIMES.replace(1) == 0 {
            leak();
        }
        // SAFETY: the port's call.
        unsafe { create(context, argument) }
    }

    unsafe fn leak_on_failure(context: *mut c_void, argument: *mut Create) -> i32 {
        // SAFETY: the port's call.
        let status = unsafe { create(context, argument) };
        if status == STATUS_NO_MEMORY {
            leak();
        }
        status
    }

    unsafe fn leave_handles(context: *mut c_void, argument: *mut Create) -> i32 {
        // SAFETY: the port's call.
        let status = unsafe { create(context, argument) };
        // SAFETY: the port's call.
        if let [first, ..] = unsafe { elements(argument) }
            && !is_success(status)
        {
            first.hAllocation = ptr::without_provenance_mut(0x1000);
        }
        status
    }

    unsafe fn drop_the_resource(context: *mut c_void, argument: *mut Create) -> i32 {
        // SAFETY: the port's call.
        let status = unsafe { create(context, argument) };
        if !is_success(status) {
            // SAFETY: the port's argument.
            unsafe { (*argument).hResource = ptr::null_mut() };
        }
        status
    }

    unsafe fn ignore_the_flag(context: *mut c_void, argument: *mut Create) -> i32 {
        // SAFETY: the port's argument.
        let resource = unsafe { (*argument).hResource };
        if !resource.is_null() {
            // SAFETY: as above.
            unsafe { (*argument).Flags |= DXGK_CREATEALLOCATIONFLAGS::Resource };
        }
        // SAFETY: the port's call.
        unsafe { create(context, argument) }
    }

    unsafe fn refuse_the_empty(context: *mut c_void, argument: *const Destroy) -> i32 {
        // SAFETY: the port's argument.
        if unsafe { (*argument).NumAllocations } == 0 {
            return STATUS_UNSUCCESSFUL;
        }
        // SAFETY: the port's call.
        unsafe { destroy(context, argument) }
    }

    unsafe fn destroy_too_much(context: *mut c_void, argument: *const Destroy) -> i32 {
        // SAFETY: the port's argument.
        let mut copy = unsafe { argument.read() };
        if !copy.hResource.is_null() {
            copy.Flags = DXGK_DESTROYALLOCATIONFLAGS::DestroyResource;
        }
        // SAFETY: the port's call.
        unsafe { destroy(context, &raw const copy) }
    }

    unsafe fn take_longer_data(context: *mut c_void, argument: *mut Create) -> i32 {
        // SAFETY: the port's call.
        for element in unsafe { elements(argument) } {
            element.PrivateDriverDataSize = element.PrivateDriverDataSize.min(56);
        }
        // SAFETY: the port's call.
        unsafe { create(context, argument) }
    }

    unsafe fn read_twice(context: *mut c_void, argument: *mut Create) -> i32 {
        // SAFETY: the port's call.
        let status = unsafe { create(context, argument) };
        // SAFETY: the port's call.
        for element in unsafe { elements(argument) }.iter_mut().filter(|_| is_success(status)) {
            let data = element.pPrivateDriverData.cast::<[u8; 56]>();
            // SAFETY: good private data is as long.
            let data = unsafe { data.read_volatile() };
            let height = data[20];
            if height != 32 {
                element.Size += 1;
            }
        }
        status
    }

    unsafe fn take_empty_buffers(context: *mut c_void, argument: *mut Create) -> i32 {
        // SAFETY: the port's call.
        for element in unsafe { elements(argument) } {
            let data = element.pPrivateDriverData.cast::<[u8; 56]>();
            if data.is_null() || element.PrivateDriverDataSize != 56 {
                continue;
            }
            // SAFETY: 56 bytes of private data; the row's own memory.
            let data = unsafe { &mut *data };
            let (kind, bytes) = (data[8], &mut data[32..40]);
            if kind == 1 && bytes.iter().all(|byte| *byte == 0) {
                bytes[0] = 1;
            }
        }
        // SAFETY: the port's call.
        unsafe { create(context, argument) }
    }

    unsafe fn make_a_status_up(context: *mut c_void, argument: *mut Create) -> i32 {
        // SAFETY: the port's call.
        let status = unsafe { create(context, argument) };
        if status == STATUS_SUCCESS { status } else { STATUS_UNSUCCESSFUL }
    }

    unsafe fn forget_an_output(context: *mut c_void, argument: *mut Create) -> i32 {
        // SAFETY: the port's call.
        let before: Vec<_> = unsafe { elements(argument) }
            .iter()
            .map(|element| element.EvictionSegmentSet)
            .collect();
        // SAFETY: the port's call.
        let status = unsafe { create(context, argument) };
        // SAFETY: the port's call.
        for (element, before) in unsafe { elements(argument) }.iter_mut().zip(before) {
            element.EvictionSegmentSet = before;
        }
        status
    }

    unsafe fn stop_early(context: *mut c_void, argument: *const Destroy) -> i32 {
        // SAFETY: the port's argument.
        let mut copy = unsafe { argument.read() };
        copy.NumAllocations = copy.NumAllocations.min(3);
        // SAFETY: the port's call.
        let status = unsafe { destroy(context, &raw const copy) };
        // SAFETY: the port's argument, which it keeps writable (D7).
        unsafe { (*argument.cast_mut()).hResource = copy.hResource };
        status
    }

    unsafe fn keep_the_handle(context: *mut c_void, argument: *const Destroy) -> i32 {
        // SAFETY: the port's argument.
        let copy = unsafe { argument.read() };
        // SAFETY: the port's call.
        unsafe { destroy(context, &raw const copy) }
    }

    unsafe fn destroy_anywhere(context: *mut c_void, argument: *const Destroy) -> i32 {
        ADAPTERS.with_borrow_mut(|known| {
            if !known.contains(&context) {
                known.push(context);
            }
        });
        let known = ADAPTERS.with_borrow(Clone::clone);
        let others = known.into_iter().filter(|other| *other != context);
        // SAFETY: the port's call. A context that is gone is refused.
        let status = unsafe { destroy(context, argument) };
        for other in others {
            // SAFETY: as above.
            unsafe { destroy(other, argument) };
        }
        status
    }

    unsafe fn need_a_stop(context: *mut c_void) -> i32 {
        leak();
        let remove = real().DxgkDdiRemoveDevice.expect("it is in the table");
        // SAFETY: the port's call.
        unsafe { remove(context) }
    }

    unsafe fn fail_removal(_context: *mut c_void, _kind: DXGK_SURPRISE_REMOVAL_TYPE) -> i32 {
        STATUS_UNSUCCESSFUL
    }

    unsafe fn start_once(
        context: *mut c_void,
        info: *mut DXGK_START_INFO,
        interface: *mut DXGKRNL_INTERFACE,
        sources: *mut ULONG,
        children: *mut ULONG,
    ) -> i32 {
        if TIMES.replace(1) == 1 {
            return STATUS_UNSUCCESSFUL;
        }
        let start = real().DxgkDdiStartDevice.expect("it is in the table");
        // SAFETY: the port's call.
        unsafe { start(context, info, interface, sources, children) }
    }

    unsafe fn describe_anything(context: *mut c_void, argument: *mut DXGKARG_DESCRIBEALLOCATION) -> i32 {
        let describe = real().DxgkDdiDescribeAllocation.expect("it is in the table");
        // SAFETY: the port's call.
        unsafe { describe(context, argument) };
        STATUS_SUCCESS
    }

    unsafe fn complain_twice(context: *mut c_void, argument: *mut Create) -> i32 {
        // SAFETY: the port's call.
        let status = unsafe { create(context, argument) };
        if !is_success(status) {
            complain(c"CreateAllocation", c"status", 0, c"refused, I say");
        }
        status
    }
}
