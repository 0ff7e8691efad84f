//! Callbacks that leave an entry in the trace.

/// Defines callbacks as [`ddi_fn!`](dxgk_sys::ddi_fn) does, each with an entry in the trace when it
/// returns: its name, its status, its first argument. With `failures` only a failure makes one, for a
/// callback that comes so often that it would push all others out, or that another entry stands for.
macro_rules! callbacks {
    ($(
        $(#[doc = $doc:expr])*
        #[traced($name:literal $(, $only:ident)?)]
        $vis:vis unsafe fn $function:ident($($argument:ident: $type:ty),* $(,)?) $(-> $status:ty)?
        $body:block
    )*) => {
        $(dxgk_sys::ddi_fn! {
            $(#[doc = $doc])*
            #[allow(clippy::let_unit_value)] // of a callback that returns nothing
            #[allow(clippy::used_underscore_binding)] // of one that does not need its first argument
            $vis unsafe fn $function($($argument: $type),*) $(-> $status)? {
                #[inline(always)]
                #[allow(clippy::inline_always)] // it is the callback itself
                unsafe fn callback($($argument: $type),*) $(-> $status)? $body
                let first = $crate::ddi::recorded::first!($($argument),*);
                // SAFETY: the caller's promises are the same.
                let status = unsafe { callback($($argument),*) };
                $crate::ddi::recorded::entry!($($only)?)($name, status, first);
                status
            }
        })*
    };
}

/// The first of some arguments as a number.
macro_rules! first {
    () => {
        0
    };
    ($first:ident $(, $rest:ident)*) => {
        $crate::kernel::trace::Word::word($first)
    };
}

/// What makes the entry.
macro_rules! entry {
    () => {
        $crate::kernel::trace::call
    };
    (failures) => {
        $crate::kernel::trace::failed_call
    };
}

pub(super) use {callbacks, entry, first};
