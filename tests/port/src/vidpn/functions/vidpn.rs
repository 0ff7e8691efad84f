//! `DXGK_VIDPN_INTERFACE`: the topology and the mode sets of a VidPN.

use dxgk_sys::status::{
    STATUS_GRAPHICS_INVALID_VIDPN, STATUS_GRAPHICS_PINNED_MODE_MUST_REMAIN_IN_SET,
    STATUS_GRAPHICS_RESOURCES_NOT_RELATED, STATUS_INVALID_PARAMETER, STATUS_NO_MEMORY,
    STATUS_SUCCESS,
};
use dxgk_sys::{
    D3DDDI_MULTISAMPLINGMETHOD, D3DKMDT_HVIDPN, D3DKMDT_HVIDPNSOURCEMODESET,
    D3DKMDT_HVIDPNTARGETMODESET, D3DKMDT_HVIDPNTOPOLOGY, DXGK_VIDPNSOURCEMODESET_INTERFACE,
    DXGK_VIDPNTARGETMODESET_INTERFACE, DXGK_VIDPNTOPOLOGY_INTERFACE, NTSTATUS, SIZE_T, ddi_fn,
};

use alloc::format;

use crate::vidpn::entry::{Entered, Out, enter};
use crate::vidpn::functions::end::End;
use crate::vidpn::functions::tables::{SOURCE_MODE_SET, TARGET_MODE_SET, TOPOLOGY};
use crate::vidpn::handle::{Kind, handle_of, next_serial, open};
use crate::vidpn::session::Access;
use crate::vidpn::set::Set;
use crate::vidpn::{SourceMode, State, TargetMode};

