//! Present: copies, fills and flips of a full driver (X7, X4).

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ptr;

use dxgk_sys::status::{
    STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER, STATUS_INVALID_HANDLE, STATUS_SUCCESS,
};
use dxgk_sys::{
    D3DDDI_FLIPINTERVAL_TYPE, DXGK_PRESENTFLAGS, DXGKARG_PRESENT, DXGKARG_PRESENT_u0, RECT,
};

use crate::adapter::{Adapter, AdapterInner};
use crate::ddi::Ddi;
use crate::display::Flip;
use crate::memory::Placement;
use crate::objects::{AllocationId, AllocationObject};
use crate::pattern::{Pattern, bytes_of};
use crate::rules::Rule;
use crate::scheduler::context::Context;
use crate::scheduler::outputs::Filled;
use crate::scheduler::packet::{Fate, FlipItem, Item, Queued, Ticket};
use crate::scheduler::present_kind::FullPresent;
use crate::scheduler::render::element_words;
use crate::{STATUS_INVALID_DEVICE_STATE, STATUS_PROCEDURE_NOT_FOUND, Status};

const NAME: &str = "Present";

/// No present needs more passes.
const MOST_PASSES: usize = 4096;

/// Elements of a present's allocation list: none, source, destination.
const NONE: Option<Arc<AllocationObject>> = None;

/// A present without its allocations.
struct Request<'a> {
    source: Option<AllocationId>,
    destination: Option<AllocationId>,
    source_rect: RECT,
    destination_rect: RECT,
    sub_rects: &'a [RECT],
    flags: DXGK_PRESENTFLAGS,
    color: u32,
}

impl<'a> Request<'a> {
    fn new(present: &FullPresent<'a>) -> Self {
        match *present {
            FullPresent::Blt {
                source,
                source_rect,
                destination,
                destination_rect,
                sub_rects,
                flags,
                color,
            } => Self {
                source: Some(source),
                destination: Some(destination),
                source_rect,
                destination_rect,
                sub_rects,
                flags: flags | DXGK_PRESENTFLAGS::Blt,
                color,
            },
            FullPresent::ColorFill {
                destination,
                destination_rect,
                sub_rects,
                color,
            } => Self {
                source: None,
                destination: Some(destination),
                source_rect: RECT::ZERO,
                destination_rect,
                sub_rects,
                flags: DXGK_PRESENTFLAGS::ColorFill,
                color,
            },
            FullPresent::Flip { source, .. } => Self {
                source: Some(source),
                destination: None,
                source_rect: RECT::ZERO,
                destination_rect: RECT::ZERO,
                sub_rects: &[],
                flags: DXGK_PRESENTFLAGS::Flip,
                color: 0,
            },
        }
    }
}

