//! What `DxgkDdiCreateContext` makes: one stream of commands of a device.

use dxgk_sys::DXGK_CREATECONTEXTFLAGS;

use super::private;
use crate::adapter::{Adapter, Device};
use crate::kernel::irql::Passive;
use crate::kernel::{NoMemory, Tag, complain};
use crate::pool::{Handle, Ref};

/// The pool tag of contexts.
pub const CONTEXTS: Tag = Tag(*b"VmdC");

/// Nodes of an adapter: the one engine.
pub const NODES: u32 = 1;

/// Bytes of a DMA buffer at first: 1,024 records.
pub const DMA_BUFFER_BYTES: u32 = 64 * 1024;
/// Bytes of private data with each DMA buffer.
pub const PRIVATE_BYTES: u32 = 64;
const _: () = assert!(PRIVATE_BYTES as usize == private::BYTES);
/// Elements of an allocation list at first: what a GDI context must have, and as good for any other.
pub const ALLOCATIONS: u32 = 256;
const _: () = assert!(ALLOCATIONS == dxgk_sys::DXGK_ALLOCATION_LIST_SIZE_GDICONTEXT as u32);
/// Elements of a patch-location list at first: two for each of 256 copies.
pub const PATCH_LOCATIONS: u32 = 512;

type Flags = DXGK_CREATECONTEXTFLAGS;

/// Who a context is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A user-mode driver.
    User,
    /// GDI.
    Gdi,
    /// The memory manager, for its paging buffers.
    System,
}

/// One context. It has no state of its own in the engine: every record says all that it needs, so that a
/// buffer can be split, preempted and interleaved anywhere.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The device that it belongs to, whose openings its buffers may use.
    pub device: Handle,
    /// Who it is for.
    pub kind: Kind,
}

/// What is asked of a new context.
pub struct Call {
    /// `NodeOrdinal`
    pub node: u32,
    /// `EngineAffinity`: a bit an engine, or 0.
    pub engines: u32,
    /// `Flags`
    pub flags: DXGK_CREATECONTEXTFLAGS,
    /// `PrivateDriverDataSize`, in bytes.
    pub private_bytes: u32,
}

/// Why there is no context: what the page lists (contract: X2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// `STATUS_NO_MEMORY`
    NoMemory,
    /// `STATUS_GRAPHICS_DRIVER_MISMATCH`: it was asked for what this driver does not have.
    Mismatch,
}

impl From<NoMemory> for Error {
    fn from(_: NoMemory) -> Self {
        Self::NoMemory
    }
}

/// Makes a context of `device`.
///
/// # Errors
///
/// See [`Error`].
pub fn create(
    adapter: &Adapter,
    device: &Ref<'_, Device>,
    call: &Call,
    irql: Passive,
) -> Result<Handle, Error> {
    let wrong = |field, value: u32, why| {
        complain(c"CreateContext", field, value.into(), why);
        Err(Error::Mismatch)
    };
    if call.node >= NODES {
        return wrong(c"NodeOrdinal", call.node, c"there is node 0");
    }
    if call.engines & !1 != 0 {
        return wrong(c"EngineAffinity", call.engines, c"node 0 has engine 0");
    }
    if call.private_bytes != 0 {
        return wrong(
            c"PrivateDriverDataSize",
            call.private_bytes,
            c"contexts have no private data",
        );
    }
    let kind = if call.flags == Flags::SystemContext {
        Kind::System
    } else if call.flags == Flags::GdiContext {
        Kind::Gdi
    } else if call.flags.is_empty() {
        Kind::User
    } else {
        return wrong(c"Flags", call.flags.bits(), c"undefined, or not together");
    };
    let context = Context {
        device: device.handle(),
        kind,
    };
    if !device.users.enter() {
        complain(c"CreateContext", c"hDevice", 0, c"is being destroyed");
        return Err(Error::NoMemory);
    }
    adapter.contexts.insert(context, irql).map_err(|_| {
        device.users.leave();
        Error::NoMemory
    })
}

/// Forgets a context that was taken out of its pool: its device has one less.
pub fn forget(adapter: &Adapter, context: Context, irql: Passive) {
    if let Ok(device) = adapter.devices.get(context.device.as_ptr(), irql) {
        device.users.leave();
    }
}
