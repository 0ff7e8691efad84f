//! Hangs, resets, sleep, and hardware that is pulled out.

use std::thread;
use std::time::Duration;

use core::sync::atomic::{AtomicBool, Ordering};

use super::rig::{Buffer, Rig, completed, preempted, rig, steps, wait, work};
use crate::engine::NotReset;
use crate::engine::private::Position;
use crate::engine::queue::Job;
use crate::kernel::host::World;
use crate::kernel::testing::passive;

/// A job that is stuck in a service of the kernel's, before it touches anything more.
fn stuck(rig: &Rig, fence: u32) -> Buffer {
    let buffer = Buffer::new(&[&[work(fence, 4)]]);
    rig.machine.hold_after(1, false);
    rig.submit(buffer.job(fence));
    rig.wait_held(1);
    buffer
}

#[test]
fn a_stuck_worker_is_replaced_and_touches_nothing_when_it_comes_back() {
    let rig = rig();
    let buffer = stuck(&rig, 5);
    rig.submit(Job::nothing(6));
    assert!(!rig.engine.is_responsive(passive()));
    rig.preempt(7);
    assert!(rig.line.dma().is_empty(), "no answer");
    assert_eq!(rig.engine.reset_engine(passive()), Ok(5));
    assert_eq!(rig.engine.current_fence(passive()), 5);
    // The other worker goes on while the first is still stuck.
    rig.machine.pass_others();
    let next = Buffer::new(&[&[work(8, 2)]]);
    rig.submit(next.job(8));
    assert_eq!(rig.reports(1), [completed(8)]);
    assert_eq!(rig.machine.held(), 1);
    let touched = [steps(5, 0, 1), steps(8, 0, 2)].concat();
    assert_eq!(rig.machine.touched(), touched);
    rig.machine.let_go();
    rig.wait_held(0);
    assert_eq!(rig.reports(1), [completed(8)], "it reports nothing");
    assert_eq!(rig.machine.touched(), touched);
    assert_eq!(rig.machine.shut(), 1);
    assert_eq!(
        buffer.private(0).position,
        Position::default(),
        "nor is its buffer written"
    );
    // It is the spare one of the next hang.
    let _buffer = stuck(&rig, 9);
    assert_eq!(rig.engine.reset_engine(passive()), Ok(9));
    rig.machine.pass_others();
    rig.submit(Job::nothing(10));
    assert_eq!(rig.reports(2), [completed(8), completed(10)]);
}

#[test]
fn both_workers_stuck_is_waited_for() {
    let rig = rig();
    let _first = stuck(&rig, 1);
    assert_eq!(rig.engine.reset_engine(passive()), Ok(1));
    let second = Buffer::new(&[&[work(2, 4)]]);
    rig.submit(second.job(2));
    rig.wait_held(2);
    rig.engine.reset_adapter(passive());
    rig.engine.restart(passive());
    rig.submit(Job::nothing(3));
    assert!(!rig.engine.is_responsive(passive()));
    rig.machine.let_go();
    assert_eq!(rig.reports(1), [completed(3)]);
    assert_eq!(rig.machine.touched(), steps(1, 0, 1));
}

#[test]
fn a_reset_that_brings_no_worker_is_not_made_a_second_time() {
    let rig = rig();
    let _first = stuck(&rig, 1);
    assert_eq!(rig.engine.reset_engine(passive()), Ok(1));
    let second = Buffer::new(&[&[work(2, 4)]]);
    rig.submit(second.job(2));
    rig.wait_held(2);
    // A worker had come after the first reset, so this one may bring another; it cannot.
    assert_eq!(rig.engine.reset_engine(passive()), Ok(2));
    rig.submit(Job::nothing(3));
    assert_eq!(rig.engine.reset_engine(passive()), Err(NotReset));
    rig.engine.reset_adapter(passive());
    rig.engine.restart(passive());
    rig.submit(Job::nothing(4));
    assert_eq!(rig.engine.reset_engine(passive()), Err(NotReset));
    rig.submit(Job::nothing(5));
    rig.machine.let_go();
    assert_eq!(rig.reports(1), [completed(5)]);
    assert_eq!(rig.engine.reset_engine(passive()), Ok(5));
    assert_eq!(rig.machine.touched(), steps(1, 0, 1));
}

#[test]
fn a_job_that_ends_after_its_reset_is_not_reported() {
    let rig = rig();
    // Its last step is under way, so the worker comes back with a job that is complete.
    let buffer = Buffer::new(&[&[work(1, 1)]]);
    rig.machine.hold_after(0, true);
    rig.submit(buffer.job(1));
    rig.wait_held(1);
    let world = World::current();
    let reset = thread::scope(|scope| {
        let reset = scope.spawn(|| {
            let _entered = world.enter();
            rig.engine.reset_engine(passive())
        });
        wait(|| rig.engine.counts().resets.get() == 1);
        rig.machine.let_go();
        reset.join()
    });
    assert_eq!(reset.ok(), Some(Ok(1)));
    rig.submit(Job::nothing(2));
    rig.reports(1);
    // Both workers have said what they had to say when they have ended.
    rig.engine.stop(passive());
    assert_eq!(rig.line.dma(), [completed(2)]);
    assert_eq!(rig.machine.touched(), steps(1, 0, 1));
}

