//! What a scenario needs of a machine.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use dxgk_port::{Host, Port, Settings, Status};

use crate::picture::{Look, Picture, Writes};

/// A machine that can load vmdisp. Scenarios use it from one thread and load one driver at a time.
pub trait Machine {
    /// What results call it: `in process`, `ring 0`.
    fn name(&self) -> &str;

    /// What the port is given.
    fn host(&self) -> Arc<dyn Host>;

    /// How many display adapters the machine has; they are numbered from 0.
    fn adapters(&self) -> u32;

    /// Loads the driver: a new port, then `DriverEntry` or what stands for it.
    ///
    /// # Errors
    ///
    /// What `DriverEntry` returned.
    fn load(&self, settings: Settings) -> Result<Port, Status>;

    /// Unloads the driver that `port` has: `DxgkDdiUnload`, then the image.
    fn unload(&self, port: &Port);

    /// Sets or removes a `REG_DWORD` of the service's `Parameters` key.
    fn set_parameter(&self, name: &str, value: Option<u32>);

    /// The driver's complaints since the last call, in order, each a line without its end:
    /// `vmdisp: CreateAllocation: width = 0x1ffff: larger than 16384`.
    fn take_complaints(&self) -> Vec<String>;

    /// What the machine itself saw go wrong since the last call, a line each: a block freed twice, a
    /// service called at too high a level. A machine that stops at such a thing has none.
    fn take_faults(&self) -> Vec<String> {
        Vec::new()
    }

    /// Makes the n-th acquisition of a pool slot from now fail, once; `None` takes that back. False if
    /// the machine cannot.
    fn fail_slot(&self, nth: Option<u64>) -> bool {
        let _ = nth;
        false
    }

    /// Slots acquired so far; 0 on a machine that does not see them.
    fn slots(&self) -> u64 {
        0
    }

    /// Runs `work` while the bytes at `memory` change between `first` and `second` behind its back, as
    /// another thread of the caller's process would change them. False, and nothing is run, if the
    /// machine cannot.
    ///
    /// # Safety
    ///
    /// `first` and `second` are equally long, `memory` is good for reads and writes of as many bytes,
    /// and until this returns nobody accesses them but the driver.
    unsafe fn while_changing(
        &self,
        memory: *mut u8,
        first: &[u8],
        second: &[u8],
        work: &mut dyn FnMut(),
    ) -> bool {
        let _ = (memory, first, second, work);
        false
    }

    /// Sets or removes a `REG_MULTI_SZ` of the service's `Parameters` key. False if the machine cannot.
    fn set_parameter_strings(&self, name: &str, value: Option<&[&str]>) -> bool {
        let _ = (name, value);
        false
    }

    /// Compares what the monitor of an adapter shows now with `expected`: what the adapter scans out,
    /// not what was drawn.
    ///
    /// # Errors
    ///
    /// Why the machine cannot see it.
    fn look(&self, adapter: u32, expected: &Picture) -> Result<Look, String> {
        let _ = (adapter, expected);
        Err("this machine has no screen".into())
    }

    /// Keeps what the monitor of an adapter shows now as a picture for people, called `name`.
    ///
    /// # Errors
    ///
    /// Why the machine cannot.
    fn keep_picture(&self, adapter: u32, name: &str) -> Result<(), String> {
        let _ = (adapter, name);
        Err("this machine has no screen".into())
    }

    /// Runs `work` and counts the writes that the adapter's hardware gets meanwhile. None, and nothing
    /// is run, if the machine cannot.
    fn writes_during(&self, adapter: u32, work: &mut dyn FnMut()) -> Option<Writes> {
        let _ = (adapter, work);
        None
    }

    /// The adapter loses its power: video memory and registers are as after a cold start. False if the
    /// machine cannot.
    fn lose_display_state(&self, adapter: u32) -> bool {
        let _ = adapter;
        false
    }

    /// Pulls the adapter out of the machine without a word to anybody, or puts it back as after a cold
    /// start. While it is out it reads all ones and takes no write. False if the machine cannot.
    fn set_present(&self, adapter: u32, present: bool) -> bool {
        let _ = (adapter, present);
        false
    }

    /// Plugs a monitor into the adapter that says this of itself, or none: then its data read as zeros.
    /// False if the machine cannot.
    fn set_monitor(&self, adapter: u32, edid: Option<&[u8]>) -> bool {
        let _ = (adapter, edid);
        false
    }

    /// Connects the adapter's interrupt at that IRQL (3 to 12) or disconnects it, while no driver has
    /// the adapter. False if the machine cannot.
    fn set_interrupt_line(&self, adapter: u32, irql: Option<u8>) -> bool {
        let _ = (adapter, irql);
        false
    }
}
