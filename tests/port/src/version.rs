//! Interface versions: which Windows takes, and how long a record is in each.

use dxgk_sys::sizes::{self, Interface, Sizes};

/// An interface version that Windows takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(Interface);

impl Version {
    pub(crate) const WIN8: Self = Self(Interface::Win8);
    pub(crate) const WDDM1_3: Self = Self(Interface::Wddm1_3);
    pub(crate) const WDDM2_0: Self = Self(Interface::Wddm2_0);
    pub(crate) const WDDM3_0: Self = Self(Interface::Wddm3_0);
    pub(crate) const WDDM3_2: Self = Self(Interface::Wddm3_2);

    /// The version of that value, if Windows takes it (F4 of the contract).
    pub(crate) fn known(value: u32) -> Option<Self> {
        Interface::from_value(value)
            .filter(|known| *known != Interface::VistaSp1)
            .map(Self)
    }

    pub(crate) fn value(self) -> u32 {
        self.0.value()
    }

    fn size(self, record: Sizes) -> usize {
        record.at(self.0).unwrap_or(0)
    }

    /// Bytes of `DRIVER_INITIALIZATION_DATA`.
    pub(crate) fn initialization_data(self) -> usize {
        self.size(sizes::DRIVER_INITIALIZATION_DATA)
    }

    /// Bytes of `KMDDOD_INITIALIZATION_DATA`.
    pub(crate) fn kmddod_initialization_data(self) -> usize {
        self.size(sizes::KMDDOD_INITIALIZATION_DATA)
    }

    /// Bytes of `DXGKRNL_INTERFACE`.
    pub(crate) fn interface(self) -> usize {
        self.size(sizes::DXGKRNL_INTERFACE)
    }

    /// Bytes of `DXGKARG_BUILDPAGINGBUFFER`.
    pub(crate) fn build_paging_buffer(self) -> usize {
        self.size(sizes::DXGKARG_BUILDPAGINGBUFFER)
    }

    /// Bytes of `DXGK_DRIVERCAPS`.
    pub(crate) fn driver_caps(self) -> usize {
        self.size(sizes::DXGK_DRIVERCAPS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_as_long_as_their_version_says() {
        let newest = Version::WDDM3_2;
        assert_eq!(
            newest.initialization_data(),
            size_of::<dxgk_sys::DRIVER_INITIALIZATION_DATA>()
        );
        assert_eq!(newest.interface(), size_of::<dxgk_sys::DXGKRNL_INTERFACE>());
        assert_eq!(newest.driver_caps(), size_of::<dxgk_sys::DXGK_DRIVERCAPS>());
        assert_eq!(Version::WDDM1_3.initialization_data(), 712);
        assert_eq!(Version::WDDM1_3.interface(), 264);
        assert_eq!(Version::WDDM1_3.driver_caps(), 552);
    }

    #[test]
    fn only_versions_of_the_list_are_known() {
        assert!(Version::known(0x4002).is_some());
        assert!(Version::known(0x4001).is_none());
        assert!(Version::known(0x1053).is_none());
        assert!(Version::WDDM3_0 > Version::WDDM2_0);
    }
}