#[test]
fn what_a_reset_calls_the_last_aborted() {
    let rig = rig();
    // Nothing ever was, then what completed last.
    assert_eq!(rig.engine.reset_engine(passive()), Ok(0));
    rig.submit(Job::nothing(3));
    rig.reports(1);
    assert_eq!(rig.engine.reset_engine(passive()), Ok(3));
    // What waits and was not begun.
    rig.engine.sleep(passive());
    rig.submit(Job::nothing(4));
    rig.submit(Job::nothing(5));
    assert_eq!(rig.engine.reset_engine(passive()), Ok(4));
    rig.engine.restart(passive());
    rig.preempt(6);
    assert_eq!(rig.reports(2), [completed(3), preempted(6, 4)]);
}

#[test]
fn a_reset_of_the_adapter_gives_up_all_that_was_submitted() {
    let rig = rig();
    let _buffer = stuck(&rig, 1);
    for fence in 2..6 {
        rig.submit(Job::nothing(fence));
    }
    rig.engine.reset_adapter(passive());
    assert_eq!(rig.engine.current_fence(passive()), 5);
    rig.machine.let_go();
    rig.engine.restart(passive());
    rig.preempt(6);
    rig.submit(Job::nothing(7));
    assert_eq!(rig.reports(2), [preempted(6, 5), completed(7)]);
    assert_eq!(rig.machine.touched(), steps(1, 0, 1));
    assert_eq!(rig.engine.counts().resets.get(), 1);
}

#[test]
fn a_reset_waits_for_the_touch_under_way() {
    for whole in [false, true] {
        let rig = rig();
        let buffer = Buffer::new(&[&[work(1, 4)]]);
        rig.machine.hold_after(1, true);
        rig.submit(buffer.job(1));
        rig.wait_held(1);
        let back = AtomicBool::new(false);
        let world = World::current();
        thread::scope(|scope| {
            scope.spawn(|| {
                let _entered = world.enter();
                if whole {
                    rig.engine.reset_adapter(passive());
                } else {
                    assert_eq!(rig.engine.reset_engine(passive()), Ok(1));
                }
                assert_eq!(rig.machine.touched(), steps(1, 0, 2));
                back.store(true, Ordering::SeqCst);
            });
            thread::sleep(Duration::from_millis(20));
            assert!(!back.load(Ordering::SeqCst));
            rig.machine.let_go();
        });
        rig.submit(Job::nothing(2));
        assert_eq!(rig.reports(1), [completed(2)]);
        assert_eq!(rig.machine.touched(), steps(1, 0, 2));
    }
}

#[test]
fn what_cannot_be_executed_stands_still_until_it_is_reset() {
    for kind in 0..5 {
        let rig = rig();
        let buffer = Buffer::new(&[&[work(1, 1), work(2, 1)]]);
        let mut job = buffer.job(1);
        match kind {
            0 => buffer.spoil_private(20, &[1]),
            1 => buffer.spoil(64, b"xxxx"),
            2 => rig.machine.make_unreachable(2),
            // The block of another buffer.
            3 => job.buffer = Buffer::new(&[&[work(7, 1)]]).job(0).buffer,
            // A buffer that is shorter than its records.
            _ => job.buffer = job.buffer.part(0, 64).unwrap(),
        }
        rig.submit(job);
        rig.submit(Job::nothing(2));
        wait(|| rig.engine.debug_report().trouble != 0);
        assert!(!rig.engine.is_responsive(passive()), "{kind}");
        rig.preempt(3);
        assert!(rig.line.dma().is_empty());
        let trouble = [1, 2, 3, 1, 1][kind];
        assert_eq!(rig.engine.debug_report().trouble, trouble);
        let touched = if kind == 1 || kind == 2 {
            steps(1, 0, 1)
        } else {
            steps(0, 0, 0)
        };
        assert_eq!(rig.machine.touched(), touched);
        assert_eq!(rig.engine.reset_engine(passive()), Ok(1));
        rig.submit(Job::nothing(4));
        assert_eq!(rig.reports(1), [completed(4)]);
    }
}

#[test]
fn hardware_that_is_gone_is_not_touched_and_jobs_complete() {
    let rig = rig();
    let buffer = stuck(&rig, 1);
    rig.submit(buffer.job(2));
    rig.engine.pull_out(passive());
    rig.submit(buffer.job(3));
    rig.machine.let_go();
    rig.submit(buffer.job(4));
    assert_eq!(rig.reports(4), [1, 2, 3, 4].map(completed));
    rig.preempt(5);
    assert_eq!(rig.reports(5)[4], preempted(5, 4));
    assert_eq!(rig.machine.touched(), steps(1, 0, 1));
}

#[test]
fn a_job_that_cannot_be_executed_completes_once_the_hardware_is_gone() {
    let rig = rig();
    let buffer = Buffer::new(&[&[work(1, 1)]]);
    rig.machine.make_unreachable(1);
    rig.submit(buffer.job(1));
    wait(|| rig.engine.debug_report().trouble != 0);
    assert!(!rig.engine.is_responsive(passive()));
    rig.preempt(2);
    rig.engine.pull_out(passive());
    rig.submit(buffer.job(3));
    assert_eq!(
        rig.reports(3),
        [completed(1), preempted(2, 1), completed(3)]
    );
}

#[test]
fn nothing_is_begun_in_sleep() {
    let rig = rig();
    let buffer = Buffer::new(&[&[work(1, 2)]]);
    rig.submit(buffer.job(1));
    rig.engine.sleep(passive());
    assert_eq!(rig.reports(1), [completed(1)]);
    rig.submit(Job::nothing(2));
    assert_eq!(rig.reports(1).len(), 1);
    rig.engine.restart(passive());
    assert_eq!(rig.reports(2), [completed(1), completed(2)]);
}
