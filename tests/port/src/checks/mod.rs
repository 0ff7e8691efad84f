//! What the contract says of the records that a driver fills.

pub(crate) mod allocation_info;
pub(crate) mod caps;
pub(crate) mod full_table;
pub(crate) mod segments;
