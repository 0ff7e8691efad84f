//! Submissions, completions, and what there is nothing to execute of.

use core::sync::atomic::Ordering;

use super::rig::{Buffer, completed, rig, steps, wait, work};
use crate::engine::private::Position;
use crate::engine::queue::Job;
use crate::engine::record::Operation;
use crate::kernel::VerticalSync;
use crate::kernel::host::World;
use crate::kernel::testing::passive;

#[test]
fn jobs_are_executed_and_reported_in_order() {
    let rig = rig();
    let buffers: std::vec::Vec<_> = (1..=40)
        .map(|fence| {
            Buffer::new(&[&[
                work(fence, 3),
                Operation::Marker {
                    value: u64::from(fence) << 33,
                },
            ]])
        })
        .collect();
    for connected in [false, true] {
        rig.line.connected.store(connected, Ordering::SeqCst);
        for (fence, buffer) in (1..).zip(&buffers) {
            rig.submit(buffer.job(fence + if connected { 100 } else { 0 }));
        }
        if !connected {
            rig.reports(40);
            for buffer in &buffers {
                // Rendered anew, into the same buffers.
                let private = crate::engine::private::Private {
                    position: Position::default(),
                    ..buffer.private(0)
                };
                buffer.spoil_private(0, &crate::engine::private::encode(&private));
            }
        }
    }
    let reports = rig.reports(80);
    let wanted = (1..=40).chain(101..=140).map(completed);
    assert!(reports.into_iter().eq(wanted));
    let touched = rig.machine.touched();
    let wanted = (1..=40).chain(1..=40).flat_map(|name| steps(name, 0, 3));
    assert!(touched.into_iter().eq(wanted));
    assert_eq!(rig.engine.last_marker(), 40 << 33);
    assert_eq!(rig.engine.current_fence(passive()), 140);
    assert!(rig.line.queued.load(Ordering::SeqCst) > 0);
    assert_eq!(rig.engine.counts().completed.get(), 80);
    assert!(rig.engine.is_responsive(passive()));
}

#[test]
fn what_there_is_nothing_to_execute_of_just_completes() {
    let rig = rig();
    let buffer = Buffer::new(&[&[work(1, 1)]]);
    rig.submit(Job::nothing(7));
    rig.submit(buffer.part(8, 64, 64));
    rig.submit(buffer.part(9, 4096, 8192));
    assert_eq!(rig.reports(3), [7, 8, 9].map(completed));
    assert!(rig.machine.touched().is_empty());
}

#[test]
fn a_split_buffer_is_executed_part_by_part() {
    let rig = rig();
    let buffer = Buffer::new(&[&[work(1, 2), work(2, 2), work(3, 2), work(4, 2)]]);
    let other = Buffer::new(&[&[work(9, 1)]]);
    rig.submit(buffer.part(1, 0, buffer.ends[1]));
    rig.submit(other.job(2));
    rig.submit(buffer.part(3, buffer.ends[1], buffer.ends[3]));
    assert_eq!(rig.reports(3), [1, 2, 3].map(completed));
    let wanted = [
        (1, 0),
        (1, 1),
        (2, 0),
        (2, 1),
        (9, 0),
        (3, 0),
        (3, 1),
        (4, 0),
        (4, 1),
    ];
    assert_eq!(rig.machine.touched(), wanted);
}

#[test]
fn operations_packed_into_a_paging_buffer_are_submitted_by_their_blocks() {
    let rig = rig();
    let buffer = Buffer::new(&[&[work(1, 1)], &[work(2, 1), work(3, 1)], &[work(4, 1)]]);
    let mut second = buffer.part(5, buffer.ends[0], buffer.ends[3]);
    second.blocks = second.blocks.part(64, 128).unwrap();
    rig.submit(second);
    assert_eq!(rig.reports(1), [completed(5)]);
    assert_eq!(rig.machine.touched(), [(2, 0), (3, 0), (4, 0)]);
}

#[test]
fn a_completion_that_was_missed_is_reported_when_the_fence_is_asked_for() {
    let rig = rig();
    rig.line.broken.store(true, Ordering::SeqCst);
    rig.submit(Job::nothing(3));
    rig.submit(Job::nothing(4));
    wait(|| rig.engine.counts().completed.get() == 2);
    assert!(rig.line.dma().is_empty());
    rig.line.broken.store(false, Ordering::SeqCst);
    assert_eq!(rig.engine.current_fence(passive()), 4);
    assert_eq!(rig.line.dma(), [completed(3), completed(4)]);
    assert_eq!(rig.engine.current_fence(passive()), 4);
    assert_eq!(rig.reports(2).len(), 2, "once");
}

