//! Frequency ranges and descriptors of a monitor: two sets that are only read.

use alloc::vec::Vec;

use dxgk_sys::status::{
    STATUS_GRAPHICS_DATASET_IS_EMPTY, STATUS_GRAPHICS_INVALID_MONITOR_FREQUENCYRANGE,
    STATUS_GRAPHICS_INVALID_MONITOR_FREQUENCYRANGESET, STATUS_GRAPHICS_INVALID_MONITORDESCRIPTOR,
    STATUS_GRAPHICS_INVALID_MONITORDESCRIPTORSET, STATUS_GRAPHICS_NO_MORE_ELEMENTS_IN_DATASET,
    STATUS_SUCCESS,
};
use dxgk_sys::{
    D3DKMDT_HMONITORDESCRIPTORSET, D3DKMDT_HMONITORFREQUENCYRANGESET, D3DKMDT_MONITOR_DESCRIPTOR,
    D3DKMDT_MONITOR_FREQUENCY_RANGE, NTSTATUS, SIZE_T, ddi_fn,
};

use crate::pattern::Plain;
use crate::vidpn::entry::{Entered, Out, enter};
use crate::vidpn::handle::Kind;
use crate::vidpn::monitors::Monitor;
use crate::vidpn::records::RecordKind;

/// An element of a set that is only read.
pub(crate) trait Element: Plain {
    const KIND: Kind;
    const RECORD: RecordKind;
    const INVALID_SET: NTSTATUS;
    const INVALID_ELEMENT: NTSTATUS;
    fn of(monitor: &Monitor) -> Vec<Self>;
}

impl Element for D3DKMDT_MONITOR_FREQUENCY_RANGE {
    const KIND: Kind = Kind::FrequencyRangeSet;
    const RECORD: RecordKind = RecordKind::FrequencyRange;
    const INVALID_SET: NTSTATUS = STATUS_GRAPHICS_INVALID_MONITOR_FREQUENCYRANGESET;
    const INVALID_ELEMENT: NTSTATUS = STATUS_GRAPHICS_INVALID_MONITOR_FREQUENCYRANGE;

    fn of(monitor: &Monitor) -> Vec<Self> {
        monitor.ranges.clone()
    }
}

impl Element for D3DKMDT_MONITOR_DESCRIPTOR {
    const KIND: Kind = Kind::DescriptorSet;
    const RECORD: RecordKind = RecordKind::Descriptor;
    const INVALID_SET: NTSTATUS = STATUS_GRAPHICS_INVALID_MONITORDESCRIPTORSET;
    const INVALID_ELEMENT: NTSTATUS = STATUS_GRAPHICS_INVALID_MONITORDESCRIPTOR;

    fn of(monitor: &Monitor) -> Vec<Self> {
        monitor.descriptors()
    }
}

fn elements<E: Element>(entered: &Entered<'_>) -> Vec<E> {
    let monitor = entered
        .state
        .monitors
        .iter()
        .find(|one| one.serial == entered.serial);
    monitor.map_or_else(Vec::new, E::of)
}

fn count<E: Element, H>(name: &'static str, set: *mut H, out: Option<Out<SIZE_T>>) -> NTSTATUS {
    enter(name, (set, E::KIND), E::INVALID_SET, |entered| {
        let Some(out) = out else {
            return entered.null();
        };
        out.set(elements::<E>(entered).len());
        STATUS_SUCCESS
    })
}

fn lend<E: Element>(
    entered: &mut Entered<'_>,
    place: usize,
    none: NTSTATUS,
    out: &Out<*const E>,
) -> NTSTATUS {
    let Some(element) = elements::<E>(entered).get(place).copied() else {
        out.set(core::ptr::null());
        return none;
    };
    let at = (E::RECORD, entered.serial, place);
    let pointer = entered
        .state
        .records
        .lend(at, false, entered.function, &element);
    out.set(pointer.cast_const());
    STATUS_SUCCESS
}

fn first<E: Element, H>(name: &'static str, set: *mut H, out: Option<Out<*const E>>) -> NTSTATUS {
    enter(name, (set, E::KIND), E::INVALID_SET, |entered| {
        let Some(out) = out else {
            return entered.null();
        };
        lend(entered, 0, STATUS_GRAPHICS_DATASET_IS_EMPTY, &out)
    })
}

