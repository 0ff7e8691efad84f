//! What a user can set in the service's `Parameters` key.
//!
//! | value | type | meaning |
//! |---|---|---|
//! | `DisplayOnly` | `REG_DWORD` | 1: the driver registers as a display-only driver instead of a full one |
//! | `PoolPerObject` | `REG_DWORD` | 1: each object has a pool block of its own, as with Driver Verifier |
//! | `Modes` | `REG_MULTI_SZ` | modes to offer beside the others, a line each: `WIDTHxHEIGHT` or `WIDTHxHEIGHT@HZ` |

use core::ffi::CStr;

use crate::kernel::irql::Passive;
use crate::kernel::{SpinLock, Strings, complain, parameter_dword, parameter_strings};

/// The longest service key that is kept, in UTF-16 units.
const LONGEST: usize = 260;

/// DriverEntry's registry path.
struct Service {
    path: [u16; LONGEST],
    length: usize,
}

static SERVICE: SpinLock<Service> = SpinLock::new(Service {
    path: [0; LONGEST],
    length: 0,
});

/// Keeps the service's key, `path`, for later: it is DriverEntry's only while that runs. A path that
/// is too long is reported and not used: every parameter then has its default.
pub fn set_service(path: &[u16], irql: Passive) {
    let mut service = SERVICE.lock(irql);
    let Some(room) = service.path.get_mut(..path.len()) else {
        drop(service);
        complain(
            c"DriverEntry",
            c"RegistryPath",
            path.len() as u64,
            c"longer than 260 units",
        );
        return;
    };
    for (to, from) in room.iter_mut().zip(path) {
        *to = *from;
    }
    service.length = path.len();
}

/// `DisplayOnly`
pub fn display_only(irql: Passive) -> bool {
    is_set(c"DisplayOnly", irql)
}

/// `PoolPerObject`
pub fn pool_per_object(irql: Passive) -> bool {
    is_set(c"PoolPerObject", irql)
}

/// `Modes`: the text that [`ModeList`](crate::display::modes::ModeList) takes, if there is any.
pub fn modes(irql: Passive) -> Option<Strings> {
    with_service(irql, |path| parameter_strings(path, c"Modes", irql))
}

/// Whether there is a `REG_DWORD` of that name that is not 0.
fn is_set(name: &CStr, irql: Passive) -> bool {
    with_service(irql, |path| {
        parameter_dword(path, name, irql).is_some_and(|value| value != 0)
    })
}

/// Does `work` with the service's key, outside the lock.
fn with_service<R>(irql: Passive, work: impl FnOnce(&[u16]) -> R) -> R {
    let (path, length) = {
        let service = SERVICE.lock(irql);
        (service.path, service.length)
    };
    work(path.get(..length).unwrap_or_default())
}
