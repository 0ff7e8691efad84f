//! Any bytes as the monitor's EDID.
#![no_main]

#[allow(dead_code, reason = "each target uses its part")]
#[path = "../../tests/edid_shapes/promises.rs"]
mod promises;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| promises::any_edid(bytes));
