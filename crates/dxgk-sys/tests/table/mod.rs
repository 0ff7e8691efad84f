//! What the compiler made of the crate, in tables that the tests compare with the data.
//!
//! `records.rs` and `values.rs` are generated; here is what their rows are.

#[rustfmt::skip]
pub mod records;
#[rustfmt::skip]
pub mod values;

/// A record.
pub struct Record {
    pub name: &'static str,
    pub size: usize,
    pub align: usize,
    pub fields: &'static [Field],
    pub bits: &'static [Bits],
}

/// A field or an inline container, under its name or label in the data. Bytes.
pub struct Field {
    pub key: &'static str,
    pub offset: usize,
    pub size: usize,
    pub align: usize,
}

/// A bit field, with its accessors at work on the bytes of the whole record.
pub struct Bits {
    pub key: &'static str,
    pub write: fn(&mut [u8], u64),
    pub read: fn(&[u8]) -> u64,
}

/// An enum with its enumerators.
pub struct Enum {
    pub name: &'static str,
    pub size: usize,
    pub values: fn() -> Vec<(&'static str, i64)>,
}

/// An integer constant and the name of its type.
pub struct Constant {
    pub name: &'static str,
    pub value: i128,
    pub class: fn() -> &'static str,
}

/// A function type: whether it is a pointer that may be null, and bytes of its return value and
/// each parameter.
pub struct Function {
    pub name: &'static str,
    pub nullable: bool,
    pub sizes: fn() -> Vec<usize>,
}

/// A record of bytes.
pub fn load<T: Copy>(bytes: &[u8]) -> T {
    assert_eq!(bytes.len(), size_of::<T>());
    // SAFETY: as many bytes as T has; the crate's records are valid whatever their bytes are
    // (integers, floats, raw pointers, and functions that are not called).
    unsafe { bytes.as_ptr().cast::<T>().read_unaligned() }
}

/// The bytes of a record that has no padding that matters: it came from [`load`].
pub fn store<T: Copy>(record: T, bytes: &mut [u8]) {
    assert_eq!(bytes.len(), size_of::<T>());
    // SAFETY: as many bytes as T has.
    unsafe { bytes.as_mut_ptr().cast::<T>().write_unaligned(record) }
}

/// Size and alignment of what a pointer points to.
pub const fn shape<T>(_: *const T) -> (usize, usize) {
    (size_of::<T>(), align_of::<T>())
}

/// A function type's return value and parameters.
pub trait Signature {
    const NULLABLE: bool = false;
    fn sizes() -> Vec<usize>;
}

impl<F: Signature> Signature for Option<F> {
    const NULLABLE: bool = true;
    fn sizes() -> Vec<usize> {
        F::sizes()
    }
}

macro_rules! signatures {
    ($($parameter:ident)*) => {
        impl<R, $($parameter),*> Signature for dxgk_sys::ddi!(fn($(_: $parameter),*) -> R) {
            fn sizes() -> Vec<usize> {
                vec![size_of::<R>(), $(size_of::<$parameter>()),*]
            }
        }
    };
}
signatures!();
signatures!(A);
signatures!(A B);
signatures!(A B C);
signatures!(A B C D);
signatures!(A B C D E);
signatures!(A B C D E F);
signatures!(A B C D E F G);
signatures!(A B C D E F G H);
signatures!(A B C D E F G H I);
signatures!(A B C D E F G H I J);

macro_rules! record {
    ($record:ident, $fields:expr, $bits:expr) => {
        Record {
            name: stringify!($record),
            size: size_of::<$record>(),
            align: align_of::<$record>(),
            fields: $fields,
            bits: $bits,
        }
    };
}

macro_rules! field {
    ($record:ident, $key:literal, $($path:ident).+) => {{
        const SHAPE: (usize, usize) = {
            let record = core::mem::MaybeUninit::<$record>::uninit();
            // SAFETY: the place is inside the record and is not read.
            super::shape(unsafe { &raw const (*record.as_ptr()).$($path).+ })
        };
        Field {
            key: $key,
            offset: core::mem::offset_of!($record, $($path).+),
            size: SHAPE.0,
            align: SHAPE.1,
        }
    }};
}

/// The record itself, where it stands for a field of the header.
macro_rules! whole {
    ($record:ident, $key:literal) => {
        Field {
            key: $key,
            offset: 0,
            size: size_of::<$record>(),
            align: align_of::<$record>(),
        }
    };
}

/// The place of a bit field's accessors, copied out: they may be in a union or packed.
macro_rules! place {
    (get $record:ident, ()) => {
        $record
    };
    (get $record:ident, ($($path:ident).+)) => {{
        #[allow(unused_unsafe)] // not every path leads through a union
        // SAFETY: every member of the crate's unions is valid whatever its bytes are.
        let place = unsafe { $record.$($path).+ };
        place
    }};
    (put $record:ident, (), $value:expr) => {
        $record = $value
    };
    (put $record:ident, ($($path:ident).+), $value:expr) => {
        $record.$($path).+ = $value
    };
}

macro_rules! bits {
    ($record:ident, $key:literal, $path:tt, $get:ident, $set:ident) => {
        Bits {
            key: $key,
            write: |bytes, value| {
                let mut record: $record = super::load(bytes);
                let mut place = super::place!(get record, $path);
                place.$set(super::Value::from_u64(value));
                super::place!(put record, $path, place);
                super::store(record, bytes);
            },
            read: |bytes| {
                let record: $record = super::load(bytes);
                super::Value::into_u64(super::place!(get record, $path).$get())
            },
        }
    };
}

macro_rules! flag {
    ($record:ident, $key:literal, $path:tt, $($flag:ident)::+) => {
        Bits {
            key: $key,
            write: |bytes, value| {
                let mut record: $record = super::load(bytes);
                let mut place = super::place!(get record, $path);
                place.set($($flag)::+, value == 1);
                super::place!(put record, $path, place);
                super::store(record, bytes);
            },
            read: |bytes| {
                let record: $record = super::load(bytes);
                u64::from(super::place!(get record, $path).contains($($flag)::+))
            },
        }
    };
}

macro_rules! enumeration {
    ($name:ident) => {
        Enum {
            name: stringify!($name),
            size: size_of::<$name>(),
            values: || {
                $name::VALUES
                    .iter()
                    .map(|(name, value)| (*name, value.0.into()))
                    .collect()
            },
        }
    };
}

macro_rules! constant {
    ($name:ident) => {
        Constant {
            name: stringify!($name),
            value: $name as i128,
            class: || core::any::type_name_of_val(&$name),
        }
    };
}

macro_rules! function {
    ($name:ident) => {
        function!(stringify!($name), $name)
    };
    (functions::$name:ident) => {
        function!(stringify!($name), functions::$name)
    };
    ($name:expr, $ty:ty) => {
        Function {
            name: $name,
            nullable: <$ty as super::Signature>::NULLABLE,
            sizes: <$ty as super::Signature>::sizes,
        }
    };
}

/// What accessors take and give.
pub trait Value {
    fn from_u64(value: u64) -> Self;
    fn into_u64(self) -> u64;
}

impl Value for bool {
    fn from_u64(value: u64) -> Self {
        value == 1
    }
    fn into_u64(self) -> u64 {
        self.into()
    }
}

impl Value for u32 {
    fn from_u64(value: u64) -> Self {
        value.try_into().expect("the value fits the accessor")
    }
    fn into_u64(self) -> u64 {
        self.into()
    }
}

impl Value for u64 {
    fn from_u64(value: u64) -> Self {
        value
    }
    fn into_u64(self) -> u64 {
        self
    }
}

use {bits, constant, enumeration, field, flag, function, place, record, whole};
