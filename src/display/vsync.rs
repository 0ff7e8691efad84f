//! Vertical syncs, reported to dxgkrnl while it asks for them.
//!
//! A high-resolution timer with absolute due times stands for the interrupt that the hardware does
//! not have. It runs while dxgkrnl has enabled the interrupt and a mode is set, whether the source is
//! visible or not (contract: I3, V5).

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::TARGET;
use super::clock::{Clock, ScanLine};
use crate::kernel::irql::{Any, AtMostDispatch, Dispatch, Passive};
use crate::kernel::{
    InterruptLine, NoMemory, Shared, SpinLock, Tag, Time, Timer, VerticalSync, now,
};

/// The vertical sync of one adapter, from AddDevice to RemoveDevice.
pub struct Pulse {
    /// `None` while no mode is set or the adapter sleeps.
    clock: SpinLock<Option<Clock>>,
    /// Dxgkrnl wants to hear of it.
    enabled: AtomicBool,
    /// The address that the last flip named.
    address: AtomicU64,
    /// The frame that was last reported, by the clock under way.
    reported: AtomicU64,
}

/// No frame has been reported yet.
const NONE: u64 = u64::MAX;

impl Pulse {
    /// No mode, and nobody listens.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            clock: SpinLock::new(None),
            enabled: AtomicBool::new(false),
            address: AtomicU64::new(0),
            reported: AtomicU64::new(NONE),
        }
    }

    /// The timer that reports `pulse` on `line`. It is not set; [`Pulse::arm`] sets it.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] if there is none for it.
    pub fn timer(
        pulse: &Shared<Self>,
        tag: Tag,
        line: InterruptLine,
        irql: Passive,
    ) -> Result<Timer, NoMemory> {
        let pulse = pulse.clone();
        let routine = move |timer: &Timer, irql| pulse.tick(timer, &line, irql);
        Timer::try_new(tag, routine, irql)
    }

    /// The frames that are counted from here on; `None` for none.
    pub fn set_clock(&self, clock: Option<Clock>, irql: impl AtMostDispatch) {
        *self.clock.lock(irql) = clock;
        self.reported.store(NONE, Ordering::Relaxed);
    }

    /// Whether vertical syncs are to be reported.
    pub fn enable(&self, enabled: bool) {
        self.enabled.store(enabled, Ordering::Release);
    }

    /// What the next report says is shown: the address that a flip has named.
    pub fn set_address(&self, address: u64, _irql: impl Any) {
        self.address.store(address, Ordering::Release);
    }

    /// Sets the timer to the next vertical sync, if one is to be reported; or cancels it.
    pub fn arm(&self, timer: &Timer, irql: impl AtMostDispatch) {
        let clock = *self.clock.lock(irql);
        match clock {
            Some(clock) if self.enabled.load(Ordering::Acquire) => {
                let next = clock.frame(now()).saturating_add(1);
                timer.set(clock.due(next), irql);
            }
            _ => {
                timer.cancel(irql);
            }
        }
    }

    /// What line the screen is at; `None` while no mode is set.
    pub fn scan_line(&self, irql: impl AtMostDispatch) -> Option<ScanLine> {
        let clock = *self.clock.lock(irql);
        Some(clock?.scan_line(now()))
    }

    /// Whether the frame under way is not reported yet, which it is from here on. A timer that came a
    /// little early comes again; one that came late has lost the frames in between, as a screen does.
    fn is_due(&self, clock: &Clock, now: Time) -> bool {
        let frame = clock.frame(now);
        self.reported.swap(frame, Ordering::Relaxed) != frame
    }

    fn tick(&self, timer: &Timer, line: &InterruptLine, irql: Dispatch) {
        let clock = *self.clock.lock(irql);
        if let Some(clock) = clock
            && self.enabled.load(Ordering::Acquire)
            && self.is_due(&clock, now())
        {
            let vsync = VerticalSync {
                target: TARGET,
                address: self.address.load(Ordering::Acquire),
            };
            line.send_vsync(vsync, irql);
        }
        self.arm(timer, irql);
    }
}

impl Default for Pulse {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display::modes::Timing;

    #[test]
    fn a_frame_is_reported_once_however_often_the_timer_comes() {
        let timing = Timing::known((640, 480), (800, 525), 25_200_000).unwrap();
        let (pulse, clock) = (Pulse::new(), Clock::new(timing, Time(1_000)));
        let (first, second, fourth) = (clock.due(1), clock.due(2), clock.due(4));
        assert!(pulse.is_due(&clock, first));
        assert!(!pulse.is_due(&clock, first));
        let early = Time(second.0 - 1);
        assert!(!pulse.is_due(&clock, early));
        assert!(pulse.is_due(&clock, second));
        // Late by more than a frame: once, and not for each that was missed.
        assert!(pulse.is_due(&clock, fourth));
        assert!(!pulse.is_due(&clock, fourth));
    }
}
