//! Bad drivers of fences, preemption, interrupts and timeouts, and where Windows would stop.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::sync::atomic::Ordering;

use dxgk_port::{Report, Settings};
use dxgk_sys::status::*;
use dxgk_sys::*;

use super::common::engine::{self, MILLISECOND, Process, Work};
use super::common::miniport::contexts as good;
use super::common::miniport::queue::Fault;
use super::common::miniport::{self, context};
use super::engine::{
    after, fails_to_cancel, fails_to_patch, fails_to_preempt, fails_to_submit, renders_oddly,
};
use super::{scenario, with};

after! {
    reserved_status query_engine_status (argument: DXGKARG_QUERYENGINESTATUS, status) {
        argument.EngineStatus = DXGK_ENGINESTATUS::from_bits_retain(6);
    }
    no_status query_engine_status (argument: DXGKARG_QUERYENGINESTATUS, status) {
        status = STATUS_UNSUCCESSFUL;
    }
    other_nodes query_dependent_engine_group (argument: DXGKARG_QUERYDEPENDENTENGINEGROUP, status) {
        argument.DependentNodeOrdinalMask = 3;
    }
    not_its_node query_dependent_engine_group (argument: DXGKARG_QUERYDEPENDENTENGINEGROUP, status) {
        argument.DependentNodeOrdinalMask = 0;
    }
    aborts_the_future reset_engine (argument: DXGKARG_RESETENGINE, status) {
        argument.LastAbortedFenceId += 1000;
    }
}

ddi_fn! {
    unsafe fn reset_fails(_this: HANDLE) -> NTSTATUS {
        STATUS_UNSUCCESSFUL
    }

    unsafe fn reads_in_the_interrupt(this: PVOID, message: ULONG) -> BOOLEAN {
        let interface = &unsafe { context(this) }.interface;
        let (mut word, mut read) = (0u32, 0);
        let call = interface.DxgkCbReadDeviceSpace.unwrap();
        let handle = interface.DeviceHandle;
        unsafe { call(handle, 0, (&raw mut word).cast(), 0, 4, &raw mut read) };
        unsafe { miniport::interrupt_routine(this, message) }
    }

    unsafe fn denies_its_interrupt(this: PVOID, message: ULONG) -> BOOLEAN {
        unsafe { miniport::interrupt_routine(this, message) };
        0
    }
}

/// The good miniport with an engine that does something wrong all the time.
fn faulty(fault: Fault) -> Report {
    let (port, machine) = scenario::boot(&miniport::table(0x4002), Settings::default());
    let adapter = port.add_device(0).unwrap();
    adapter.start().unwrap();
    machine.set_fault(fault);
    engine::exercise(&adapter, &machine);
    let _ = adapter.stop();
    let _ = adapter.remove();
    port.unload();
    port.report()
}

/// A process that hangs the engine again and again, which cannot be reset by itself.
fn hangs_again_and_again() -> Report {
    let (port, machine) = scenario::boot(&miniport::table(0x4002), Settings::default());
    let adapter = port.add_device(0).unwrap();
    adapter.start().unwrap();
    machine.no_engine_reset.store(true, Ordering::Relaxed);
    machine.set_fault(Fault::Hung);
    machine.hurry.store(100 * MILLISECOND, Ordering::Relaxed);
    for _ in 0..6 {
        let Some(process) = Process::new(&adapter) else {
            break;
        };
        if let Ok(queued) = process.render(&Work::long()) {
            let _ = adapter.wait(&queued);
        }
        let _ = process.device.destroy();
    }
    port.report()
}

