use std::boxed::Box;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use std::vec;
use std::vec::Vec;

use crate::engine::execute::{Fault, Step};
use crate::engine::permit::Permit;
use crate::engine::private::{self, Kind, Private};
use crate::engine::queue::Job;
use crate::engine::record::{self, Fill, Frames, Operation, Place, Progress};
use crate::engine::worker::{self, Execute};
use crate::engine::{Core, Engine, Parts};
use crate::kernel::irql::{Dispatch, Passive};
use crate::kernel::testing::line::Line;
use crate::kernel::testing::passive;
use crate::kernel::{DmaReport, InterruptLine, KernelBuffer, NoMemory, Tag};

pub const TAG: Tag = Tag(*b"Test");

/// A fill that takes `steps` steps; `name` shows in what was touched.
pub fn work(name: u32, steps: u32) -> Operation {
    Operation::Fill(Fill {
        to: Place::Gpu(u64::from(name)),
        to_pitch: 1,
        row_bytes: 1,
        rows: steps,
        value: name,
    })
}

/// The executor that all workers of a rig share.
#[derive(Default)]
pub struct Machine {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    /// Every step that touched memory: whose, and which.
    touched: Vec<(u32, u32)>,
    /// Steps that are let through before one is held up; `None`: all.
    allowed: Option<usize>,
    /// Whether a step is held up before it goes in (stuck in a service) or inside (touching).
    hold_inside: bool,
    /// Steps that are held up now.
    held: usize,
    /// Steps that found the gate shut.
    shut: usize,
    /// The name that cannot be reached.
    unreachable: Option<u32>,
}

impl Machine {
    pub fn touched(&self) -> Vec<(u32, u32)> {
        self.inner.lock().unwrap().touched.clone()
    }

    pub fn shut(&self) -> usize {
        self.inner.lock().unwrap().shut
    }

    pub fn held(&self) -> usize {
        self.inner.lock().unwrap().held
    }

    /// Holds up every step from the one after the next `allowed` on.
    pub fn hold_after(&self, allowed: usize, inside: bool) {
        let mut inner = self.inner.lock().unwrap();
        inner.allowed = Some(allowed);
        inner.hold_inside = inside;
    }

    pub fn let_go(&self) {
        self.inner.lock().unwrap().allowed = None;
        self.changed.notify_all();
    }

    /// Lets every step through from here on, but those that are held up stay so until `let_go`.
    pub fn pass_others(&self) {
        self.inner.lock().unwrap().allowed = Some(usize::MAX / 2);
    }

    pub fn make_unreachable(&self, name: u32) {
        self.inner.lock().unwrap().unreachable = Some(name);
    }

    fn hold(&self, here: bool) {
        let mut inner = self.inner.lock().unwrap();
        if here != inner.hold_inside {
            return;
        }
        match &mut inner.allowed {
            None => return,
            Some(0) => {}
            Some(left) => {
                *left -= 1;
                return;
            }
        }
        inner.held += 1;
        self.changed.notify_all();
        while inner.allowed.is_some() {
            inner = self.changed.wait(inner).unwrap();
        }
        inner.held -= 1;
    }
}

struct Executor(Arc<Machine>);

impl Execute for Executor {
    fn step(
        &mut self,
        operation: &Operation,
        _frames: Frames<'_>,
        progress: &mut Progress,
        permit: &Permit<'_>,
        _irql: Passive,
    ) -> Result<Step, Fault> {
        let Operation::Fill(fill) = operation else {
            return Ok(Step::Done);
        };
        if self.0.inner.lock().unwrap().unreachable == Some(fill.value) {
            return Err(Fault::Outside);
        }
        self.0.hold(false);
        let Some(entered) = permit.enter() else {
            self.0.inner.lock().unwrap().shut += 1;
            return Ok(Step::Shut);
        };
        self.0.hold(true);
        let touch = (fill.value, progress.row);
        self.0.inner.lock().unwrap().touched.push(touch);
        drop(entered);
        progress.row += 1;
        Ok(if progress.row == fill.rows {
            Step::Done
        } else {
            Step::More
        })
    }
}

/// A DMA buffer with its private data.
pub struct Buffer {
    dma: KernelBuffer<'static>,
    private: KernelBuffer<'static>,
    /// Where each record ends.
    pub ends: Vec<u32>,
}

#[repr(C, align(4096))]
#[derive(Clone)]
struct Page([u8; 4096]);

