//! The processor: descriptor tables, exceptions, IRQL, time.

pub mod apic;
pub mod backtrace;
pub mod clock;
pub mod exceptions;
pub mod irql;
pub mod segments;
