//! The engine's DDIs, on an adapter whose workers tests can hold up.

use core::ffi::c_void;
use core::ptr;
use std::boxed::Box;
use std::sync::Arc;
use std::vec::Vec;

use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_SUCCESS, STATUS_UNSUCCESSFUL};
use dxgk_sys::{
    DXGK_ENGINESTATUS, DXGK_SUBMITCOMMANDFLAGS, DXGKARG_CANCELCOMMAND, DXGKARG_COLLECTDBGINFO,
    DXGKARG_COLLECTDBGINFO_EXT, DXGKARG_PREEMPTCOMMAND, DXGKARG_QUERYCURRENTFENCE,
    DXGKARG_QUERYDEPENDENTENGINEGROUP, DXGKARG_QUERYENGINESTATUS, DXGKARG_RESETENGINE,
    DXGKARG_SUBMITCOMMAND,
};

use super::{handles, submission, timeouts};
use crate::adapter::{Adapter, TAG};
use crate::engine::private::{self, Kind};
use crate::engine::record::{self, Operation};
use crate::engine::tests::rig::{self, Machine, completed, preempted, steps, wait, work};
use crate::kernel::host::{Entered, World, with_irql};
use crate::kernel::testing::line::Line;
use crate::kernel::testing::passive;
use crate::kernel::{DmaReport, Owned};

struct Rig {
    adapter: Owned<Adapter>,
    machine: Arc<Machine>,
    line: Box<Line>,
    world: World,
    _entered: Entered,
}

fn adapter() -> Rig {
    let world = World::new();
    let entered = world.enter();
    let adapter = Adapter::try_new(passive()).unwrap();
    let rig = Rig {
        adapter: Owned::try_new(TAG, adapter, passive()).unwrap(),
        machine: Arc::default(),
        line: Box::default(),
        world,
        _entered: entered,
    };
    handles::register((&*rig.adapter).into(), passive()).unwrap();
    rig::start(&rig.adapter.engine, &rig.line, &rig.machine).unwrap();
    rig
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.machine.let_go();
        self.adapter.engine.stop(passive());
        handles::unregister(self.context(), passive()).unwrap();
    }
}

/// A buffer of a page and its private data, as dxgkrnl has them.
struct Buffer {
    dma: Box<Page>,
    private: Vec<u8>,
    bytes: u32,
}

#[repr(C, align(4096))]
struct Page([u8; 4096]);

impl Buffer {
    fn new(operations: &[Operation]) -> Self {
        let mut dma = Box::new(Page([0; 4096]));
        let mut private = std::vec![0; private::BYTES];
        let address = dma.0.as_mut_ptr().expose_provenance() as u64;
        let begun = private::begin(&mut private, address, Kind::Render).unwrap();
        let mut bytes = 0;
        for operation in operations {
            bytes += record::encode(&mut dma.0[bytes..], operation, &[]).unwrap();
        }
        let bytes = u32::try_from(bytes).unwrap();
        begun.finish(bytes).unwrap();
        Self {
            dma,
            private,
            bytes,
        }
    }

    fn submission(&mut self, fence: u32) -> DXGKARG_SUBMITCOMMAND {
        let mut argument = DXGKARG_SUBMITCOMMAND::ZERO;
        argument.DmaBufferSize = 4096;
        argument.DmaBufferSubmissionEndOffset = self.bytes;
        argument.pDmaBufferPrivateData = self.private.as_mut_ptr().cast();
        argument.DmaBufferPrivateDataSize = 64;
        argument.DmaBufferPrivateDataSubmissionEndOffset = 64;
        argument.SubmissionFenceId = fence;
        argument
    }
}

impl Rig {
    fn context(&self) -> *mut c_void {
        ptr::from_ref(&*self.adapter).cast_mut().cast()
    }

    fn submit(&self, argument: &DXGKARG_SUBMITCOMMAND) -> i32 {
        // SAFETY: a live adapter, an argument and a buffer of the test's own, at the DDI's level.
        with_irql(2, || unsafe {
            submission::submit_command(self.context(), argument)
        })
    }

    fn preempt(&self, fence: u32) -> i32 {
        let mut argument = DXGKARG_PREEMPTCOMMAND::ZERO;
        argument.PreemptionFenceId = fence;
        // SAFETY: as above.
        with_irql(2, || unsafe {
            submission::preempt_command(self.context(), &raw const argument)
        })
    }

