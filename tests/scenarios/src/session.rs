//! The driver loaded, its adapters started, and everything given back at the end.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use dxgk_port::{Adapter, Device, Port, Report, STATUS_INVALID_DEVICE_STATE, Settings};
use dxgk_sys::DXGK_CREATEDEVICEFLAGS;

use crate::Machine;
use crate::outcome::{Failed, check, done};

/// The name of the parameter that gives each object a pool block of its own.
pub const POOL_PER_OBJECT: &str = "PoolPerObject";

/// The name of the parameter that makes the driver a display-only one.
pub const DISPLAY_ONLY: &str = "DisplayOnly";

/// A driver with started adapters. A scenario ends with [`Session::close`]; one that fails before drops
/// the session, which takes the driver down without further checks.
pub struct Session<'m> {
    machine: &'m dyn Machine,
    /// The port that has the driver.
    pub port: Port,
    adapters: Vec<Adapter>,
    open: bool,
    /// The driver was loaded and the adapters started by someone else, who takes them down as well.
    adopted: bool,
}

impl<'m> Session<'m> {
    /// Loads the driver and starts one adapter.
    pub fn open(machine: &'m dyn Machine) -> Result<Self, Failed> {
        Self::open_with(machine, 1, false)
    }

    /// Loads the driver with each object in a pool block of its own, and starts one adapter.
    pub fn open_per_object(machine: &'m dyn Machine) -> Result<Self, Failed> {
        Self::open_with(machine, 1, true)
    }

    /// Loads the driver and starts the first `adapters` adapters.
    pub fn open_with(
        machine: &'m dyn Machine,
        adapters: u32,
        per_object: bool,
    ) -> Result<Self, Failed> {
        let session = Self::load(machine, &Settings::default().for_full(), per_object)?;
        session.add(adapters, true)
    }

    /// Loads the driver only.
    pub fn load(
        machine: &'m dyn Machine,
        settings: &Settings,
        per_object: bool,
    ) -> Result<Self, Failed> {
        machine.take_complaints();
        machine.take_faults();
        Self::load_by(machine, per_object, || {
            done("DriverEntry", machine.load(settings.clone()))
        })
    }

    /// Loads the driver only, as a display-only one.
    pub fn load_display_only(
        machine: &'m dyn Machine,
        settings: &Settings,
    ) -> Result<Self, Failed> {
        machine.set_parameter(DISPLAY_ONLY, Some(1));
        let loaded = Self::load(machine, settings, false);
        // DriverEntry has read it.
        machine.set_parameter(DISPLAY_ONLY, None);
        loaded
    }

    /// Loads the driver by `load`.
    pub fn load_by(
        machine: &'m dyn Machine,
        per_object: bool,
        load: impl FnOnce() -> Result<Port, Failed>,
    ) -> Result<Self, Failed> {
        machine.set_parameter(POOL_PER_OBJECT, per_object.then_some(1));
        let port = load()?;
        Ok(Self {
            machine,
            port,
            adapters: Vec::new(),
            open: true,
            adopted: false,
        })
    }

    /// A driver and an adapter that someone else has started, as a PnP manager does: they stay as they are at the
    /// session's end.
    pub fn adopt(machine: &'m dyn Machine, port: &Port, adapter: &Adapter) -> Self {
        Self {
            machine,
            port: port.clone(),
            adapters: alloc::vec![adapter.clone()],
            open: false,
            adopted: true,
        }
    }

    /// Adds the first `adapters` adapters, and starts them if wanted.
    pub fn add(mut self, adapters: u32, start: bool) -> Result<Self, Failed> {
        for index in 0..adapters {
            self.adapters
                .push(done("AddDevice", self.port.add_device(index))?);
        }
        if start {
            for adapter in &self.adapters {
                done("StartDevice", adapter.start())?;
            }
        }
        Ok(self)
    }

    /// Takes an adapter that the scenario added itself into the session's care.
    pub fn take_care_of(&mut self, adapter: &Adapter) {
        self.adapters.push(adapter.clone());
    }

    /// The first adapter.
    pub fn adapter(&self) -> &Adapter {
        &self.adapters[0]
    }

    /// The adapter with that number.
    pub fn adapter_number(&self, index: usize) -> &Adapter {
        &self.adapters[index]
    }

