//! How large each record is for a driver of an older interface version.
//!
//! A driver declares an interface version in `DRIVER_INITIALIZATION_DATA.Version`, and dxgkrnl then
//! passes records as the headers define them for that version. The types of this crate are those
//! of the newest one. An older record is a prefix of the newer, so what a driver needs is its size:
//!
//! ```
//! use dxgk_sys::sizes::{self, Interface};
//!
//! assert_eq!(sizes::DXGK_DRIVERCAPS.at(Interface::Wddm1_3), Some(552));
//! assert_eq!(sizes::DXGK_DRIVERCAPS.at(Interface::Wddm3_2), Some(592));
//! assert_eq!(sizes::KMDDOD_INITIALIZATION_DATA.at(Interface::Win7), None);
//! ```
//!
//! In two records fields moved, so that the newest type does not fit versions before
//! [`Interface::Wddm1_3`]: `DXGK_MULTIPLANE_OVERLAY_ATTRIBUTES` and
//! `DXGK_CHECK_MULTIPLANE_OVERLAY_SUPPORT_PLANE`. The sizes are those of kit 10.0.26100; a few
//! records grew between kits without a change of the interface version.

/// Interface versions: the values of the `DXGKDDI_INTERFACE_VERSION_…` constants.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u32)]
pub enum Interface {
    /// Windows Vista.
    Vista = 0x1052,
    /// Windows Vista with service pack 1.
    VistaSp1 = 0x1053,
    /// Windows 7, WDDM 1.1.
    Win7 = 0x2005,
    /// Windows 8, WDDM 1.2.
    Win8 = 0x300E,
    /// Windows 8.1, WDDM 1.3.
    Wddm1_3 = 0x4002,
    /// WDDM 1.3 with path-independent rotation.
    Wddm1_3PathIndependentRotation = 0x4003,
    /// Windows 10, WDDM 2.0.
    Wddm2_0 = 0x5023,
    /// WDDM 2.1.
    Wddm2_1 = 0x6003,
    /// WDDM 2.1.5.
    Wddm2_1_5 = 0x6010,
    /// WDDM 2.1.6.
    Wddm2_1_6 = 0x6011,
    /// WDDM 2.2.
    Wddm2_2 = 0x700A,
    /// WDDM 2.3.
    Wddm2_3 = 0x8001,
    /// WDDM 2.4.
    Wddm2_4 = 0x9006,
    /// WDDM 2.5.
    Wddm2_5 = 0xA00B,
    /// WDDM 2.6.
    Wddm2_6 = 0xB004,
    /// WDDM 2.7.
    Wddm2_7 = 0xC004,
    /// WDDM 2.8.
    Wddm2_8 = 0xD001,
    /// WDDM 2.9.
    Wddm2_9 = 0xE003,
    /// Windows 11, WDDM 3.0.
    Wddm3_0 = 0xF003,
    /// WDDM 3.1.
    Wddm3_1 = 0x1_0004,
    /// WDDM 3.2.
    Wddm3_2 = 0x1_1007,
}

impl Interface {
    /// Every version, oldest first.
    pub const ALL: [Self; 21] = [
        Self::Vista,
        Self::VistaSp1,
        Self::Win7,
        Self::Win8,
        Self::Wddm1_3,
        Self::Wddm1_3PathIndependentRotation,
        Self::Wddm2_0,
        Self::Wddm2_1,
        Self::Wddm2_1_5,
        Self::Wddm2_1_6,
        Self::Wddm2_2,
        Self::Wddm2_3,
        Self::Wddm2_4,
        Self::Wddm2_5,
        Self::Wddm2_6,
        Self::Wddm2_7,
        Self::Wddm2_8,
        Self::Wddm2_9,
        Self::Wddm3_0,
        Self::Wddm3_1,
        Self::Wddm3_2,
    ];

    /// The number that a driver declares.
    pub const fn value(self) -> u32 {
        self as u32
    }

    /// The version of a number that a driver declares, if it is exactly one of these.
    pub fn from_value(value: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|version| version.value() == value)
    }
}

/// Bytes of one record at each interface version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sizes([u32; 21]);

impl Sizes {
    /// Bytes at an interface version; nothing if the record did not exist.
    pub const fn at(&self, version: Interface) -> Option<usize> {
        // A `for` cannot be const, and indexing by a searched number would leave a bounds check.
        let mut rest: (&[Interface], &[u32]) = (&Interface::ALL, &self.0);
        while let ([candidate, versions @ ..], [bytes, sizes @ ..]) = rest {
            if candidate.value() == version.value() {
                return if *bytes == 0 {
                    None
                } else {
                    Some(*bytes as usize)
                };
            }
            rest = (versions, sizes);
        }
        None
    }
}

/// Bytes of a record by its name; nothing if no such record exists at that version.
///
/// Where the record is known beforehand its constant says the same without a search.
pub fn of(record: &str, version: Interface) -> Option<usize> {
    ALL.iter()
        .find(|(name, _)| *name == record)
        .and_then(|(_, sizes)| sizes.at(version))
}

/// A constant for each record, and all of them by name.
macro_rules! sizes {
    ($($name:ident [$($bytes:literal),*];)*) => {
        $(#[doc = concat!("Sizes of [`", stringify!($name), "`](crate::", stringify!($name), ").")]
        pub const $name: Sizes = Sizes([$($bytes),*]);)*

        /// Every record with its sizes.
        pub const ALL: &[(&str, Sizes)] = &[$((stringify!($name), $name)),*];
    };
}

#[rustfmt::skip]
mod table;
pub use table::*;
