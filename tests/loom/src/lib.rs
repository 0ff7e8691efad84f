//! The pool's code, the engine's permit and the trace's ring, as they stand, on a kernel that the model checker loom can play through.
//!
//! [`pool`], [`permit`] and [`ring`] are the driver's own source. [`kernel`] is what it asks of the driver's kernel face,
//! made of loom's atomics and locks, with memory at the same addresses in every run of a model (a
//! model must not depend on chance) and with freed memory overwritten at once.

pub mod kernel;
#[path = "../../../src/engine/permit.rs"]
pub mod permit;
#[allow(clippy::modulo_one)] // a model has one shard and one stripe
#[path = "../../../src/pool/mod.rs"]
pub mod pool;
#[path = "../../../src/kernel/trace/ring.rs"]
pub mod ring;
