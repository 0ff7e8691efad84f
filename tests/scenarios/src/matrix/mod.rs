//! The rows' functions, by what they are about.

pub mod bad_input;
pub mod create;
pub mod destroy;
pub mod inject;
pub mod life;
pub mod outputs;
pub mod private_data;
pub mod systematic;
pub mod wrong_handles;