impl Buffer {
    /// A buffer whose blocks have these operations.
    pub fn new(blocks: &[&[Operation]]) -> Self {
        let dma = Box::leak(Box::new(Page([0; 4096])));
        let private = vec![0; private::BYTES * blocks.len()].leak();
        let address = dma.0.as_ptr().expose_provenance() as u64;
        let (mut at, mut ends) = (0, Vec::new());
        for (block, operations) in private.chunks_mut(private::BYTES).zip(blocks) {
            let from = at;
            let begun = private::begin(block, address + from as u64, Kind::Paging).unwrap();
            for operation in *operations {
                at += record::encode(&mut dma.0[at..], operation, &[]).unwrap();
                ends.push(u32::try_from(at).unwrap());
            }
            begun.finish(u32::try_from(at - from).unwrap()).unwrap();
        }
        let dma = KernelBuffer::from(&mut dma.0[..]);
        let private = KernelBuffer::from(&mut private[..]);
        Self { dma, private, ends }
    }

    /// A submission of all of it.
    pub fn job(&self, fence: u32) -> Job {
        self.part(fence, 0, *self.ends.last().unwrap())
    }

    /// A submission of a part of it.
    pub fn part(&self, fence: u32, begin: u32, end: u32) -> Job {
        Job {
            fence,
            begin,
            end,
            buffer: self.dma,
            blocks: self.private,
        }
    }

    /// What a block of its private data says.
    pub fn private(&self, block: usize) -> Private {
        let mut bytes = [0; private::BYTES];
        assert!(self.private.read(block * private::BYTES, &mut bytes));
        private::read(&bytes).unwrap()
    }

    /// Overwrites private data.
    pub fn spoil_private(&self, at: usize, with: &[u8]) {
        assert!(self.private.write(at, with));
    }

    /// Overwrites records.
    pub fn spoil(&self, at: usize, with: &[u8]) {
        assert!(self.dma.write(at, with));
    }
}

/// A started engine.
pub struct Rig {
    pub engine: Engine,
    pub machine: Arc<Machine>,
    pub line: Box<Line>,
}

pub fn rig() -> Rig {
    let rig = Rig {
        engine: Engine::try_new(TAG, passive()).unwrap(),
        machine: Arc::default(),
        line: Box::default(),
    };
    rig.start().unwrap();
    rig
}

/// Starts `engine`, with workers that execute on `machine` and reports on `line`.
pub fn start(engine: &Engine, line: &Line, machine: &Arc<Machine>) -> Result<(), NoMemory> {
    let line = InterruptLine::try_new(TAG, line.dxgkrnl(), passive())?;
    let parts = Parts::try_new(engine, line, TAG, passive(), || {
        let mut executor = Executor(machine.clone());
        Ok(move |core: &Core, irql| worker::run(core, &mut executor, irql))
    })?;
    engine.start(parts, passive());
    Ok(())
}

impl Rig {
    pub fn start(&self) -> Result<(), NoMemory> {
        start(&self.engine, &self.line, &self.machine)
    }

    /// As dxgkrnl submits.
    pub fn submit(&self, job: Job) {
        crate::kernel::host::with_irql(2, || {
            self.engine.submit(job, dispatch());
        });
    }

    pub fn preempt(&self, fence: u32) {
        crate::kernel::host::with_irql(2, || self.engine.preempt(fence, dispatch()));
    }

    /// Waits until so many reports were made, and no more a moment later.
    pub fn reports(&self, count: usize) -> Vec<DmaReport> {
        wait(|| self.line.dma().len() >= count);
        std::thread::sleep(Duration::from_millis(5));
        self.line.dma()
    }

    pub fn wait_held(&self, count: usize) {
        wait(|| self.machine.held() == count);
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.machine.let_go();
        self.engine.stop(passive());
        assert_eq!(
            self.line.nested.load(core::sync::atomic::Ordering::SeqCst),
            0
        );
    }
}

fn dispatch() -> Dispatch {
    passive().into()
}

pub fn wait(done: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < end, "it did not come");
        std::thread::sleep(Duration::from_micros(200));
    }
}

pub fn completed(fence: u32) -> DmaReport {
    DmaReport::Completed { fence }
}

pub fn preempted(fence: u32, last_completed: u32) -> DmaReport {
    DmaReport::Preempted {
        fence,
        last_completed,
    }
}

/// The steps of `name` from `begin` to before `end`.
pub fn steps(name: u32, begin: u32, end: u32) -> Vec<(u32, u32)> {
    (begin..end).map(|step| (name, step)).collect()
}
