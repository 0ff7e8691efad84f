//! A worker and a reset, in every order of their steps.

use loom::cell::UnsafeCell;
use loom::thread;

use vmdisp_loom::permit::{Gate, Permit};

/// Memory that only who is inside may touch, or who has shut the gate and seen that nobody is.
struct Memory {
    gate: Gate,
    bytes: UnsafeCell<u32>,
}

// SAFETY: what touches the cell without a right to it ends the model.
unsafe impl Sync for Memory {}
// SAFETY: as above.
unsafe impl Send for Memory {}

impl Memory {
    /// For ever, since a permit borrows its gate and goes to another thread.
    fn new() -> &'static Self {
        Box::leak(Box::new(Self {
            gate: Gate::new(),
            bytes: UnsafeCell::new(0),
        }))
    }

    /// A touch through a permit; whether it was let in.
    fn touch(&self, permit: &Permit<'_>) -> bool {
        let Some(_entered) = permit.enter() else {
            return false;
        };
        self.write();
        true
    }

    fn write(&self) {
        // SAFETY: the caller has it alone; loom checks it.
        self.bytes.with_mut(|bytes| unsafe { *bytes += 1 });
    }

    fn read(&self) -> u32 {
        // SAFETY: as above.
        self.bytes.with(|bytes| unsafe { *bytes })
    }

    /// What a reset does before it gives the memory away.
    fn reset(&self) {
        self.gate.shut();
        while !self.gate.is_empty() {
            thread::yield_now();
        }
    }
}

#[test]
fn after_a_reset_the_memory_is_somebody_elses() {
    loom::model(|| {
        let memory = Memory::new();
        let permit = memory.gate.permit();
        let worker = thread::spawn(move || {
            let first = memory.touch(&permit);
            let second = memory.touch(&permit);
            // A permit is for ever worthless once it is.
            assert!(first || !second);
            u32::from(first) + u32::from(second)
        });
        memory.reset();
        let before = memory.read();
        memory.write();
        assert_eq!(worker.join().unwrap(), before);
        assert_eq!(memory.read(), before + 1);
    });
}

#[test]
fn a_worker_that_comes_back_never_meets_the_next_one() {
    loom::model(|| {
        let memory = Memory::new();
        let permit = memory.gate.permit();
        let old = thread::spawn(move || u32::from(memory.touch(&permit)));
        memory.reset();
        let permit = memory.gate.permit();
        // The old one does not even keep the new one out.
        assert!(memory.touch(&permit) && memory.touch(&permit));
        assert_eq!(old.join().unwrap() + 2, memory.read());
    });
}
