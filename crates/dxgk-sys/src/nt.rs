//! Types of the NT headers that a display driver meets and that the display headers only point at.

use crate::{BOOLEAN, GUID, PHYSICAL_ADDRESS, PINTERFACE_DEREFERENCE, PINTERFACE_REFERENCE, PVOID};
use crate::{UCHAR, ULONG, ULONG_PTR, USHORT};

/// `wdm.h`: a function that `DxgkCbSynchronizeExecution` runs with the interrupt held off.
pub type KSYNCHRONIZE_ROUTINE = ddi!(fn(SynchronizeContext: PVOID) -> BOOLEAN);

/// `wdm.h`: what a device was given, as a list of resources for each bus.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CM_RESOURCE_LIST {
    /// Descriptors in `List`.
    pub Count: ULONG,
    /// The first of `Count`.
    pub List: [CM_FULL_RESOURCE_DESCRIPTOR; 1],
}

/// `wdm.h`: the resources of one bus.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CM_FULL_RESOURCE_DESCRIPTOR {
    /// `INTERFACE_TYPE`.
    pub InterfaceType: i32,
    /// Number of the bus.
    pub BusNumber: ULONG,
    /// Its resources.
    pub PartialResourceList: CM_PARTIAL_RESOURCE_LIST,
}

/// `wdm.h`: resources one after the other.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CM_PARTIAL_RESOURCE_LIST {
    /// Version of the structure.
    pub Version: USHORT,
    /// Revision of the structure.
    pub Revision: USHORT,
    /// Descriptors in `PartialDescriptors`.
    pub Count: ULONG,
    /// The first of `Count`.
    pub PartialDescriptors: [CM_PARTIAL_RESOURCE_DESCRIPTOR; 1],
}

/// `wdm.h`: one resource, 20 bytes.
#[repr(C, packed(4))]
#[derive(Clone, Copy)]
pub struct CM_PARTIAL_RESOURCE_DESCRIPTOR {
    /// `CmResourceType…`, says which member of `u` holds.
    pub Type: UCHAR,
    /// `CmResourceShare…`.
    pub ShareDisposition: UCHAR,
    /// `CM_RESOURCE_…`, by type.
    pub Flags: USHORT,
    /// The resource.
    pub u: CM_PARTIAL_RESOURCE_DESCRIPTOR_u,
}

/// Part of [`CM_PARTIAL_RESOURCE_DESCRIPTOR`].
#[repr(C, packed(4))]
#[derive(Clone, Copy)]
pub union CM_PARTIAL_RESOURCE_DESCRIPTOR_u {
    /// A range of any type.
    pub Generic: CM_PARTIAL_RESOURCE_DESCRIPTOR_u_Range,
    /// [`CmResourceTypePort`].
    pub Port: CM_PARTIAL_RESOURCE_DESCRIPTOR_u_Range,
    /// [`CmResourceTypeMemory`].
    pub Memory: CM_PARTIAL_RESOURCE_DESCRIPTOR_u_Range,
    /// [`CmResourceTypeInterrupt`] without [`CM_RESOURCE_INTERRUPT_MESSAGE`].
    pub Interrupt: CM_PARTIAL_RESOURCE_DESCRIPTOR_u_Interrupt,
    /// [`CmResourceTypeInterrupt`] with [`CM_RESOURCE_INTERRUPT_MESSAGE`], translated.
    pub MessageInterruptTranslated: CM_PARTIAL_RESOURCE_DESCRIPTOR_u_Interrupt,
    /// [`CmResourceTypeInterrupt`] with [`CM_RESOURCE_INTERRUPT_MESSAGE`], raw.
    pub MessageInterruptRaw: CM_PARTIAL_RESOURCE_DESCRIPTOR_u_MessageInterruptRaw,
    /// [`CmResourceTypeMemoryLarge`]: lengths in units that `Flags` names.
    pub MemoryLarge: CM_PARTIAL_RESOURCE_DESCRIPTOR_u_Range,
    /// `CmResourceTypeDevicePrivate`.
    pub DevicePrivate: [ULONG; 3],
}

