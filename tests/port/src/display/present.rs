//! Presents of a display-only driver (V7).

use alloc::format;
use core::ffi::c_void;
use core::sync::atomic::Ordering;

use dxgk_sys::status::{STATUS_PENDING, STATUS_UNSUCCESSFUL};
use dxgk_sys::{
    D3DKMT_MOVE_RECT, D3DKMT_PRESENT_DISPLAY_ONLY_FLAGS, DXGK_PRESENT_DISPLAY_ONLY_PROGRESS_ID,
    DXGKARG_PRESENT_DISPLAYONLY, RECT,
};

use crate::adapter::{Adapter, AdapterInner};
use crate::ddi::Ddi;
use crate::pattern::{Pattern, bytes_of};
use crate::rules::Rule;
use crate::{STATUS_INVALID_DEVICE_STATE, STATUS_PROCEDURE_NOT_FOUND, Status};

const NAME: &str = "PresentDisplayOnly";

/// How long a present may be pending before dxgkrnl resets the driver: 2 seconds, in 100 ns.
const TIMEOUT: u64 = 20_000_000;

/// More sources than any display-only driver has that the port knows of.
const SOURCES: usize = 16;

/// A picture for a source.
#[derive(Clone, Copy)]
pub struct Present<'a> {
    /// The source.
    pub source: u32,
    /// First byte of the image, in kernel or user memory.
    pub image: *const c_void,
    /// Bytes from a row to the next.
    pub pitch: i32,
    /// The driver is to turn the image as the committed path says.
    pub rotate: bool,
    /// Parts of the screen that move, before anything is copied.
    pub moves: &'a [D3DKMT_MOVE_RECT],
    /// Parts of the image that are to be copied.
    pub rects: &'a [RECT],
}

/// Presents of one source.
#[derive(Clone, Copy, Default)]
struct Open {
    /// Calls in progress.
    calls: u32,
    /// Calls that returned STATUS_PENDING.
    pending: u32,
    /// Progress that belongs to one of those.
    completed: u32,
    /// Progress of a failure among it.
    failed: bool,
}

/// Presents of an adapter.
#[derive(Default)]
pub(crate) struct Presents([Open; SOURCES]);

impl Adapter {
    /// PresentDisplayOnly. What the driver leaves pending is waited for, since the image must stay until it is done.
    ///
    /// # Errors
    /// The driver's; `STATUS_UNSUCCESSFUL` if it reported a failure, or nothing, later;
    /// `STATUS_INVALID_DEVICE_STATE` for a source that the adapter does not have.
    ///
    /// # Safety
    /// The driver may read the image wherever the rectangles, cut to the committed source mode, say.
    pub unsafe fn present(&self, present: &Present<'_>) -> Result<(), Status> {
        let adapter = &*self.0;
        let source = present.source;
        if source >= adapter.sources.load(Ordering::Relaxed) || source as usize >= SOURCES {
            return Err(STATUS_INVALID_DEVICE_STATE);
        }
        adapter.open(source, |open| open.calls += 1);
        let status = adapter.call_present(present);
        let pending = status == STATUS_PENDING;
        adapter.open(source, |open| {
            open.calls -= 1;
            open.pending += u32::from(pending);
        });
        if !pending {
            adapter.check_idle(source);
            return crate::lifecycle::done(status);
        }
        let done = adapter.wait(TIMEOUT, || adapter.open(source, |open| open.completed != 0));
        adapter.check(
            Rule::V7,
            NAME,
            done,
            || "was left pending, and nothing came of it in two seconds",
        );
        let failed = adapter.open(source, |open| {
            open.pending -= 1;
            open.completed = open.completed.saturating_sub(1);
            core::mem::take(&mut open.failed)
        });
        adapter.check_idle(source);
        if done && !failed {
            Ok(())
        } else {
            Err(STATUS_UNSUCCESSFUL)
        }
    }
}

