//! Any command buffer and patch-location list, as Render translates them.
#![no_main]

#[allow(dead_code, reason = "each target uses its part")]
#[path = "../../tests/commands/promises.rs"]
mod promises;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| promises::any_commands(bytes));
