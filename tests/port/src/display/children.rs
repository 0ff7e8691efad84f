//! Child devices: what QueryChildRelations says of them (Q1), and QueryChildStatus (Q2).

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use dxgk_sys::status::{STATUS_SUCCESS, STATUS_UNSUCCESSFUL};
use dxgk_sys::{
    D3DDDI_ID_ALL, D3DKMDT_MONITOR_ORIENTATION_AWARENESS, D3DKMDT_VIDEO_OUTPUT_TECHNOLOGY,
    DXGK_CHILD_DESCRIPTOR, DXGK_CHILD_DEVICE_HPD_AWARENESS, DXGK_CHILD_DEVICE_TYPE,
    DXGK_CHILD_STATUS, DXGK_CHILD_STATUS_TYPE,
};

use crate::adapter::{Adapter, AdapterInner};
use crate::ddi::{Ddi, Level};
use crate::gate::Gate;
use crate::pattern::{Pattern, bytes_of};
use crate::rules::Rule;
use crate::version::Version;
use crate::{STATUS_INVALID_DEVICE_STATE, STATUS_PROCEDURE_NOT_FOUND, Status};

const RELATIONS: &str = "QueryChildRelations";
const STATUS: &str = "QueryChildStatus";

/// What a child device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildKind {
    /// A video output: a VidPN target, with the child's uid as its id.
    VideoOutput,
    /// Something else on the board.
    Other,
    /// A panel that is always there, from WDDM 2.0 on.
    IntegratedDisplay,
    /// A part of the adapter, from WDDM 2.0 on.
    LogicalGpu,
}

/// How the system learns what is plugged into a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hpd {
    /// Nothing is ever plugged or unplugged.
    AlwaysConnected,
    /// By QueryChildStatus.
    Polled,
    /// By DxgkCbIndicateChildStatus.
    Interruptible,
}

/// A child device of an adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child {
    /// `ChildUid`.
    pub uid: u32,
    /// `ChildDeviceType`.
    pub kind: ChildKind,
    /// `HpdAwareness`.
    pub hpd: Hpd,
    /// `AcpiUid`, 0 for what ACPI does not know.
    pub acpi_uid: u32,
    /// Of a video output.
    pub technology: Option<D3DKMDT_VIDEO_OUTPUT_TECHNOLOGY>,
    /// Of a video output.
    pub orientation: Option<D3DKMDT_MONITOR_ORIENTATION_AWARENESS>,
    /// A monitor is there, as far as the system was told.
    pub connected: bool,
    /// `Rotation.Angle`, of an output that can tell.
    pub angle: Option<u8>,
}

/// A child, and what is going on with it.
pub(super) struct Known {
    pub child: Child,
    /// Serialises the calls about this child (level one, child I/O class).
    pub gate: Arc<Gate>,
    /// What DxgkCbIndicateChildStatus said and nobody has taken up yet.
    pub indicated: Option<bool>,
}

impl Adapter {
    /// Asks for the child devices. The array has one element more, which stays zero (Q1).
    ///
    /// # Errors
    /// The driver's.
    pub fn query_child_relations(&self) -> Result<Vec<DXGK_CHILD_DESCRIPTOR>, Status> {
        let adapter = &*self.0;
        let query = adapter.registration.table.DxgkDdiQueryChildRelations;
        let query = query.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let children = adapter.children.load(Ordering::Relaxed) as usize;
        let mut relations: Vec<DXGK_CHILD_DESCRIPTOR> =
            (0..=children).map(|_| Pattern(0).filled()).collect();
        let bytes = u32::try_from(size_of_val(relations.as_slice())).unwrap_or(u32::MAX);
        let arguments = || format!("{children} children");
        let status = adapter.call(Ddi::QueryChildRelations, arguments, |_| {
            // SAFETY: the driver's own function and context; the array is as long as it is told.
            unsafe { query(adapter.context(), relations.as_mut_ptr(), bytes) }
        });
        adapter.check(Rule::Q1, RELATIONS, status == STATUS_SUCCESS, || {
            format!("status {status:#010x}")
        });
        let last = relations.pop();
        let zero = last.is_some_and(|last| bytes_of(&last).iter().all(|byte| *byte == 0));
        adapter.check(Rule::Q1, RELATIONS, zero, || "the last element is not zero");
        if status == STATUS_SUCCESS {
            Ok(relations)
        } else {
            Err(status)
        }
    }

    /// The child devices of the last start.
    pub fn children(&self) -> Vec<Child> {
        self.0.children()
    }

    /// QueryChildStatus: whether something is plugged into a child. Over both patterns; nothing is recorded.
    ///
    /// # Errors
    /// The driver's; `STATUS_UNSUCCESSFUL` for an answer that is none; `STATUS_INVALID_DEVICE_STATE` for a uid that
    /// no child has.
    pub fn query_child_connected(&self, uid: u32) -> Result<bool, Status> {
        let kind = DXGK_CHILD_STATUS_TYPE::StatusConnection;
        self.0.child_status(uid, kind).map(|value| value != 0)
    }

