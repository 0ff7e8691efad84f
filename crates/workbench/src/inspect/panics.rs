//! No function can reach a panic or the allocation-error handler, but those themselves.
//!
//! A panic in a driver is a bugcheck, and clippy does not see what the standard library checks. So
//! the code is searched: every call, jump and address of code in an instruction, and every address
//! of code in data. One that leads into a panicking function from anywhere else breaks the rule, and
//! so does KeBugCheckEx, through which panics end, in case a handler was inlined.

use std::collections::BTreeSet;

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, OpKind};

use super::Finding;
use super::image::{Function, Image};

/// Names, or their beginnings, of functions that panic or are part of panicking.
const PANICKING: &[&str] = &[
    "core::panicking::",
    "core::cell::panic_already_",
    "core::option::expect_failed",
    "core::option::unwrap_failed",
    "core::result::unwrap_failed",
    "core::slice::copy_from_slice_impl::len_mismatch_fail",
    "core::slice::index::slice_",
    "core::str::slice_error_fail",
    "alloc::alloc::handle_alloc_error",
    "alloc::raw_vec::capacity_overflow",
    "alloc::raw_vec::handle_error",
    "alloc::alloc::__alloc_error_handler",
    "__rust_alloc_error_handler",
    "__rustc::__rust_alloc_error_handler",
    "__rdl_oom",
    "__rustc::__rdl_oom",
    "rust_begin_unwind",
    "__rustc::rust_begin_unwind",
    "__rustc::rust_panic",
    "wdk_panic::",
];

/// How a panic ends.
const LAST_STEP: &str = "KeBugCheckEx";

/// Runs the check.
pub fn check(image: &Image) -> Finding {
    let mut offenders = BTreeSet::new();
    let mut instructions = 0;
    for function in &image.functions {
        if function.names.is_empty() {
            offenders.insert(format!("{} has no name in the PDB", function.name()));
        }
        if panics(function) {
            continue;
        }
        for instruction in decode(image, function) {
            instructions += 1;
            if instruction.is_invalid() {
                let at = instruction.ip();
                offenders.insert(format!("{}: no instruction at {at:#x}", function.name()));
                break;
            }
            let targets = targets(&instruction).into_iter().flatten();
            for what in targets.filter_map(|target| panicking(image, target)) {
                let verb = match instruction.flow_control() {
                    FlowControl::Call | FlowControl::IndirectCall => "calls",
                    FlowControl::Next => "takes the address of",
                    _ => "jumps to",
                };
                offenders.insert(format!("{} {verb} {what}", function.name()));
            }
        }
    }
    for pointer in &image.pointers {
        if let Some(what) = panicking(image, pointer.to) {
            offenders.insert(format!("data at {:#x} points to {what}", pointer.at));
        }
    }
    if image.functions.is_empty() {
        offenders.insert("the PDB names no functions".into());
    }
    let handlers = image
        .functions
        .iter()
        .filter(|function| panics(function))
        .count();
    Finding {
        check: "panics",
        seen: format!(
            "{} functions, {handlers} of them part of panicking, {instructions} instructions",
            image.functions.len()
        ),
        offenders: offenders.into_iter().collect(),
    }
}

/// Whether a function is part of panicking, by any of its names: the handlers, and the linker's stub
/// through which they take the last step.
fn panics(function: &Function) -> bool {
    let part =
        |name: &String| name == LAST_STEP || PANICKING.iter().any(|start| name.starts_with(start));
    function.names.iter().any(part)
}

/// What of panicking an address leads to.
fn panicking(image: &Image, address: u32) -> Option<String> {
    if let Some(function) = image.function_at(address) {
        return panics(function).then(|| function.name());
    }
    let import = image.imports.iter().find(|import| import.slot == address)?;
    (import.name == LAST_STEP).then(|| import.name.clone())
}

/// The instructions of a function, with addresses relative to the image.
fn decode<'image>(image: &'image Image, function: &Function) -> Decoder<'image> {
    let code = image.code(function);
    Decoder::with_ip(64, code, function.start.into(), DecoderOptions::NONE)
}

/// The addresses that an instruction names: where it branches to, and what it addresses relative to
/// itself.
fn targets(instruction: &Instruction) -> [Option<u32>; 2] {
    let branches = instruction.op_count() > 0
        && matches!(
            instruction.op0_kind(),
            OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64
        );
    let branch = branches.then(|| instruction.near_branch_target());
    let memory = instruction
        .is_ip_rel_memory_operand()
        .then(|| instruction.ip_rel_memory_address());
    [branch, memory].map(|target| u32::try_from(target?).ok())
}