    fn fence(&self) -> u32 {
        let mut argument = DXGKARG_QUERYCURRENTFENCE::ZERO;
        // SAFETY: as above.
        let status = unsafe { submission::query_current_fence(self.context(), &raw mut argument) };
        assert_eq!(status, STATUS_SUCCESS);
        argument.CurrentFence
    }

    fn is_responsive(&self) -> bool {
        let mut argument = DXGKARG_QUERYENGINESTATUS::ZERO;
        argument.EngineStatus = DXGK_ENGINESTATUS::from_bits_retain(0xcccc_cccc);
        // SAFETY: as above.
        let status = unsafe { timeouts::query_engine_status(self.context(), &raw mut argument) };
        assert_eq!(status, STATUS_SUCCESS);
        assert!(argument.EngineStatus.bits() <= 1, "reserved bits are zero");
        argument.EngineStatus == DXGK_ENGINESTATUS::Responsive
    }

    fn reset_engine(&self) -> u32 {
        let mut argument = DXGKARG_RESETENGINE::ZERO;
        // SAFETY: as above.
        let status = unsafe { timeouts::reset_engine(self.context(), &raw mut argument) };
        assert_eq!(status, STATUS_SUCCESS);
        argument.LastAbortedFenceId
    }

    fn reports(&self, count: usize) -> Vec<DmaReport> {
        wait(|| self.line.dma().len() >= count);
        std::thread::sleep(std::time::Duration::from_millis(5));
        self.line.dma()
    }
}

#[test]
fn a_submission_is_executed_and_reported() {
    let rig = adapter();
    let mut buffer = Buffer::new(&[work(1, 2), work(2, 1)]);
    let argument = buffer.submission(3);
    assert_eq!(rig.submit(&argument), STATUS_SUCCESS);
    assert_eq!(rig.reports(1), [completed(3)]);
    assert_eq!(rig.machine.touched(), [(1, 0), (1, 1), (2, 0)]);
    assert_eq!(rig.fence(), 3);
    assert!(rig.is_responsive());
    let mut part = argument;
    part.SubmissionFenceId = 4;
    part.DmaBufferSubmissionStartOffset = 64;
    assert_eq!(rig.submit(&part), STATUS_SUCCESS);
    assert_eq!(rig.reports(2), [3, 4].map(completed));
    assert_eq!(rig.machine.touched()[3..], steps(2, 0, 1));
    assert!(rig.world.misuses().is_empty());
    drop(buffer);
}

#[test]
fn what_is_not_to_be_executed_is_not() {
    let rig = adapter();
    let mut buffer = Buffer::new(&[work(1, 2)]);
    let change: [fn(&mut DXGKARG_SUBMITCOMMAND); 6] = [
        |argument| argument.Flags = DXGK_SUBMITCOMMANDFLAGS::NullRendering,
        |argument| argument.DmaBufferSubmissionEndOffset = 0,
        |argument| argument.DmaBufferPrivateDataSize = 0,
        |argument| {
            argument.Flags =
                DXGK_SUBMITCOMMANDFLAGS::ContextSwitch | DXGK_SUBMITCOMMANDFLAGS::Paging;
            argument.DmaBufferSubmissionEndOffset = 0;
        },
        |argument| argument.pDmaBufferPrivateData = ptr::null_mut(),
        |argument| argument.DmaBufferPrivateDataSubmissionEndOffset = 0,
    ];
    for (fence, change) in (1..).zip(change) {
        let mut argument = buffer.submission(fence);
        change(&mut argument);
        assert_eq!(rig.submit(&argument), STATUS_SUCCESS);
    }
    assert!(rig.reports(6).into_iter().eq((1..=6).map(completed)));
    assert!(rig.machine.touched().is_empty());
}

#[test]
fn a_buffer_that_does_not_hold_together_is_not_followed() {
    let change: [fn(&mut DXGKARG_SUBMITCOMMAND, &mut [u8]); 5] = [
        |_, private| private[8] ^= 0x40,
        |_, private| private.fill(0xcc),
        |argument, _| argument.DmaBufferSubmissionEndOffset = 8192,
        |argument, _| argument.DmaBufferSubmissionStartOffset = 256,
        |argument, _| argument.DmaBufferSize = 64,
    ];
    for change in change {
        let rig = adapter();
        let mut buffer = Buffer::new(&[work(1, 2), work(2, 2)]);
        let mut argument = buffer.submission(1);
        change(&mut argument, &mut buffer.private);
        assert_eq!(rig.submit(&argument), STATUS_SUCCESS);
        wait(|| rig.adapter.engine.debug_report().trouble == 1);
        assert!(!rig.is_responsive());
        assert!(rig.machine.touched().is_empty() && rig.line.dma().is_empty());
        assert_eq!(rig.reset_engine(), 1);
    }
}

