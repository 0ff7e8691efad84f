//! Interrupts of the display: what NotifyInterrupt reports, ControlInterrupt, waiting, the scan line (I2, I3, V5).

use alloc::format;
use core::sync::atomic::Ordering;

use dxgk_sys::status::{STATUS_NOT_IMPLEMENTED, STATUS_SUCCESS};
use dxgk_sys::{DXGK_INTERRUPT_TYPE, DXGKARG_GETSCANLINE, DXGKARGCB_NOTIFY_INTERRUPT_DATA};

use crate::adapter::{Adapter, AdapterInner, State};
use crate::ddi::Ddi;
use crate::display::children::ChildKind;
use crate::display::scan::{Verdict, Vsync, Vsyncs};
use crate::pattern::Pattern;
use crate::rules::Rule;
use crate::scheduler::SCHEDULER_ERROR;
use crate::{STATUS_PROCEDURE_NOT_FOUND, Status};

const NOTIFY: &str = "DxgkCbNotifyInterrupt";
const CONTROL: &str = "ControlInterrupt";
const SCAN_LINE: &str = "GetScanLine";

/// VSYNC of an adapter that only renders.
const RENDER_ONLY_VSYNC: u64 = 7;

/// How long a monitor may be without a VSYNC on a busy machine: a second, in 100 ns.
const PATIENCE: u64 = 10_000_000;

/// Where a target's scan-out is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanLine {
    /// `ScanLine`.
    pub line: u32,
    /// `InVerticalBlank`.
    pub blank: bool,
}

impl AdapterInner {
    /// Looks into what NotifyInterrupt was given, at device IRQL.
    pub(crate) fn report_interrupt(&self, data: &DXGKARGCB_NOTIFY_INTERRUPT_DATA) {
        type Kind = DXGK_INTERRUPT_TYPE;
        let kind = data.InterruptType;
        let fits = match kind {
            Kind::DXGK_INTERRUPT_CRTC_VSYNC => !self.registration.display_only,
            Kind::DXGK_INTERRUPT_DISPLAYONLY_VSYNC
            | Kind::DXGK_INTERRUPT_DISPLAYONLY_PRESENT_PROGRESS => self.registration.display_only,
            // Reserved for the system.
            Kind::DXGK_INTERRUPT_DMA_FAULTED => false,
            other => other.name().is_some() && !self.registration.display_only,
        };
        self.check(Rule::I2, NOTIFY, fits, || {
            let name = kind.name().unwrap_or("an unknown type");
            format!("reports {name} ({})", kind.0)
        });
        match kind {
            Kind::DXGK_INTERRUPT_CRTC_VSYNC => {
                // SAFETY: any bytes are a value of it.
                let vsync = unsafe { data.u0.CrtcVsync };
                // SAFETY: any bytes are an integer.
                let address = unsafe { vsync.PhysicalAddress.QuadPart };
                self.report_vsync(vsync.VidPnTargetId, Some(address.cast_unsigned()));
            }
            Kind::DXGK_INTERRUPT_DISPLAYONLY_VSYNC => {
                // SAFETY: any bytes are a value of it.
                let vsync = unsafe { data.u0.DisplayOnlyVsync };
                self.report_vsync(vsync.VidPnTargetId, None);
            }
            Kind::DXGK_INTERRUPT_DISPLAYONLY_PRESENT_PROGRESS => {
                // SAFETY: any bytes are a value of it.
                let progress = unsafe { data.u0.DisplayOnlyPresentProgress };
                self.present_progress(progress.VidPnSourceId, progress.ProgressId);
            }
            Kind::DXGK_INTERRUPT_DMA_COMPLETED
            | Kind::DXGK_INTERRUPT_DMA_PREEMPTED
            | Kind::DXGK_INTERRUPT_DMA_FAULTED => {
                let told = self.interrupts.vsync_told.load(Ordering::Relaxed);
                self.check(
                    Rule::I2,
                    NOTIFY,
                    !told,
                    || "reports DMA after the VSYNC of the same interrupt",
                );
                if !self.registration.display_only {
                    self.report_dma(data);
                }
            }
            _ => {}
        }
    }

    fn report_vsync(&self, target: u32, address: Option<u64>) {
        self.interrupts.vsync_told.store(true, Ordering::Relaxed);
        let sources = self.sources.load(Ordering::Relaxed);
        let shows = self.check(
            Rule::I2,
            NOTIFY,
            sources != 0,
            || "reports VSYNC of an adapter without sources",
        );
        if !shows {
            let parameters = [RENDER_ONLY_VSYNC, 0, 0, 0];
            let detail = format!("VSYNC of {target:#x}, yet the adapter only renders");
            self.port
                .bugcheck(NOTIFY, SCHEDULER_ERROR, parameters, detail);
            return;
        }
        let child = self.child(target);
        let output = child.is_some_and(|child| child.kind != ChildKind::Other);
        self.check(Rule::I2, NOTIFY, output, || {
            format!("reports VSYNC of {target:#x}, which is no target")
        });
        let host = &*self.port.host;
        let vsync = Vsync {
            target,
            address: address.unwrap_or(0),
            time_100ns: host.time_100ns(),
        };
        let checked = address.is_some();
        let verdict = self
            .display
            .scan
            .with(host, |scan| scan.vsync(vsync, checked));
        self.check(Rule::V5, NOTIFY, verdict == Verdict::Fits, || {
            format!("VSYNC reports {:#x}, {verdict:x?}", vsync.address)
        });
    }

