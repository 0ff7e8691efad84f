//! A machine that loads vmdisp as a library.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use dxgk_port::{Host, Port, Settings, Status};
use dxgk_sys::status::STATUS_SUCCESS;
use dxgk_sys::{
    DRIVER_INITIALIZATION_DATA, DRIVER_OBJECT, KMDDOD_INITIALIZATION_DATA, UNICODE_STRING,
};
use vmdisp::ddi::Kind;
use vmdisp::kernel::host::{Entered, Misuse, Parameter, World, WrongFree, WrongPages};
use vmdisp::kernel::irql::Passive;
use vmdisp_scenarios::{Look, Machine, Picture};

use crate::host::{Line, ProcessHost};
use crate::saboteurs;
use crate::vga::{Adapter, Shown, Vga};

/// A machine in this process. It belongs to the thread that made it, which is in its [`World`] until
/// the machine is dropped; other threads enter [`InProcess::world`] themselves.
pub struct InProcess {
    /// Of the full driver, and of the display-only driver that it is with the parameter `DisplayOnly`.
    table: Box<DRIVER_INITIALIZATION_DATA>,
    display_only: Box<KMDDOD_INITIALIZATION_DATA>,
    host: Arc<ProcessHost>,
    world: World,
    faults: Faults,
    kept: RefCell<Vec<PathBuf>>,
    _entered: Entered,
}

/// What the world has recorded and nobody has asked for yet.
#[derive(Default)]
struct Faults {
    frees: std::cell::Cell<usize>,
    misuses: std::cell::Cell<usize>,
    pages: std::cell::Cell<usize>,
}

impl InProcess {
    /// A machine with one adapter, as QEMU's `-device VGA` is.
    pub fn new() -> Self {
        Self::with_adapters(&[Vga::default()])
    }

    /// A machine with two adapters.
    pub fn with_two_adapters() -> Self {
        Self::with_adapters(&[Vga::default(), Vga::default()])
    }

    /// A machine with these adapters.
    pub fn with_adapters(adapters: &[Vga]) -> Self {
        Self::with(adapters, Box::new(|line| eprintln!("{line}")))
    }

    /// A machine with these adapters, whose lines of trace go to `line`.
    pub fn with(adapters: &[Vga], line: Line) -> Self {
        saboteurs::forget();
        let world = World::new();
        let adapters = (0..)
            .zip(adapters)
            .map(|(slot, vga)| Adapter::new(vga, slot))
            .collect();
        Self {
            table: Box::new(vmdisp::ddi::initialization_data()),
            display_only: Box::new(vmdisp::ddi::display_only_data()),
            host: Arc::new(ProcessHost::new(world.clone(), adapters, line)),
            faults: Faults::default(),
            kept: RefCell::default(),
            _entered: world.enter(),
            world,
        }
    }

    /// Changes the driver's table before it is loaded: a test of the tests puts a bad callback in.
    #[must_use]
    pub fn sabotaged(mut self, change: impl FnOnce(&mut DRIVER_INITIALIZATION_DATA)) -> Self {
        change(&mut self.table);
        self
    }

    /// As [`InProcess::sabotaged`], for the display-only driver.
    #[must_use]
    pub fn sabotaged_display_only(
        mut self,
        change: impl FnOnce(&mut KMDDOD_INITIALIZATION_DATA),
    ) -> Self {
        change(&mut self.display_only);
        self
    }

    /// Puts every pool block against an unmapped page. A system that has no such pages stays as it is,
    /// and false comes back.
    pub fn guard_pages(&self) -> bool {
        self.world.guard_pages(true)
    }

    /// What the monitor of an adapter shows.
    fn shown(&self, adapter: u32) -> Result<Shown, String> {
        let none = || format!("there is no adapter {adapter}");
        self.host.find(adapter).ok_or_else(none)?.shown()
    }

    /// Does something with an adapter; false if there is none with that number.
    fn with_adapter(&self, adapter: u32, work: impl FnOnce(&Adapter)) -> bool {
        self.host.find(adapter).map(work).is_some()
    }

    /// How many DPCs drivers have queued so far.
    pub fn dpcs(&self) -> u64 {
        self.host.dpcs()
    }

    /// Sleeps until another number of DPCs than `seen` was queued, or so long: a waiter that does not want to keep a
    /// processor busy pumps the scheduler then.
    pub fn wait_for_dpc(&self, seen: u64, most: Duration) {
        self.host.wait_for_dpc(seen, most);
    }

    /// The pictures that scenarios have kept for people.
    pub fn kept(&self) -> Vec<PathBuf> {
        self.kept.borrow().clone()
    }

    /// The driver's kernel.
    pub fn world(&self) -> &World {
        &self.world
    }
}

/// Where pictures for people are kept: `target/vmdisp` of the project.
pub fn pictures() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = here.ancestors().nth(2).unwrap_or(here);
    project.join("target/vmdisp")
}

