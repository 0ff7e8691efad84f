//! What any program can hand over beside commands: escapes (contract: E1), and the private data of
//! allocations (contract: C7, G5).

mod corpus;
mod escapes;
mod promises;
mod properties;
