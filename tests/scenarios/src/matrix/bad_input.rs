//! Wrong input: a blob, a count, a flag word or a size. Each gives the documented status and exactly
//! one debug line, which names the field and says why.

use alloc::format;
use alloc::vec::Vec;
use core::ptr;

use dxgk_port::{Adapter, Device, Status};
use dxgk_sys::status::{
    STATUS_GRAPHICS_DRIVER_MISMATCH, STATUS_INVALID_HANDLE, STATUS_INVALID_PARAMETER,
    STATUS_NO_MEMORY,
};
use dxgk_sys::{
    D3DDDIFORMAT, D3DKMDT_SHADOWSURFACEDATA, D3DKMDT_STANDARDALLOCATION_TYPE,
    DXGK_CREATEALLOCATIONFLAGS, DXGK_OPENALLOCATIONINFO, DXGK_QUERYADAPTERINFOTYPE,
    DXGKARG_CLOSEALLOCATION, DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA, DXGKARG_OPENALLOCATION,
};
use vmdisp_abi::allocation::{AllocationData, AllocationFlags, MAX_DIMENSION};
use vmdisp_abi::resource::ResourceData;
use zerocopy::IntoBytes;

use super::create::{create_good, destroy_good};
use crate::Machine;
use crate::blob;
use crate::call::{CreateCall, DestroyCall, describe, no_handle};
use crate::outcome::{Failed, Outcome, done, status_is};
use crate::row::Context;
use crate::session::{Session, device, one_complaint};

const INVALID: Status = STATUS_INVALID_PARAMETER;
const MISMATCH: Status = STATUS_GRAPHICS_DRIVER_MISMATCH;

/// See the module.
pub fn bad_input(context: &Context<'_>) -> Outcome {
    let session = Session::open(context.machine)?;
    let gdi = device(session.adapter())?;
    let mut bad = Bad {
        machine: context.machine,
        adapter: session.adapter(),
        device: &gdi,
        inputs: 0,
    };
    bad.private_data()?;
    bad.group_data()?;
    bad.create_arguments()?;
    bad.lists()?;
    bad.standard_allocations()?;
    bad.queries()?;
    let inputs = bad.inputs;
    done("DestroyDevice", gdi.destroy())?;
    session.close()?;
    Ok(format!("{inputs} inputs"))
}

struct Bad<'a> {
    machine: &'a dyn Machine,
    adapter: &'a Adapter,
    device: &'a Device,
    inputs: u32,
}