fn enter_vidpn(
    function: &'static str,
    handle: D3DKMDT_HVIDPN,
    work: impl FnOnce(&mut Entered<'_>) -> NTSTATUS,
) -> NTSTATUS {
    enter(
        function,
        (handle, Kind::VidPn),
        STATUS_GRAPHICS_INVALID_VIDPN,
        work,
    )
}

fn access(entered: &Entered<'_>) -> Option<Access> {
    entered.state.call.as_ref().map(|call| call.access)
}

/// The serial number of the set of an end. Ends outside the topology have an empty one.
fn set_of<E: End>(entered: &mut Entered<'_>, id: u32) -> Option<u32> {
    if !E::is_known(entered, id) {
        return None;
    }
    let vidpn = entered.state.vidpn.as_mut()?;
    if let Some(serial) = E::of(vidpn).get(&id) {
        return Some(*serial);
    }
    let serial = entered
        .state
        .own::<E>(id, crate::vidpn::network::Modes::default());
    let vidpn = entered.state.vidpn.as_mut()?;
    E::of(vidpn).insert(id, serial);
    Some(serial)
}

/// An identifier that the adapter does not have. Drivers may ask for one that a path of the VidPN names.
fn invalid_id<E: End>(entered: &mut Entered<'_>, id: u32) -> NTSTATUS {
    let vidpn = entered.state.vidpn.as_mut();
    if vidpn.is_some_and(|vidpn| E::of(vidpn).contains_key(&id)) {
        return E::INVALID_ID;
    }
    entered.misuse(E::INVALID_ID, || {
        format!("the adapter has no such identifier as {id}")
    })
}

fn acquire<E: End, H, T>(
    function: &'static str,
    handle: D3DKMDT_HVIDPN,
    id: u32,
    out: (Option<Out<*mut H>>, Option<Out<*const T>>),
    table: &'static T,
) -> NTSTATUS {
    enter_vidpn(function, handle, |entered| {
        let (Some(out), Some(interface)) = out else {
            return entered.null();
        };
        let Some(serial) = set_of::<E>(entered, id) else {
            return invalid_id::<E>(entered, id);
        };
        let sets = E::sets(entered.state);
        if let Some(set) = sets.iter_mut().find(|set| set.serial == serial) {
            set.acquired += 1;
        }
        out.set(handle_of(entered.adapter.handle(), E::KIND, serial));
        interface.set(table);
        STATUS_SUCCESS
    })
}

fn create<E: End, H, T>(
    function: &'static str,
    handle: D3DKMDT_HVIDPN,
    id: u32,
    out: (Option<Out<*mut H>>, Option<Out<*const T>>),
    table: &'static T,
) -> NTSTATUS {
    enter_vidpn(function, handle, |entered| {
        let (Some(out), Some(interface)) = out else {
            return entered.null();
        };
        if set_of::<E>(entered, id).is_none() {
            return invalid_id::<E>(entered, id);
        }
        if entered.fails() {
            return STATUS_NO_MEMORY;
        }
        let serial = next_serial(&mut entered.state.serial);
        E::sets(entered.state).push(Set::made(serial, id));
        out.set(handle_of(entered.adapter.handle(), E::KIND, serial));
        interface.set(table);
        STATUS_SUCCESS
    })
}

/// The set of a handle that comes beside a VidPN's, if it is one.
fn set_beside<E: End, H>(entered: &mut Entered<'_>, handle: *mut H) -> Option<u32> {
    let (adapter, serial) = open(handle, E::KIND)?;
    let here = adapter.handle() == entered.adapter.handle();
    let lives = E::sets(entered.state)
        .iter()
        .any(|set| set.serial == serial);
    (here && lives).then_some(serial)
}

fn no_set<E: End>(entered: &Entered<'_>) -> NTSTATUS {
    entered.misuse(E::INVALID_SET, || {
        format!("the handle is none of a {}", E::SET)
    })
}

fn assign<E: End, H>(
    function: &'static str,
    handle: D3DKMDT_HVIDPN,
    id: u32,
    set: *mut H,
) -> NTSTATUS {
    enter_vidpn(function, handle, |entered| {
        let access = access(entered);
        if !matches!(access, Some(Access::Enumerate(_) | Access::Recommend)) {
            return entered.misuse(
                STATUS_GRAPHICS_INVALID_VIDPN,
                || "this DDI's VidPN is for looking at",
            );
        }
        let Some(serial) = set_beside::<E, H>(entered, set) else {
            return no_set::<E>(entered);
        };
        let Some(before) = set_of::<E>(entered, id) else {
            return invalid_id::<E>(entered, id);
        };
        if access == Some(Access::Enumerate((E::PIVOT)(id))) {
            return entered.misuse(E::INVALID_ID, || {
                format!("the {} of {id} is the pivot and must stay", E::SET)
            });
        }
        place::<E>(entered, id, before, serial)
    })
}

/// Puts a set into the place of another, which goes.
fn place<E: End>(entered: &mut Entered<'_>, id: u32, before: u32, serial: u32) -> NTSTATUS {
    let enumerates = matches!(access(entered), Some(Access::Enumerate(_)));
    let sets = E::sets(entered.state);
    let old = sets.iter().find(|set| set.serial == before);
    let pinned = old.and_then(|old| old.modes.pinned().copied());
    let Some(new) = sets.iter_mut().find(|set| set.serial == serial) else {
        return E::INVALID_SET;
    };
    if !new.free {
        return entered.misuse(E::INVALID_SET, || {
            format!(
                "the {} is none that pfnCreateNew…ModeSet made and that is free",
                E::SET
            )
        });
    }
    // From here on the set is dxgkrnl's: a failure releases it.
    (new.free, new.created) = (false, 0);
    let (of, empty) = (new.of, new.modes.list.is_empty());
    let keeps = pinned.as_ref().is_none_or(|mode| new.modes.has(mode));
    let fault = if empty {
        // The page names no status for this one and the next.
        Some((STATUS_INVALID_PARAMETER, format!("the {} is empty", E::SET)))
    } else if of != id {
        let what = format!("the {} was made for {of}, not for {id}", E::SET);
        Some((STATUS_GRAPHICS_RESOURCES_NOT_RELATED, what))
    } else if !keeps {
        let what = format!("the new {} of {id} lacks the pinned mode", E::SET);
        Some((STATUS_GRAPHICS_PINNED_MODE_MUST_REMAIN_IN_SET, what))
    } else {
        None
    };
    if let Some((status, what)) = fault {
        forget::<E>(entered.state, serial);
        return entered.misuse(status, || what);
    }
    if let Some(mode) = &pinned {
        new.modes.pin(mode);
    }
    let rule = entered.rule();
    entered.adapter.check(
        rule,
        entered.function,
        !enumerates || pinned.is_none(),
        || format!("the {} of {id} has a pinned mode and was replaced", E::SET),
    );
    if let Some(vidpn) = entered.state.vidpn.as_mut() {
        E::of(vidpn).insert(id, serial);
    }
    forget::<E>(entered.state, before);
    STATUS_SUCCESS
}

/// Drops a set that is in no VidPN, once nobody has a reference.
fn forget<E: End>(state: &mut State, serial: u32) {
    let placed = state
        .vidpn
        .as_mut()
        .is_some_and(|vidpn| E::of(vidpn).values().any(|set| *set == serial));
    if !placed {
        E::sets(state).retain(|set| set.serial != serial || set.acquired != 0 || set.created != 0);
    }
}

fn release<E: End, H>(function: &'static str, handle: D3DKMDT_HVIDPN, set: *mut H) -> NTSTATUS {
    enter_vidpn(function, handle, |entered| {
        let Some(serial) = set_beside::<E, H>(entered, set) else {
            return no_set::<E>(entered);
        };
        let held = E::sets(entered.state)
            .iter_mut()
            .find(|set| set.serial == serial);
        let released = held.is_some_and(|set| {
            if set.acquired != 0 {
                set.acquired -= 1;
                true
            } else if set.created != 0 {
                set.created = 0;
                true
            } else {
                false
            }
        });
        if !released {
            return entered.misuse(E::INVALID_SET, || {
                format!("the {} was released more often than acquired", E::SET)
            });
        }
        forget::<E>(entered.state, serial);
        STATUS_SUCCESS
    })
}

ddi_fn! {
    pub(crate) unsafe fn get_topology(
        handle: D3DKMDT_HVIDPN,
        out: *mut D3DKMDT_HVIDPNTOPOLOGY,
        interface: *mut *const DXGK_VIDPNTOPOLOGY_INTERFACE,
    ) -> NTSTATUS {
        // SAFETY: the driver's variable.
        let out = unsafe { Out::new(out) };
        // SAFETY: the driver's variable.
        let interface = unsafe { Out::new(interface) };
        enter_vidpn("VidPn.pfnGetTopology", handle, |entered| {
            let (Some(out), Some(interface)) = (out, interface) else { return entered.null() };
            out.set(handle_of(entered.adapter.handle(), Kind::Topology, entered.serial));
            interface.set(&raw const TOPOLOGY);
            STATUS_SUCCESS
        })
    }

    pub(crate) unsafe fn acquire_source_mode_set(
        handle: D3DKMDT_HVIDPN,
        source: u32,
        out: *mut D3DKMDT_HVIDPNSOURCEMODESET,
        interface: *mut *const DXGK_VIDPNSOURCEMODESET_INTERFACE,
    ) -> NTSTATUS {
        // SAFETY: the driver's variable.
        let out = unsafe { Out::new(out) };
        // SAFETY: the driver's variable.
        let interface = unsafe { Out::new(interface) };
        let name = "VidPn.pfnAcquireSourceModeSet";
        acquire::<SourceMode, _, _>(name, handle, source, (out, interface), &SOURCE_MODE_SET)
    }

    pub(crate) unsafe fn acquire_target_mode_set(
        handle: D3DKMDT_HVIDPN,
        target: u32,
        out: *mut D3DKMDT_HVIDPNTARGETMODESET,
        interface: *mut *const DXGK_VIDPNTARGETMODESET_INTERFACE,
    ) -> NTSTATUS {
        // SAFETY: the driver's variable.
        let out = unsafe { Out::new(out) };
        // SAFETY: the driver's variable.
        let interface = unsafe { Out::new(interface) };
        let name = "VidPn.pfnAcquireTargetModeSet";
        acquire::<TargetMode, _, _>(name, handle, target, (out, interface), &TARGET_MODE_SET)
    }

    pub(crate) unsafe fn create_source_mode_set(
        handle: D3DKMDT_HVIDPN,
        source: u32,
        out: *mut D3DKMDT_HVIDPNSOURCEMODESET,
        interface: *mut *const DXGK_VIDPNSOURCEMODESET_INTERFACE,
    ) -> NTSTATUS {
        // SAFETY: the driver's variable.
        let out = unsafe { Out::new(out) };
        // SAFETY: the driver's variable.
        let interface = unsafe { Out::new(interface) };
        let name = "VidPn.pfnCreateNewSourceModeSet";
        create::<SourceMode, _, _>(name, handle, source, (out, interface), &SOURCE_MODE_SET)
    }

    pub(crate) unsafe fn create_target_mode_set(
        handle: D3DKMDT_HVIDPN,
        target: u32,
        out: *mut D3DKMDT_HVIDPNTARGETMODESET,
        interface: *mut *const DXGK_VIDPNTARGETMODESET_INTERFACE,
    ) -> NTSTATUS {
        // SAFETY: the driver's variable.
        let out = unsafe { Out::new(out) };
        // SAFETY: the driver's variable.
        let interface = unsafe { Out::new(interface) };
        let name = "VidPn.pfnCreateNewTargetModeSet";
        create::<TargetMode, _, _>(name, handle, target, (out, interface), &TARGET_MODE_SET)
    }

    pub(crate) unsafe fn assign_source_mode_set(
        handle: D3DKMDT_HVIDPN,
        source: u32,
        set: D3DKMDT_HVIDPNSOURCEMODESET,
    ) -> NTSTATUS {
        assign::<SourceMode, _>("VidPn.pfnAssignSourceModeSet", handle, source, set)
    }

    pub(crate) unsafe fn assign_target_mode_set(
        handle: D3DKMDT_HVIDPN,
        target: u32,
        set: D3DKMDT_HVIDPNTARGETMODESET,
    ) -> NTSTATUS {
        assign::<TargetMode, _>("VidPn.pfnAssignTargetModeSet", handle, target, set)
    }

    pub(crate) unsafe fn release_source_mode_set(
        handle: D3DKMDT_HVIDPN,
        set: D3DKMDT_HVIDPNSOURCEMODESET,
    ) -> NTSTATUS {
        release::<SourceMode, _>("VidPn.pfnReleaseSourceModeSet", handle, set)
    }

    pub(crate) unsafe fn release_target_mode_set(
        handle: D3DKMDT_HVIDPN,
        set: D3DKMDT_HVIDPNTARGETMODESET,
    ) -> NTSTATUS {
        release::<TargetMode, _>("VidPn.pfnReleaseTargetModeSet", handle, set)
    }

    /// The methods are not kept: nothing that the port calls depends on them.
    pub(crate) unsafe fn assign_multisampling(
        handle: D3DKMDT_HVIDPN,
        source: u32,
        count: SIZE_T,
        methods: *const D3DDDI_MULTISAMPLINGMETHOD,
    ) -> NTSTATUS {
        enter_vidpn("VidPn.pfnAssignMultisamplingMethodSet", handle, |entered| {
            if !matches!(access(entered), Some(Access::Enumerate(_))) {
                return entered.misuse(STATUS_GRAPHICS_INVALID_VIDPN, || "only an enumeration reports them");
            }
            if set_of::<SourceMode>(entered, source).is_none() {
                return invalid_id::<SourceMode>(entered, source);
            }
            if count != 0 && methods.is_null() {
                return entered.null();
            }
            STATUS_SUCCESS
        })
    }
}