impl Default for InProcess {
    fn default() -> Self {
        Self::new()
    }
}

impl Machine for InProcess {
    fn name(&self) -> &'static str {
        "in process"
    }

    fn host(&self) -> Arc<dyn Host> {
        self.host.clone()
    }

    fn adapters(&self) -> u32 {
        u32::try_from(self.host.adapters()).unwrap_or(u32::MAX)
    }

    fn load(&self, settings: Settings) -> Result<Port, Status> {
        let port = Port::new(self.host(), settings);
        // The port only looks whether these two are NULL.
        let object = ptr::without_provenance_mut::<DRIVER_OBJECT>(0x1000);
        let path = ptr::without_provenance_mut::<UNICODE_STRING>(0x1000);
        // SAFETY: this is a thread of a process.
        let irql = unsafe { Passive::assume() };
        let status = match vmdisp::ddi::choose(irql) {
            // SAFETY: the table is as long as the newest version's.
            Kind::Full => unsafe { port.register(object, path, &raw const *self.table) },
            Kind::DisplayOnly => {
                let table = &raw const *self.display_only;
                // SAFETY: as above.
                unsafe { port.register_display_only(object, path, table) }
            }
        };
        if status == STATUS_SUCCESS {
            Ok(port)
        } else {
            Err(status)
        }
    }

    fn unload(&self, port: &Port) {
        port.unload();
    }

    fn set_parameter(&self, name: &str, value: Option<u32>) {
        self.world.set_parameter(name, value.map(Parameter::Dword));
    }

    fn set_parameter_strings(&self, name: &str, value: Option<&[&str]>) -> bool {
        self.world
            .set_parameter(name, value.map(Parameter::strings));
        true
    }

    fn take_complaints(&self) -> Vec<String> {
        self.world
            .take_complaints()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn take_faults(&self) -> Vec<String> {
        let (frees, misuses) = (self.world.wrong_frees(), self.world.misuses());
        let pages = self.world.wrong_pages();
        let old_pages = self.faults.pages.replace(pages.len());
        let old_frees = self.faults.frees.replace(frees.len());
        let old_misuses = self.faults.misuses.replace(misuses.len());
        let frees = frees
            .iter()
            .skip(old_frees)
            .map(|WrongFree { address, tag, kind }| {
                let tag = String::from_utf8_lossy(&tag.0);
                format!("wrong free of {address:#x}, tag {tag}: {kind:?}")
            });
        let misuses = misuses.iter().skip(old_misuses).map(
            |Misuse {
                 service,
                 irql,
                 highest,
             }| {
                format!("{service} called at IRQL {irql}, at most {highest} is allowed")
            },
        );
        let pages = pages.iter().skip(old_pages).map(|wrong| match wrong {
            WrongPages::NoFrame(frame) => format!("no page has the frame number {frame:#x}"),
            WrongPages::FreedMapped(frame) => {
                format!("page {frame:#x} was given back while the driver had it mapped")
            }
            WrongPages::NotGiven(address) => {
                format!("no system pages were given at {address:#x}")
            }
        });
        frees.chain(misuses).chain(pages).collect()
    }

    fn fail_slot(&self, nth: Option<u64>) -> bool {
        self.world.fail_slot(nth);
        true
    }

    fn slots(&self) -> u64 {
        self.world.slots()
    }

    fn look(&self, adapter: u32, expected: &Picture) -> Result<Look, String> {
        Ok(self.shown(adapter)?.compare(expected))
    }

    fn keep_picture(&self, adapter: u32, name: &str) -> Result<(), String> {
        let file = pictures().join(format!("{name}.png"));
        self.shown(adapter)?.write_png(&file)?;
        self.kept.borrow_mut().push(file);
        Ok(())
    }

    fn lose_display_state(&self, adapter: u32) -> bool {
        self.with_adapter(adapter, Adapter::lose_power)
    }

    fn set_present(&self, adapter: u32, present: bool) -> bool {
        self.with_adapter(adapter, |adapter| adapter.set_present(present))
    }

    fn set_monitor(&self, adapter: u32, edid: Option<&[u8]>) -> bool {
        self.with_adapter(adapter, |adapter| adapter.set_monitor(edid))
    }

    fn set_interrupt_line(&self, adapter: u32, irql: Option<u8>) -> bool {
        self.with_adapter(adapter, |adapter| adapter.set_interrupt_line(irql))
    }

    unsafe fn while_changing(
        &self,
        memory: *mut u8,
        first: &[u8],
        second: &[u8],
        work: &mut dyn FnMut(),
    ) -> bool {
        // SAFETY: the caller vouches for the memory, and leaves it alone meanwhile; the driver copies it
        // through the system, which is no access of this program's.
        unsafe { crate::change::while_changing(memory, first, second, work) };
        true
    }
}
