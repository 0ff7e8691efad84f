//! What the workbench asked for, done: the main job or rows of the failure matrix, on the machine's
//! own adapters.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::cell::Cell;

use dxgk_port::{Host, Port, Settings};
use serde_json::Value;
use spin::Mutex;
use vmdisp_ring0_protocol::{self as protocol, Job, Message, Options, Reply};
use vmdisp_scenarios::{
    self as scenarios, Look, Picture, Progress, Row, RowOptions, Writes, find_row, instructions,
    main_job, run_row_watched,
};

use crate::{
    cpu::clock,
    display::{self, Display},
    driver::Loader,
    host::Machine,
    log, nt, pci, serial,
};

/// Time between two reports of progress, in 100 ns.
const PROGRESS_PERIOD: u64 = 1_000_000;

/// The scenarios' view of this kernel.
struct Kernel {
    machine: Arc<Machine>,
    loader: Loader,
    /// Parameters that a person asked for.
    pinned: BTreeMap<String, u32>,
    /// What the driver left behind at its unloads.
    faults: Mutex<Vec<String>>,
}

impl scenarios::Machine for Kernel {
    fn name(&self) -> &'static str {
        "ring 0"
    }

    fn host(&self) -> Arc<dyn Host> {
        self.machine.clone()
    }

    fn adapters(&self) -> u32 {
        self.machine.adapters() as u32
    }

    fn load(&self, settings: Settings) -> Result<Port, i32> {
        self.loader.load(&self.machine, settings)
    }

    fn unload(&self, port: &Port) {
        self.faults.lock().extend(self.loader.unload(port));
    }

    fn set_parameter(&self, name: &str, value: Option<u32>) {
        // What the workbench was told to set stays.
        if !self.pinned.contains_key(name) {
            nt::set_parameter(name, value);
        }
    }

    fn set_parameter_strings(&self, name: &str, value: Option<&[&str]>) -> bool {
        nt::set_parameter_strings(name, value);
        true
    }

    fn take_complaints(&self) -> Vec<String> {
        nt::take_complaints()
    }

    fn take_faults(&self) -> Vec<String> {
        core::mem::take(&mut *self.faults.lock())
    }

    fn look(&self, adapter: u32, expected: &Picture) -> Result<Look, String> {
        let picture = json(expected);
        match serial::ask(&Message::Look { adapter, picture }) {
            Reply::Seen(look) => serde_json::from_value(look).map_err(|error| error.to_string()),
            Reply::Failed(why) => Err(why),
            Reply::Kept => Err("the workbench answered something else".into()),
        }
    }

    fn keep_picture(&self, adapter: u32, name: &str) -> Result<(), String> {
        let name = name.into();
        match serial::ask(&Message::Keep { adapter, name }) {
            Reply::Kept => Ok(()),
            Reply::Failed(why) => Err(why),
            Reply::Seen(_) => Err("the workbench answered something else".into()),
        }
    }

    fn writes_during(&self, adapter: u32, work: &mut dyn FnMut()) -> Option<Writes> {
        self.machine.writes_during(adapter, work)
    }

    fn set_interrupt_line(&self, adapter: u32, irql: Option<u8>) -> bool {
        self.machine.set_line(adapter, irql)
    }

    fn lose_display_state(&self, adapter: u32) -> bool {
        self.machine
            .adapter(adapter)
            .is_some_and(display::lose_power)
    }

    unsafe fn while_changing(
        &self,
        memory: *mut u8,
        first: &[u8],
        second: &[u8],
        work: &mut dyn FnMut(),
    ) -> bool {
        nt::while_changing(memory, first, second, work);
        true
    }
}

