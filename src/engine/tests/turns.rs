//! Whose turn it is: the queue without workers.

use std::boxed::Box;

use super::rig::{TAG, completed, preempted};
use crate::engine::queue::{Aborted, Job, Next, Outcome, Queue, Turn};
use crate::engine::report::Published;
use crate::kernel::Shared;
use crate::kernel::testing::line::Line;
use crate::kernel::testing::passive;

fn queue(line: &Line) -> Queue {
    let published = Shared::try_new(TAG, Published::default(), passive()).unwrap();
    Queue::try_new(TAG, line.interrupt(), published, passive()).unwrap()
}

fn begin(queue: &Queue, fence: u32) -> Turn<'_> {
    let _ = queue.submit(Job::nothing(fence), passive());
    match queue.next(passive()) {
        Next::Execute(turn) => turn,
        _ => panic!("{fence} is not begun"),
    }
}

/// A reset takes a job away, and its worker comes back while the next one is under way: with the same fence, as
/// paging has when it is submitted again, or with another.
#[test]
fn a_turn_that_was_taken_away_ends_nothing() {
    for (next, outcome) in [
        (1, Outcome::Completed),
        (1, Outcome::Interrupted),
        (1, Outcome::Stuck),
        (1, Outcome::Shut),
        (2, Outcome::Completed),
        (2, Outcome::Interrupted),
        (2, Outcome::Stuck),
    ] {
        let line = Box::<Line>::default();
        let queue = queue(&line);
        let taken = begin(&queue, 1);
        let aborted = queue.abort(false, passive());
        assert_eq!((aborted.fence, aborted.again), (1, false));
        let turn = begin(&queue, next);
        let before = queue.published().debug_report();
        queue.end_turn(&taken, outcome, passive());
        queue.report(passive());
        let seen = (next, outcome);
        assert_eq!(line.dma(), [], "{seen:?}");
        assert_eq!(queue.published().debug_report(), before, "{seen:?}");
        assert!(!queue.is_idle(passive()), "{seen:?}");
        // Nor is a preemption answered, or the engine taken for one that stands still.
        assert!(!queue.preempt(9, passive()), "{seen:?}");
        queue.end_turn(&taken, outcome, passive());
        queue.report(passive());
        assert_eq!(line.dma(), [], "{seen:?}");
        queue.end_turn(&turn, Outcome::Completed, passive());
        queue.report(passive());
        assert_eq!(
            line.dma(),
            [completed(next), preempted(9, next)],
            "{seen:?}"
        );
    }
}

/// Each reset tells whether a worker has come since the one before.
#[test]
fn a_reset_knows_whether_the_one_before_brought_a_worker() {
    let line = Box::<Line>::default();
    let queue = queue(&line);
    let aborted = |fence, again| Aborted { fence, again };
    assert_eq!(queue.abort(false, passive()), aborted(0, false));
    assert!(queue.is_awaited(passive()));
    let _ = queue.submit(Job::nothing(1), passive());
    assert_eq!(queue.abort(false, passive()), aborted(1, true));
    assert_eq!(queue.abort(true, passive()), aborted(1, true));
    assert!(matches!(queue.next(passive()), Next::Sleep));
    assert!(!queue.is_awaited(passive()));
    assert_eq!(queue.abort(false, passive()), aborted(1, false));
    // One that comes while the adapter sleeps has come, too.
    queue.hold(true, passive());
    let _ = queue.submit(Job::nothing(2), passive());
    assert!(matches!(queue.next(passive()), Next::Sleep));
    assert_eq!(queue.abort(false, passive()), aborted(2, false));
}
