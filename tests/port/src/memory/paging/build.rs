//! BuildPagingBuffer: one operation in as many calls and buffers as it takes, and the checks of P2 to P5.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

use dxgk_sys::status::{
    STATUS_GRAPHICS_ALLOCATION_BUSY, STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER, STATUS_SUCCESS,
};
use dxgk_sys::{DXGKARG_BUILDPAGINGBUFFER, HANDLE};

use crate::ddi::{Ddi, Level};
use crate::memory::backing::Backing;
use crate::memory::paging::buffer::Filling;
use crate::memory::paging::operation::Operation;
use crate::memory::usage::Usage;
use crate::memory::vidmm::Vidmm;
use crate::pattern::{Pattern, bytes_of};
use crate::rules::Rule;
use crate::{STATUS_INVALID_DEVICE_STATE, STATUS_PROCEDURE_NOT_FOUND, Status};

pub(in crate::memory) const NAME: &str = "BuildPagingBuffer";

/// `VIDEO_MEMORY_MANAGEMENT_INTERNAL` and its first parameters.
const BUGCHECK: u32 = 0x10E;
const INVALID_STATUS: u64 = 0xB;
const BUFFER_OVERFLOW: u64 = 0x12;
const PRIVATE_OVERFLOW: u64 = 0x13;

/// What an operation moves: used until the GPU is done with it.
#[derive(Clone, Copy, Default)]
pub(in crate::memory) struct Concerns<'a> {
    pub usage: Option<&'a Arc<Usage>>,
    pub also: Option<&'a Arc<Usage>>,
    pub pages: Option<&'a Arc<Backing>>,
    /// The rule that says that this operation is taken, beside P3.
    pub rule: Option<Rule>,
}

/// What one call left behind.
struct Called {
    status: Status,
    /// Bytes written into the buffer and into its private data.
    written: u32,
    private: u32,
    multipass: u32,
}

