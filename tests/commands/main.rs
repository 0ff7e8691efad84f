//! Command buffers of user-mode drivers, good and hostile, and what Render makes of them (contract: X3, X4).

mod corpus;
mod model;
mod promises;
mod properties;
mod statuses;
mod user_memory;
