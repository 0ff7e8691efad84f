//! Monitors that come and go: DxgkCbIndicateChildStatus and what dxgkrnl does about it (Q3).

use alloc::format;
use alloc::vec::Vec;

use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_NOT_SUPPORTED, STATUS_SUCCESS};
use dxgk_sys::{
    D3DKMDT_MONITOR_ORIENTATION_AWARENESS, DXGK_CHILD_STATUS, DXGK_CHILD_STATUS_TYPE, NTSTATUS,
};

use crate::adapter::{Adapter, AdapterInner};
use crate::display::children::Hpd;
use crate::rules::Rule;

const NAME: &str = "DxgkCbIndicateChildStatus";

/// A monitor came or went, or was exchanged for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildChange {
    /// Which child.
    pub uid: u32,
    /// A monitor is there now.
    pub connected: bool,
}

/// A `DXGK_CHILD_STATUS` of the driver's.
#[derive(Clone, Copy)]
pub(crate) struct Indication {
    kind: DXGK_CHILD_STATUS_TYPE,
    uid: u32,
    /// `HotPlug.Connected` or `Rotation.Angle`.
    value: u8,
}

impl Indication {
    /// Reads what every version's record has.
    ///
    /// # Safety
    /// `status` is the driver's record.
    pub(crate) unsafe fn read(status: *const DXGK_CHILD_STATUS) -> Self {
        // SAFETY: as the caller promises.
        let kind = unsafe { (*status).Type };
        // SAFETY: as the caller promises.
        let uid = unsafe { (*status).ChildUid };
        // SAFETY: as the caller promises.
        let first = unsafe { &raw const (*status).u0 }.cast::<u8>();
        // SAFETY: the byte is `HotPlug.Connected` and `Rotation.Angle`, and any is a value of it.
        let value = unsafe { first.read() };
        Self { kind, uid, value }
    }
}

impl AdapterInner {
    /// Takes an indication, at any IRQL up to DISPATCH.
    pub(crate) fn indicated(&self, indication: Indication) -> NTSTATUS {
        self.check_running(NAME);
        if self.display.is_starting() {
            // QueryChildStatus comes as soon as StartDevice has returned.
            return STATUS_SUCCESS;
        }
        let Indication { kind, uid, value } = indication;
        let child = self.child(uid);
        self.check(Rule::Q3, NAME, child.is_some(), || {
            format!("{uid:#x} is no child")
        });
        let Some(child) = child else {
            return STATUS_INVALID_PARAMETER;
        };
        match kind {
            DXGK_CHILD_STATUS_TYPE::StatusConnection => {
                let pluggable = child.hpd != Hpd::AlwaysConnected;
                self.check(Rule::Q3, NAME, pluggable, || {
                    format!("child {uid:#x} is always connected")
                });
                self.check(Rule::Q3, NAME, value <= 1, || {
                    format!("Connected is {value:#x}")
                });
                self.change_child(uid, |known| known.indicated = Some(value != 0));
                STATUS_SUCCESS
            }
            DXGK_CHILD_STATUS_TYPE::StatusRotation => {
                let interruptible =
                    D3DKMDT_MONITOR_ORIENTATION_AWARENESS::D3DKMDT_MOA_INTERRUPTIBLE;
                let turns = child.orientation == Some(interruptible);
                self.check(Rule::Q3, NAME, turns, || {
                    format!("child {uid:#x} does not tell when its monitor is turned")
                });
                self.change_child(uid, |known| known.child.angle = Some(value));
                STATUS_SUCCESS
            }
            DXGK_CHILD_STATUS_TYPE::StatusMiracastConnection => {
                self.port
                    .journal
                    .unsupported("DxgkCbIndicateChildStatus (Miracast)");
                STATUS_NOT_SUPPORTED
            }
            other => {
                self.check(Rule::Q3, NAME, false, || format!("type {}", other.0));
                STATUS_INVALID_PARAMETER
            }
        }
    }

    /// Whether there is a monitor at a child now, asked or told; `None` if nothing new is known.
    fn news(&self, uid: u32, hpd: Hpd) -> Option<bool> {
        let mut told = None;
        self.change_child(uid, |known| told = known.indicated.take());
        if told.is_none() && hpd != Hpd::Polled {
            return None;
        }
        let kind = DXGK_CHILD_STATUS_TYPE::StatusConnection;
        let asked = self.child_status(uid, kind).ok().map(|value| value != 0);
        let mut again = None;
        self.change_child(uid, |known| again = known.indicated);
        if let (Some(told), Some(asked), None) = (told, asked, again) {
            self.check(Rule::Q3, NAME, told == asked, || {
                format!("child {uid:#x} indicated as {told}, queried as {asked}")
            });
        }
        told.or(asked)
    }
}

impl Adapter {
    /// What dxgkrnl does when the list of monitors is wanted: polls, takes what the driver indicated, reads the EDID
    /// of a monitor that came and forgets that of one that went. The VidPN is the caller's.
    pub fn update_children(&self) -> Vec<ChildChange> {
        let adapter = &*self.0;
        let mut changes = Vec::new();
        for mut child in adapter.children() {
            let Some(connected) = adapter.news(child.uid, child.hpd) else {
                continue;
            };
            let before = (child.connected, self.edid(child.uid));
            child.connected = connected;
            adapter.change_child(child.uid, |known| known.child.connected = connected);
            adapter.learn_descriptor(&child);
            if before != (connected, self.edid(child.uid)) {
                let uid = child.uid;
                changes.push(ChildChange { uid, connected });
            }
        }
        changes
    }
}