impl Vidmm<'_> {
    /// Puts one operation into the paging buffer, and into as many more as the driver asks for. Full ones are submitted.
    ///
    /// # Errors
    /// `STATUS_INVALID_DEVICE_STATE` after a mistake that Windows does not survive; whatever the scheduler says.
    pub(in crate::memory) fn build(
        &mut self,
        mut operation: Operation,
        concerns: Concerns<'_>,
    ) -> Result<(), Status> {
        let mut multipass = 0;
        let mut idle = false;
        let mut stuck = 0;
        loop {
            let mut filling = self.filling();
            let fresh = filling.used == 0;
            let called = self.call(&operation, &filling, multipass, concerns.pages)?;
            if let Some(rule) = concerns.rule {
                let statuses = Ddi::BuildPagingBuffer.info().statuses;
                let taken = statuses.allow(called.status);
                self.adapter.check(rule, NAME, taken, || {
                    format!("{} is not taken: {:#010x}", operation.name(), called.status)
                });
            }
            match called.status {
                STATUS_SUCCESS | STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER => {
                    let moved = called.written != 0 || called.multipass != multipass;
                    multipass = called.multipass;
                    filling.used += called.written;
                    filling.private_used += called.private;
                    for usage in [concerns.usage, concerns.also].into_iter().flatten() {
                        filling.uses(usage);
                    }
                    if let Some(pages) = concerns.pages {
                        filling.keep(pages);
                    }
                    self.state.filling = Some(filling);
                    if called.status == STATUS_SUCCESS {
                        return Ok(());
                    }
                    self.flush()?;
                    stuck = if moved || !fresh { 0 } else { stuck + 1 };
                    // Windows would go on for ever.
                    let goes_on = self.adapter.check(Rule::P3, NAME, stuck < 2, || {
                        format!(
                            "{}: a new buffer is too small, and nothing is done",
                            operation.name()
                        )
                    });
                    if !goes_on {
                        return Err(STATUS_INVALID_DEVICE_STATE);
                    }
                }
                STATUS_GRAPHICS_ALLOCATION_BUSY => {
                    self.state.filling = Some(filling);
                    let may_wait = !idle && operation.set_idle();
                    let detail = format!(
                        "{}: an idle allocation is said to be busy",
                        operation.name()
                    );
                    let fine = self
                        .adapter
                        .check(Rule::P3, NAME, may_wait, || detail.clone());
                    if !fine {
                        return Err(self.stop(INVALID_STATUS, called.status, detail));
                    }
                    idle = true;
                    self.flush()?;
                    for usage in [concerns.usage, concerns.also].into_iter().flatten() {
                        self.wait_idle(usage)?;
                    }
                }
                status => {
                    self.state.filling = Some(filling);
                    // `Adapter::call` has recorded P3.
                    let detail = format!("{}: {status:#010x}", operation.name());
                    return Err(self.stop(INVALID_STATUS, status, detail));
                }
            }
        }
    }

    /// The buffer that is being filled, or the next.
    fn filling(&mut self) -> Filling {
        let state = &mut *self.state;
        let full = state
            .filling
            .as_ref()
            .is_some_and(|filling| filling.used >= filling.buffer.bytes());
        if full {
            // The scheduler's refusal shows with the next flush.
            let _ = self.flush();
        }
        let state = &mut *self.state;
        let known = state.filling.take();
        known.unwrap_or_else(|| Filling::new(&state.pool, state.paging_bytes, state.paging_private))
    }

    /// Gives what was built to the scheduler.
    pub(in crate::memory) fn flush(&mut self) -> Result<(), Status> {
        let Some(filling) = self.state.filling.take() else {
            return Ok(());
        };
        let paging = filling.finish(self.state.paging_segment, &self.state.pool);
        if paging.bytes == 0 {
            return Ok(());
        }
        if let Some(held_back) = &mut self.state.held_back {
            held_back.push(paging);
            return Ok(());
        }
        self.adapter.submit_paging(paging);
        if self.adapter.port.journal.is_dead() {
            return Err(STATUS_INVALID_DEVICE_STATE);
        }
        Ok(())
    }

    fn stop(&self, what: u64, status: Status, detail: String) -> Status {
        let status = u64::from(status.cast_unsigned());
        self.adapter
            .port
            .bugcheck(NAME, BUGCHECK, [what, status, 0, 0], detail);
        STATUS_INVALID_DEVICE_STATE
    }

    fn call(
        &mut self,
        operation: &Operation,
        filling: &Filling,
        multipass: u32,
        pages: Option<&Arc<Backing>>,
    ) -> Result<Called, Status> {
        let adapter = self.adapter;
        let build = adapter.registration.table.DxgkDdiBuildPagingBuffer;
        let build = build.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let pattern = Pattern::turn(adapter.port.turns.next());
        let room = filling.buffer.bytes() - filling.used;
        let private_room = filling.buffer.private_bytes() - filling.private_used;
        let mut argument = operation.argument(pattern);
        let start = filling.buffer.address().wrapping_add(filling.used as usize);
        argument.pDmaBuffer = start.cast();
        argument.DmaSize = room;
        let private = filling.buffer.private();
        argument.pDmaBufferPrivateData = if private.is_null() {
            core::ptr::null_mut()
        } else {
            private.wrapping_add(filling.private_used as usize).cast()
        };
        argument.DmaBufferPrivateDataSize = private_room;
        argument.MultipassOffset = multipass;
        argument.hSystemContext = adapter.system_context();
        let given = argument;
        let arguments = || format!("{}, room {room}, at {multipass}", operation.name());
        let status = {
            let host = &*adapter.port.host;
            let _class = adapter.scheduler_class.enter(Level::Alone, host);
            adapter.call(Ddi::BuildPagingBuffer, arguments, |_| {
                // SAFETY: the driver's own function and context, at its IRQL; lists and buffers as the page says.
                unsafe { build(adapter.context(), &raw mut argument) }
            })
        };
        if adapter.port.journal.is_dead() {
            return Err(STATUS_INVALID_DEVICE_STATE);
        }
        self.check_inputs(operation, &given, &argument);
        if let Some(pages) = pages {
            adapter.check(Rule::B2_13, NAME, pages.mdl().untouched(), || {
                format!("{}: the list of pages was written", operation.name())
            });
        }
        let written = argument.pDmaBuffer.addr().wrapping_sub(start.addr());
        let private_at = argument.pDmaBufferPrivateData.addr();
        let private = private_at.wrapping_sub(given.pDmaBufferPrivateData.addr());
        let fits =
            |bytes: usize, room: u32| u32::try_from(bytes).ok().filter(|bytes| *bytes <= room);
        let name = operation.name();
        let [guard, private_guard] = filling.buffer.each_guard_holds();
        let written = fits(written, room).filter(|_| guard);
        let Some(written) = written else {
            let detail = format!("{name}: written beyond the buffer's {room} bytes");
            adapter.check(Rule::P5, NAME, false, || detail.clone());
            return Err(self.stop(BUFFER_OVERFLOW, status, detail));
        };
        let private = fits(private, private_room).filter(|_| private_guard);
        let Some(private) = private else {
            let detail = format!("{name}: written beyond the private data's {private_room} bytes");
            adapter.check(Rule::P5, NAME, false, || detail.clone());
            return Err(self.stop(PRIVATE_OVERFLOW, status, detail));
        };
        // In and out, but no page says what the driver should write there: the old size or what is left.
        let sizes = [given.DmaSize, room - written].contains(&argument.DmaSize);
        adapter.check(Rule::P5, NAME, sizes, || {
            format!(
                "{name}: DmaSize {} after {written} of {room} bytes",
                argument.DmaSize
            )
        });
        Ok(Called {
            status,
            written,
            private,
            multipass: argument.MultipassOffset,
        })
    }

    fn check_inputs(
        &self,
        operation: &Operation,
        given: &DXGKARG_BUILDPAGINGBUFFER,
        after: &DXGKARG_BUILDPAGINGBUFFER,
    ) {
        let mut same = *after;
        same.pDmaBuffer = given.pDmaBuffer;
        same.DmaSize = given.DmaSize;
        same.pDmaBufferPrivateData = given.pDmaBufferPrivateData;
        same.DmaBufferPrivateDataSize = given.DmaBufferPrivateDataSize;
        same.MultipassOffset = given.MultipassOffset;
        let changed = bytes_of(given)
            .iter()
            .zip(bytes_of(&same))
            .position(|(before, after)| before != after);
        self.adapter
            .check(Rule::B2_13, NAME, changed.is_none(), || {
                let end = self.adapter.registration.version.build_paging_buffer();
                let at = changed.unwrap_or(0);
                let what = if at < end {
                    "an [in] member"
                } else {
                    "memory behind the record"
                };
                format!("{}: {what} was written, byte {at}", operation.name())
            });
    }
}

/// NULL for DMA buffers and raw copies (P4).
pub(in crate::memory) const NO_ALLOCATION: HANDLE = core::ptr::null_mut();
