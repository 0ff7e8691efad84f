//! Macros that the generated modules are written with.

/// The type of a DDI function: `ddi!(fn(hAdapter: HANDLE) -> NTSTATUS)`.
///
/// It has Windows' calling convention where a driver's binary is called: on Windows, and by a kernel
/// without a system under it. A test host on another system is built together with the driver, and
/// both have that system's own convention, which is what a C compiler gives there, too.
#[cfg(not(all(target_arch = "x86_64", target_os = "none")))]
#[macro_export]
macro_rules! ddi {
    (fn($($name:tt: $ty:ty),* $(,)?) $(-> $ret:ty)?) => {
        unsafe extern "system" fn($($name: $ty),*) $(-> $ret)?
    };
}

/// The type of a DDI function: `ddi!(fn(hAdapter: HANDLE) -> NTSTATUS)`.
///
/// It has Windows' calling convention: what has no system under it calls a driver's binary.
#[cfg(all(target_arch = "x86_64", target_os = "none"))]
#[macro_export]
macro_rules! ddi {
    (fn($($name:tt: $ty:ty),* $(,)?) $(-> $ret:ty)?) => {
        unsafe extern "win64" fn($($name: $ty),*) $(-> $ret)?
    };
}

/// Defines DDI functions: `ddi_fn! { /// … unsafe fn add_device(…) -> NTSTATUS { … } }`.
///
/// Each gets the calling convention of [`ddi!`].
#[cfg(not(all(target_arch = "x86_64", target_os = "none")))]
#[macro_export]
macro_rules! ddi_fn {
    ($($(#[$meta:meta])* $vis:vis unsafe fn $name:ident($($arg:tt)*) $(-> $ret:ty)? $body:block)*) => {
        $($(#[$meta])* $vis unsafe extern "system" fn $name($($arg)*) $(-> $ret)? $body)*
    };
}

/// Defines DDI functions: `ddi_fn! { /// … unsafe fn add_device(…) -> NTSTATUS { … } }`.
///
/// Each gets the calling convention of [`ddi!`].
#[cfg(all(target_arch = "x86_64", target_os = "none"))]
#[macro_export]
macro_rules! ddi_fn {
    ($($(#[$meta:meta])* $vis:vis unsafe fn $name:ident($($arg:tt)*) $(-> $ret:ty)? $body:block)*) => {
        $($(#[$meta])* $vis unsafe extern "win64" fn $name($($arg)*) $(-> $ret)? $body)*
    };
}

/// Declares functions of another library with the calling convention of [`ddi!`].
#[cfg(not(all(target_arch = "x86_64", target_os = "none")))]
macro_rules! ddi_extern {
    ($($item:tt)*) => { unsafe extern "system" { $($item)* } };
}

#[cfg(all(target_arch = "x86_64", target_os = "none"))]
macro_rules! ddi_extern {
    ($($item:tt)*) => { unsafe extern "win64" { $($item)* } };
}

/// Gives each type its `ZERO`.
macro_rules! zero {
    ($($name:ident,)*) => {
        $(impl $name {
            /// All bytes zero.
            // SAFETY: the type consists of integers, floats, raw pointers, optional functions and
            // arrays, structs and unions of those. Zero is a value of each.
            pub const ZERO: Self = unsafe { core::mem::zeroed() };
        })*
    };
}

/// An enum of C as an integer with named values, since C may store any value in it.
macro_rules! enumeration {
    ($(#[$meta:meta])* $name:ident: $int:ident { $($value:ident = $number:literal,)* }) => {
        $(#[$meta])*
        #[repr(transparent)]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub $int);

        impl $name {
            $(#[doc = concat!("`", stringify!($number), "`")]
            pub const $value: Self = Self($number);)*

            /// The header's names with their values.
            pub const VALUES: &[(&str, Self)] = &[$((stringify!($value), Self::$value)),*];

            /// The first of the header's names that has this value.
            pub fn name(self) -> Option<&'static str> {
                Self::VALUES.iter().find(|(_, value)| value.0 == self.0).map(|(name, _)| *name)
            }
        }
    };
}

/// Types that are only pointed at.
macro_rules! opaque {
    ($($name:ident,)*) => {
        $(/// Only pointed at.
        #[repr(C)]
        pub struct $name {
            _opaque: [u8; 0],
            _neither_send_nor_sync: core::marker::PhantomData<*mut u8>,
        })*
    };
}

/// What `bitflags` does not give a flag word: fields of several bits and formatting.
macro_rules! flag_word {
    ($name:ident: $storage:ident; $($(#[$meta:meta])*
        $get:ident $set:ident $with:ident $value:ident $shift:literal $width:literal;)*) => {
        #[allow(clippy::cast_possible_truncation)] // higher bits are masked away
        impl $name {
            $($(#[$meta])*
            #[inline]
            pub const fn $get(self) -> $value {
                ((self.0 >> $shift) & bit_mask!($storage, $width)) as $value
            }

            $(#[$meta])*
            ///
            /// Higher bits of the value are dropped.
            #[inline]
            pub const fn $set(&mut self, value: $value) {
                let mask = bit_mask!($storage, $width);
                self.0 = self.0 & !(mask << $shift) | (value as $storage & mask) << $shift;
            }

            $(#[$meta])*
            ///
            /// Higher bits of the value are dropped.
            #[inline]
            #[must_use]
            pub const fn $with(mut self, value: $value) -> Self {
                self.$set(value);
                self
            }
            )*
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                bitflags::parser::to_writer(self, f)
            }
        }
    };
}

/// Accessors of bit fields that share a word of a record with other fields beside it.
macro_rules! bit_fields {
    ($name:ident, $word:ident: $storage:ident; $($(#[$meta:meta])*
        $get:ident $set:ident $with:ident $value:ident $shift:literal $width:literal;)*) => {
        #[allow(clippy::cast_possible_truncation)] // higher bits are masked away
        impl $name {
            $($(#[$meta])*
            #[inline]
            pub const fn $get(&self) -> $value {
                bit_value!($value, (self.$word >> $shift) & bit_mask!($storage, $width))
            }

            $(#[$meta])*
            ///
            /// Higher bits of the value are dropped.
            #[inline]
            pub const fn $set(&mut self, value: $value) {
                let mask = bit_mask!($storage, $width);
                self.$word = self.$word & !(mask << $shift) | (value as $storage & mask) << $shift;
            }
            )*
        }
    };
}

/// So many low bits.
macro_rules! bit_mask {
    ($storage:ident, $width:literal) => {
        $storage::MAX >> ($storage::BITS - $width)
    };
}

/// A word as the value of an accessor.
macro_rules! bit_value {
    (bool, $word:expr) => {
        $word != 0
    };
    ($value:ident, $word:expr) => {
        ($word) as $value
    };
}
