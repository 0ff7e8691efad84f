//! The interrupt request level as a type.
//!
//! A token of zero size says how high the IRQL can be in the code that holds it, and a kernel
//! service takes a token as proof that it may be called there. Only `ddi/` makes tokens (from the
//! level that a DDI's page documents) and `kernel/` (in guards and callbacks that it starts).
//!
//! A token says what held when it was made. A [`SpinLock`](super::SpinLock) guard raises the level
//! without taking away the tokens made before it, so code under a guard uses `guard.irql()`; the
//! host back checks the level of every call at run time and records what is too high.
//!
//! Tokens cannot be sent to another thread: the level is the thread's.

use core::marker::PhantomData;

/// The level that stands for a device's interrupt where there is none: above `DISPATCH_LEVEL`, below
/// the clock's on every processor.
pub const DEVICE_LEVEL: u8 = 5;

mod sealed {
    pub trait Level {}
}

macro_rules! token {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name(PhantomData<*mut ()>);

        impl $name {
            /// Makes a token out of nothing.
            ///
            /// # Safety
            ///
            /// The calling thread runs at a level that this token stands for, and does so until
            /// the function that holds the token returns.
            #[must_use]
            pub const unsafe fn assume() -> Self {
                Self(PhantomData)
            }
        }

        impl sealed::Level for $name {}
        impl Any for $name {}
    };
}

token! {
    /// `PASSIVE_LEVEL` (0): may wait, touch pageable memory and call every service.
    Passive
}
token! {
    /// At most `APC_LEVEL` (1): under a [`FastMutex`](super::FastMutex).
    Apc
}
token! {
    /// At most `DISPATCH_LEVEL` (2): must not wait nor touch pageable memory.
    Dispatch
}
token! {
    /// The level of the adapter's interrupt: atomics and registers only.
    DeviceIrql
}
token! {
    /// Any level at all, up to `HIGH_LEVEL`: atomics and registers only.
    AnyIrql
}

/// Every token. What takes it can be called anywhere.
pub trait Any: sealed::Level + Copy {}

/// Tokens of levels up to `DISPATCH_LEVEL`: nonpaged pool, spin locks, signals.
pub trait AtMostDispatch: Any + Into<Dispatch> {}

/// Tokens of levels up to `APC_LEVEL`: page faults can be served.
pub trait AtMostApc: AtMostDispatch {}

impl AtMostDispatch for Passive {}
impl AtMostDispatch for Apc {}
impl AtMostDispatch for Dispatch {}
impl AtMostApc for Passive {}
impl AtMostApc for Apc {}

impl From<Passive> for Dispatch {
    fn from(_: Passive) -> Self {
        Self(PhantomData)
    }
}

impl From<Apc> for Dispatch {
    fn from(_: Apc) -> Self {
        Self(PhantomData)
    }
}

impl From<Passive> for Apc {
    fn from(_: Passive) -> Self {
        Self(PhantomData)
    }
}
