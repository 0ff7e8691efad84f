//! What a monitor shows: modes, flips, power, unplugging, bugchecks, and the display-only driver.
//!
//! A [`Stage`] is a started adapter and what it is made to show; the other files are rows. What a row
//! draws it draws as dxgkrnl's callers do (into a primary through the CPU, or by PresentDisplayOnly),
//! and asks the machine what the monitor shows then, pixel by pixel.

pub mod bugcheck;
pub mod display_only;
pub mod life;
pub mod modes;
pub mod plug;
pub mod source;
pub mod stage;
mod test_card;

pub use test_card::{test_card, test_card_on};
