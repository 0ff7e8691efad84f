//! What the engine tells of itself: counts, and a block for debug reports, at any IRQL.
//!
//! CollectDbgInfo can come at any IRQL, with locks held by who knows whom, so all of it is atomics, which
//! are written under the queue's lock. No address is among them.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use zerocopy::{Immutable, IntoBytes, KnownLayout};

use super::counts::Counts;
use crate::kernel::trace;

/// What of the engine may be read at any IRQL. It lives as long as its adapter.
#[derive(Debug, Default)]
pub struct Published {
    /// How much the engine has done.
    pub counts: Counts,
    last_submitted: AtomicU32,
    last_completed: AtomicU32,
    last_aborted: AtomicU32,
    /// Fence of the job that is being executed, and whether one is.
    active: AtomicU32,
    is_active: AtomicBool,
    queued: AtomicU32,
    preemption_wanted: AtomicBool,
    /// Where in its block of records the job is, in bytes.
    offset: AtomicU32,
    /// Steps and turns: it changes while there is progress.
    steps: AtomicU64,
    /// The value of the last marker.
    marker: AtomicU64,
    /// Why a job was found to be none that can be executed: [`Trouble`] as a number.
    trouble: AtomicU32,
}

/// Why a job cannot be executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Trouble {
    /// None was met.
    None = 0,
    /// Its private data are none of this driver's, or name another buffer.
    Private = 1,
    /// There is no record where one should be.
    Record = 2,
    /// A record's memory cannot be reached.
    Memory = 3,
}

/// What CollectDbgInfo gives: 80 bytes, little-endian.
#[derive(Clone, Copy, PartialEq, Eq, Debug, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct DebugReport {
    /// `"VmDb"`
    pub magic: u32,
    /// 1
    pub version: u16,
    /// 80
    pub bytes: u16,
    /// `SubmissionFenceId` of the last submission.
    pub last_submitted: u32,
    /// Of the last completion, or what a reset has put in its place.
    pub last_completed: u32,
    /// What the last reset gave up.
    pub last_aborted: u32,
    /// Of the job under way, if there is one.
    pub active: u32,
    /// 1 if there is a job under way.
    pub is_active: u32,
    /// Jobs that wait.
    pub queued: u32,
    /// 1 if a preemption waits for an answer.
    pub preemption_wanted: u32,
    /// Where in its records the job under way is, in bytes.
    pub offset: u32,
    /// The last trouble: 0 none, 1 private data, 2 a record, 3 memory.
    pub trouble: u32,
    /// 0
    pub zero: u32,
    /// Steps since AddDevice.
    pub steps: u64,
    /// The value of the last marker.
    pub marker: u64,
    /// Buffers whose completion was reported.
    pub completed: u64,
    /// Resets of the engine or the adapter.
    pub resets: u64,
}

const _: () = assert!(size_of::<DebugReport>() == 80);

impl Published {
    /// What a debug report says. Any IRQL.
    #[must_use]
    pub fn debug_report(&self) -> DebugReport {
        let word = |word: &AtomicU32| word.load(Ordering::Relaxed);
        let flag = |flag: &AtomicBool| flag.load(Ordering::Relaxed).into();
        DebugReport {
            magic: u32::from_le_bytes(*b"VmDb"),
            version: 1,
            bytes: 80,
            last_submitted: word(&self.last_submitted),
            last_completed: word(&self.last_completed),
            last_aborted: word(&self.last_aborted),
            active: word(&self.active),
            is_active: flag(&self.is_active),
            queued: word(&self.queued),
            preemption_wanted: flag(&self.preemption_wanted),
            offset: word(&self.offset),
            trouble: word(&self.trouble),
            zero: 0,
            steps: self.steps(),
            marker: self.marker(),
            completed: self.counts.completed.get(),
            resets: self.counts.resets.get(),
        }
    }

    /// The value of the last marker that was executed. Any IRQL.
    #[must_use]
    pub fn marker(&self) -> u64 {
        self.marker.load(Ordering::Relaxed)
    }

    /// A number that changes while the engine makes progress. Any IRQL.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::Acquire)
    }

    /// Whether the job under way is to stop for a preemption. Any IRQL.
    #[must_use]
    pub fn preemption_is_wanted(&self) -> bool {
        self.preemption_wanted.load(Ordering::Acquire)
    }

    pub(super) fn step(&self, offset: u32) {
        self.offset.store(offset, Ordering::Relaxed);
        self.steps.fetch_add(1, Ordering::Release);
    }

    pub(super) fn mark(&self, value: u64) {
        self.marker.store(value, Ordering::Relaxed);
    }

    pub(super) fn trouble(&self, trouble: Trouble) {
        self.trouble.store(trouble as u32, Ordering::Relaxed);
    }

    pub(super) fn submitted(&self, fence: u32, queued: usize) {
        self.counts.submitted.add();
        self.last_submitted.store(fence, Ordering::Relaxed);
        self.queued(queued);
        trace::fence(c"submitted", fence, self);
    }

    pub(super) fn begun(&self, fence: u32, queued: usize) {
        self.active.store(fence, Ordering::Relaxed);
        self.is_active.store(true, Ordering::Relaxed);
        self.queued(queued);
        self.step(0);
        trace::fence(c"begun", fence, self);
    }

    pub(super) fn completed(&self, fence: u32) {
        self.counts.completed.add();
        self.last_completed.store(fence, Ordering::Relaxed);
        trace::fence(c"completed", fence, self);
    }

    pub(super) fn ended(&self, queued: usize) {
        self.is_active.store(false, Ordering::Relaxed);
        self.queued(queued);
        self.step(0);
    }

    pub(super) fn queued(&self, queued: usize) {
        let queued = u32::try_from(queued).unwrap_or(u32::MAX);
        self.queued.store(queued, Ordering::Relaxed);
    }

    pub(super) fn want_preemption(&self, wanted: bool) {
        self.preemption_wanted.store(wanted, Ordering::Release);
    }

    pub(super) fn preempted(&self, fence: u32) {
        self.counts.preempted.add();
        trace::fence(c"preempted", fence, self);
    }

    pub(super) fn reset(&self, aborted: u32) {
        self.counts.resets.add();
        trace::fence(c"reset, aborted", aborted, self);
        self.last_aborted.store(aborted, Ordering::Relaxed);
        self.last_completed.store(aborted, Ordering::Relaxed);
        self.want_preemption(false);
        self.ended(0);
    }
}
