//! Mode set interfaces: the three kinds share all but their types.

use dxgk_sys::status::{
    STATUS_GRAPHICS_DATASET_IS_EMPTY, STATUS_GRAPHICS_MODE_ALREADY_IN_MODESET,
    STATUS_GRAPHICS_MODE_ID_MUST_BE_UNIQUE, STATUS_GRAPHICS_NO_MORE_ELEMENTS_IN_DATASET,
    STATUS_GRAPHICS_NO_PREFERRED_MODE, STATUS_GRAPHICS_RESOURCES_NOT_RELATED, STATUS_NO_MEMORY,
    STATUS_SUCCESS,
};
use dxgk_sys::{D3DKMDT_HMONITORSOURCEMODESET, D3DKMDT_MODE_PREFERENCE, NTSTATUS, SIZE_T};

use crate::pattern::Pattern;
use crate::vidpn::MonitorMode;
use crate::vidpn::entry::{Entered, Out, enter};
use crate::vidpn::mode::Mode;
use crate::vidpn::network::Modes;
use crate::vidpn::records::Records;
use crate::vidpn::session::Access;
use crate::vidpn::set::Set;

/// The set that the function was called with.
fn set<'a, M: Mode>(entered: &'a mut Entered<'_>) -> Option<&'a mut Set<M>> {
    let serial = entered.serial;
    M::sets(entered.state)
        .iter_mut()
        .find(|set| set.serial == serial)
}

