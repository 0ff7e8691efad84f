//! Render: a user-mode driver's commands become DMA buffers (X3, X4).

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use dxgk_sys::status::{
    STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE, STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER,
    STATUS_INVALID_HANDLE, STATUS_NO_MEMORY, STATUS_NOT_SUPPORTED, STATUS_SUCCESS,
};
use dxgk_sys::{
    D3DDDI_PATCHLOCATIONLIST, D3DDDI_PATCHLOCATIONLIST_u0, DXGK_ALLOCATIONLIST,
    DXGK_ALLOCATIONLIST_s0, DXGK_ALLOCATIONLIST_u0, DXGKARG_RENDER, HANDLE, PHYSICAL_ADDRESS,
};

use crate::ddi::Ddi;
use crate::objects::{AllocationId, AllocationObject};
use crate::pattern::{Pattern, bytes_of};
use crate::rules::Rule;
use crate::scheduler::context::Context;
use crate::scheduler::outputs::{Filled, Output};
use crate::scheduler::packet::Queued;
use crate::scheduler::user_memory::UserMemory;
use crate::{
    STATUS_GRAPHICS_DEVICE_LOST, STATUS_INVALID_DEVICE_STATE, STATUS_PROCEDURE_NOT_FOUND, Status,
};

const NAME: &str = "Render";

/// No buffer of commands needs more passes.
const MOST_PASSES: usize = 4096;

/// An allocation that commands use: an element of the allocation list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// Which. The device has it open.
    pub allocation: AllocationId,
    /// The commands write it.
    pub write: bool,
}

/// An element of the patch location list that the user-mode driver hands over, in the driver's own meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// `AllocationIndex`: which of the uses.
    pub used: u32,
    /// `SlotId`.
    pub slot: u32,
    /// `DriverId`.
    pub driver_id: u32,
    /// `AllocationOffset` in bytes.
    pub allocation_offset: u32,
    /// `PatchOffset` in bytes.
    pub patch_offset: u32,
    /// `SplitOffset` in bytes.
    pub split_offset: u32,
}

/// A page of the user's memory that is away during Render, by a byte of it: another thread of the process has taken it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// Byte of the commands.
    Commands(usize),
    /// Byte of the patch location list that came with them.
    Patches(usize),
}

impl Patch {
    fn element(&self) -> D3DDDI_PATCHLOCATIONLIST {
        let mut element = D3DDDI_PATCHLOCATIONLIST::ZERO;
        element.AllocationIndex = self.used;
        element.u0 = D3DDDI_PATCHLOCATIONLIST_u0::empty().with_SlotId(self.slot);
        element.DriverId = self.driver_id;
        element.AllocationOffset = self.allocation_offset;
        element.PatchOffset = self.patch_offset;
        element.SplitOffset = self.split_offset;
        element
    }
}

impl Context {
    /// Render with commands in raw user memory, as often as the driver asks for another DMA buffer, and the buffers
    /// into this context's queue once all are there.
    ///
    /// # Errors
    /// The driver's, and nothing is queued then; [`STATUS_GRAPHICS_DEVICE_LOST`] after a reset;
    /// `STATUS_INVALID_HANDLE` for an allocation that the device does not have open or a context that is gone;
    /// `STATUS_NO_MEMORY` if the machine has no user memory.
    pub fn render(
        &self,
        commands: &[u8],
        uses: &[Use],
        patches: &[Patch],
    ) -> Result<Queued, Status> {
        self.render_without(commands, uses, patches, None)
    }

