//! The port's record: counts that cost nothing, and the first of each complaint.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use dxgk_sys::NTSTATUS;
use spin::Mutex;

use crate::callbacks::Callback;
use crate::ddi::{Ddi, Statuses};
use crate::host::{Host, PoolUse, irql};
use crate::report::{Bugcheck, CallCount, Counted, Leak, Report, Violation};
use crate::rules::Rule;

/// What one port has recorded. Usable at any IRQL.
pub(crate) struct Journal {
    host: Arc<dyn Host>,
    calls: Vec<AtomicU64>,
    /// Somebody wants to know what each call takes.
    counting: AtomicBool,
    callbacks: Vec<AtomicU64>,
    checked: Vec<AtomicU64>,
    /// A bugcheck has happened.
    dead: AtomicBool,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    statuses: BTreeMap<(u8, NTSTATUS), u64>,
    unsupported: BTreeMap<&'static str, u64>,
    /// Calls of functions of interfaces, by name.
    functions: BTreeMap<&'static str, u64>,
    violations: Vec<Violation>,
    leaks: Vec<Leak>,
    bugcheck: Option<Bugcheck>,
    /// Calls while counting, in the order in which they ended.
    counted: Vec<Counted>,
}

fn counters(count: usize) -> Vec<AtomicU64> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

impl Journal {
    pub(crate) fn new(host: Arc<dyn Host>) -> Self {
        Self {
            host,
            calls: counters(Ddi::ALL.len()),
            counting: AtomicBool::new(false),
            callbacks: counters(Callback::ALL.len()),
            checked: counters(Rule::ALL.len()),
            dead: AtomicBool::new(false),
            kept: Mutex::new(Kept::default()),
        }
    }

    /// Interrupts come on top of threads that are in here, so the lock is held at HIGH.
    fn with<R>(&self, change: impl FnOnce(&mut Kept) -> R) -> R {
        let before = self.host.irql();
        self.host.set_irql(irql::HIGH);
        let result = change(&mut self.kept.lock());
        self.host.set_irql(before);
        result
    }

    pub(crate) fn called(&self, ddi: Ddi) {
        self.calls[ddi as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Whether [`Self::took`] is to be told.
    pub(crate) fn counts(&self) -> bool {
        self.counting.load(Ordering::Relaxed)
    }

    pub(crate) fn took(&self, ddi: Ddi, instructions: u64) {
        let ddi = ddi.name();
        self.with(|kept| kept.counted.push(Counted { ddi, instructions }));
    }

    /// Counts from now on, or no more, and gives what was counted since the last call.
    pub(crate) fn count(&self, on: bool) -> Vec<Counted> {
        self.counting.store(on, Ordering::Relaxed);
        self.with(|kept| core::mem::take(&mut kept.counted))
    }

    pub(crate) fn returned(&self, ddi: Ddi, status: NTSTATUS) {
        self.with(|kept| *kept.statuses.entry((ddi as u8, status)).or_default() += 1);
    }

    pub(crate) fn callback(&self, callback: Callback) {
        self.callbacks[callback as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn unsupported(&self, name: &'static str) {
        self.with(|kept| *kept.unsupported.entry(name).or_default() += 1);
    }

    pub(crate) fn interface_function(&self, name: &'static str) {
        self.with(|kept| *kept.functions.entry(name).or_default() += 1);
    }

    /// The machine is dead; nothing is recorded any more.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Acquire)
    }

    /// Where it stopped.
    pub(crate) fn bugcheck_now(&self) -> Option<Bugcheck> {
        self.with(|kept| kept.bugcheck.clone())
    }

    /// The machine stops, unless it has before.
    pub(crate) fn bugcheck(&self, bugcheck: Bugcheck) {
        self.with(|kept| {
            kept.bugcheck.get_or_insert(bugcheck);
        });
        self.dead.store(true, Ordering::Release);
    }

    /// Counts a check of `rule`, and records a violation unless it `holds`.
    pub(crate) fn check<D: Into<String>>(
        &self,
        rule: Rule,
        ddi: &'static str,
        holds: bool,
        detail: impl FnOnce() -> D,
    ) -> bool {
        if self.is_dead() {
            return holds;
        }
        self.checked[rule as usize].fetch_add(1, Ordering::Relaxed);
        if !holds {
            let detail = detail().into();
            self.with(|kept| kept.violate(rule, ddi, detail));
        }
        holds
    }

    pub(crate) fn leak(&self, leak: Leak) {
        if self.is_dead() {
            return;
        }
        self.with(|kept| kept.leaks.push(leak));
    }

    pub(crate) fn report(&self, pool: PoolUse) -> Report {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut report = Report {
            pool,
            ..Report::default()
        };
        self.with(|kept| {
            for ddi in Ddi::ALL {
                let count = load(&self.calls[*ddi as usize]);
                if count != 0 {
                    let mut call = CallCount {
                        count,
                        statuses: BTreeMap::new(),
                    };
                    if ddi.info().statuses != Statuses::None {
                        let range = (*ddi as u8, NTSTATUS::MIN)..=(*ddi as u8, NTSTATUS::MAX);
                        for ((_, status), times) in kept.statuses.range(range) {
                            call.statuses.insert(format!("{status:#010x}"), *times);
                        }
                    }
                    report.calls.insert(ddi.name(), call);
                }
            }
            report.unsupported.clone_from(&kept.unsupported);
            report.callbacks.clone_from(&kept.functions);
            report.violations.clone_from(&kept.violations);
            report.leaks.clone_from(&kept.leaks);
            report.bugcheck.clone_from(&kept.bugcheck);
        });
        for callback in Callback::ALL {
            let count = load(&self.callbacks[*callback as usize]);
            if count != 0 {
                report.callbacks.insert(callback.info().name, count);
            }
        }
        for rule in Rule::ALL {
            let count = load(&self.checked[*rule as usize]);
            if count != 0 {
                report.checked.insert(rule.id(), count);
            }
        }
        report
    }
}

impl Kept {
    fn violate(&mut self, rule: Rule, ddi: &'static str, detail: String) {
        let same = |violation: &&mut Violation| violation.rule == rule.id() && violation.ddi == ddi;
        if let Some(known) = self.violations.iter_mut().find(same) {
            known.times += 1;
        } else {
            self.violations.push(Violation {
                rule: rule.id(),
                ddi,
                detail,
                times: 1,
            });
        }
    }
}
