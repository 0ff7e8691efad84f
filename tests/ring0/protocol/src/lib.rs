//! What the workbench and the small kernel say to each other.
//!
//! The workbench puts two files into QEMU's `fw_cfg` device before the machine
//! starts: the driver's image ([`DRIVER_FILE`]) and the [`Options`] as JSON
//! ([`OPTIONS_FILE`]). The kernel answers on COM1, line by line: a line that
//! starts with [`MESSAGE_MARK`] is a [`Message`] as JSON, one that starts with
//! [`END_MARK`] is the last and ends with the run's [`End`] as a number, and any
//! other line is log text for people. A [`Message`] that asks something is answered
//! on COM1 by one line, a [`Reply`] as JSON.
#![no_std]

extern crate alloc;

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `fw_cfg` name of the driver's image.
pub const DRIVER_FILE: &str = "opt/vmdisp/driver.sys";

/// `fw_cfg` name of the options.
pub const OPTIONS_FILE: &str = "opt/vmdisp/options.json";

/// What a line with a [`Message`] starts with.
pub const MESSAGE_MARK: &str = "@@ ";

/// What the last line starts with; then comes the number of an [`End`].
pub const END_MARK: &str = "@@END ";

/// I/O port of QEMU's isa-debug-exit device.
pub const EXIT_PORT: u16 = 0xf4;

/// QEMU's exit status after the kernel has written `code` to [`EXIT_PORT`].
///
/// It is never 0, which is what a triple fault gives under `-no-reboot`.
pub const fn exit_status(code: u8) -> i32 {
    ((code as i32) << 1) | 1
}

/// How a run ended, by the kernel's own account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum End {
    /// Everything that was asked for ran; what it found is in the messages.
    Done = 0,
    /// A fault ended the run; a [`Message::Fault`] says which.
    Fault = 1,
}

impl End {
    /// The end that `code` stands for.
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Done, Self::Fault]
            .into_iter()
            .find(|end| *end as u8 == code)
    }
}

/// What the kernel shall do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "switches")]
pub struct Options {
    /// What to run.
    pub job: Job,
    /// Seed of everything random.
    pub seed: u64,
    /// Each pool block ends at an unmapped page, and freed blocks stay unmapped for a while.
    pub guard: bool,
    /// A line for each DDI call.
    pub trace: bool,
    /// DWORD values of the service's `Parameters` key.
    pub parameters: BTreeMap<String, u32>,
    /// Tell the driver that Driver Verifier watches it.
    pub verified: bool,
    /// The IRQL of an interrupt that each adapter has; QEMU's own have none.
    pub interrupt: Option<u8>,
    /// The machine's time is counted in instructions, one a nanosecond.
    pub counts: bool,
    /// The mode in pixels that firmware leaves on each adapter, with 32 bits a pixel.
    pub post: Option<(u16, u16)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            job: Job::Load,
            seed: 1,
            guard: false,
            trace: false,
            parameters: BTreeMap::new(),
            verified: false,
            interrupt: None,
            counts: false,
            post: None,
        }
    }
}

/// What a run does once the kernel stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Load the driver, let it register with the port, unload it.
    Load,
    /// The same once as each kind of driver, and tell what the port says of its tables of callbacks.
    Tables,
    /// Run the main job at this scale.
    Main {
        /// How much of it; 1 is the size that the project promises.
        scale: u32,
    },
    /// Run rows of the failure matrix, each on a driver that was loaded anew.
    Rows {
        /// Their names; all of them if there are none.
        names: Vec<String>,
        /// How many wrong handles a row tries that tries wrong handles.
        wrong_handles: u32,
        /// How many submissions the storm makes.
        submissions: u32,
    },
    /// Count the instructions of calls, all alike in every run.
    Instructions,
    /// Break the kernel's own safety net of that name; no driver is needed.
    Break(String),
}

/// A line from the kernel that a program reads.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// The driver's image is mapped.
    Image(Image),
    /// A display adapter was found.
    Adapter(Adapter),
    /// How far the job is.
    Progress(Progress),
    /// What the main job came to: the scenarios' `Summary`.
    Summary(Value),
    /// What calls take: the scenarios' `Taken`, one for each kind.
    Instructions(Value),
    /// The rows of the failure matrix that will be run, by name.
    Rows(Vec<String>),
    /// A row begins.
    RowBegins {
        /// Its name.
        name: String,
        /// What it shows.
        shows: String,
    },
    /// How far the row is that began last: steps done, and steps in all.
    RowProgress(u64, u64),
    /// What a row came to: the scenarios' `RowResult`.
    Row(Value),
    /// How does the screen of an adapter differ from a picture? Answered by [`Reply::Seen`].
    Look {
        /// Which, in the order of the machine's devices.
        adapter: u32,
        /// The scenarios' `Picture`.
        picture: Value,
    },
    /// Keep what the screen of an adapter shows. Answered by [`Reply::Kept`].
    Keep {
        /// Which, in the order of the machine's devices.
        adapter: u32,
        /// What to call it.
        name: String,
    },
    /// The driver registered as a kind of driver.
    Table(Table),
    /// A pool block that the driver still has after its unload. A return address is written as
    /// in [`Fault::notes`].
    Leaked(String),
    /// The job could not be done; why.
    Failed(String),
    /// Something broke; the run ends.
    Fault(Fault),
}

/// What the workbench answers to a [`Message`] that asks something.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// How the screen differs: the scenarios' `Look`.
    Seen(Value),
    /// The picture was kept.
    Kept,
    /// It could not be done; why.
    Failed(String),
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub done: u64,
    /// Steps in all.
    pub total: u64,
    /// Allocations that live now.
    pub live: u64,
}

/// What the port says of a driver's table of callbacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// The value of `Parameters\DisplayOnly` that it was loaded with.
    pub display_only: bool,
    /// How often the port looked for something in it.
    pub checked: u64,
    /// What is missing or wrong, a line each.
    pub wrong: Vec<String>,
}

/// Where the driver's image lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Its first address.
    pub base: u64,
    /// Bytes that it takes.
    pub size: u64,
}

/// A display adapter as its PCI function shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adapter {
    /// Bus, device and function, as `00:01.0`.
    pub place: String,
    /// PCI vendor.
    pub vendor: u16,
    /// PCI device.
    pub device: u16,
    /// Physical address and bytes of each memory BAR.
    pub bars: Vec<(u64, u64)>,
}

/// Why a run ended before its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What kind of thing happened.
    pub kind: FaultKind,
    /// The same for people, in one line.
    pub text: String,
    /// The instruction at fault, or the return address of the call that was wrong. 0: not known.
    pub instruction: u64,
    /// The address that was touched, if there is one.
    pub address: Option<u64>,
    /// Name and value of each register, empty if no exception brought them.
    pub registers: Vec<(String, u64)>,
    /// Words of the stack that are return addresses into the driver's image or the kernel's,
    /// innermost first. A stale one may be among them.
    pub stack: Vec<u64>,
    /// Lines that explain more: the block that was overrun, the imports that are missing. A
    /// return address in one is written as `<0x…>`.
    pub notes: Vec<String>,
}

/// The kinds of [`Fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The processor raised an exception.
    Exception,
    /// The workbench asked where the kernel hangs, by a non-maskable interrupt.
    Hang,
    /// The driver called `KeBugCheckEx`.
    BugCheck,
    /// The driver called a kernel service in a way that its contract forbids.
    WrongUse,
    /// The driver imports something that the kernel lacks.
    MissingImport,
    /// The driver's image cannot be loaded.
    BadImage,
    /// The kernel itself gave up.
    Panic,
}
