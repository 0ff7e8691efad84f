//! Which kind of driver this is: chosen when it is loaded, and the same for every adapter.

use crate::adapter::parameters;
use crate::kernel::irql::Passive;
use crate::kernel::{driver_word, set_driver_word};

/// As what the driver registers with dxgkrnl (contract: G2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Full WDDM: `DRIVER_INITIALIZATION_DATA` through `DxgkInitialize`.
    Full,
    /// Display-only: `KMDDOD_INITIALIZATION_DATA` through `DxgkInitializeDisplayOnlyDriver`. There are
    /// no allocations; what is to be seen comes with `DxgkDdiPresentDisplayOnly`.
    DisplayOnly,
}

/// What [`choose`] chose; [`Kind::Full`] before that. Any IRQL.
#[must_use]
pub fn kind() -> Kind {
    match driver_word() {
        0 => Kind::Full,
        _ => Kind::DisplayOnly,
    }
}

/// Chooses the kind by the service's parameter `DisplayOnly` and keeps it. DriverEntry does so once,
/// before it registers; a host that loads the driver as a library does the same in its place.
pub fn choose(irql: Passive) -> Kind {
    let display_only = parameters::display_only(irql);
    set_driver_word(display_only.into());
    kind()
}