bad_drivers! {
    the_engine_status_is_reserved breaks "T1" saying "EngineStatus" => with(|table| {
        table.DxgkDdiQueryEngineStatus = Some(reserved_status);
    });
    the_engine_status_is_unknown breaks "T1" saying "0xc0000001" => with(|table| {
        table.DxgkDdiQueryEngineStatus = Some(no_status);
    });
    nodes_depend_on_what_is_not_there breaks "T1" saying "beyond" => with(|table| {
        table.DxgkDdiQueryDependentEngineGroup = Some(other_nodes);
    });
    a_node_does_not_depend_on_itself breaks "T1" saying "lacks" => with(|table| {
        table.DxgkDdiQueryDependentEngineGroup = Some(not_its_node);
    });
    the_aborted_fence_is_to_come breaks "T1" saying "LastAbortedFenceId" => with(|table| {
        table.DxgkDdiResetEngine = Some(aborts_the_future);
    });
    the_adapter_is_not_reset breaks "G6" "T2" saying "status" => with(|table| {
        table.DxgkDdiResetFromTimeout = Some(reset_fails);
    });
    the_adapter_does_not_restart breaks "G6" "T2" saying "status" => with(|table| {
        table.DxgkDdiRestartFromTimeout = Some(reset_fails);
    });
    the_adapter_hangs_too_often breaks "T3" saying "5 resets" => hangs_again_and_again();
    the_interrupt_reads_the_device breaks "I1" saying "called in InterruptRoutine" => with(|table| {
        table.DxgkDdiInterruptRoutine = Some(reads_in_the_interrupt);
    });
    the_interrupt_is_denied breaks "I1" saying "not its own" => with(|table| {
        table.DxgkDdiInterruptRoutine = Some(denies_its_interrupt);
    });
    a_fence_is_reported_that_never_was breaks "I4" saying "DMA_COMPLETED" => faulty(Fault::WrongFence);
    a_fence_is_reported_twice breaks "I4" saying "DMA_COMPLETED" => faulty(Fault::Twice);
    another_node_is_reported breaks "I4" saying "node 1" => faulty(Fault::WrongNode);
    a_missed_fence_is_kept breaks "X8" saying "CurrentFence" => faulty(Fault::Mute);
    a_preemption_is_not_reported breaks "X6" saying "idle" => faulty(Fault::NoPreemption);
    another_preemption_is_reported breaks "X6" saying "DMA_PREEMPTED" => faulty(Fault::WrongPreemption);
    more_is_completed_than_was breaks "I4" saying "LastCompletedFenceId" => faulty(Fault::PreemptedTooMuch);
    a_fault_is_reported breaks "I2" "X5" saying "DMA_FAULTED" => faulty(Fault::Faulting);
    a_reset_leaves_the_queue breaks "I4" saying "DMA_COMPLETED" => faulty(Fault::IgnoresReset);
}

/// The code and the first parameter of the bugcheck that each of these ends in.
#[test]
fn windows_would_stop_where_a_driver_may_not_fail() {
    type Bend = fn(&mut DRIVER_INITIALIZATION_DATA);
    let tables: [(Bend, u32, u64); 8] = [
        (|table| table.DxgkDdiPatch = Some(fails_to_patch), 0x119, 3),
        (
            |table| table.DxgkDdiSubmitCommand = Some(fails_to_submit),
            0x119,
            2,
        ),
        (
            |table| table.DxgkDdiPreemptCommand = Some(fails_to_preempt),
            0x119,
            2,
        ),
        (
            |table| table.DxgkDdiCancelCommand = Some(fails_to_cancel),
            0x119,
            9,
        ),
        (
            |table| table.DxgkDdiQueryDependentEngineGroup = Some(not_its_node),
            0x119,
            8,
        ),
        (
            |table| table.DxgkDdiResetEngine = Some(aborts_the_future),
            0x119,
            0xA,
        ),
        (
            |table| table.DxgkDdiResetFromTimeout = Some(reset_fails),
            0x116,
            0,
        ),
        (
            |table| table.DxgkDdiRestartFromTimeout = Some(reset_fails),
            0x116,
            0,
        ),
    ];
    for (bend, code, first) in tables {
        let report = with(bend);
        let bugcheck = report.bugcheck.expect("a bugcheck");
        assert_eq!(
            (bugcheck.code, bugcheck.parameters[0]),
            (code, first),
            "{bugcheck:?}"
        );
    }
    for (fault, first) in [
        (Fault::WrongFence, 1),
        (Fault::WrongPreemption, 1),
        (Fault::PreemptedTooMuch, 1),
    ] {
        let bugcheck = faulty(fault).bugcheck.expect("a bugcheck");
        assert_eq!(
            (bugcheck.code, bugcheck.parameters[0]),
            (0x119, first),
            "{bugcheck:?}"
        );
    }
    let bugcheck = hangs_again_and_again().bugcheck.expect("a bugcheck");
    assert_eq!(bugcheck.code, 0x116);
    assert!(
        with(|table| table.DxgkDdiRender = Some(renders_oddly))
            .bugcheck
            .is_none()
    );
}