impl AdapterInner {
    fn open<R>(&self, source: u32, look: impl FnOnce(&mut Open) -> R) -> R {
        let host = &*self.port.host;
        self.display
            .presents
            .with(host, |presents| look(&mut presents.0[source as usize]))
    }

    fn call_present(&self, present: &Present<'_>) -> Status {
        let Some(call) = self.registration.present else {
            return STATUS_PROCEDURE_NOT_FOUND;
        };
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let nowhere = Pattern::turn(self.port.turns.next());
        let (mut moves, mut rects) = (present.moves.to_vec(), present.rects.to_vec());
        let mut argument: DXGKARG_PRESENT_DISPLAYONLY = Pattern(0).filled();
        argument.VidPnSourceId = present.source;
        argument.pSource = present.image.cast_mut();
        argument.BytesPerPixel = 4;
        argument.Pitch = present.pitch;
        let rotate = D3DKMT_PRESENT_DISPLAY_ONLY_FLAGS::Rotate;
        argument.Flags = D3DKMT_PRESENT_DISPLAY_ONLY_FLAGS::empty();
        argument.Flags.set(rotate, present.rotate);
        argument.NumMoves = count(moves.len());
        argument.NumDirtyRects = count(rects.len());
        // Without elements a list's pointer means nothing.
        argument.pMoves = if moves.is_empty() {
            nowhere.pointer()
        } else {
            moves.as_mut_ptr()
        };
        argument.pDirtyRect = if rects.is_empty() {
            nowhere.pointer()
        } else {
            rects.as_mut_ptr()
        };
        let given = bytes_of(&argument).to_vec();
        let arguments = || {
            let (source, rotate) = (present.source, present.rotate);
            format!(
                "source {source}, {} moves, {} rects, rotate {rotate}",
                present.moves.len(),
                present.rects.len()
            )
        };
        let status = self.call(Ddi::PresentDisplayOnly, arguments, |_| {
            // SAFETY: the driver's own function and context, at its IRQL; the image is the caller's promise.
            unsafe { call(self.context(), &raw mut argument) }
        });
        let edges = |rect: &RECT| (rect.left, rect.top, rect.right, rect.bottom);
        let shift =
            |of: &D3DKMT_MOVE_RECT| (of.SourcePoint.x, of.SourcePoint.y, edges(&of.DestRect));
        let same = given == bytes_of(&argument)
            && rects.iter().map(edges).eq(present.rects.iter().map(edges))
            && moves.iter().map(shift).eq(present.moves.iter().map(shift));
        self.check(Rule::B2_13, NAME, same, || "the argument was written");
        status
    }

    /// DXGK_INTERRUPT_DISPLAYONLY_PRESENT_PROGRESS, at device IRQL.
    pub(super) fn present_progress(&self, source: u32, id: DXGK_PRESENT_DISPLAY_ONLY_PROGRESS_ID) {
        type Id = DXGK_PRESENT_DISPLAY_ONLY_PROGRESS_ID;
        let failed = id == Id::DXGK_PRESENT_DISPLAYONLY_PROGRESS_ID_FAILED;
        let known = failed || id == Id::DXGK_PRESENT_DISPLAYONLY_PROGRESS_ID_COMPLETE;
        self.check(Rule::V7, NAME, known, || format!("progress {}", id.0));
        let exists = (source as usize) < SOURCES;
        let expected = exists
            && self.open(source, |open| {
                let room = open.completed < open.calls + open.pending;
                open.completed += u32::from(room);
                open.failed |= room && failed;
                room
            });
        self.check(Rule::V7, NAME, expected, || {
            format!("progress of source {source}, which has no present under way")
        });
    }

    /// Without a present in progress nothing may be left of one.
    fn check_idle(&self, source: u32) {
        let left = self.open(source, |open| {
            let idle = open.calls == 0 && open.pending == 0;
            if idle {
                core::mem::take(&mut open.completed)
            } else {
                0
            }
        });
        self.check(
            Rule::V7,
            NAME,
            left == 0,
            || "progress was reported of a present that had returned its result",
        );
    }
}