/// One change to good private data, the field that the line names, the status.
type Change<T> = (&'static str, Status, fn(&mut T));

/// Changes to a picture.
const PICTURE: &[Change<AllocationData>] = &[
    ("magic", MISMATCH, |data| data.header.magic ^= 1),
    ("version", MISMATCH, |data| data.header.version += 1),
    ("bytes", INVALID, |data| data.header.bytes += 1),
    ("kind", INVALID, |data| data.kind = 0),
    ("kind", INVALID, |data| data.kind = 7),
    ("flags", INVALID, |data| data.flags = 1 << 31),
    ("flags", INVALID, |data| {
        data.flags = AllocationFlags::CPU_READS.bits();
    }),
    ("width", INVALID, |data| data.width = 0),
    ("width", INVALID, |data| data.width = MAX_DIMENSION + 1),
    ("height", INVALID, |data| data.height = 0),
    ("height", INVALID, |data| data.height = u32::MAX),
    ("format", INVALID, |data| data.format = 0),
    ("format", INVALID, |data| data.format = u32::MAX),
    ("pitch", INVALID, |data| data.pitch = 64),
    ("pitch", INVALID, |data| data.pitch = 257),
    ("buffer_bytes", INVALID, |data| data.buffer_bytes = 1),
    ("refresh_numerator", INVALID, |data| {
        data.refresh_numerator = 60;
    }),
    ("refresh_numerator", INVALID, |data| {
        data.refresh_denominator = 1;
    }),
    ("vidpn_source", INVALID, |data| data.vidpn_source = 0),
    ("reserved", INVALID, |data| data.reserved = 1),
    ("Size", INVALID, |data| data.pitch = 1 << 30),
];

/// Changes to a primary.
const PRIMARY: &[Change<AllocationData>] = &[
    ("format", INVALID, |data| {
        data.format = vmdisp_abi::format::A8;
    }),
    ("flags", INVALID, |data| {
        data.flags |= AllocationFlags::CPU_READS.bits();
    }),
    ("flags", INVALID, |data| {
        data.flags |= AllocationFlags::SYSTEM_MEMORY.bits();
    }),
    ("vidpn_source", INVALID, |data| data.vidpn_source = 1),
    ("refresh_denominator", INVALID, |data| {
        data.refresh_denominator = 0;
    }),
    ("Size", INVALID, |data| data.height = MAX_DIMENSION),
];

/// Changes to a buffer.
const BUFFER: &[Change<AllocationData>] = &[
    ("buffer_bytes", INVALID, |data| data.buffer_bytes = 0),
    ("width", INVALID, |data| data.width = 1),
    ("height", INVALID, |data| data.height = 1),
    ("format", INVALID, |data| data.format = 21),
    ("pitch", INVALID, |data| data.pitch = 64),
    ("Size", INVALID, |data| data.buffer_bytes = u64::MAX),
];

/// Changes to a resource's data.
const GROUP: &[Change<ResourceData>] = &[
    ("magic", MISMATCH, |data| {
        data.header.magic = vmdisp_abi::allocation::MAGIC;
    }),
    ("version", MISMATCH, |data| data.header.version = 0),
    ("bytes", INVALID, |data| data.header.bytes = 0),
    ("reserved (resource)", INVALID, |data| data.reserved = 1),
];

impl Bad<'_> {
    /// Judges a call that was made after the lines were taken.
    fn refused(
        &mut self,
        call: &str,
        field: &str,
        expected: Status,
        seen: Status,
    ) -> Result<(), Failed> {
        self.inputs += 1;
        status_is(&format!("{call} with a wrong {field}"), expected, seen)?;
        one_complaint(self.machine, call, field)
    }

    fn create(
        &mut self,
        field: &str,
        expected: Status,
        mut call: CreateCall,
    ) -> Result<(), Failed> {
        self.machine.take_complaints();
        let status = call.run(self.adapter);
        self.refused("CreateAllocation", field, expected, status)
    }

    /// Every field of an allocation's private data, in the last of three elements.
    fn private_data(&mut self) -> Result<(), Failed> {
        let sets = [
            (blob::surface(), PICTURE),
            (blob::primary(), PRIMARY),
            (blob::buffer(4096), BUFFER),
        ];
        for (good, changes) in sets {
            for (field, status, change) in changes {
                let mut data = good;
                change(&mut data);
                let mut blobs = blob::surfaces(2);
                blobs.push(blob::bytes(&data));
                self.create(field, *status, CreateCall::new(blobs))?;
            }
        }
        Ok(())
    }

    /// Every field of a resource's private data.
    fn group_data(&mut self) -> Result<(), Failed> {
        for (field, status, change) in GROUP {
            let mut data = ResourceData::new(7);
            change(&mut data);
            let mut call = CreateCall::new(blob::surfaces(2)).with_resource(ptr::null_mut());
            call.group = data.as_bytes().to_vec();
            self.create(field, *status, call)?;
        }
        Ok(())
    }

    /// Flags, counts, pointers and handles of CreateAllocation itself.
    fn create_arguments(&mut self) -> Result<(), Failed> {
        for bit in 1..32 {
            let mut call = CreateCall::new(blob::surfaces(1));
            call.flags = DXGK_CREATEALLOCATIONFLAGS::from_bits_retain(1 << bit);
            self.create("Flags", INVALID, call)?;
        }
        let resource = no_handle(0x1000);
        let call = CreateCall::new(blob::surfaces(1)).with_resource(resource);
        self.create("hResource", INVALID, call)?;

        let mut call = CreateCall::new(blob::surfaces(1));
        for elements in [u32::MAX, 1 << 31, 65_537] {
            let infos = call.infos.as_mut_ptr();
            self.machine.take_complaints();
            let status = call.run_with(self.adapter, infos, elements);
            self.refused("CreateAllocation", "NumAllocations", INVALID, status)?;
        }
        let misaligned = call.infos.as_mut_ptr().wrapping_byte_add(1);
        for infos in [ptr::null_mut(), misaligned] {
            self.machine.take_complaints();
            let status = call.run_with(self.adapter, infos, 1);
            self.refused("CreateAllocation", "pAllocationInfo", INVALID, status)?;
        }
        let mut call = CreateCall::new(blob::surfaces(1));
        call.infos[0].pPrivateDriverData = ptr::null_mut();
        self.create("pPrivateDriverData", INVALID, call)
    }

    /// Lists and handles of the other DDIs.
    fn lists(&mut self) -> Result<(), Failed> {
        let none = DestroyCall::of(&[]);
        self.machine.take_complaints();
        let (status, _) = none.run_with(self.adapter, ptr::null(), 1);
        self.refused("DestroyAllocation", "pAllocationList", INVALID, status)?;
        let (status, _) = DestroyCall::with(&[], no_handle(0x40)).run(self.adapter);
        self.refused("DestroyAllocation", "hResource", INVALID, status)?;
        let (status, _) = describe(self.adapter, no_handle(0x40));
        self.refused("DescribeAllocation", "hAllocation", INVALID, status)?;

        let (raw, device) = (self.adapter.raw(), self.device.handle());
        let mut argument = DXGKARG_CLOSEALLOCATION::ZERO;
        argument.NumAllocations = 1;
        // SAFETY: the driver must refuse the NULL list.
        let status = unsafe { raw.close_allocation(device, &mut argument) };
        self.refused("CloseAllocation", "pOpenHandleList", INVALID, status)?;

        let mut argument = DXGKARG_OPENALLOCATION::ZERO;
        argument.NumAllocations = 1;
        // SAFETY: the driver must refuse the NULL list.
        let status = unsafe { raw.open_allocation(device, &mut argument) };
        self.refused("OpenAllocation", "pOpenAllocation", INVALID, status)?;
        let mut element = DXGK_OPENALLOCATIONINFO::ZERO;
        argument.pOpenAllocation = &raw mut element;
        // SAFETY: the driver must refuse the handle 0.
        let status = unsafe { raw.open_allocation(device, &mut argument) };
        // contract: G8
        self.refused(
            "OpenAllocation",
            "hAllocation",
            STATUS_INVALID_HANDLE,
            status,
        )?;

        // After all this the device still opens what is right.
        let (handles, _) = create_good(self.adapter, blob::surfaces(1), None)?;
        destroy_good(self.adapter, DestroyCall::of(&handles))
    }

    /// GetStandardAllocationDriverData, whose page lists `STATUS_NO_MEMORY` alone (contract: O5).
    fn standard_allocations(&mut self) -> Result<(), Failed> {
        const CALL: &str = "GetStandardAllocationDriverData";
        let shadow = D3DKMDT_STANDARDALLOCATION_TYPE::D3DKMDT_STANDARDALLOCATION_SHADOWSURFACE;
        let good = D3DKMDT_SHADOWSURFACEDATA {
            Width: 64,
            Height: 64,
            Format: D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8,
            ..D3DKMDT_SHADOWSURFACEDATA::ZERO
        };
        let unknown = D3DDDIFORMAT::D3DDDIFMT_UNKNOWN;
        let cases = [
            (
                "StandardAllocationType",
                D3DKMDT_STANDARDALLOCATION_TYPE(0),
                good,
                56,
            ),
            (
                "StandardAllocationType",
                D3DKMDT_STANDARDALLOCATION_TYPE(99),
                good,
                56,
            ),
            (
                "width",
                shadow,
                D3DKMDT_SHADOWSURFACEDATA { Width: 0, ..good },
                56,
            ),
            (
                "height",
                shadow,
                D3DKMDT_SHADOWSURFACEDATA {
                    Height: 1 << 20,
                    ..good
                },
                56,
            ),
            (
                "format",
                shadow,
                D3DKMDT_SHADOWSURFACEDATA {
                    Format: unknown,
                    ..good
                },
                56,
            ),
            ("AllocationPrivateDriverDataSize", shadow, good, 55),
            ("AllocationPrivateDriverDataSize", shadow, good, 0),
        ];
        for (field, kind, mut surface, bytes) in cases {
            let mut buffer: Vec<u8> = alloc::vec![0; 64];
            let mut argument = DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA::ZERO;
            argument.StandardAllocationType = kind;
            argument.u0.pCreateShadowSurfaceData = &raw mut surface;
            argument.pAllocationPrivateDriverData = buffer.as_mut_ptr().cast();
            argument.AllocationPrivateDriverDataSize = bytes;
            self.machine.take_complaints();
            // SAFETY: the buffer is longer than it is said to be, the structure lives.
            let status = unsafe {
                self.adapter
                    .raw()
                    .get_standard_allocation_driver_data(&mut argument)
            };
            self.refused(CALL, field, STATUS_NO_MEMORY, status)?;
        }
        Ok(())
    }

    /// Answers that have no room.
    fn queries(&mut self) -> Result<(), Failed> {
        type Type = DXGK_QUERYADAPTERINFOTYPE;
        for (kind, room) in [
            (Type::DXGKQAITYPE_DRIVERCAPS, 0),
            (Type::DXGKQAITYPE_UMDRIVERPRIVATE, 31),
            (Type::DXGKQAITYPE_QUERYSEGMENT3, 8),
        ] {
            self.machine.take_complaints();
            let status = match self.adapter.query(kind, &[], room) {
                Ok(_) => 0,
                Err(status) => status,
            };
            self.inputs += 1;
            status_is("QueryAdapterInfo without room", INVALID, status)?;
            // The port asks twice, over two patterns.
            let lines = self.machine.take_complaints();
            let good = !lines.is_empty()
                && lines
                    .iter()
                    .all(|line| line.starts_with("vmdisp: QueryAdapterInfo: OutputDataSize = "));
            crate::outcome::check(good, "a debug line about OutputDataSize", || {
                format!("{lines:?}")
            })?;
        }
        Ok(())
    }
}