impl Context {
    /// Present, as often as the driver asks for another DMA buffer, and the buffers into the context's queue.
    ///
    /// # Errors
    /// The driver's, and nothing is queued then; `STATUS_INVALID_HANDLE` for an allocation that the device does not
    /// have open; else as [`Self::render`].
    pub fn present(&self, present: &FullPresent<'_>) -> Result<Queued, Status> {
        self.check_alive()?;
        let request = Request::new(present);
        let objects = [
            NONE,
            self.opened(request.source)?,
            self.opened(request.destination)?,
        ];
        if let FullPresent::Flip {
            vidpn_source,
            immediate,
            ..
        } = *present
        {
            return self.present_flip(&request, &objects, vidpn_source, immediate);
        }
        let mut filled: Vec<Filled> = Vec::new();
        let mut multipass = 0;
        for pass in 0..MOST_PASSES {
            let mut output = self.output(NAME, Rule::X7);
            let mut argument = request.argument(multipass);
            argument.pDmaBuffer = output.buffer.address().cast();
            argument.DmaSize = output.buffer.bytes();
            argument.pDmaBufferPrivateData = output.buffer.private().cast();
            argument.DmaBufferPrivateDataSize = output.buffer.private_bytes();
            argument.pPatchLocationListOut = output.patches();
            argument.PatchLocationListOutSize = output.patch_capacity();
            let (status, allocations) = self.call_present(&mut argument, &request, &objects)?;
            let more = status == STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER;
            if status != STATUS_SUCCESS && !more {
                output.discard(&self.device.adapter.0);
                self.abandon(filled);
                self.lose_if(status);
                return Err(status);
            }
            let adapter = &*self.device.adapter.0;
            let ends = (
                argument.pDmaBuffer.cast(),
                argument.pDmaBufferPrivateData.cast(),
                argument.pPatchLocationListOut,
            );
            let moved = argument.MultipassOffset != multipass;
            multipass = argument.MultipassOffset;
            let Some(pass_filled) = output.take(adapter, ends, allocations, &objects) else {
                self.abandon(filled);
                return Err(STATUS_INVALID_DEVICE_STATE);
            };
            let some = pass_filled.bytes != 0;
            if !more || some {
                filled.push(pass_filled);
            } else {
                self.object.give_back(pass_filled.buffer);
            }
            if !more {
                return Ok(self.enqueue(filled, true));
            }
            let goes_on = (moved || some) && pass + 1 < MOST_PASSES;
            adapter.check(Rule::X7, NAME, goes_on, || {
                format!("asks for another buffer at {multipass} and got nothing done in this one")
            });
            if !goes_on {
                self.abandon(filled);
                return Err(status);
            }
        }
        Err(STATUS_INVALID_DEVICE_STATE)
    }

    fn opened(&self, id: Option<AllocationId>) -> Result<Option<Arc<AllocationObject>>, Status> {
        let Some(id) = id else { return Ok(None) };
        let opened = self.object.device.opened.lock();
        let object = opened.get(&id).map(|opening| opening.allocation.clone());
        object.map(Some).ok_or(STATUS_INVALID_HANDLE)
    }

    /// The call, with its allocation list; what it must not write is compared.
    fn call_present(
        &self,
        argument: &mut DXGKARG_PRESENT,
        request: &Request<'_>,
        objects: &[Option<Arc<AllocationObject>>; 3],
    ) -> Result<(Status, Vec<dxgk_sys::DXGK_ALLOCATIONLIST>), Status> {
        let adapter = &*self.device.adapter.0;
        let present = adapter.registration.table.DxgkDdiPresent;
        let present = present.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let [_, source, destination] = objects;
        let mut list = alloc::vec![
            self.list_element(None, false),
            self.list_element(source.as_ref(), false),
            self.list_element(destination.as_ref(), true),
        ];
        let given: Vec<_> = list.iter().map(element_words).collect();
        argument.u0 = DXGKARG_PRESENT_u0 {
            pAllocationList: list.as_mut_ptr(),
        };
        let rects: Vec<u8> = request
            .sub_rects
            .iter()
            .flat_map(bytes_of)
            .copied()
            .collect();
        let inputs = inputs(argument);
        let arguments = || {
            let (context, flags, from) = (
                self.object.number,
                request.flags.bits(),
                argument_from(&inputs),
            );
            format!(
                "context {context}, flags {flags:#x}, {} parts, from {from}",
                request.sub_rects.len()
            )
        };
        let pointer: *mut DXGKARG_PRESENT = argument;
        let status = adapter.call(Ddi::Present, arguments, |_| {
            // SAFETY: the driver's own function and handle, at its IRQL; every pointer is as long as told.
            unsafe { present(self.object.driver.0, pointer) }
        });
        let now: Vec<u8> = request
            .sub_rects
            .iter()
            .flat_map(bytes_of)
            .copied()
            .collect();
        let same = inputs.0 == self::inputs(argument).0
            && rects == now
            && given == list.iter().map(element_words).collect::<Vec<_>>();
        adapter.check(
            Rule::B2_13,
            NAME,
            same,
            || "an [in] member or one of its lists was written",
        );
        Ok((status, list))
    }

