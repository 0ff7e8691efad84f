//! What the screen shows: the committed mode, the primary's address, and whether anything is to be
//! seen.

use core::mem;

use crate::device::{Direct, Hardware, NotTaken, ScanOut};
use crate::kernel::irql::{Any, AtMostDispatch, Passive};
use crate::kernel::{
    FastMutex, InterruptLine, NoMemory, Shared, SpinLock, Tag, Timer, complain, now, trace,
};
use crate::memory::segments::VIDEO_MEMORY_BASE;

use super::clock::{Clock, ScanLine};
use super::modes::Mode;
use super::vsync::Pulse;
use super::{Monitor, Plan, Rotation};

/// The screen of one adapter, from AddDevice to RemoveDevice.
///
/// What comes at any IRQL is in [`Direct`] and [`Pulse`], behind atomics. The rest changes under
/// `changes`, one at a time, and is read under `state`.
pub struct Screen {
    direct: Direct,
    pulse: Shared<Pulse>,
    pub(super) changes: FastMutex<()>,
    pub(super) state: SpinLock<State>,
    /// What the adapter has while it is started.
    parts: SpinLock<Option<Parts>>,
}

/// What a screen has while its adapter is started.
pub struct Parts {
    monitor: Shared<Monitor>,
    timer: Timer,
}

/// What is to be seen, and of what.
#[derive(Clone, Copy)]
pub(super) struct State {
    pub plan: Option<Plan>,
    /// The source is (SetVidPnSourceVisibility).
    pub visible: bool,
    /// The monitor is switched on (SetPowerState of the child).
    pub monitor_on: bool,
    /// The adapter is in D0.
    pub awake: bool,
    /// The picture that was found at the start.
    pub post: Option<(u32, u32)>,
}

impl State {
    /// Sources are invisible until Windows makes them visible (contract: L3).
    const STOPPED: Self = Self {
        plan: None,
        visible: false,
        monitor_on: true,
        awake: true,
        post: None,
    };

    fn is_seen(&self) -> bool {
        let powered = self.plan.is_some_and(|plan| plan.powered_on);
        self.visible && self.monitor_on && self.awake && powered
    }
}

/// What is to be seen on the screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shown {
    /// What was committed.
    pub plan: Plan,
    /// Where its picture lies in video memory.
    pub scan_out: ScanOut,
}

impl Parts {
    /// What a screen of `hardware` needs. Nothing is changed yet.
    ///
    /// # Errors
    ///
    /// [`NoMemory`]
    pub fn try_new(
        screen: &Screen,
        monitor: Shared<Monitor>,
        line: InterruptLine,
        tag: Tag,
        irql: Passive,
    ) -> Result<Self, NoMemory> {
        let timer = Pulse::timer(&screen.pulse, tag, line, irql)?;
        Ok(Self { monitor, timer })
    }
}

impl Screen {
    /// The screen of an adapter that is not started.
    ///
    /// # Errors
    ///
    /// [`NoMemory`]
    pub fn try_new(tag: Tag, irql: Passive) -> Result<Self, NoMemory> {
        Ok(Self {
            direct: Direct::new(),
            pulse: Shared::try_new(tag, Pulse::new(), irql)?,
            changes: FastMutex::new(()),
            state: SpinLock::new(State::STOPPED),
            parts: SpinLock::new(None),
        })
    }

    /// The adapter is started: from here on the screen is this driver's, and black. `found` is the
    /// picture that it shows, if that is known, and `post` its size.
    pub fn start(
        &self,
        parts: Parts,
        hardware: &dyn Hardware,
        found: Option<ScanOut>,
        post: Option<(u32, u32)>,
        irql: Passive,
    ) {
        self.stop(irql);
        *self.state.lock(irql) = State {
            post,
            ..State::STOPPED
        };
        hardware.arm(&self.direct, found);
        *self.parts.lock(irql) = Some(parts);
        self.refresh(irql);
    }

    /// The hardware is not touched any more, and the timer is gone. The screen stays as it is.
    pub fn stop(&self, irql: Passive) {
        // Dropped after the lock: a timer waits for its routine.
        let parts = self.parts.lock(irql).take();
        drop(parts);
        self.direct.disarm();
        self.pulse.enable(false);
        self.pulse.set_clock(None, irql);
        *self.state.lock(irql) = State::STOPPED;
    }

    /// The hardware was pulled out: it is not touched any more, and no vertical sync is reported.
    pub fn leave(&self, irql: Passive) {
        self.direct.disarm();
        let parts = self.parts.lock(irql).take();
        drop(parts);
    }

    /// What can be done at any IRQL.
    #[must_use]
    pub fn direct(&self) -> &Direct {
        &self.direct
    }

    /// The monitor; `None` while the adapter is not started, or its hardware is gone.
    pub fn monitor(&self, irql: impl AtMostDispatch) -> Option<Shared<Monitor>> {
        let parts = self.parts.lock(irql);
        parts.as_ref().map(|parts| parts.monitor.clone())
    }

