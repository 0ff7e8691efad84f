//! Any bytes as the private data of a CreateAllocation.
#![no_main]

#[allow(dead_code, reason = "each target uses its part")]
#[path = "../../tests/user_data/promises.rs"]
mod promises;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| promises::any_blobs(bytes));
