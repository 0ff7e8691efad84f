//! What the port has seen: the result of a run.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::host::PoolUse;

/// A snapshot of everything that the port recorded.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// DDI calls by name.
    pub calls: BTreeMap<&'static str, CallCount>,
    /// Callbacks that the driver called, by name.
    pub callbacks: BTreeMap<&'static str, u64>,
    /// Callbacks that the driver called and that the profile does not have.
    pub unsupported: BTreeMap<&'static str, u64>,
    /// Rules and how often each was checked.
    pub checked: BTreeMap<&'static str, u64>,
    /// Rules that were broken.
    pub violations: Vec<Violation>,
    /// What the driver did not give back.
    pub leaks: Vec<Leak>,
    /// Where Windows would have stopped the machine.
    pub bugcheck: Option<Bugcheck>,
    /// The driver's pool when the report was made.
    pub pool: PoolUse,
}

/// How often a DDI was called and what it returned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CallCount {
    /// Calls.
    pub count: u64,
    /// Calls by status, as `0x%08x`; empty for a DDI that returns none.
    pub statuses: BTreeMap<String, u64>,
}

/// What one call of a DDI took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The DDI.
    pub ddi: &'static str,
    /// Instructions, from the call to its return.
    pub instructions: u64,
}

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The rule's number in the contract.
    pub rule: &'static str,
    /// The DDI or callback.
    pub ddi: &'static str,
    /// What was wrong, the first time.
    pub detail: String,
    /// How often this rule was broken by this DDI.
    pub times: u64,
}

/// Something that was not given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leak {
    /// `pool`, `mapping` or `handle reference`.
    pub what: &'static str,
    /// The pool tag, or which mapping or handle.
    pub tag: String,
    /// How many.
    pub count: u64,
    /// Bytes, if it has bytes.
    pub bytes: u64,
    /// The call after which it should have been gone.
    pub after: &'static str,
}

/// A driver's mistake that Windows does not survive. From there on the port calls no DDI and checks no rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bugcheck {
    /// The code, as a blue screen shows it; 0 where no page names one, or where Windows only starts again.
    pub code: u32,
    /// Its parameters, as far as they are documented; the others are 0.
    pub parameters: [u64; 4],
    /// The DDI or callback.
    pub ddi: &'static str,
    /// What was wrong.
    pub detail: String,
}

impl Report {
    /// No rule broken, nothing leaked, and the machine still running.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.leaks.is_empty() && self.bugcheck.is_none()
    }

    /// Whether that rule was broken.
    pub fn broke(&self, rule: &str) -> bool {
        self.violations
            .iter()
            .any(|violation| violation.rule == rule)
    }

    /// The rules that were broken, each once, in order of the first break.
    pub fn broken(&self) -> Vec<&'static str> {
        let mut rules = Vec::new();
        for violation in &self.violations {
            if !rules.contains(&violation.rule) {
                rules.push(violation.rule);
            }
        }
        rules
    }
}