/// At the end of ranges the page has the status of an empty set, that of descriptors another.
fn next<E: Element, H>(
    name: &'static str,
    set: *mut H,
    current: *const E,
    out: Option<Out<*const E>>,
) -> NTSTATUS {
    enter(name, (set, E::KIND), E::INVALID_SET, |entered| {
        let Some(out) = out else {
            return entered.null();
        };
        let Some(place) = held::<E>(entered, current) else {
            return unknown::<E>(entered);
        };
        let end = if E::KIND == Kind::FrequencyRangeSet {
            STATUS_GRAPHICS_DATASET_IS_EMPTY
        } else {
            STATUS_GRAPHICS_NO_MORE_ELEMENTS_IN_DATASET
        };
        lend(entered, place + 1, end, &out)
    })
}

fn held<E: Element>(entered: &Entered<'_>, element: *const E) -> Option<usize> {
    let record = entered.state.records.find(E::RECORD, element)?;
    (record.owner == entered.serial).then_some(record.element)
}

fn unknown<E: Element>(entered: &Entered<'_>) -> NTSTATUS {
    entered.misuse(
        E::INVALID_ELEMENT,
        || "the element is none of this set that the driver holds",
    )
}

fn release<E: Element, H>(name: &'static str, set: *mut H, element: *const E) -> NTSTATUS {
    enter(name, (set, E::KIND), E::INVALID_SET, |entered| {
        if held::<E>(entered, element).is_none() {
            return unknown::<E>(entered);
        }
        let back = entered.state.records.take_back::<E>(E::RECORD, element);
        let edited = back.is_some_and(|back| back.edited || back.overrun);
        entered.adapter.check(
            entered.rule(),
            name,
            !edited,
            || "an acquired info was written",
        );
        STATUS_SUCCESS
    })
}

macro_rules! read_only_set {
    ($module:ident, $element:ty, $handle:ty, $names:expr) => {
        pub(crate) mod $module {
            use super::*;

            const NAMES: [&str; 4] = $names;

            ddi_fn! {
                pub(crate) unsafe fn get_count(set: $handle, out: *mut SIZE_T) -> NTSTATUS {
                    // SAFETY: the driver's variable.
                    let out = unsafe { Out::new(out) };
                    count::<$element, _>(NAMES[0], set, out)
                }

                pub(crate) unsafe fn acquire_first(
                    set: $handle,
                    out: *mut *const $element,
                ) -> NTSTATUS {
                    // SAFETY: the driver's variable.
                    let out = unsafe { Out::new(out) };
                    first(NAMES[1], set, out)
                }

                pub(crate) unsafe fn acquire_next(
                    set: $handle,
                    current: *const $element,
                    out: *mut *const $element,
                ) -> NTSTATUS {
                    // SAFETY: the driver's variable.
                    let out = unsafe { Out::new(out) };
                    next(NAMES[2], set, current, out)
                }

                pub(crate) unsafe fn release_info(
                    set: $handle,
                    element: *const $element,
                ) -> NTSTATUS {
                    release(NAMES[3], set, element)
                }
            }
        }
    };
}

read_only_set!(
    ranges,
    D3DKMDT_MONITOR_FREQUENCY_RANGE,
    D3DKMDT_HMONITORFREQUENCYRANGESET,
    [
        "FrequencyRangeSet.pfnGetNumFrequencyRanges",
        "FrequencyRangeSet.pfnAcquireFirstFrequencyRangeInfo",
        "FrequencyRangeSet.pfnAcquireNextFrequencyRangeInfo",
        "FrequencyRangeSet.pfnReleaseFrequencyRangeInfo",
    ]
);
read_only_set!(
    descriptors,
    D3DKMDT_MONITOR_DESCRIPTOR,
    D3DKMDT_HMONITORDESCRIPTORSET,
    [
        "DescriptorSet.pfnGetNumDescriptors",
        "DescriptorSet.pfnAcquireFirstDescriptorInfo",
        "DescriptorSet.pfnAcquireNextDescriptorInfo",
        "DescriptorSet.pfnReleaseDescriptorInfo",
    ]
);
