//! The steps of a run: the full driver through its whole life, one that is refused, and the display-only driver.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use vmdisp_wine_protocol::{BUS_ID, State, bus, dxgkrnl, shim};

use super::journal::{Journal, forbidden};
use super::outcome::{Outcome, Step};
use super::package::Package;
use super::prefix::Prefix;
use super::programs::Programs;
use crate::report::Bar;

/// dxgkrnl's control codes for the functions by which a driver registers; one that it has never had.
const FULL: u64 = 0x0023_0047;
const DISPLAY_ONLY: u64 = 0x0023_0043;
const UNKNOWN: u64 = 0x0023_ffff;

/// `STATUS_NOT_SUPPORTED`
const NOT_SUPPORTED: u32 = 0xc000_00bb;
/// `STATUS_INVALID_DEVICE_REQUEST`
const INVALID_REQUEST: u64 = 0xc000_0010;

/// How long Wine's Plug and Play may take to start a device that has come, or to remove one.
const PATIENCE: Duration = Duration::from_secs(20);

/// The slots that the full driver's and the display-only driver's adapters are put into. Each is a device of its own to
/// Plug and Play, which keeps a device's driver.
const FULL_SLOT: u64 = 0;
const DISPLAY_ONLY_SLOT: u64 = 1;

/// What a run is made of.
pub struct Course<'a> {
    /// The host's programs.
    pub programs: &'a Programs,
    /// The driver and its INFs.
    pub package: &'a Package,
    /// Of everything random.
    pub seed: u64,
    /// How long a program may take.
    pub limit: Duration,
    /// Leave the prefix where it is.
    pub keep: bool,
}

/// A step: its name, and what it does.
type Action = fn(&Run<'_>) -> Result<String>;

/// The steps, in their order.
const STEPS: [(&str, Action); 14] = [
    ("the shim is started", |run| run.start_shim()),
    ("vmdisp.inf is installed", |run| run.install("vmdisp")),
    ("the test bus is started", |run| run.start_bus()),
    ("Plug and Play starts the adapter", |run| run.plug_full()),
    ("handshakes with dxgkrnl", |run| run.handshakes()),
    ("the main job", |run| run.main_job()),
    ("the adapter is pulled out", |run| run.unplug(FULL_SLOT)),
    ("vmdisp is unloaded", |run| run.unload("vmdisp")),
    ("a registration is refused", |run| run.refuse()),
    ("vmdisp-display.inf is installed", |run| {
        run.install_display_only()
    }),
    ("Plug and Play starts it display-only", |run| {
        run.plug_display_only()
    }),
    ("presents of the display-only driver", |run| run.presents()),
    ("that is pulled out and unloaded", |run| {
        run.end_display_only()
    }),
    ("dxgkrnl, the bus and the shim are unloaded", |run| {
        run.end()
    }),
];

impl Course<'_> {
    /// Runs all steps up to the first that fails.
    ///
    /// # Errors
    ///
    /// Where no prefix can be made; what a step meets is in the outcome.
    pub fn run(&self, number: u32) -> Result<Outcome> {
        let bar = Bar::new(1);
        let total = STEPS.len() as u64 + 1;
        bar.set(0, total, || format!("run {number}: making a Wine prefix"));
        let begin = Instant::now();
        let prefix = Prefix::new(self.limit)?;
        let mut steps = vec![Step::passed("a new Wine prefix", String::new(), begin)];
        let run = Run {
            course: self,
            prefix: &prefix,
        };
        for (done, (name, action)) in (1..).zip(STEPS) {
            bar.set(done, total, || format!("run {number}: {name}"));
            let begin = Instant::now();
            let step = match action(&run) {
                Ok(note) => Step::passed(name, note, begin),
                Err(error) => Step::failed(name, format!("{error:#}"), begin),
            };
            let failed = !step.has_passed();
            steps.push(step);
            if failed {
                break;
            }
        }
        let begin = Instant::now();
        let complaints = forbidden(&prefix.wine_log());
        let name = "Wine's log";
        steps.push(match complaints.first() {
            None => Step::passed(name, "no crash, nothing that Wine lacks".into(), begin),
            Some(first) => Step::failed(name, first.clone(), begin),
        });
        drop(bar);
        let journal = Journal::read(&prefix.log());
        let outcome = Outcome::of(steps, &journal, self, &prefix);
        if self.keep {
            let folder = prefix.keep();
            println!("prefix   {}", folder.display());
        }
        Ok(outcome)
    }
}

/// A run under way.
struct Run<'a> {
    course: &'a Course<'a>,
    prefix: &'a Prefix,
}