    /// Runs DPCs until `done` says so or the time is over.
    pub(super) fn wait(&self, timeout_100ns: u64, mut done: impl FnMut() -> bool) -> bool {
        let host = &*self.port.host;
        let start = host.time_100ns();
        loop {
            self.run_dpc();
            if done() {
                return true;
            }
            if host.time_100ns().saturating_sub(start) >= timeout_100ns {
                return false;
            }
            host.relax();
        }
    }
}

impl Adapter {
    /// ControlInterrupt. Any type but DXGK_INTERRUPT_CRTC_VSYNC must be `STATUS_NOT_IMPLEMENTED` (I3).
    ///
    /// # Errors
    /// The driver's.
    pub fn control_interrupt(&self, kind: DXGK_INTERRUPT_TYPE, enable: bool) -> Result<(), Status> {
        let adapter = &*self.0;
        let control = adapter.registration.table.DxgkDdiControlInterrupt;
        let control = control.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let host = &*adapter.port.host;
        let vsync = kind == DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_CRTC_VSYNC;
        // The first one may come before the call returns.
        let mut before = false;
        adapter.display.scan.with(host, |scan| {
            before = scan.enabled;
            scan.enabled |= vsync && enable;
        });
        let arguments = || format!("{}, {enable}", kind.name().unwrap_or("unknown"));
        let status = adapter.call(Ddi::ControlInterrupt, arguments, |_| {
            // SAFETY: the driver's own function and context, at its IRQL and level.
            unsafe { control(adapter.context(), kind, enable.into()) }
        });
        let wanted = if vsync {
            STATUS_SUCCESS
        } else {
            STATUS_NOT_IMPLEMENTED
        };
        adapter.check(Rule::I3, CONTROL, status == wanted, || {
            format!("type {}: {status:#010x}", kind.0)
        });
        if vsync {
            let now = if status == STATUS_SUCCESS {
                enable
            } else {
                before
            };
            adapter.display.scan.with(host, |scan| scan.enabled = now);
        }
        crate::lifecycle::done(status)
    }

    /// ControlInterrupt for every type that it must refuse, on and off.
    pub fn exercise_interrupts(&self) {
        for (_, kind) in DXGK_INTERRUPT_TYPE::VALUES {
            if *kind != DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_CRTC_VSYNC {
                let _ = self.control_interrupt(*kind, true);
                let _ = self.control_interrupt(*kind, false);
            }
        }
    }

    /// Waits for `count` VSYNCs, at most so long; how many came.
    ///
    /// None at all in a second or more is a violation of I3 if they are enabled and a mode is set.
    pub fn wait_for_vsync(&self, count: u64, timeout_100ns: u64) -> u64 {
        let adapter = &*self.0;
        let host = &*adapter.port.host;
        let seen = || adapter.display.scan.with(host, |scan| scan.count());
        let before = seen();
        adapter.wait(timeout_100ns, || seen() - before >= count);
        let seen = seen() - before;
        if count != 0 && timeout_100ns >= PATIENCE && adapter.state() == State::Started {
            let wanted = adapter.display.scan.with(host, |scan| scan.should_tick());
            adapter.check(Rule::I3, CONTROL, seen != 0 || !wanted, || {
                format!("VSYNC is enabled, yet none came in {timeout_100ns} x 100 ns")
            });
        }
        seen
    }

    /// The VSYNCs since the last start.
    pub fn vsyncs(&self) -> Vsyncs {
        let mut all = Vsyncs::with_room();
        let host = &*self.0.port.host;
        self.0.display.scan.with(host, |scan| scan.copy(&mut all));
        all
    }

    /// GetScanLine.
    ///
    /// # Errors
    /// The driver's.
    pub fn scan_line(&self, target: u32) -> Result<ScanLine, Status> {
        let adapter = &*self.0;
        let get = adapter.registration.table.DxgkDdiGetScanLine;
        let get = get.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let pattern = Pattern::turn(adapter.port.turns.next());
        let mut argument: DXGKARG_GETSCANLINE = pattern.filled();
        argument.VidPnTargetId = target;
        let arguments = || format!("target {target:#x}");
        let status = adapter.call(Ddi::GetScanLine, arguments, |_| {
            // SAFETY: the driver's own function and context, at its IRQL.
            unsafe { get(adapter.context(), &raw mut argument) }
        });
        let same = argument.VidPnTargetId == target;
        adapter.check(Rule::B2_13, SCAN_LINE, same, || "VidPnTargetId was written");
        if status != STATUS_SUCCESS {
            return Err(status);
        }
        let (blank, line) = (argument.InVerticalBlank, argument.ScanLine);
        adapter.check(Rule::I3, SCAN_LINE, blank <= 1, || {
            format!("InVerticalBlank is not set, it holds {blank:#x}")
        });
        adapter.check(
            Rule::I3,
            SCAN_LINE,
            line != pattern.u32(),
            || "ScanLine is not set",
        );
        Ok(ScanLine {
            line,
            blank: blank != 0,
        })
    }
}