    /// Stops and removes the adapters that are left, unloads the driver, and demands that no rule is
    /// broken, nothing leaked and the machine saw nothing wrong.
    pub fn close(mut self) -> Result<(), Failed> {
        self.machine.take_complaints();
        let report = self.take_down()?;
        clean(&report, &self.machine.take_faults())?;
        // An adapter's pools free what is left in them when they go, and say so: no leak, but an
        // object that some call should have freed.
        let lines = self.machine.take_complaints();
        let left = lines.iter().find(|line| line.starts_with("vmdisp: Pool: "));
        check(left.is_none(), "no object left in a pool", || {
            format!("{left:?}")
        })
    }

    /// As [`Session::close`], but what the port found is for the caller to judge.
    pub fn take_down(&mut self) -> Result<Report, Failed> {
        if self.adopted {
            return Ok(self.port.report());
        }
        for adapter in &self.adapters {
            if adapter.is_started() {
                done("StopDevice", adapter.stop())?;
            }
        }
        for adapter in core::mem::take(&mut self.adapters) {
            match adapter.remove() {
                // The scenario has removed it.
                Ok(()) | Err(STATUS_INVALID_DEVICE_STATE) => {}
                Err(status) => done("RemoveDevice", Err(status))?,
            }
        }
        self.unload();
        Ok(self.port.report())
    }

    fn unload(&mut self) {
        if core::mem::take(&mut self.open) {
            self.machine.unload(&self.port);
            self.machine.set_parameter(POOL_PER_OBJECT, None);
        }
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        // After a failure: the driver must not stay, whatever it says. What the port has seen may explain it.
        let host = self.port.host();
        if self.open {
            let report = self.port.report();
            for broken in report.violations.iter().take(4) {
                let (rule, ddi, detail) = (broken.rule, broken.ddi, &broken.detail);
                host.line(&format!("rule {rule} broken by {ddi}: {detail}"));
            }
            if let Some(bugcheck) = &report.bugcheck {
                host.line(&format!("{bugcheck:x?}"));
            }
        }
        for line in self.machine.take_complaints().iter().take(4) {
            host.line(line);
        }
        host.stall(false);
        host.fail_pool_call(None);
        self.machine.fail_slot(None);
        host.fail_thread_creation(None);
        if self.adopted {
            return;
        }
        for adapter in &self.adapters {
            let _ = adapter.remove();
        }
        self.unload();
    }
}

/// A new device of `adapter`.
pub fn device(adapter: &Adapter) -> Result<Device, Failed> {
    done(
        "CreateDevice",
        adapter.create_device(DXGK_CREATEDEVICEFLAGS::ZERO),
    )
}

/// Demands that no rule is broken, nothing leaked, and that the machine saw nothing wrong.
pub fn clean(report: &Report, faults: &[String]) -> Result<(), Failed> {
    if let Some(broken) = report.violations.first() {
        let (rule, ddi, detail) = (broken.rule, broken.ddi, &broken.detail);
        return Err(Failed {
            expected: format!("rule {rule} kept"),
            seen: format!("{ddi}: {detail}"),
        });
    }
    if let Some(leak) = report.leaks.first() {
        let seen = format!(
            "{} {} {} after {}",
            leak.count, leak.what, leak.tag, leak.after
        );
        return Err(Failed {
            expected: "nothing leaked".into(),
            seen,
        });
    }
    check(faults.is_empty(), "nothing wrong on the machine", || {
        faults.join("; ")
    })
}

/// The debug lines that the driver wrote since the last look; there must be exactly one, and it must
/// name `field` of `call`.
pub fn one_complaint(machine: &dyn Machine, call: &str, field: &str) -> Result<(), Failed> {
    let lines = machine.take_complaints();
    let begin = format!("vmdisp: {call}: {field} = ");
    let good = matches!(lines.as_slice(), [line] if line.starts_with(&begin) && has_reason(line));
    check(good, format!("one debug line `{begin}…: why`"), || {
        format!("{lines:?}")
    })
}

/// After the value there is a colon and at least a word.
fn has_reason(line: &str) -> bool {
    line.rsplit_once(": ")
        .is_some_and(|(_, why)| why.split_whitespace().count() >= 1)
}
