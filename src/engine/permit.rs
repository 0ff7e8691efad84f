//! Who may touch memory for the engine, and until when.
//!
//! A reset must end with nothing of the engine touching memory any more, even if its thread is stuck in
//! a service of the kernel's and comes back later. So every touch happens inside of a [`Permit`], which
//! a reset makes worthless: it waits for the touch under way, which is short and calls no service, and
//! whoever comes after that is not let in.

use crate::kernel::sync::{AtomicUsize, Ordering};

/// Somebody is inside.
const INSIDE: usize = 1;
/// What a generation counts in.
const GENERATION: usize = 2;

/// Lets the holders of the newest permit in, one at a time.
pub struct Gate {
    /// The generation, and whether somebody is inside.
    state: AtomicUsize,
}

/// What lets in, until the gate is shut for it. Copies are the same permit.
#[derive(Clone, Copy)]
pub struct Permit<'gate> {
    gate: &'gate Gate,
    generation: usize,
}

/// Somebody is inside, and may touch memory: buffers, video memory, pages. No service of the kernel's
/// is called before it is dropped, so that whoever shuts the gate waits for a short time only.
pub struct Entered<'gate> {
    gate: &'gate Gate,
}

impl Gate {
    /// A gate that nobody is inside of.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: AtomicUsize::new(0),
        }
    }

    /// The permit that is good until the gate is shut the next time. Any IRQL.
    pub fn permit(&self) -> Permit<'_> {
        Permit {
            gate: self,
            generation: self.state.load(Ordering::Acquire) & !INSIDE,
        }
    }

    /// Makes every permit that was given out worthless. Somebody can still be inside:
    /// [`Gate::is_empty`] says when nobody is. Any IRQL.
    pub fn shut(&self) {
        self.state.fetch_add(GENERATION, Ordering::AcqRel);
    }

    /// Whether nobody is inside. Once that is so after [`Gate::shut`], all that the older permits
    /// touched was touched before. Any IRQL.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state.load(Ordering::Acquire) & INSIDE == 0
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl<'gate> Permit<'gate> {
    /// Goes in; `None` if the permit is worthless, for good. One holder at a time: a second one that
    /// comes while the first is inside gets `None`, too. Any IRQL.
    #[must_use]
    pub fn enter(&self) -> Option<Entered<'gate>> {
        let state = &self.gate.state;
        let inside = self.generation | INSIDE;
        let entered = state.compare_exchange(
            self.generation,
            inside,
            Ordering::Acquire,
            Ordering::Relaxed,
        );
        entered.ok().map(|_| Entered { gate: self.gate })
    }

    /// Whether the permit is still good. Any IRQL.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.gate.state.load(Ordering::Acquire) & !INSIDE == self.generation
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.gate.state.fetch_and(!INSIDE, Ordering::Release);
    }
}
