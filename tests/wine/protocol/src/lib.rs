//! What the workbench and the Wine host's drivers say to each other.
//!
//! The drivers write lines to one file, [`LOG_FILE`]: a line that starts with [`MESSAGE_MARK`] is a [`Message`] as
//! JSON, any other is text for people. The workbench asks them through the program `control`: `control ask DEVICE
//! NUMBER ARGUMENT` sends a device control and prints the [`Answer`], which is JSON as well.
#![no_std]

extern crate alloc;

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};
use serde_json::Value;
pub use vmdisp_ring0_protocol::{Fault, FaultKind, MESSAGE_MARK, Progress};

/// Where the drivers write, on Wine's drive C.
pub const LOG_FILE: &str = "vmdisp.log";

/// Where a kept picture of the screen is written, as PPM.
pub const SCREEN_FILE: &str = "screen.ppm";

/// The hardware id of the test bus.
pub const BUS_ID: &str = r"ROOT\VMDISPBUS";

/// What the workbench asks the shim.
pub mod shim {
    /// The device's name for programs.
    pub const DEVICE: &str = "VmdispShim";
    /// Asks dxgkrnl's device for the function behind the control code that is the argument, as displib does.
    /// Answered with what came back as `{"status": …, "function": …}`.
    pub const HANDSHAKE: u32 = 1;
    /// Unloads the driver whose place in [`DRIVERS`] is the argument, by `ZwUnloadDriver`: Wine's service manager stops
    /// only what it has started itself, and Plug and Play has started these.
    pub const UNLOAD: u32 = 2;
    /// Reports what a driver has left that was not taken: [`Left`](super::Message::Left), [`Leaked`](super::Message::Leaked).
    pub const LEFT: u32 = 3;
    /// The services of [`UNLOAD`].
    pub const DRIVERS: [&str; 3] = ["vmdisp", "vmdisp-display", "DXGKrnl"];
}

/// What the workbench asks the test bus.
pub mod bus {
    /// The device's name for programs.
    pub const DEVICE: &str = "VmdispBus";
    /// Puts an adapter into the slot that is the argument.
    pub const PLUG: u32 = 1;
    /// Pulls the adapter out of the slot that is the argument, without a word to anybody before.
    pub const UNPLUG: u32 = 2;
    /// How many slots there are.
    pub const SLOTS: u64 = 4;
}

/// What the workbench asks the mock dxgkrnl.
pub mod dxgkrnl {
    /// The device's name for programs.
    pub const DEVICE: &str = "VmdispPort";
    /// What there is: a [`State`](super::State).
    pub const STATE: u32 = 1;
    /// Runs the main job with the seed that is the argument. It reports by messages.
    pub const MAIN_JOB: u32 = 2;
    /// Draws on the display-only adapter and looks at its screen.
    pub const DISPLAY_ONLY: u32 = 3;
    /// Refuses the next driver that registers, with STATUS_NOT_SUPPORTED.
    pub const REFUSE_NEXT: u32 = 4;
}

/// How a question was answered: an NTSTATUS, and what there is to say.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// The status.
    pub status: i32,
    /// What else.
    pub value: Value,
}

/// What the mock dxgkrnl has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What the driver registered as: `full` or `display only`; none if no driver is there.
    pub registered: Option<String>,
    /// Adapters: whether each is started.
    pub started: Vec<bool>,
}

/// A line that a program reads.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// An image was loaded.
    Image {
        /// Its file name.
        name: String,
        /// Its first address.
        base: u64,
        /// Bytes that it takes.
        size: u64,
    },
    /// The imports of the driver under test were bound.
    Bound {
        /// Those that the shim supplies.
        shim: Vec<String>,
        /// Those that are Wine's own.
        wine: Vec<String>,
    },
    /// A driver asked to register: what as, and what it was told.
    Registered {
        /// `full` or `display only`.
        kind: String,
        /// The status.
        status: i32,
    },
    /// What Windows' PnP manager, as Wine plays it, asked dxgkrnl's stand-in for, and what came of it.
    Pnp {
        /// The request, as `StartDevice`.
        request: String,
        /// The adapter.
        adapter: u32,
        /// The status.
        status: i32,
    },
    /// How far the main job is.
    Progress(Progress),
    /// What the main job came to: the scenarios' `Summary`.
    Summary(Value),
    /// A job could not be done; why.
    Failed(String),
    /// The driver is unloaded: the port's `Report` of it.
    Unloaded(Value),
    /// Something that the driver still had then. A return address is written as `<0x…>`.
    Left(String),
    /// A block of the pool that it still had: its tag, its bytes, and where it was taken.
    Leaked {
        /// The tag, as a debugger shows it.
        tag: String,
        /// How large it is.
        bytes: u64,
        /// Who took it, with return addresses as `<0x…>`.
        by: String,
    },
    /// Something broke; the process of the drivers ends.
    Fault(Fault),
}