#[test]
fn a_hang_is_seen_and_reset() {
    let rig = adapter();
    let mut buffer = Buffer::new(&[work(1, 3)]);
    rig.machine.hold_after(1, false);
    let _ = rig.submit(&buffer.submission(1));
    wait(|| rig.machine.held() == 1);
    assert_eq!(rig.preempt(2), STATUS_SUCCESS);
    assert!(!rig.is_responsive());
    let mut group = DXGKARG_QUERYDEPENDENTENGINEGROUP::ZERO;
    // SAFETY: a live adapter and an argument of the test's own.
    let status = unsafe { timeouts::query_dependent_engine_group(rig.context(), &raw mut group) };
    assert_eq!(
        (status, group.DependentNodeOrdinalMask),
        (STATUS_SUCCESS, 1)
    );
    assert_eq!(rig.reset_engine(), 1);
    assert!(rig.is_responsive());
    assert_eq!(rig.preempt(3), STATUS_SUCCESS);
    assert_eq!(rig.line.dma(), [preempted(3, 1)]);
    // SAFETY: as above.
    let status = unsafe { timeouts::reset_from_timeout(rig.context()) };
    assert_eq!(status, STATUS_SUCCESS);
    // SAFETY: as above.
    let status = unsafe { timeouts::restart_from_timeout(rig.context()) };
    assert_eq!(status, STATUS_SUCCESS);
    rig.machine.let_go();
    let mut next = Buffer::new(&[work(4, 1)]);
    let _ = rig.submit(&next.submission(4));
    assert_eq!(rig.reports(2), [preempted(3, 1), completed(4)]);
    assert_eq!(
        rig.machine.touched(),
        [steps(1, 0, 1), steps(4, 0, 1)].concat()
    );
}

#[test]
fn a_cancelled_buffer_is_none_any_more() {
    let rig = adapter();
    let mut buffer = Buffer::new(&[work(1, 3)]);
    buffer.private.extend([0xcc; 8]);
    let mut argument = DXGKARG_CANCELCOMMAND::ZERO;
    argument.pDmaBufferPrivateData = buffer.private.as_mut_ptr().cast();
    argument.DmaBufferPrivateDataSize = 72;
    argument.DmaBufferPrivateDataSubmissionEndOffset = 64;
    // SAFETY: as above.
    let status = unsafe { submission::cancel_command(rig.context(), &raw const argument) };
    assert_eq!(status, STATUS_SUCCESS);
    assert_eq!(buffer.private, [[0; 64].as_slice(), &[0xcc; 8]].concat());
    assert_eq!(buffer.dma.0[..4], *b"VmRc");
}

#[test]
fn a_debug_report_fills_what_room_there_is() {
    let rig = adapter();
    for room in [0, 1, 79, 80, 81, 4096] {
        let mut bytes = std::vec![0xcc; room + 16];
        let mut extension = DXGKARG_COLLECTDBGINFO_EXT::ZERO;
        extension.BucketingKey = 7;
        let mut argument = DXGKARG_COLLECTDBGINFO::ZERO;
        argument.Reason = 0x141;
        argument.pBuffer = bytes.as_mut_ptr().cast();
        argument.BufferSize = room;
        argument.pExtension = &raw mut extension;
        // SAFETY: as above, at HIGH_LEVEL.
        let status = with_irql(15, || unsafe {
            timeouts::collect_dbg_info(rig.context(), &raw const argument)
        });
        assert_eq!(status, STATUS_SUCCESS);
        let written = room.min(80);
        assert!(bytes[written..].iter().all(|byte| *byte == 0xcc));
        assert_eq!(bytes[..written.min(4)], b"VmDb"[..written.min(4)]);
        assert_eq!(
            (extension.BucketingKey, extension.CurrentDmaBufferOffset),
            (0, 0)
        );
    }
    let mut argument = DXGKARG_COLLECTDBGINFO::ZERO;
    argument.BufferSize = 100;
    // SAFETY: as above; there is no buffer.
    let status = unsafe { timeouts::collect_dbg_info(rig.context(), &raw const argument) };
    assert_eq!(status, STATUS_SUCCESS);
    assert!(rig.world.misuses().is_empty());
}