    /// The same while a page of the memory that is handed over is away. The driver can only find that out by a careful
    /// copy: a read of its own ends the run.
    ///
    /// # Errors
    /// As [`Context::render`]; [`STATUS_NOT_SUPPORTED`] if the machine cannot take the page away, or there is no such
    /// byte.
    pub fn render_without(
        &self,
        commands: &[u8],
        uses: &[Use],
        patches: &[Patch],
        gone: Option<Gone>,
    ) -> Result<Queued, Status> {
        let adapter = &*self.device.adapter.0;
        let render = adapter.registration.table.DxgkDdiRender;
        let render = render.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        self.check_alive()?;
        let objects = self.objects_of(uses)?;
        let host = &adapter.port.host;
        let memory = UserMemory::new(host, commands).ok_or(STATUS_NO_MEMORY)?;
        let elements: Vec<_> = patches.iter().map(Patch::element).collect();
        let bytes: Vec<u8> = elements.iter().flat_map(bytes_of).copied().collect();
        let incoming = UserMemory::new(host, &bytes).ok_or(STATUS_NO_MEMORY)?;
        let set_readable = |readable| match gone {
            None => true,
            Some(Gone::Commands(byte)) => memory.set_readable(byte, readable),
            Some(Gone::Patches(byte)) => incoming.set_readable(byte, readable),
        };

        let mut filled: Vec<Filled> = Vec::new();
        let mut multipass = 0;
        for pass in 0..MOST_PASSES {
            let mut allocations = self.allocation_list(&objects, uses);
            let given: Vec<_> = allocations.iter().map(element_words).collect();
            let mut output = self.output(NAME, Rule::X3);
            let mut argument: DXGKARG_RENDER = Pattern(0).filled();
            argument.pCommand = memory.pointer();
            argument.CommandLength = u32::try_from(commands.len()).unwrap_or(u32::MAX);
            argument.pDmaBuffer = output.buffer.address().cast();
            argument.DmaSize = output.buffer.bytes();
            argument.pDmaBufferPrivateData = output.buffer.private().cast();
            argument.DmaBufferPrivateDataSize = output.buffer.private_bytes();
            argument.pAllocationList = allocations.as_mut_ptr();
            argument.AllocationListSize = u32::try_from(allocations.len()).unwrap_or(u32::MAX);
            argument.pPatchLocationListIn = incoming.pointer();
            argument.PatchLocationListInSize = u32::try_from(patches.len()).unwrap_or(u32::MAX);
            argument.pPatchLocationListOut = output.patches();
            argument.PatchLocationListOutSize = output.patch_capacity();
            argument.MultipassOffset = multipass;
            let inputs = inputs(&argument);
            let arguments = || {
                let (context, bytes) = (self.object.number, commands.len());
                format!("context {context}, {bytes} bytes, from {multipass}")
            };
            if !set_readable(false) {
                output.discard(adapter);
                self.abandon(filled);
                return Err(STATUS_NOT_SUPPORTED);
            }
            let status = adapter.call(Ddi::Render, arguments, |_| {
                // SAFETY: the driver's own function and handle, at its IRQL; every pointer is as long as told.
                unsafe { render(self.object.driver.0, &raw mut argument) }
            });
            set_readable(true);
            let same = inputs == self::inputs(&argument)
                && given.iter().eq(allocations
                    .iter()
                    .map(element_words)
                    .collect::<Vec<_>>()
                    .iter());
            adapter.check(
                Rule::B2_13,
                NAME,
                same,
                || "an [in] member or the allocation list was written",
            );
            let untouched = memory.untouched() && incoming.untouched();
            adapter.check(Rule::B2_13, NAME, untouched, || "user memory was written");
            let more = status == STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER;
            if status != STATUS_SUCCESS && !more {
                output.discard(adapter);
                self.abandon(filled);
                self.lose_if(status);
                return Err(status);
            }
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
            let progress = moved || pass_filled.bytes != 0;
            if !more || progress && pass_filled.bytes != 0 {
                filled.push(pass_filled);
            } else {
                self.object.give_back(pass_filled.buffer);
            }
            if !more {
                return Ok(self.enqueue(filled, false));
            }
            let goes_on = progress && pass + 1 < MOST_PASSES;
            adapter.check(Rule::X3, NAME, goes_on, || {
                format!("asks for another buffer at {multipass} and got nothing done in this one")
            });
            if !goes_on {
                self.abandon(filled);
                return Err(status);
            }
        }
        Err(STATUS_INVALID_DEVICE_STATE)
    }
}

impl Context {
    pub(crate) fn check_alive(&self) -> Result<(), Status> {
        if self.object.dead.load(Ordering::Acquire) {
            Err(STATUS_INVALID_HANDLE)
        } else if self.is_lost() {
            Err(STATUS_GRAPHICS_DEVICE_LOST)
        } else if !self.device.adapter.is_started() {
            Err(STATUS_INVALID_DEVICE_STATE)
        } else {
            Ok(())
        }
    }