#[cfg(test)]
mod tests {
    use super::super::image::{Function, Image, Import, Pointer};
    use super::check;

    /// Two functions of 16 bytes: `one` of this code at 0, and `other` at 16.
    fn image(one: (&str, &[u8]), other: &str) -> Image {
        let mut memory = [0x90; 32].to_vec();
        memory[..one.1.len()].copy_from_slice(one.1);
        let function = |start, name: &str| Function {
            start,
            end: start + 16,
            names: vec![name.into()],
        };
        Image {
            memory,
            functions: vec![function(0, one.0), function(16, other)],
            ..Image::default()
        }
    }

    const CALL: &[u8] = &[0xE8, 11, 0, 0, 0];
    const JUMP: &[u8] = &[0x90, 0xEB, 13];
    const BRANCH: &[u8] = &[0x0F, 0x84, 10, 0, 0, 0];
    const LEA: &[u8] = &[0x48, 0x8D, 0x0D, 9, 0, 0, 0];

    const PANIC: &str = "core::panicking::panic_bounds_check";

    #[test]
    fn every_way_into_a_panic_is_named() {
        for (code, verb) in [
            (CALL, "calls"),
            (JUMP, "jumps to"),
            (BRANCH, "jumps to"),
            (LEA, "takes the address of"),
        ] {
            let found = check(&image(("vmdisp::f", code), PANIC)).offenders;
            assert_eq!(found, [format!("vmdisp::f {verb} {PANIC}")]);
        }
    }

    #[test]
    fn the_way_may_lead_into_the_middle() {
        let found = check(&image(("vmdisp::f", &[0xE8, 13, 0, 0, 0]), PANIC)).offenders;
        assert_eq!(found, [format!("vmdisp::f calls {PANIC}")]);
    }

    #[test]
    fn handlers_may_call_each_other_and_others_may_call_others() {
        assert!(
            check(&image(("core::panicking::panic", CALL), PANIC))
                .offenders
                .is_empty()
        );
        assert!(
            check(&image(("vmdisp::f", CALL), "vmdisp::g"))
                .offenders
                .is_empty()
        );
    }

    #[test]
    fn the_allocation_error_handler_counts() {
        for handler in ["alloc::alloc::handle_alloc_error", "__rustc::__rdl_oom"] {
            assert_eq!(
                check(&image(("vmdisp::f", CALL), handler)).offenders.len(),
                1,
                "{handler}"
            );
        }
    }

    #[test]
    fn a_folded_function_counts_by_all_its_names() {
        let mut image = image(("vmdisp::f", CALL), "vmdisp::g");
        image.functions[1].names.push(PANIC.into());
        assert_eq!(check(&image).offenders, ["vmdisp::f calls vmdisp::g"]);
    }

    #[test]
    fn a_pointer_in_data_counts() {
        let mut image = image(("vmdisp::f", &[]), PANIC);
        image.pointers.push(Pointer { at: 0x40, to: 16 });
        assert_eq!(
            check(&image).offenders,
            [format!("data at 0x40 points to {PANIC}")]
        );
    }

    #[test]
    fn the_last_step_counts_wherever_it_is_inlined() {
        let mut image = image(("vmdisp::f", &[0xFF, 0x15, 0x3A, 0, 0, 0]), "vmdisp::g");
        let library = "ntoskrnl.exe".into();
        image.imports.push(Import {
            library,
            name: "KeBugCheckEx".into(),
            slot: 0x40,
        });
        assert_eq!(check(&image).offenders, ["vmdisp::f calls KeBugCheckEx"]);
        for handler in ["wdk_panic::panic", "KeBugCheckEx"] {
            image.functions[0].names = vec![handler.into()];
            assert!(check(&image).offenders.is_empty(), "{handler}");
        }
    }

    #[test]
    fn code_that_nobody_names_and_no_code_at_all_fail() {
        let mut image = image(("vmdisp::f", &[]), "vmdisp::g");
        image.functions[1].names.clear();
        assert_eq!(
            check(&image).offenders,
            ["code at 0x10 has no name in the PDB"]
        );
        assert_eq!(
            check(&Image::default()).offenders,
            ["the PDB names no functions"]
        );
    }
}
