//! The command-line tool of vmdisp.
fn main() {}
