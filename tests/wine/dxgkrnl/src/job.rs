//! What the workbench asks for, done with the driver that Wine has started.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use dxgk_port::{Adapter, Host, Port, Settings};
use nt::protocol::{self, Message, SCREEN_FILE};
use nt::status::{
    STATUS_NO_SUCH_DEVICE, STATUS_NOT_SUPPORTED, STATUS_SUCCESS, STATUS_UNSUCCESSFUL,
};
use nt::{NTSTATUS, shim};
use vmdisp_scenarios::{self as scenarios, Look, Options, Picture, display_only_on, main_job_on};
use vmdisp_wine_nt as nt;

use crate::host::Wine;
use crate::registration::registered;
use crate::screen::Shown;

/// Time between two reports of progress, in 100 ns.
const PROGRESS_PERIOD: u64 = 2_000_000;

/// The scenarios' view of Wine, with a driver that is loaded and an adapter that is started.
struct Machine {
    host: Arc<Wine>,
}

impl scenarios::Machine for Machine {
    fn name(&self) -> &'static str {
        "Wine"
    }

    fn host(&self) -> Arc<dyn Host> {
        self.host.clone()
    }

    fn adapters(&self) -> u32 {
        1
    }

    /// Wine's PnP manager loads drivers here.
    fn load(&self, _settings: Settings) -> Result<Port, NTSTATUS> {
        Err(STATUS_NOT_SUPPORTED)
    }

    fn unload(&self, _port: &Port) {}

    /// The INF sets them here.
    fn set_parameter(&self, _name: &str, _value: Option<u32>) {}

    fn take_complaints(&self) -> Vec<String> {
        shim::take_complaints()
    }

    fn look(&self, adapter: u32, expected: &Picture) -> Result<Look, String> {
        Ok(Shown::read(&self.host, adapter)?.compare(expected))
    }

    fn keep_picture(&self, adapter: u32, _name: &str) -> Result<(), String> {
        let picture = Shown::read(&self.host, adapter)?.to_ppm();
        if shim::write_file(SCREEN_FILE, &picture) {
            Ok(())
        } else {
            Err("the file cannot be written".into())
        }
    }
}

/// Runs a job with the driver and its started adapter.
fn with_adapter(job: impl FnOnce(&Machine, &Port, &Adapter) -> Result<(), String>) -> NTSTATUS {
    let Some(registered) = registered() else {
        return STATUS_NO_SUCH_DEVICE;
    };
    let Some(adapter) = registered.first() else {
        return STATUS_NO_SUCH_DEVICE;
    };
    let machine = Machine {
        host: registered.host.clone(),
    };
    match job(&machine, &registered.port, &adapter) {
        Ok(()) => STATUS_SUCCESS,
        Err(why) => {
            shim::message(&Message::Failed(why));
            STATUS_UNSUCCESSFUL
        }
    }
}

/// The main job, from that seed.
pub fn main_job(seed: u64) -> NTSTATUS {
    with_adapter(|machine, port, adapter| {
        let options = Options {
            seed,
            ..Options::default()
        };
        let mut said = 0;
        let mut progress = |at: &scenarios::Progress| {
            let now = shim::time_100ns();
            if now - said >= PROGRESS_PERIOD {
                said = now;
                shim::message(&Message::Progress(protocol::Progress {
                    done: at.done,
                    total: at.total,
                    live: at.live,
                }));
            }
        };
        let done = main_job_on(machine, port, adapter, &options, &mut progress);
        let summary = done.map_err(|failed| format!("main job: {failed}"))?;
        let summary = serde_json::to_value(&summary).map_err(|error| error.to_string())?;
        shim::message(&Message::Summary(summary));
        Ok(())
    })
}

/// Presents of a display-only driver, from that seed.
pub fn display_only(seed: u64) -> NTSTATUS {
    with_adapter(|machine, port, adapter| {
        let note = display_only_on(machine, port, adapter, seed);
        let note = note.map_err(|failed| format!("presents: {failed}"))?;
        shim::line(&note);
        Ok(())
    })
}