/// Does what `options` ask for with the driver in `file`.
///
/// # Panics
///
/// Where the workbench names a row that there is not.
pub fn run(file: Vec<u8>, options: &Options) {
    let adapters = pci::display_adapters();
    adapters.iter().for_each(announce);
    if let Some((width, height)) = options.post {
        let displays = adapters.iter().filter_map(Display::open);
        displays.for_each(|display| display.set_mode(width, height));
    }
    let kernel = Kernel {
        machine: Arc::new(Machine::new(adapters, options.interrupt.unwrap_or(0))),
        loader: Loader::new(file),
        pinned: options.parameters.clone(),
        faults: Mutex::new(Vec::new()),
    };
    match &options.job {
        Job::Main { scale } => run_main_job(&kernel, options, *scale),
        Job::Rows {
            names,
            wrong_handles,
            submissions,
        } => {
            let row_options = RowOptions {
                seed: options.seed,
                wrong_handles: *wrong_handles,
                submissions: *submissions,
            };
            let rows = rows(names);
            let names = rows.iter().map(|row| row.name.into()).collect();
            serial::message(&Message::Rows(names));
            for row in rows {
                let (name, shows) = (row.name.into(), row.shows.into());
                serial::message(&Message::RowBegins { name, shows });
                let watch = progress_of_a_row();
                let result = run_row_watched(&kernel, row, &row_options, &watch);
                serial::message(&Message::Row(json(&result)));
            }
        }
        Job::Instructions => {
            match instructions(&kernel) {
                Ok(taken) => serial::message(&Message::Instructions(json(&taken))),
                Err(failed) => serial::message(&Message::Failed(failed.to_string())),
            }
            tell_faults(&kernel);
        }
        Job::Load | Job::Break(_) => load(&kernel),
        Job::Tables => tables(&kernel),
    }
}

/// Tells the workbench what the driver left behind.
fn tell_faults(kernel: &Kernel) {
    for fault in scenarios::Machine::take_faults(kernel) {
        serial::message(&Message::Failed(fault));
    }
}

/// Tells the workbench how far a row is, now and then.
fn progress_of_a_row() -> impl Fn(u64, u64) {
    let next_report = Cell::new(clock::now_100ns() + PROGRESS_PERIOD);
    move |done, total| {
        let now = clock::now_100ns();
        if now >= next_report.get() {
            next_report.set(now + PROGRESS_PERIOD);
            serial::message(&Message::RowProgress(done, total));
        }
    }
}

/// The rows with these names, or all.
fn rows(names: &[String]) -> Vec<&'static Row> {
    if names.is_empty() {
        return scenarios::all_rows().collect();
    }
    let find = |name: &String| find_row(name).unwrap_or_else(|| panic!("no row is called {name}"));
    names.iter().map(find).collect()
}

fn run_main_job(kernel: &Kernel, options: &Options, scale: u32) {
    let job = scenarios::Options {
        seed: options.seed,
        scale,
        trace: options.trace,
    };
    let mut next_report = clock::now_100ns() + PROGRESS_PERIOD;
    let mut report = |progress: &Progress| {
        let now = clock::now_100ns();
        if now >= next_report {
            next_report = now + PROGRESS_PERIOD;
            let Progress {
                done, total, live, ..
            } = *progress;
            serial::message(&Message::Progress(protocol::Progress { done, total, live }));
        }
    };
    match main_job(kernel, &job, &mut report) {
        Ok(summary) => serial::message(&Message::Summary(json(&summary))),
        Err(failed) => serial::message(&Message::Failed(failed.to_string())),
    }
    tell_faults(kernel);
}

/// Loads and unloads the driver.
fn load(kernel: &Kernel) {
    match scenarios::Machine::load(kernel, Settings::default()) {
        Ok(port) => {
            scenarios::Machine::unload(kernel, &port);
            log!("the driver registered and was unloaded");
        }
        Err(status) => {
            serial::message(&Message::Failed(format!("DriverEntry: {status:#010x}")));
        }
    }
    tell_faults(kernel);
}

/// Loads and unloads the driver once as each kind, and tells what its tables lack.
fn tables(kernel: &Kernel) {
    let kinds = [
        (false, Settings::default().for_full()),
        (true, Settings::default().for_display_only()),
    ];
    for (display_only, settings) in kinds {
        nt::set_parameter("DisplayOnly", Some(display_only.into()));
        match scenarios::Machine::load(kernel, settings) {
            Ok(port) => {
                let report = port.report();
                let wrong = report.violations.into_iter();
                serial::message(&Message::Table(protocol::Table {
                    display_only,
                    checked: report.checked.values().sum(),
                    wrong: wrong.map(|broken| broken.detail).collect(),
                }));
                scenarios::Machine::unload(kernel, &port);
            }
            Err(status) => {
                serial::message(&Message::Failed(format!("DriverEntry: {status:#010x}")));
            }
        }
    }
    tell_faults(kernel);
}

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| Value::String(format!("{error}")))
}

fn announce(adapter: &pci::Adapter) {
    let memory = adapter.bars.iter().filter(|bar| bar.memory);
    let bars: Vec<_> = memory.map(|bar| (bar.start, bar.bytes)).collect();
    let pci::Adapter { vendor, device, .. } = *adapter;
    serial::message(&Message::Adapter(protocol::Adapter {
        place: adapter.place(),
        vendor,
        device,
        bars,
    }));
}
