//! What a host reports of a fault, for people: with the names of the code at its addresses.

use vmdisp_ring0_protocol::{Fault, FaultKind};

/// Whoever knows the code at an address.
pub trait Names {
    /// The code at `address`, as `module!function (file:line)`.
    fn at(&self, address: u64) -> String;

    /// The code that made the call which returns to `address`.
    fn before(&self, address: u64) -> String {
        self.at(address.wrapping_sub(1))
    }
}

/// The function, file and line where a fault happened, if that is known.
pub fn place(fault: &Fault, names: &dyn Names) -> Option<String> {
    // The driver's call of a service is named by its return address.
    let is_call = matches!(fault.kind, FaultKind::WrongUse | FaultKind::BugCheck);
    match fault.instruction {
        0 => None,
        address if is_call => Some(names.before(address)),
        address => Some(names.at(address)),
    }
}

/// What is known of a fault beside its headline and its place, a line each.
pub fn explain(fault: &Fault, names: &dyn Names) -> Vec<String> {
    let notes = fault.notes.iter();
    let mut lines: Vec<String> = notes
        .map(|note| format!("  {}", with_names(note, names)))
        .collect();
    if !fault.stack.is_empty() {
        lines.push("  return addresses on the stack, innermost first:".into());
        let stack = fault.stack.iter();
        lines.extend(stack.map(|address| format!("    {}", names.before(*address))));
    }
    for some in fault.registers.chunks(4) {
        let some = some
            .iter()
            .map(|(name, value)| format!("{name:>6} {value:016x}"));
        lines.push(format!("  {}", some.collect::<Vec<_>>().join(" ")));
    }
    lines
}

/// `text` with each `<0x…>` replaced by the code that made the call which returns there.
pub fn with_names(text: &str, names: &dyn Names) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<0x") {
        result.push_str(before);
        let Some((digits, tail)) = after.split_once('>') else {
            break;
        };
        match u64::from_str_radix(digits, 16) {
            Ok(address) => result.push_str(&names.before(address)),
            Err(_) => result.push_str(digits),
        }
        rest = tail;
    }
    result + rest
}
