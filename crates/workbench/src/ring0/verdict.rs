//! What a run came to: the outcome of the machine and the kernel's own account, put together.

use vmdisp_ring0_protocol::{End, Fault, FaultKind, Message, exit_status};

use super::{machine::Outcome, symbols::Symbols};
use crate::faults::{self, Names as _};

/// How a run ended.
pub enum Verdict {
    /// The kernel did all that was asked, and the machine ended as it wanted.
    Done,
    /// The kernel reported a fault.
    Fault(Fault),
    /// It ended in a way that the kernel could not report.
    Broken {
        /// What happened.
        what: String,
        /// Where the processor was, if that is known.
        instruction: Option<u64>,
    },
}

impl Verdict {
    /// Judges `outcome`: success takes both the kernel's end line and QEMU's status.
    pub fn of(outcome: &Outcome) -> Self {
        let fault = outcome.messages.iter().find_map(|message| match message {
            Message::Fault(fault) => Some(fault.clone()),
            _ => None,
        });
        let expected = outcome.end.map(|end| exit_status(end as u8));
        let instruction = outcome.stopped_at;
        let broken = |what: String| Self::Broken { what, instruction };
        match (fault, outcome.end) {
            (Some(mut fault), _) => {
                if fault.kind == FaultKind::Hang {
                    fault.text = format!("no end after {:.1} s", outcome.took.as_secs_f64());
                }
                Self::Fault(fault)
            }
            (None, Some(End::Fault)) => {
                broken("a second fault, while a first one was being reported".into())
            }
            _ if outcome.reset => broken("the machine reset itself (triple fault)".into()),
            _ if outcome.timed_out => broken(format!(
                "no end after {:.1} s, and a non-maskable interrupt was not answered",
                outcome.took.as_secs_f64()
            )),
            (None, Some(End::Done)) if outcome.status == expected => Self::Done,
            (None, Some(end)) => broken(format!(
                "the kernel ended with {end:?}, but QEMU's status is {:?}",
                outcome.status
            )),
            (None, None) => {
                let complaints = outcome.complaints.trim();
                broken(format!(
                    "QEMU ended (status {:?}) before the kernel did{}{complaints}",
                    outcome.status,
                    if complaints.is_empty() { "" } else { ": " },
                ))
            }
        }
    }

    /// One line, none if all went well.
    pub fn headline(&self) -> Option<String> {
        match self {
            Self::Done => None,
            Self::Fault(fault) => Some(fault.text.clone()),
            Self::Broken { what, .. } => Some(what.clone()),
        }
    }

    /// The function, file and line where it happened, if that is known.
    pub fn place(&self, symbols: &Symbols) -> Option<String> {
        match self {
            Self::Done => None,
            Self::Fault(fault) => faults::place(fault, symbols),
            Self::Broken { instruction, .. } => instruction.map(|address| symbols.at(address)),
        }
    }

    /// All that is known, for people, a line each.
    pub fn explain(&self, symbols: &Symbols) -> Vec<String> {
        let mut lines: Vec<String> = self.headline().into_iter().collect();
        lines.extend(self.place(symbols).map(|place| format!("  at {place}")));
        if let Self::Fault(fault) = self {
            lines.extend(faults::explain(fault, symbols));
        }
        lines.extend(
            symbols
                .complaints
                .iter()
                .map(|complaint| format!("  ({complaint})")),
        );
        lines
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use vmdisp_ring0_protocol::{End, Fault, FaultKind, Message};

    use super::{Outcome, Verdict};

    fn outcome(end: Option<End>, status: i32) -> Outcome {
        Outcome {
            end,
            status: Some(status),
            took: Duration::from_secs(1),
            ..Outcome::default()
        }
    }

    fn fault(kind: FaultKind) -> Message {
        Message::Fault(Fault {
            kind,
            text: "page fault".into(),
            instruction: 0,
            address: None,
            registers: Vec::new(),
            stack: Vec::new(),
            notes: Vec::new(),
        })
    }

    #[test]
    fn success_takes_the_end_line_and_the_status() {
        let line = |outcome: Outcome| Verdict::of(&outcome).headline();
        assert_eq!(line(outcome(Some(End::Done), 1)), None);
        let wrong_status = line(outcome(Some(End::Done), 0)).unwrap();
        assert!(
            wrong_status.contains("but QEMU's status is Some(0)"),
            "{wrong_status}"
        );
        let no_end = line(outcome(None, 1)).unwrap();
        assert!(no_end.contains("before the kernel did"), "{no_end}");
    }

    #[test]
    fn a_fault_is_one_whatever_the_status() {
        let mut faulted = outcome(Some(End::Done), 1);
        faulted.messages.push(fault(FaultKind::Exception));
        assert_eq!(Verdict::of(&faulted).headline().unwrap(), "page fault");
    }

    #[test]
    fn a_hang_says_how_long_it_was() {
        let mut hangs = outcome(Some(End::Fault), 3);
        hangs.messages.push(fault(FaultKind::Hang));
        assert_eq!(
            Verdict::of(&hangs).headline().unwrap(),
            "no end after 1.0 s"
        );
    }

    #[test]
    fn a_reset_is_no_silent_end() {
        let mut reset = outcome(None, 0);
        reset.reset = true;
        assert!(
            Verdict::of(&reset)
                .headline()
                .unwrap()
                .contains("triple fault")
        );
    }
}