#[test]
fn what_is_no_adapter_or_no_node_is_refused() {
    let rig = adapter();
    let mut word = 0_u64;
    let wrong: *mut c_void = (&raw mut word).cast();
    let mut status = DXGKARG_QUERYENGINESTATUS::ZERO;
    let mut reset = DXGKARG_RESETENGINE::ZERO;
    let mut group = DXGKARG_QUERYDEPENDENTENGINEGROUP::ZERO;
    let mut fence = DXGKARG_QUERYCURRENTFENCE::ZERO;
    for (context, node) in [(wrong, 0), (rig.context(), 1)] {
        (status.NodeOrdinal, reset.NodeOrdinal) = (node, node);
        (group.NodeOrdinal, fence.NodeOrdinal) = (node, node);
        let answers = [
            // SAFETY: what is no adapter is not touched, and the arguments are the test's own.
            unsafe { timeouts::query_engine_status(context, &raw mut status) },
            // SAFETY: as above.
            unsafe { timeouts::reset_engine(context, &raw mut reset) },
            // SAFETY: as above.
            unsafe { timeouts::query_dependent_engine_group(context, &raw mut group) },
            // SAFETY: as above.
            unsafe { submission::query_current_fence(context, &raw mut fence) },
        ];
        assert_eq!(answers, [STATUS_INVALID_PARAMETER; 4]);
    }
    let argument = DXGKARG_COLLECTDBGINFO::ZERO;
    // SAFETY: as above.
    let answer = unsafe { timeouts::collect_dbg_info(wrong, &raw const argument) };
    assert_eq!(answer, STATUS_UNSUCCESSFUL);
    assert!(rig.line.dma().is_empty());
}

/// contract: B2.12. Windows stops where one of these returns an error, so what is for nobody is lost instead, with
/// one line.
#[test]
fn what_may_not_fail_succeeds_whatever_it_is_given() {
    let rig = adapter();
    let mut buffer = Buffer::new(&[work(1, 2)]);
    let mut word = 0_u64;
    let wrong: *mut c_void = (&raw mut word).cast();
    let good = buffer.submission(1);
    let mut other_node = good;
    other_node.NodeOrdinal = 1;
    for (context, argument) in [
        (wrong, &raw const good),
        (rig.context(), ptr::null()),
        (rig.context(), &raw const other_node),
    ] {
        // SAFETY: what is no adapter is not touched, and the argument is NULL or the test's own, at the DDI's level.
        let status = with_irql(2, || unsafe {
            submission::submit_command(context, argument)
        });
        assert_eq!(status, STATUS_SUCCESS);
        assert_eq!(rig.world.take_complaints().len(), 1);
    }
    let good = DXGKARG_PREEMPTCOMMAND::ZERO;
    let (mut other_node, mut other_engine) = (good, good);
    (other_node.NodeOrdinal, other_engine.EngineOrdinal) = (1, 1);
    for (context, argument) in [
        (wrong, &raw const good),
        (rig.context(), ptr::null()),
        (rig.context(), &raw const other_node),
        (rig.context(), &raw const other_engine),
    ] {
        // SAFETY: as above.
        let status = with_irql(2, || unsafe {
            submission::preempt_command(context, argument)
        });
        assert_eq!(status, STATUS_SUCCESS);
        assert_eq!(rig.world.take_complaints().len(), 1);
    }
    let argument = DXGKARG_CANCELCOMMAND::ZERO;
    let statuses = [
        // SAFETY: as above.
        unsafe { submission::cancel_command(wrong, &raw const argument) },
        // SAFETY: as above.
        unsafe { submission::cancel_command(rig.context(), ptr::null()) },
        // SAFETY: as above.
        unsafe { timeouts::reset_from_timeout(wrong) },
        // SAFETY: as above.
        unsafe { timeouts::restart_from_timeout(wrong) },
    ];
    assert_eq!(statuses, [STATUS_SUCCESS; 4]);
    assert_eq!(rig.world.take_complaints().len(), 4);
    // Nothing of it came to the engine that is there.
    assert_eq!(rig.fence(), 0);
    assert!(rig.machine.touched().is_empty() && rig.line.dma().is_empty());
    assert_eq!(rig.adapter.engine.debug_report().resets, 0);
}