    /// QueryChildStatus: how the monitor at a child is turned.
    ///
    /// # Errors
    /// As [`Self::query_child_connected`].
    pub fn query_child_angle(&self, uid: u32) -> Result<u8, Status> {
        self.0
            .child_status(uid, DXGK_CHILD_STATUS_TYPE::StatusRotation)
    }
}

impl AdapterInner {
    pub(crate) fn children(&self) -> Vec<Child> {
        let host = &*self.port.host;
        let count = self.display.children.with(host, |list| list.len());
        let mut children = Vec::with_capacity(count);
        self.display.children.with(host, |list| {
            children.extend(list.iter().take(count).map(|known| known.child));
        });
        children
    }

    /// The child of that uid.
    pub(crate) fn child(&self, uid: u32) -> Option<Child> {
        let host = &*self.port.host;
        self.display.children.with(host, |list| {
            let known = list.iter().find(|known| known.child.uid == uid);
            known.map(|known| known.child)
        })
    }

    pub(super) fn change_child(&self, uid: u32, change: impl FnOnce(&mut Known)) {
        let host = &*self.port.host;
        self.display.children.with(host, |list| {
            if let Some(known) = list.iter_mut().find(|known| known.child.uid == uid) {
                change(known);
            }
        });
    }

    pub(super) fn child_gate(&self, uid: u32) -> Option<Arc<Gate>> {
        let host = &*self.port.host;
        self.display.children.with(host, |list| {
            let known = list.iter().find(|known| known.child.uid == uid);
            known.map(|known| known.gate.clone())
        })
    }

    /// Takes the children as QueryChildRelations gave them, and asks for their status.
    pub(crate) fn learn_children(&self, relations: &[DXGK_CHILD_DESCRIPTOR]) {
        let mut list: Vec<Known> = Vec::with_capacity(relations.len());
        for (index, descriptor) in relations.iter().enumerate() {
            let Some(child) = self.parse(index, descriptor) else {
                continue;
            };
            let own = list.iter().all(|other| other.child.uid != child.uid);
            self.check(Rule::Q1, RELATIONS, own, || {
                format!("child {index}: uid {:#x} is another child's", child.uid)
            });
            if own {
                list.push(Known {
                    child,
                    gate: Arc::default(),
                    indicated: None,
                });
            }
        }
        let host = &*self.port.host;
        let old = self
            .display
            .children
            .with(host, |known| core::mem::replace(known, list));
        drop(old);
        for child in self.children() {
            if child.hpd != Hpd::AlwaysConnected {
                let kind = DXGK_CHILD_STATUS_TYPE::StatusConnection;
                let connected = self.child_status(child.uid, kind) == Ok(1);
                self.change_child(child.uid, |known| known.child.connected = connected);
            }
            if child.can_turn() {
                let kind = DXGK_CHILD_STATUS_TYPE::StatusRotation;
                let angle = self.child_status(child.uid, kind).ok();
                self.change_child(child.uid, |known| known.child.angle = angle);
            }
        }
    }