impl Run<'_> {
    fn journal(&self) -> Journal {
        Journal::read(&self.prefix.log())
    }

    /// How much the drivers have said until now.
    fn said(&self) -> usize {
        self.journal().messages.len()
    }

    fn copy(&self, program: &str, to: &std::path::Path) -> Result<()> {
        let from = self.course.programs.path(program);
        let to = to.join(program);
        fs::copy(&from, &to)
            .with_context(|| format!("copying {} to {}", from.display(), to.display()))?;
        Ok(())
    }

    fn start_shim(&self) -> Result<String> {
        let folder = self.prefix.drive_c().join("package");
        fs::create_dir_all(&folder)?;
        self.course.package.write(&folder)?;
        self.copy("control.exe", &folder)?;
        self.copy("vmdispbus.sys", &folder)?;
        fs::copy(Programs::bus_inf(), folder.join("vmdispbus.inf"))?;
        for (service, file) in [("kshim", "kshim.sys"), ("DXGKrnl", "dxgkrnl.sys")] {
            self.copy(file, &self.prefix.drivers())?;
            let image = format!(r"C:\windows\system32\drivers\{file}");
            self.prefix.control(&["make-service", service, &image])?;
        }
        self.prefix.control(&["start", "kshim"])?;
        Ok("before any other driver".into())
    }

    fn install(&self, name: &str) -> Result<String> {
        let inf = format!(r"C:\package\{name}.inf");
        let kept = self.prefix.control(&["copy-inf", &inf])?;
        ensure!(
            !self.prefix.drivers().join("vmdisp.sys").exists() || name != "vmdisp",
            "vmdisp.sys is in Wine's folder before there is a device for it"
        );
        Ok(format!("as {kept}"))
    }

    fn start_bus(&self) -> Result<String> {
        let inf = r"C:\package\vmdispbus.inf";
        self.prefix.control(&["make-device", inf, BUS_ID])?;
        Ok(BUS_ID.into())
    }

    fn state(&self) -> Result<State> {
        self.prefix.ask_for(dxgkrnl::DEVICE, dxgkrnl::STATE, 0)
    }

    /// Waits until dxgkrnl's stand-in is in a state.
    fn wait_for(&self, what: &str, is_it: impl Fn(&State) -> bool) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            // Until the driver has loaded it nobody can be asked.
            let state = self.state();
            if state.as_ref().is_ok_and(&is_it) {
                return Ok(());
            }
            ensure!(
                self.journal().fault().is_none(),
                "a fault ended the drivers"
            );
            if Instant::now() >= end {
                let state =
                    state.map_or_else(|error| format!("{error:#}"), |state| format!("{state:?}"));
                bail!("{what}: not after {} s; {state}", PATIENCE.as_secs());
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Puts an adapter into a slot and waits until Plug and Play has started it with that kind of driver.
    fn plug(&self, slot: u64, service: &str, kind: &str) -> Result<String> {
        let before = self.said();
        self.prefix.ask(bus::DEVICE, bus::PLUG, slot)?;
        let started = self.wait_for("the adapter is started", |state| {
            state.registered.as_deref() == Some(kind) && state.started == [true]
        });
        let journal = self.journal().since(before);
        ensure!(
            started.is_ok() || journal.images().contains_key("vmdisp.sys"),
            "no vmdisp.sys was loaded: no INF was for the adapter, or Wine took the image for none"
        );
        started?;
        ensure!(
            journal.registrations() == [(kind, 0)],
            "the driver registered as {:?}",
            journal.registrations()
        );
        let wanted = [("AddDevice", 0), ("StartDevice", 0)];
        ensure!(
            journal.requests() == wanted,
            "Plug and Play asked {:?}",
            journal.requests()
        );
        let copied = fs::read(self.prefix.drivers().join("vmdisp.sys"))?;
        ensure!(
            copied == fs::read(&self.course.package.sys)?,
            "the driver in Wine's folder is not the package's"
        );
        let devices = self.prefix.control(&["devices", "PCI\\VEN_1234"])?;
        let matched = |line: &&str| {
            let words: Vec<_> = line.split('\t').collect();
            words.get(1).is_some_and(|found| *found == service) && words.get(2) == Some(&"Display")
        };
        let device = devices.lines().find(matched);
        let device =
            device.with_context(|| format!("no device has the service {service}: {devices}"))?;
        let description = device.split('\t').nth(3).unwrap_or_default();
        let imports = journal
            .bound()
            .map(|(shim, wine)| format!("; of its imports {shim} are the shim's, {wine} Wine's"));
        Ok(format!("\"{description}\"{}", imports.unwrap_or_default()))
    }

    fn plug_full(&self) -> Result<String> {
        self.plug(FULL_SLOT, "vmdisp", "full")
    }

    fn handshakes(&self) -> Result<String> {
        for (code, wanted) in [(FULL, true), (DISPLAY_ONLY, true), (UNKNOWN, false)] {
            let answer = self.prefix.ask(shim::DEVICE, shim::HANDSHAKE, code)?;
            let function = answer["function"] == Value::Bool(true);
            let status = answer["status"].as_u64();
            let expected = if wanted { 0 } else { INVALID_REQUEST };
            ensure!(
                function == wanted && status == Some(expected),
                "code {code:#x} was answered with {answer}"
            );
        }
        // User mode must not get the function.
        let code = format!("{FULL:#x}");
        let from_program = self
            .prefix
            .control(&["control-code", dxgkrnl::DEVICE, &code]);
        ensure!(from_program.is_err(), "a program was given the function");
        Ok(format!(
            "{FULL:#x} and {DISPLAY_ONLY:#x} answered, {UNKNOWN:#x} and a program's request refused"
        ))
    }

    fn main_job(&self) -> Result<String> {
        let asked = self
            .prefix
            .ask(dxgkrnl::DEVICE, dxgkrnl::MAIN_JOB, self.course.seed);
        let journal = self.journal();
        if let Some(why) = journal.failed() {
            bail!("{why}");
        }
        asked?;
        let summary = journal.summary().context("it came to nothing")?;
        for wrong in ["violations", "leaks", "faults"] {
            let list = summary[wrong]
                .as_array()
                .context("its result has another form")?;
            ensure!(list.is_empty(), "{wrong}: {}", Value::from(list.clone()));
        }
        let made = |what: &str| summary["made"][what].as_u64().unwrap_or(0);
        Ok(format!(
            "{} allocations in {} resources, {} renders, {} presents, a test card",
            made("allocations"),
            made("resources"),
            made("renders"),
            made("presents")
        ))
    }

    fn unplug(&self, slot: u64) -> Result<String> {
        let before = self.said();
        self.prefix.ask(bus::DEVICE, bus::UNPLUG, slot)?;
        self.wait_for("the adapter is removed", |state| state.started.is_empty())?;
        let requests = self.journal().since(before);
        let wanted = [
            ("SurpriseRemoval", 0),
            ("StopDevice", 0),
            ("RemoveDevice", 0),
        ];
        ensure!(
            requests.requests() == wanted,
            "Plug and Play asked {:?}",
            requests.requests()
        );
        Ok("SurpriseRemoval, StopDevice, RemoveDevice".into())
    }

    /// Unloads a driver; it must leave nothing.
    fn unload(&self, service: &str) -> Result<String> {
        let before = self.said();
        self.unload_service(service)?;
        let journal = self.journal().since(before);
        let report = journal.unloaded().context("DxgkDdiUnload was not called")?;
        // The shim knows who took what is left.
        let left = journal.left();
        ensure!(left.is_empty(), "the driver leaked {}", left.join("; "));
        demand_none(report, &["violations", "leaks"])?;
        ensure!(
            report["bugcheck"].is_null(),
            "bugcheck {}",
            report["bugcheck"]
        );
        Ok("nothing left".into())
    }

    fn unload_service(&self, service: &str) -> Result<()> {
        let number = shim::DRIVERS.iter().position(|known| *known == service);
        let number = number.context("the shim knows no such service")? as u64;
        self.prefix.ask(shim::DEVICE, shim::UNLOAD, number)?;
        Ok(())
    }

    /// dxgkrnl refuses the driver: DriverEntry must fail with what it was told, and leave nothing.
    fn refuse(&self) -> Result<String> {
        let before = self.said();
        self.prefix.ask(dxgkrnl::DEVICE, dxgkrnl::REFUSE_NEXT, 0)?;
        let started = self.prefix.control(&["start", "vmdisp"]);
        self.prefix.ask(shim::DEVICE, shim::LEFT, 0)?;
        let journal = self.journal().since(before);
        ensure!(
            journal.registrations() == [("full", NOT_SUPPORTED)],
            "the driver was told {:x?}",
            journal.registrations()
        );
        ensure!(started.is_err(), "the driver was loaded all the same");
        let left = journal.left();
        ensure!(left.is_empty(), "the driver left {}", left.join("; "));
        Ok(format!(
            "with {NOT_SUPPORTED:#x}; the driver is not loaded, nothing left"
        ))
    }

    fn install_display_only(&self) -> Result<String> {
        self.prefix.control(&["remove-inf", "vmdisp.inf"])?;
        self.install("vmdisp-display")
    }

    fn plug_display_only(&self) -> Result<String> {
        self.plug(DISPLAY_ONLY_SLOT, "vmdisp-display", "display only")
    }

    fn presents(&self) -> Result<String> {
        let asked = self
            .prefix
            .ask(dxgkrnl::DEVICE, dxgkrnl::DISPLAY_ONLY, self.course.seed);
        let journal = self.journal();
        if let Some(why) = journal.failed() {
            bail!("{why}");
        }
        asked?;
        let note = journal
            .lines
            .iter()
            .rev()
            .find(|line| line.contains("rectangles"));
        Ok(note.cloned().unwrap_or_default())
    }

    fn end_display_only(&self) -> Result<String> {
        self.unplug(DISPLAY_ONLY_SLOT)?;
        self.unload("vmdisp-display")
    }

    fn end(&self) -> Result<String> {
        self.unload_service("DXGKrnl")?;
        self.prefix.control(&["remove-device", BUS_ID])?;
        self.prefix.control(&["stop", "vmdispbus"])?;
        self.prefix.control(&["stop", "kshim"])?;
        Ok(String::new())
    }
}

/// Demands that the lists with these names are empty.
fn demand_none(report: &Value, names: &[&str]) -> Result<()> {
    for name in names {
        let list = report[*name].as_array();
        let list = list.with_context(|| format!("the report has no list of {name}"))?;
        ensure!(list.is_empty(), "{name}: {}", Value::from(list.clone()));
    }
    Ok(())
}