    /// Present without a DMA buffer, and the flip into the queue.
    fn present_flip(
        &self,
        request: &Request<'_>,
        objects: &[Option<Arc<AllocationObject>>; 3],
        source: u32,
        immediate: bool,
    ) -> Result<Queued, Status> {
        let adapter = &*self.device.adapter.0;
        let mut argument = request.argument(0);
        let (status, _) = self.call_present(&mut argument, request, objects)?;
        adapter.check(
            Rule::X7,
            NAME,
            argument.pDmaBuffer.is_null(),
            || "a flip without a DMA buffer moved pDmaBuffer",
        );
        if status != STATUS_SUCCESS {
            self.lose_if(status);
            return Err(status);
        }
        let object = objects[1].clone().ok_or(STATUS_INVALID_HANDLE)?;
        let mut state = adapter.scheduler.state.lock();
        let ticket = Ticket::new(state.next_tag, 1);
        state.next_tag += 1;
        let sequence = state.next_sequence;
        state.next_sequence += 1;
        let item = Item::Flip(FlipItem {
            ticket: ticket.clone(),
            sequence,
            source,
            object,
            immediate,
        });
        state
            .queues
            .entry(self.object.number)
            .or_default()
            .push_back(item);
        Ok(Queued(ticket))
    }
}

impl Request<'_> {
    fn argument(&self, multipass: u32) -> DXGKARG_PRESENT {
        let mut argument: DXGKARG_PRESENT = Pattern(0).filled();
        argument.MultipassOffset = multipass;
        argument.Color = self.color;
        argument.SrcRect = self.source_rect;
        argument.DstRect = self.destination_rect;
        argument.SubRectCnt = u32::try_from(self.sub_rects.len()).unwrap_or(u32::MAX);
        argument.pDstSubRects = if self.sub_rects.is_empty() {
            ptr::null()
        } else {
            self.sub_rects.as_ptr()
        };
        argument.FlipInterval = D3DDDI_FLIPINTERVAL_TYPE::D3DDDI_FLIPINTERVAL_ONE;
        argument.Flags = self.flags;
        argument
    }
}

/// The [in] members as bytes, and the offset that a pass begins at.
fn inputs(argument: &DXGKARG_PRESENT) -> (Vec<u8>, u32) {
    let mut copy = *argument;
    copy.pDmaBuffer = ptr::null_mut();
    copy.pDmaBufferPrivateData = ptr::null_mut();
    copy.pPatchLocationListOut = ptr::null_mut();
    copy.MultipassOffset = 0;
    (bytes_of(&copy).to_vec(), argument.MultipassOffset)
}

fn argument_from(inputs: &(Vec<u8>, u32)) -> u32 {
    inputs.1
}

impl AdapterInner {
    /// A flip's turn: SetVidPnSourceAddress with where the primary is.
    pub(crate) fn flip_now(&self, number: u32, flip: &FlipItem) {
        let location = self.location(flip.object.id);
        let segments = self.segments.read().clone();
        let index = location.segment.checked_sub(1).map(|index| index as usize);
        let segment = segments
            .as_ref()
            .and_then(|segments| segments.list.get(index?));
        let (Some(segment), Some(adapter)) = (segment, self.public()) else {
            // Nobody has placed it.
            self.end_part(&flip.ticket, Fate::Cancelled);
            return;
        };
        let offset = location.address - segment.base;
        let placement = Placement {
            allocation: flip.object.id,
            segment: location.segment,
            offset,
            address: location.address,
            physical: segment.cpu + offset,
            bytes: flip.object.info.0.Size as u64,
        };
        let how = if flip.immediate {
            Flip::Immediate
        } else {
            Flip::OnNextVsync
        };
        let done = adapter.set_address(flip.source, &placement, how);
        let lost = !self.scheduler.state.lock().contexts.contains_key(&number);
        let fate = if done.is_ok() && !lost {
            Fate::Executed
        } else {
            Fate::Cancelled
        };
        self.end_part(&flip.ticket, fate);
    }

    /// This adapter as the port's users have it.
    pub(crate) fn public(&self) -> Option<Adapter> {
        let adapters = self.port.adapters.lock();
        let mut known = adapters.iter().filter_map(alloc::sync::Weak::upgrade);
        known
            .find(|adapter| ptr::eq(&raw const **adapter, self))
            .map(Adapter)
    }
}
