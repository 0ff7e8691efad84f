//! How the scheduler works: what it does more often than Windows, and its timeouts.

/// A second, as [`Host::time_100ns`](crate::Host::time_100ns) counts.
const SECOND: u64 = 10_000_000;

/// How the scheduler of an adapter works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is a switch of its own
pub struct SchedulerOptions {
    /// All random choices follow from it.
    pub seed: u64,
    /// Patch is called before every submission, paging buffers included, also where nothing moved.
    pub always_repatch: bool,
    /// Render and Present are told no addresses: `SegmentId` is 0, so that Patch must give them all.
    pub no_pre_patch: bool,
    /// The node is preempted after one submission of so many, on average; 0 is never.
    pub preempt_every: u32,
    /// Buffers are divided at the split points that the driver gave, and others go between the parts.
    pub split: bool,
    /// Zero-length submissions that switch to the null context come between others.
    pub context_switches: bool,
    /// Buffers are submitted with `NullRendering`: they complete and do nothing ([`Fate::Null`](crate::Fate::Null)).
    pub null_rendering: bool,
    /// Most buffers of contexts in the hardware queue at once; paging buffers come on top of it.
    pub depth: usize,
    /// TdrDelay: how long a buffer may run before it is preempted, and how long preemption may take.
    pub tdr_delay_100ns: u64,
    /// TdrDdiDelay: how long threads may take to leave the driver before an adapter is reset.
    pub tdr_ddi_delay_100ns: u64,
    /// TdrLimitCount: so many resets of an adapter are survived in the limit's time.
    pub tdr_limit_count: usize,
    /// TdrLimitTime.
    pub tdr_limit_time_100ns: u64,
}

impl Default for SchedulerOptions {
    /// What Windows does: two seconds, five seconds, five resets in a minute.
    fn default() -> Self {
        Self {
            seed: 0,
            always_repatch: false,
            no_pre_patch: false,
            preempt_every: 0,
            split: false,
            context_switches: false,
            null_rendering: false,
            depth: 4,
            tdr_delay_100ns: 2 * SECOND,
            tdr_ddi_delay_100ns: 5 * SECOND,
            tdr_limit_count: 5,
            tdr_limit_time_100ns: 60 * SECOND,
        }
    }
}