/// Part of [`CM_PARTIAL_RESOURCE_DESCRIPTOR`].
#[repr(C, packed(4))]
#[derive(Clone, Copy)]
pub struct CM_PARTIAL_RESOURCE_DESCRIPTOR_u_Range {
    /// First address.
    pub Start: PHYSICAL_ADDRESS,
    /// Bytes, or units for large memory.
    pub Length: ULONG,
}

/// Part of [`CM_PARTIAL_RESOURCE_DESCRIPTOR`].
#[repr(C, packed(4))]
#[derive(Clone, Copy)]
pub struct CM_PARTIAL_RESOURCE_DESCRIPTOR_u_Interrupt {
    /// IRQL of the routine.
    pub Level: ULONG,
    /// Vector.
    pub Vector: ULONG,
    /// Processors that may take it.
    pub Affinity: ULONG_PTR,
}

/// Part of [`CM_PARTIAL_RESOURCE_DESCRIPTOR`].
#[repr(C, packed(4))]
#[derive(Clone, Copy)]
pub struct CM_PARTIAL_RESOURCE_DESCRIPTOR_u_MessageInterruptRaw {
    /// Processor group.
    pub Group: USHORT,
    /// Messages.
    pub MessageCount: USHORT,
    /// Vector.
    pub Vector: ULONG,
    /// Processors that may take it.
    pub Affinity: ULONG_PTR,
}

/// A range of ports.
pub const CmResourceTypePort: UCHAR = 1;
/// An interrupt.
pub const CmResourceTypeInterrupt: UCHAR = 2;
/// A range of memory.
pub const CmResourceTypeMemory: UCHAR = 3;
/// A range of memory whose length is given in larger units.
pub const CmResourceTypeMemoryLarge: UCHAR = 7;

/// Memory may be read and written.
pub const CM_RESOURCE_MEMORY_READ_WRITE: USHORT = 0x0000;
/// Memory may be prefetched.
pub const CM_RESOURCE_MEMORY_PREFETCHABLE: USHORT = 0x0004;
/// Large memory: length in units of 256 bytes.
pub const CM_RESOURCE_MEMORY_LARGE_40: USHORT = 0x0200;
/// Large memory: length in units of 64 KiB.
pub const CM_RESOURCE_MEMORY_LARGE_48: USHORT = 0x0400;
/// Large memory: length in units of 4 GiB.
pub const CM_RESOURCE_MEMORY_LARGE_64: USHORT = 0x0800;
/// The interrupt is edge triggered.
pub const CM_RESOURCE_INTERRUPT_LATCHED: USHORT = 0x0001;
/// The interrupt comes as a message.
pub const CM_RESOURCE_INTERRUPT_MESSAGE: USHORT = 0x0002;

/// `wdm.h`: the start of every table of functions that one driver hands to another.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct INTERFACE {
    /// Bytes of the whole table.
    pub Size: USHORT,
    /// Version of the table.
    pub Version: USHORT,
    /// First argument of the table's functions.
    pub Context: PVOID,
    /// Takes a reference on the table.
    pub InterfaceReference: PINTERFACE_REFERENCE,
    /// Gives it back.
    pub InterfaceDereference: PINTERFACE_DEREFERENCE,
}

/// `video.h`: a request for a table of functions.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct QUERY_INTERFACE {
    /// Which table.
    pub InterfaceType: *const GUID,
    /// Bytes that the caller has at `Interface`.
    pub Size: USHORT,
    /// Version that the caller wants.
    pub Version: USHORT,
    /// Where the table goes.
    pub Interface: *mut INTERFACE,
    /// More about the request, by table.
    pub InterfaceSpecificData: PVOID,
}

zero! {
    CM_RESOURCE_LIST,
    CM_FULL_RESOURCE_DESCRIPTOR,
    CM_PARTIAL_RESOURCE_LIST,
    CM_PARTIAL_RESOURCE_DESCRIPTOR,
    INTERFACE,
    QUERY_INTERFACE,
}

/// A GUID from its digits, as a literal without dashes.
#[must_use]
pub const fn guid(digits: u128) -> GUID {
    let bytes = digits.to_be_bytes();
    let [_, _, _, _, _, _, _, _, tail @ ..] = bytes;
    GUID {
        Data1: u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
        Data2: u16::from_be_bytes([bytes[4], bytes[5]]),
        Data3: u16::from_be_bytes([bytes[6], bytes[7]]),
        Data4: tail,
    }
}
