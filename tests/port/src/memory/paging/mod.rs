//! Paging buffers: the operations, the calls that build them, and the memory they are built in.

pub(super) mod buffer;
pub(super) mod build;
pub(super) mod operation;