    /// Another monitor is there; nothing happens unless the adapter is started.
    pub fn exchange_monitor(&self, monitor: Shared<Monitor>, irql: Passive) {
        let mut parts = self.parts.lock(irql);
        let before = (parts.as_mut()).map(|parts| mem::replace(&mut parts.monitor, monitor));
        drop(parts);
        drop(before);
    }

    /// The size of the picture that the firmware or the driver before left on the screen.
    pub fn post_size(&self, irql: impl AtMostDispatch) -> Option<(u32, u32)> {
        self.state.lock(irql).post
    }

    /// What was committed.
    pub fn committed(&self, irql: impl AtMostDispatch) -> Option<Plan> {
        self.state.lock(irql).plan
    }

    /// What is to be seen, if anything is.
    pub fn shown(&self, irql: impl AtMostDispatch) -> Option<Shown> {
        let state = *self.state.lock(irql);
        let plan = state.plan.filter(|_| state.is_seen())?;
        let scan_out = self.direct.picture()?;
        Some(Shown { plan, scan_out })
    }

    /// Sets the mode that a VidPN asks for, or switches the screen off for one without a path. The
    /// source stays as visible as it was. A new mode's picture lies at the beginning of video memory
    /// until [`Screen::set_address`] says otherwise.
    ///
    /// # Errors
    ///
    /// [`NotTaken`] if the hardware cannot do it; all is then as it was before (contract: V4).
    pub fn commit(&self, plan: Option<Plan>, irql: Passive) -> Result<(), NotTaken> {
        let _changes = self.changes.lock(irql);
        let before = self.committed(irql);
        let mode = plan.map(|plan| plan.mode);
        if mode != before.map(|plan| plan.mode) {
            if let Some(mode) = mode {
                self.set_mode(&mode, irql).inspect_err(|error| {
                    complain(c"CommitVidPn", error.what, error.wanted, c"is not taken");
                })?;
            }
            self.set_clock(mode, irql);
            let (width, height, pitch) = mode.map_or((0, 0, 0), |mode| {
                (mode.width(), mode.height(), mode.pitch())
            });
            trace::mode(width, height, pitch, self);
        }
        self.state.lock(irql).plan = plan;
        self.refresh(irql);
        Ok(())
    }

    /// Turns the picture of the committed mode; `false` if none is committed.
    pub fn rotate(&self, rotation: Rotation, irql: Passive) -> bool {
        let _changes = self.changes.lock(irql);
        let mut state = self.state.lock(irql);
        match &mut state.plan {
            Some(plan) => {
                plan.rotation = rotation;
                true
            }
            None => false,
        }
    }

    /// Shows the source's picture, or black. Vertical syncs go on (contract: V5).
    pub fn set_visible(&self, visible: bool, irql: Passive) {
        let _changes = self.changes.lock(irql);
        self.state.lock(irql).visible = visible;
        self.refresh(irql);
    }

    /// Shows the primary at `offset` bytes in video memory; `address` is what the next vertical sync
    /// reports for it. False, and nothing, if it would not lie in video memory, or no mode is set.
    pub fn set_address(&self, offset: u64, address: u64, irql: impl Any) -> bool {
        let panned = self.direct.pan(offset, irql);
        if panned {
            self.pulse.set_address(address, irql);
        }
        panned
    }

    /// Whether vertical syncs are reported.
    pub fn enable_vsync(&self, enabled: bool, irql: Passive) {
        let _changes = self.changes.lock(irql);
        self.pulse.enable(enabled);
        self.arm_timer(irql);
    }

    /// What line the screen is at; `None` while no mode is set.
    pub fn scan_line(&self, irql: impl AtMostDispatch) -> Option<ScanLine> {
        self.pulse.scan_line(irql)
    }

    /// Sets a mode whose picture lies at the beginning of video memory.
    pub(super) fn set_mode(&self, mode: &Mode, irql: Passive) -> Result<(), NotTaken> {
        let scan_out = ScanOut {
            width: mode.width(),
            height: mode.height(),
            pitch: mode.pitch(),
            offset: 0,
        };
        self.direct.set_mode(&scan_out, irql)?;
        self.pulse.set_address(VIDEO_MEMORY_BASE, irql);
        Ok(())
    }

    /// Counts frames from now on, or not at all.
    pub(super) fn set_clock(&self, mode: Option<Mode>, irql: Passive) {
        let clock = mode.map(|mode| Clock::new(mode.timing, now()));
        self.pulse.set_clock(clock, irql);
    }

    /// Brings the hardware and the timer in line with the state.
    pub(super) fn refresh(&self, irql: Passive) {
        let seen = self.state.lock(irql).is_seen();
        self.direct.set_blank(!seen, irql);
        self.arm_timer(irql);
    }

    fn arm_timer(&self, irql: Passive) {
        let parts = self.parts.lock(irql);
        let under_lock = parts.irql();
        if let Some(parts) = &*parts {
            self.pulse.arm(&parts.timer, under_lock);
        }
    }
}