    /// A descriptor, if it makes sense.
    fn parse(&self, index: usize, descriptor: &DXGK_CHILD_DESCRIPTOR) -> Option<Child> {
        let require = |holds: bool, what: &str, value: i64| {
            self.check(Rule::Q1, RELATIONS, holds, || {
                format!("child {index}: {what} {value:#x}")
            })
        };
        let modern = self.registration.version >= Version::WDDM2_0;
        let kind = match descriptor.ChildDeviceType {
            DXGK_CHILD_DEVICE_TYPE::TypeVideoOutput => Some(ChildKind::VideoOutput),
            DXGK_CHILD_DEVICE_TYPE::TypeOther => Some(ChildKind::Other),
            DXGK_CHILD_DEVICE_TYPE::TypeIntegratedDisplay if modern => {
                Some(ChildKind::IntegratedDisplay)
            }
            DXGK_CHILD_DEVICE_TYPE::TypeLogicalGpu if modern => Some(ChildKind::LogicalGpu),
            _ => None,
        };
        let number = descriptor.ChildDeviceType.0.into();
        require(kind.is_some(), "ChildDeviceType", number);
        let capabilities = descriptor.ChildCapabilities;
        let hpd = match capabilities.HpdAwareness {
            DXGK_CHILD_DEVICE_HPD_AWARENESS::HpdAwarenessAlwaysConnected => {
                Some(Hpd::AlwaysConnected)
            }
            DXGK_CHILD_DEVICE_HPD_AWARENESS::HpdAwarenessPolled => Some(Hpd::Polled),
            DXGK_CHILD_DEVICE_HPD_AWARENESS::HpdAwarenessInterruptible => Some(Hpd::Interruptible),
            _ => None,
        };
        require(
            hpd.is_some(),
            "HpdAwareness",
            capabilities.HpdAwareness.0.into(),
        );
        // Above are the adapter itself, and targets that are none (DISPLAY_ADAPTER_HW_ID, D3DDDI_ID_…).
        let uid = descriptor.ChildUid;
        require(uid < D3DDDI_ID_ALL, "ChildUid", uid.into());
        let (kind, hpd) = (kind?, hpd?);
        let mut child = Child {
            uid,
            kind,
            hpd,
            acpi_uid: descriptor.AcpiUid,
            technology: None,
            orientation: None,
            connected: hpd == Hpd::AlwaysConnected,
            angle: None,
        };
        if kind == ChildKind::VideoOutput {
            // SAFETY: any bytes are a value of it.
            let output = unsafe { capabilities.Type.VideoOutput };
            let technology = output.InterfaceTechnology;
            let uninitialized = D3DKMDT_VIDEO_OUTPUT_TECHNOLOGY::D3DKMDT_VOT_UNINITIALIZED;
            let named = technology.name().is_some() && technology != uninitialized;
            require(named, "InterfaceTechnology", technology.0.into());
            let orientation = output.MonitorOrientationAwareness;
            let known = orientation.name().is_some()
                && orientation != D3DKMDT_MONITOR_ORIENTATION_AWARENESS::D3DKMDT_MOA_UNINITIALIZED;
            require(known, "MonitorOrientationAwareness", orientation.0.into());
            let sdtv = output.SupportsSdtvModes;
            require(sdtv <= 1, "SupportsSdtvModes", sdtv.into());
            child.technology = Some(technology);
            child.orientation = Some(orientation);
        } else if kind == ChildKind::Other {
            // SAFETY: any bytes are a value of it.
            let other = unsafe { capabilities.Type.Other };
            require(
                other.MustBeZero == 0,
                "Other.MustBeZero",
                other.MustBeZero.into(),
            );
        }
        (uid < D3DDDI_ID_ALL).then_some(child)
    }

    /// QueryChildStatus over both patterns: the first byte of the answer.
    pub(super) fn child_status(
        &self,
        uid: u32,
        kind: DXGK_CHILD_STATUS_TYPE,
    ) -> Result<u8, Status> {
        let query = self.registration.table.DxgkDdiQueryChildStatus;
        let query = query.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let gate = self.child_gate(uid).ok_or(STATUS_INVALID_DEVICE_STATE)?;
        let mut answers = [0; 2];
        for (answer, pattern) in answers.iter_mut().zip(Pattern::BOTH) {
            let mut argument: DXGK_CHILD_STATUS = pattern.filled();
            argument.Type = kind;
            argument.ChildUid = uid;
            let arguments = || format!("child {uid:#x}, type {}", kind.0);
            let status = self.call_in(&gate, Ddi::QueryChildStatus, arguments, || {
                // SAFETY: the driver's own function and context; no artifacts, as at every query of the port's.
                unsafe { query(self.context(), &raw mut argument, 1) }
            });
            let same = argument.Type == kind && argument.ChildUid == uid;
            self.check(Rule::B2_13, STATUS, same, || "Type or ChildUid was written");
            let answered = status == STATUS_SUCCESS;
            self.check(Rule::Q2, STATUS, answered, || {
                format!("child {uid:#x}, type {}: {status:#010x}", kind.0)
            });
            if !answered {
                return Err(status);
            }
            // SAFETY: any byte is a value of it.
            *answer = unsafe { argument.u0.HotPlug.Connected };
            let boolean = kind != DXGK_CHILD_STATUS_TYPE::StatusConnection || *answer <= 1;
            if !self.check(Rule::Q2, STATUS, boolean, || {
                format!("Connected is not set, it holds {answer:#x}")
            }) {
                return Err(STATUS_UNSUCCESSFUL);
            }
        }
        let same = answers[0] == answers[1];
        self.check(Rule::Q2, STATUS, same, || {
            format!("answers {answers:?}, one after the other: not set")
        });
        same.then_some(answers[0]).ok_or(STATUS_UNSUCCESSFUL)
    }

    /// A call of a level one class: alone in its class, beside others in the driver.
    pub(crate) fn call_in(
        &self,
        class: &Gate,
        ddi: Ddi,
        arguments: impl FnOnce() -> String,
        call: impl FnOnce() -> Status,
    ) -> Status {
        let pass = class.enter(Level::Alone, &*self.port.host);
        let status = self.call(ddi, arguments, |_| call());
        drop(pass);
        status
    }
}

impl Child {
    /// The output knows how its monitor is turned.
    fn can_turn(&self) -> bool {
        let none = D3DKMDT_MONITOR_ORIENTATION_AWARENESS::D3DKMDT_MOA_NONE;
        self.orientation
            .is_some_and(|awareness| awareness.0 > none.0)
    }
}
