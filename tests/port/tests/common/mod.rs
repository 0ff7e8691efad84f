//! A machine played by std, and a small miniport that keeps the contract.

#![allow(dead_code)] // each test uses its part

pub mod display;
pub mod engine;
pub mod machine;
pub mod miniport;
pub mod paging;
pub mod scenario;
pub mod vidpn;
