//! The pool's code, as it stands, on a kernel that the model checker loom can play through.
//!
//! [`pool`] is the driver's own source. [`kernel`] is what it asks of the driver's kernel face,
//! made of loom's atomics and locks, with memory at the same addresses in every run of a model (a
//! model must not depend on chance) and with freed memory overwritten at once.

pub mod kernel;
#[allow(clippy::modulo_one)] // a model has one shard and one stripe
#[path = "../../../src/pool/mod.rs"]
pub mod pool;