#[test]
fn dma_is_reported_before_a_vertical_sync() {
    let rig = rig();
    let line = rig.line.interrupt();
    let irql = passive().into();
    for fence in 1..=3 {
        assert!(line.post(crate::kernel::DmaReport::Completed { fence }, irql));
    }
    line.send_vsync(
        VerticalSync {
            target: 0,
            address: 5,
        },
        irql,
    );
    assert_eq!(rig.line.dma(), [1, 2, 3].map(completed));
    assert_eq!(rig.line.dma_before_sync.load(Ordering::SeqCst), 3);
    assert_eq!(rig.line.count(), 1);
    assert_eq!(rig.line.queued.load(Ordering::SeqCst), 1);
}

#[test]
fn more_reports_than_there_is_room_for_are_refused() {
    let rig = rig();
    let line = rig.line.interrupt();
    let irql = passive().into();
    let posted = (0..600)
        .filter(|fence| line.post(crate::kernel::DmaReport::Completed { fence: *fence }, irql));
    assert_eq!(posted.count(), 512);
    line.send(irql);
    assert!(rig.line.dma().into_iter().eq((0..512).map(completed)));
    assert!(line.post(crate::kernel::DmaReport::Completed { fence: 7 }, irql));
}

#[test]
fn more_jobs_than_there_is_room_for_are_lost_and_nothing_else() {
    let rig = rig();
    let buffer = Buffer::new(&[&[work(1, 1)]]);
    rig.machine.hold_after(0, false);
    rig.submit(buffer.job(1));
    rig.wait_held(1);
    for fence in 2..300 {
        rig.submit(Job::nothing(fence));
    }
    rig.machine.let_go();
    assert!(rig.reports(257).into_iter().eq((1..=257).map(completed)));
}

#[test]
fn a_stopped_engine_can_start_again() {
    let rig = rig();
    rig.submit(Job::nothing(1));
    rig.reports(1);
    for fence in 2..6 {
        rig.start().unwrap();
        rig.submit(Job::nothing(fence));
        rig.reports(fence as usize);
    }
    rig.engine.stop(passive());
    rig.submit(Job::nothing(9));
    rig.preempt(10);
    assert_eq!(rig.engine.current_fence(passive()), 0);
    assert_eq!(rig.reports(5).len(), 5);
}

/// Starts a stopped engine with something refused, as often as it takes until nothing is; each time the
/// engine can be started afterwards.
fn refuse(set: impl Fn(&World, Option<u64>)) -> u64 {
    let world = World::new();
    let _entered = world.enter();
    for refused in 1.. {
        let rig = rig();
        rig.engine.stop(passive());
        let before = (world.live_blocks(), world.live_threads());
        set(&world, Some(refused));
        let started = rig.start();
        set(&world, None);
        if started.is_ok() {
            return refused - 1;
        }
        let after = (world.live_blocks(), world.live_threads());
        assert_eq!(after, before, "{refused}");
        rig.start().unwrap();
        rig.submit(Job::nothing(1));
        assert_eq!(rig.reports(1), [completed(1)]);
    }
    unreachable!()
}

#[test]
fn a_start_without_memory_or_threads_leaves_nothing() {
    assert!(refuse(World::fail_pool_call) >= 6);
    assert_eq!(refuse(World::fail_thread_creation), 2);
}

#[test]
fn a_debug_report_says_where_the_engine_is() {
    let rig = rig();
    let buffer = Buffer::new(&[&[work(1, 1), work(2, 2)]]);
    rig.submit(Job::nothing(4));
    rig.reports(1);
    rig.machine.hold_after(1, false);
    rig.submit(buffer.job(5));
    rig.submit(Job::nothing(6));
    rig.wait_held(1);
    let report = rig.engine.debug_report();
    assert_eq!(
        (report.last_submitted, report.last_completed, report.active),
        (6, 4, 5)
    );
    assert_eq!((report.is_active, report.queued, report.trouble), (1, 1, 0));
    assert_eq!(&report.magic.to_le_bytes(), b"VmDb");
    assert_eq!((report.version, report.bytes), (1, 80));
}
