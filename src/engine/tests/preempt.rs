//! Preemption: what was not begun never will be, what was goes on where it stood.

use super::rig::{Buffer, completed, preempted, rig, steps, work};
use crate::engine::queue::Job;
use crate::kernel::host::World;
use crate::kernel::testing::passive;

#[test]
fn an_idle_engine_answers_at_once() {
    let rig = rig();
    rig.preempt(2);
    assert_eq!(rig.line.dma(), [preempted(2, 0)]);
    rig.submit(Job::nothing(3));
    rig.reports(2);
    rig.preempt(4);
    assert_eq!(
        rig.line.dma(),
        [preempted(2, 0), completed(3), preempted(4, 3)]
    );
}

#[test]
fn a_job_goes_on_where_it_stood_however_often_it_is_preempted() {
    let rig = rig();
    let buffer = Buffer::new(&[&[work(1, 3), work(2, 5), work(3, 2)]]);
    let mut fence = 1;
    for cut in 0..10 {
        rig.machine.hold_after(1, false);
        rig.submit(buffer.job(fence));
        rig.wait_held(usize::from(cut < 9));
        rig.preempt(fence + 1);
        rig.machine.let_go();
        // The step that was held up is done, too; then it stops.
        let reports = rig.reports(usize::try_from(fence).unwrap().div_ceil(2));
        if reports.contains(&completed(fence)) {
            break;
        }
        assert_eq!(reports.last(), Some(&preempted(fence + 1, 0)));
        fence += 2;
    }
    let wanted = [steps(1, 0, 3), steps(2, 0, 5), steps(3, 0, 2)].concat();
    assert_eq!(rig.machine.touched(), wanted, "each step once");
}

#[test]
fn what_was_not_begun_is_given_back_and_paging_comes_again_with_its_fence() {
    let rig = rig();
    let (paging, first, second) = (
        Buffer::new(&[&[work(1, 4)]]),
        Buffer::new(&[&[work(2, 2)]]),
        Buffer::new(&[&[work(3, 2)]]),
    );
    rig.machine.hold_after(1, false);
    for (fence, buffer) in [(1, &paging), (2, &first), (3, &second)] {
        rig.submit(buffer.job(fence));
    }
    rig.wait_held(1);
    rig.preempt(4);
    rig.machine.let_go();
    assert_eq!(rig.reports(1), [preempted(4, 0)]);
    assert_eq!(rig.machine.touched(), steps(1, 0, 2));
    let private = paging.private(0);
    assert_eq!(
        (private.position.offset, private.position.progress.row),
        (0, 2)
    );
    for (fence, buffer) in [(1, &paging), (5, &second), (6, &first)] {
        rig.submit(buffer.job(fence));
    }
    assert_eq!(
        rig.reports(4),
        [preempted(4, 0), completed(1), completed(5), completed(6)]
    );
    let wanted = [steps(1, 0, 4), steps(3, 0, 2), steps(2, 0, 2)].concat();
    assert_eq!(rig.machine.touched(), wanted);
}

#[test]
fn an_engine_that_does_not_begin_does_not_answer() {
    let world = World::new();
    let _entered = world.enter();
    let rig = rig();
    // Nobody begins anything: as if the workers were stuck before they look into the queue.
    World::current().stall(true);
    rig.submit(Job::nothing(3));
    rig.submit(Job::nothing(4));
    rig.preempt(5);
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert!(rig.line.dma().is_empty());
    assert!(!rig.engine.is_responsive(passive()));
    assert_eq!(rig.engine.reset_engine(passive()), Ok(3));
    rig.preempt(6);
    assert_eq!(rig.line.dma(), [preempted(6, 3)]);
    World::current().stall(false);
    rig.submit(Job::nothing(7));
    assert_eq!(rig.reports(2), [preempted(6, 3), completed(7)]);
    // With a worker that comes, what waits is given back and what came later is executed.
    World::current().stall(true);
    rig.submit(Job::nothing(8));
    rig.preempt(9);
    rig.submit(Job::nothing(10));
    World::current().stall(false);
    assert_eq!(rig.reports(4)[2..], [preempted(9, 7), completed(10)]);
}

#[test]
fn a_job_that_ends_before_it_notices_is_complete() {
    let rig = rig();
    let buffer = Buffer::new(&[&[work(1, 1)]]);
    rig.machine.hold_after(0, false);
    rig.submit(buffer.job(1));
    rig.wait_held(1);
    rig.preempt(2);
    // What comes after the request is not meant by it.
    rig.submit(Job::nothing(3));
    rig.machine.let_go();
    assert_eq!(
        rig.reports(3),
        [completed(1), preempted(2, 1), completed(3)]
    );
}

#[test]
fn blocks_that_are_done_are_not_executed_again() {
    let rig = rig();
    let buffer = Buffer::new(&[&[work(1, 2)], &[work(2, 1), work(3, 3)], &[work(4, 1)]]);
    rig.machine.hold_after(4, false);
    rig.submit(buffer.job(1));
    rig.wait_held(1);
    rig.preempt(2);
    rig.machine.let_go();
    assert_eq!(rig.reports(1), [preempted(2, 0)]);
    rig.submit(buffer.job(1));
    assert_eq!(rig.reports(2), [preempted(2, 0), completed(1)]);
    let wanted = [
        steps(1, 0, 2),
        steps(2, 0, 1),
        steps(3, 0, 3),
        steps(4, 0, 1),
    ]
    .concat();
    assert_eq!(rig.machine.touched(), wanted);
}

#[test]
fn a_part_of_a_split_buffer_goes_on_and_the_other_begins_at_its_own() {
    let rig = rig();
    let buffer = Buffer::new(&[&[work(1, 3), work(2, 3)]]);
    let (middle, end) = (buffer.ends[0], buffer.ends[1]);
    rig.machine.hold_after(0, false);
    rig.submit(buffer.part(1, 0, middle));
    rig.submit(buffer.part(2, middle, end));
    rig.wait_held(1);
    rig.preempt(3);
    rig.machine.let_go();
    rig.reports(1);
    rig.submit(buffer.part(4, 0, middle));
    rig.submit(buffer.part(5, middle, end));
    assert_eq!(
        rig.reports(3),
        [preempted(3, 0), completed(4), completed(5)]
    );
    assert_eq!(
        rig.machine.touched(),
        [steps(1, 0, 3), steps(2, 0, 3)].concat()
    );
}
