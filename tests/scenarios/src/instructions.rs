//! What a call of a DDI takes, in instructions: the same calls in every run, nothing random.
//!
//! Each call is made several times with nothing queued, and the least counts: an interrupt of the clock, or
//! the engine's thread in the middle of a call, makes one longer. What makes a first call longer (a new
//! run of the pool) has happened before.

mod work;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use dxgk_port::{Counted, Port};
use serde::{Deserialize, Serialize};

use crate::Machine;
use crate::outcome::{Failed, check};
use crate::screen::stage::Stage;
use work::Work;

/// What one kind of call takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The DDI.
    pub ddi: String,
    /// What it was called for.
    pub call: String,
    /// How many calls were counted.
    pub times: u64,
    /// The least that one took. The services of the kernel and of dxgkrnl that the driver called are in it, at what
    /// the stand-ins for them take.
    pub instructions: u64,
}

/// Counts the instructions of the calls that Windows makes most.
///
/// # Errors
///
/// A call that failed, a machine that does not count, an action that made other calls than it should.
pub fn instructions(machine: &dyn Machine) -> Result<Vec<Taken>, Failed> {
    check(
        machine.host().instructions().is_some(),
        "a machine that counts instructions",
        || "one that does not".into(),
    )?;
    let mut work = Work::on(Stage::open(machine)?)?;
    work.allocations()?;
    work.commands()?;
    work.presents()?;
    work.paging()?;
    work.close()
}

/// Keeps the least of each kind of call.
struct Counter {
    port: Port,
    taken: Vec<Taken>,
}

impl Counter {
    /// Does `action`, which calls `ddi` once and perhaps others, and takes that call in; then `also`, if it was
    /// called, as another kind.
    fn count<T>(
        &mut self,
        ddi: &'static str,
        call: &str,
        also: Option<(&'static str, &str)>,
        action: impl FnOnce() -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        let (result, counted) = self.during(action)?;
        let calls: Vec<_> = counted.iter().filter(|one| one.ddi == ddi).collect();
        check(
            calls.len() == 1,
            format!("one call of {ddi} for: {call}"),
            || format!("{}", calls.len()),
        )?;
        self.take(calls[0], call);
        if let Some((ddi, call)) = also {
            let calls = counted.iter().filter(|one| one.ddi == ddi);
            calls.for_each(|one| self.take(one, call));
        }
        Ok(result)
    }

    /// What each call took that `action` made.
    fn during<T>(
        &self,
        action: impl FnOnce() -> Result<T, Failed>,
    ) -> Result<(T, Vec<Counted>), Failed> {
        let mut result = None;
        let counted = self.port.count_instructions(|| result = Some(action()));
        let nothing = || Failed {
            expected: "an action that is counted".into(),
            seen: "none".into(),
        };
        Ok((result.ok_or_else(nothing)??, counted))
    }

    fn take(&mut self, one: &Counted, call: &str) {
        let known = self
            .taken
            .iter_mut()
            .find(|taken| taken.ddi == one.ddi && taken.call == call);
        match known {
            Some(taken) => {
                taken.times += 1;
                taken.instructions = taken.instructions.min(one.instructions);
            }
            None => self.taken.push(Taken {
                ddi: one.ddi.to_string(),
                call: call.to_string(),
                times: 1,
                instructions: one.instructions,
            }),
        }
    }
}