fn enter_set<M: Mode, H>(
    function: &'static str,
    handle: *mut H,
    work: impl FnOnce(&mut Entered<'_>) -> NTSTATUS,
) -> NTSTATUS {
    enter(function, (handle, M::KIND), M::INVALID_SET, work)
}

pub(super) fn count<M: Mode, H>(
    name: &'static str,
    handle: *mut H,
    out: Option<Out<SIZE_T>>,
) -> NTSTATUS {
    enter_set::<M, H>(name, handle, |entered| {
        let Some(out) = out else {
            return entered.null();
        };
        out.set(set::<M>(entered).map_or(0, |set| set.modes.list.len()));
        STATUS_SUCCESS
    })
}

/// Lends the mode at a place; NULL and `none` if there is none.
fn lend<M: Mode>(
    entered: &mut Entered<'_>,
    place: Option<usize>,
    none: NTSTATUS,
    out: &Out<*const M>,
) -> NTSTATUS {
    let found = place.and_then(|place| {
        let mode = *set::<M>(entered)?.modes.list.get(place)?;
        Some((place, mode))
    });
    let Some((place, mode)) = found else {
        out.set(core::ptr::null());
        return none;
    };
    let at = (M::RECORD, entered.serial, place);
    let pointer = entered
        .state
        .records
        .lend(at, false, entered.function, &mode);
    out.set(pointer.cast_const());
    STATUS_SUCCESS
}

/// The informational status of an empty set is that of the other sets' pages: this one's names none.
pub(super) fn first<M: Mode, H>(
    name: &'static str,
    handle: *mut H,
    out: Option<Out<*const M>>,
) -> NTSTATUS {
    enter_set::<M, H>(name, handle, |entered| {
        let Some(out) = out else {
            return entered.null();
        };
        lend(entered, Some(0), STATUS_GRAPHICS_DATASET_IS_EMPTY, &out)
    })
}

/// As above, for the end of the set.
pub(super) fn next<M: Mode, H>(
    name: &'static str,
    handle: *mut H,
    current: *const M,
    out: Option<Out<*const M>>,
) -> NTSTATUS {
    enter_set::<M, H>(name, handle, |entered| {
        let Some(out) = out else {
            return entered.null();
        };
        let serial = entered.serial;
        let record = entered.state.records.find(M::RECORD, current);
        let place = record
            .filter(|record| record.owner == serial && !record.made)
            .map(|record| record.element + 1);
        if place.is_none() {
            out.set(core::ptr::null());
            return entered.misuse(
                M::INVALID_MODE,
                || "the current mode is none that was acquired from this set and not released",
            );
        }
        lend(
            entered,
            place,
            STATUS_GRAPHICS_NO_MORE_ELEMENTS_IN_DATASET,
            &out,
        )
    })
}

pub(super) fn pinned<M: Mode, H>(
    name: &'static str,
    handle: *mut H,
    out: Option<Out<*const M>>,
) -> NTSTATUS {
    enter_set::<M, H>(name, handle, |entered| {
        let Some(out) = out else {
            return entered.null();
        };
        let place = set::<M>(entered).and_then(|set| {
            let id = set.modes.pinned?;
            set.modes.list.iter().position(|mode| mode.id() == id)
        });
        lend(entered, place, STATUS_SUCCESS, &out)
    })
}

pub(super) fn create<M: Mode, H>(
    name: &'static str,
    handle: *mut H,
    out: Option<Out<*mut M>>,
) -> NTSTATUS {
    enter_set::<M, H>(name, handle, |entered| {
        let Some(out) = out else {
            return entered.null();
        };
        if !may_add::<M>(entered) {
            out.set(core::ptr::null_mut());
            return owned::<M>(entered);
        }
        if entered.fails() {
            out.set(core::ptr::null_mut());
            return STATUS_NO_MEMORY;
        }
        let id = set::<M>(entered).map_or(0, Set::next_id);
        let pattern = Pattern::turn(entered.adapter.port.turns.next());
        let mode = M::blank(id, pattern);
        let at = (M::RECORD, entered.serial, 0);
        out.set(
            entered
                .state
                .records
                .lend(at, true, entered.function, &mode),
        );
        STATUS_SUCCESS
    })
}

/// Modes are added to sets that the driver has made, and to a monitor's.
fn may_add<M: Mode>(entered: &mut Entered<'_>) -> bool {
    let monitor = M::KIND == MonitorMode::KIND;
    set::<M>(entered).is_some_and(|set| set.free || monitor)
}

fn owned<M: Mode>(entered: &Entered<'_>) -> NTSTATUS {
    entered.misuse(M::INVALID_SET, || {
        alloc::format!(
            "the {} is dxgkrnl's and must be replaced, not edited",
            M::SET
        )
    })
}

pub(super) fn add<M: Mode, H>(name: &'static str, handle: *mut H, info: *const M) -> NTSTATUS {
    enter_set::<M, H>(name, handle, |entered| {
        if !may_add::<M>(entered) {
            return owned::<M>(entered);
        }
        let serial = entered.serial;
        let record = entered.state.records.find(M::RECORD, info);
        let Some(record) = record.filter(|record| record.made) else {
            return entered.misuse(
                M::INVALID_MODE,
                || "the mode is none that pfnCreateNewModeInfo made and that was not added yet",
            );
        };
        let (owner, mode) = (record.owner, Records::value::<M>(record));
        if owner != serial {
            return entered.misuse(
                STATUS_GRAPHICS_RESOURCES_NOT_RELATED,
                || "the mode was made for another set",
            );
        }
        if let Some((status, what)) = mode.fault() {
            return entered.misuse(status, || what);
        }
        let Some(target) = set::<M>(entered) else {
            return M::INVALID_SET;
        };
        if target.modes.has(&mode) {
            // Not a fault: drivers learn from it which modes the set has.
            return STATUS_GRAPHICS_MODE_ALREADY_IN_MODESET;
        }
        if target.has_id(mode.id()) {
            return entered.misuse(STATUS_GRAPHICS_MODE_ID_MUST_BE_UNIQUE, || {
                alloc::format!("identifier {} is another mode's", mode.id())
            });
        }
        target.modes.list.push(mode);
        prefer_only(&mut target.modes, mode.id());
        give_back::<M>(entered, info);
        STATUS_SUCCESS
    })
}

/// A new preferred mode of a monitor takes the place of the one before.
fn prefer_only<M: Mode>(modes: &mut Modes<M>, id: u32) {
    let any: &mut dyn core::any::Any = modes;
    let Some(modes) = any.downcast_mut::<Modes<MonitorMode>>() else {
        return;
    };
    let preferred = D3DKMDT_MODE_PREFERENCE::D3DKMDT_MP_PREFERRED;
    let is = |mode: &MonitorMode| mode.Id == id && mode.Preference == preferred;
    if !modes.list.iter().any(is) {
        return;
    }
    for mode in &mut modes.list {
        if mode.Id != id {
            mode.Preference = D3DKMDT_MODE_PREFERENCE::D3DKMDT_MP_NOTPREFERRED;
        }
    }
}

/// Takes a record back; false if it was none.
fn give_back<M: Mode>(entered: &mut Entered<'_>, info: *const M) -> bool {
    let Some(returned) = entered.state.records.take_back::<M>(M::RECORD, info) else {
        return false;
    };
    let (rule, name) = (entered.rule(), entered.function);
    let what = M::RECORD.name();
    entered.adapter.check(rule, name, !returned.edited, || {
        alloc::format!("an acquired {what} was written: it is read-only")
    });
    entered.adapter.check(rule, name, !returned.overrun, || {
        alloc::format!("the memory behind a {what} was written")
    });
    true
}

pub(super) fn pin<M: Mode, H>(name: &'static str, handle: *mut H, id: u32) -> NTSTATUS {
    enter_set::<M, H>(name, handle, |entered| {
        let builds = entered.state.call.as_ref().map(|call| call.access);
        if builds != Some(Access::Recommend) {
            return entered.misuse(M::INVALID_MODE, || "only a recommendation pins modes");
        }
        let Some(set) = set::<M>(entered) else {
            return M::INVALID_SET;
        };
        if !set.has_id(id) {
            return entered.misuse(M::INVALID_MODE, || {
                alloc::format!("the set has no mode of identifier {id}")
            });
        }
        set.modes.pinned = Some(id);
        STATUS_SUCCESS
    })
}

pub(super) fn preferred(
    name: &'static str,
    handle: D3DKMDT_HMONITORSOURCEMODESET,
    out: Option<Out<*const MonitorMode>>,
) -> NTSTATUS {
    enter_set::<MonitorMode, _>(name, handle, |entered| {
        let Some(out) = out else {
            return entered.null();
        };
        let place = set::<MonitorMode>(entered).and_then(|set| {
            let preferred = D3DKMDT_MODE_PREFERENCE::D3DKMDT_MP_PREFERRED;
            set.modes
                .list
                .iter()
                .position(|mode| mode.Preference == preferred)
        });
        lend(entered, place, STATUS_GRAPHICS_NO_PREFERRED_MODE, &out)
    })
}

pub(super) fn release<M: Mode, H>(name: &'static str, handle: *mut H, info: *const M) -> NTSTATUS {
    enter_set::<M, H>(name, handle, |entered| {
        let serial = entered.serial;
        let record = entered.state.records.find(M::RECORD, info);
        let ours = record.is_some_and(|record| record.owner == serial);
        if ours && give_back::<M>(entered, info) {
            return STATUS_SUCCESS;
        }
        entered.misuse(
            M::INVALID_MODE,
            || "the mode is none of this set that the driver holds",
        )
    })
}