    /// The page of this status: the device is put into a lost state.
    pub(crate) fn lose_if(&self, status: Status) {
        if status == STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE {
            self.device.adapter.0.lose_device(&self.object.device);
        }
    }

    fn objects_of(&self, uses: &[Use]) -> Result<Vec<Option<Arc<AllocationObject>>>, Status> {
        let opened = self.object.device.opened.lock();
        let object = |used: &Use| {
            opened
                .get(&used.allocation)
                .map(|opening| opening.allocation.clone())
        };
        uses.iter()
            .map(|used| object(used).map(Some).ok_or(STATUS_INVALID_HANDLE))
            .collect()
    }

    /// The kernel's allocation list, with the last known addresses unless the driver shall not have them.
    fn allocation_list(
        &self,
        objects: &[Option<Arc<AllocationObject>>],
        uses: &[Use],
    ) -> Vec<DXGK_ALLOCATIONLIST> {
        let elements = objects.iter().zip(uses);
        elements
            .map(|(object, used)| self.list_element(object.as_ref(), used.write))
            .collect()
    }

    /// An element for an allocation, or the element that stands for none.
    pub(crate) fn list_element(
        &self,
        object: Option<&Arc<AllocationObject>>,
        write: bool,
    ) -> DXGK_ALLOCATIONLIST {
        let adapter = &*self.device.adapter.0;
        let Some(object) = object else {
            return DXGK_ALLOCATIONLIST::ZERO;
        };
        let silent = adapter.scheduler.state.lock().options.no_pre_patch;
        let location = adapter.location(object.id);
        let place = (!silent).then_some((location.segment, location.address));
        let opened = self.object.device.opened.lock();
        let handle: Option<HANDLE> = opened
            .get(&object.id)
            .map(|opening| opening.driver.load(Ordering::Relaxed));
        element(handle.unwrap_or(core::ptr::null_mut()), write, place)
    }
}

/// An element of an allocation list. `place` is segment and address; without one `SegmentId` is 0.
pub(crate) fn element(
    handle: HANDLE,
    write: bool,
    place: Option<(u32, u64)>,
) -> DXGK_ALLOCATIONLIST {
    let (segment, address) = place.unwrap_or((0, 0));
    let mut flags = DXGK_ALLOCATIONLIST_s0::empty().with_SegmentId(segment);
    flags.set(DXGK_ALLOCATIONLIST_s0::WriteOperation, write);
    DXGK_ALLOCATIONLIST {
        hDeviceSpecificAllocation: handle,
        s0: flags,
        u0: DXGK_ALLOCATIONLIST_u0 {
            PhysicalAddress: PHYSICAL_ADDRESS {
                QuadPart: address.cast_signed(),
            },
        },
    }
}

/// Its members, to compare and to read.
pub(crate) fn element_words(element: &DXGK_ALLOCATIONLIST) -> (HANDLE, u32, u64) {
    // SAFETY: any bytes are an address.
    let physical = unsafe { element.u0.PhysicalAddress };
    // SAFETY: any bytes are an integer.
    let address = unsafe { physical.QuadPart };
    (
        element.hDeviceSpecificAllocation,
        element.s0.bits(),
        address.cast_unsigned(),
    )
}

/// The [in] members.
fn inputs(argument: &DXGKARG_RENDER) -> impl PartialEq + use<> {
    (
        (argument.pCommand, argument.CommandLength, argument.DmaSize),
        (argument.pAllocationList, argument.AllocationListSize),
        (
            argument.pPatchLocationListIn,
            argument.PatchLocationListInSize,
        ),
        argument.PatchLocationListOutSize,
    )
}

// `Output` is made where the pool and the random choices are.
impl Context {
    pub(crate) fn output(&self, name: &'static str, rule: Rule) -> Output {
        let adapter = &*self.device.adapter.0;
        let buffer = self
            .object
            .take_buffer(&mut adapter.scheduler.state.lock().random);
        let pattern = Pattern::turn(adapter.port.turns.next());
        Output::new(name, rule, buffer, self.object.info.patches, pattern)
    }

    /// Buffers of a call that failed later on.
    pub(crate) fn abandon(&self, filled: Vec<Filled>) {
        for pass in filled {
            self.object.give_back(pass.buffer);
        }
    }
}
