//! The POST display: taken over at start (L3), handed back at stop (L4).

use alloc::format;
use core::sync::atomic::{AtomicBool, Ordering};

use dxgk_sys::status::STATUS_SUCCESS;
use dxgk_sys::{D3DDDI_ID_UNINITIALIZED, D3DDDIFORMAT, DXGK_DISPLAY_INFORMATION};
use spin::Mutex;

use crate::adapter::{Adapter, AdapterInner, State};
use crate::ddi::Ddi;
use crate::display::children::ChildKind;
use crate::pattern::Pattern;
use crate::rules::Rule;
use crate::{STATUS_INVALID_DEVICE_STATE, STATUS_PROCEDURE_NOT_FOUND, Status};

const RELEASE: &str = "StopDeviceAndReleasePostDisplayOwnership";

/// Who has the POST display, and as what.
#[derive(Default)]
pub(crate) struct Post {
    /// Ownership may be acquired now.
    open: AtomicBool,
    /// It was, in this call.
    acquired: AtomicBool,
    /// What the driver before left.
    left: Mutex<Option<DXGK_DISPLAY_INFORMATION>>,
}

impl Post {
    /// A call begins in which the driver may acquire ownership.
    pub(super) fn open(&self) {
        self.acquired.store(false, Ordering::Relaxed);
        self.open.store(true, Ordering::Relaxed);
    }

    pub(super) fn close(&self) {
        self.open.store(false, Ordering::Relaxed);
    }

    /// Firmware has run again, and with it goes what a driver left.
    pub(super) fn forget(&self) {
        *self.left.lock() = None;
    }
}

impl AdapterInner {
    /// The mode that is on the screen, for a driver that takes it over.
    pub(crate) fn acquire_post(&self, name: &'static str) -> DXGK_DISPLAY_INFORMATION {
        let post = &self.display.post;
        let when = post.open.load(Ordering::Relaxed)
            && self.in_one_of(&[Ddi::StartDevice, Ddi::SetPowerState]);
        self.check(
            Rule::L3,
            name,
            when,
            || "called outside StartDevice and SetPowerState to D0",
        );
        let again = post.acquired.swap(true, Ordering::Relaxed);
        self.check(Rule::L3, name, !again, || "called again in the same call");
        let left = *post.left.lock();
        let known = left.or_else(|| self.port.host.post_display(self.index));
        known.unwrap_or_else(|| {
            let mut nothing = DXGK_DISPLAY_INFORMATION::ZERO;
            nothing.TargetId = D3DDDI_ID_UNINITIALIZED;
            nothing
        })
    }

    /// What the driver says it has left on the screen.
    fn check_left(&self, info: &DXGK_DISPLAY_INFORMATION, pattern: Pattern) {
        let require = |holds: bool, what: &str, value: u64| {
            self.check(Rule::L4, RELEASE, holds, || format!("{what} is {value:#x}"));
        };
        let (width, height) = (info.Width, info.Height);
        for (what, value) in [
            ("Width", width),
            ("Height", height),
            ("TargetId", info.TargetId),
            ("AcpiId", info.AcpiId),
        ] {
            self.check(Rule::L4, RELEASE, value != pattern.u32(), || {
                format!("{what} is not set")
            });
        }
        require(
            (width == 0) == (height == 0),
            "one of Width and Height is 0, the other",
            u64::from(width.max(height)),
        );
        if width == 0 || height == 0 || width == pattern.u32() || height == pattern.u32() {
            return;
        }
        let child = self
            .child(info.TargetId)
            .filter(|child| child.kind != ChildKind::Other);
        require(
            child.is_some(),
            "TargetId, which is no child's,",
            info.TargetId.into(),
        );
        if let Some(child) = child {
            let same = info.AcpiId == child.acpi_uid;
            require(
                same,
                "AcpiId, which is not that target's,",
                info.AcpiId.into(),
            );
        }
        let format = info.ColorFormat;
        let allowed = [
            D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8,
            D3DDDIFORMAT::D3DDDIFMT_A8R8G8B8,
        ];
        require(
            allowed.contains(&format),
            "ColorFormat, which is none of 32 bits,",
            u64::from(format.0.cast_unsigned()),
        );
        let (pitch, row) = (u64::from(info.Pitch), u64::from(width) * 4);
        require(pitch >= row, "Pitch, less than a row has,", pitch);
        // SAFETY: any bytes are an integer.
        let start = unsafe { info.PhysicAddress.QuadPart }.cast_unsigned();
        let bytes = pitch * u64::from(height - 1) + row;
        require(
            self.resources.range(start, bytes).is_some(),
            "PhysicAddress, whose picture is not in the adapter's memory,",
            start,
        );
    }
}

impl Adapter {
    /// Destroys what devices and allocations are left, then StopDeviceAndReleasePostDisplayOwnership: the picture
    /// stays, for a driver that knows no hardware. Only for drivers that report `SupportNonVGA`.
    ///
    /// # Errors
    /// The driver's, and StopDevice was called after it, as the page says; `STATUS_INVALID_DEVICE_STATE` unless
    /// the adapter is started and such.
    pub fn stop_and_release(&self, target: u32) -> Result<DXGK_DISPLAY_INFORMATION, Status> {
        let adapter = &*self.0;
        let offers = adapter
            .caps
            .lock()
            .is_some_and(|caps| caps.0.SupportNonVGA != 0);
        if adapter.state() != State::Started || !offers {
            return Err(STATUS_INVALID_DEVICE_STATE);
        }
        let table = &adapter.registration.table;
        let release = table.DxgkDdiStopDeviceAndReleasePostDisplayOwnership;
        let release = release.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        self.tear_down();
        let pattern = Pattern::turn(adapter.port.turns.next());
        let mut info: DXGK_DISPLAY_INFORMATION = pattern.filled();
        let ddi = Ddi::StopDeviceAndReleasePostDisplayOwnership;
        let arguments = || format!("target {target:#x}");
        let status = adapter.call(ddi, arguments, |_| {
            // SAFETY: the driver's own function and context, at its IRQL and level.
            unsafe { release(adapter.context(), target, &raw mut info) }
        });
        if status != STATUS_SUCCESS {
            let _ = self.stop();
            return Err(status);
        }
        adapter.check_left(&info, pattern);
        *adapter.display.post.left.lock() = Some(info);
        adapter.stopped(ddi);
        Ok(info)
    }
}
