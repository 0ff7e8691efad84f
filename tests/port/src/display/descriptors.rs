//! QueryDeviceDescriptor: EDIDs in steps of 128 bytes (Q2).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use dxgk_sys::status::{STATUS_MONITOR_NO_MORE_DESCRIPTOR_DATA, STATUS_SUCCESS};
use dxgk_sys::{DXGK_DEVICE_DESCRIPTOR, DXGK_GENERIC_DESCRIPTOR};

use crate::adapter::{Adapter, AdapterInner};
use crate::ddi::Ddi;
use crate::display::children::{Child, ChildKind};
use crate::pattern::Pattern;
use crate::rules::Rule;
use crate::{STATUS_INVALID_DEVICE_STATE, STATUS_PROCEDURE_NOT_FOUND, Status};

const NAME: &str = "QueryDeviceDescriptor";

/// Bytes of an EDID block.
const BLOCK: usize = 128;
/// Where a base block says how many blocks follow it.
const EXTENSIONS: usize = 126;
/// Bytes behind every buffer that must not be written.
const GUARD: usize = 64;

impl Adapter {
    /// The EDID of the monitor at a child, whole blocks, as the last reading gave it.
    pub fn edid(&self, uid: u32) -> Option<Vec<u8>> {
        self.0.display.edid(uid)
    }

    /// QueryDeviceDescriptor for `length` bytes from `offset`, over both patterns.
    ///
    /// # Errors
    /// The driver's; `STATUS_INVALID_DEVICE_STATE` for a uid that no child has.
    pub fn read_descriptor(&self, uid: u32, offset: u32, length: usize) -> Result<Vec<u8>, Status> {
        self.0.descriptor(uid, offset, length)
    }

    /// Portions of a child's EDID that Monitor.sys may ask for: they must agree with the whole.
    pub fn exercise_descriptors(&self, uid: u32) {
        let adapter = &*self.0;
        let Some(edid) = self.edid(uid) else { return };
        let end = u32::try_from(edid.len()).unwrap_or(u32::MAX);
        let portions = [
            (0, 128),
            (8, 16),
            (0, 0),
            (127, 1),
            (0, edid.len()),
            (128, 256),
        ];
        for (offset, length) in portions {
            let Ok(portion) = self.read_descriptor(uid, offset, length) else {
                continue;
            };
            let whole = edid.get(offset as usize..offset as usize + length);
            adapter.check(Rule::Q2, NAME, whole == Some(&portion), || {
                format!("{length} bytes from {offset} are others than in the EDID's blocks")
            });
        }
        for offset in [end, end.saturating_mul(2), 1 << 16, u32::MAX - 127] {
            let beyond = self.read_descriptor(uid, offset, BLOCK);
            adapter.check(
                Rule::Q2,
                NAME,
                beyond == Err(STATUS_MONITOR_NO_MORE_DESCRIPTOR_DATA),
                || {
                    format!(
                        "a block at {offset} of an EDID of {end} bytes: {}",
                        said(&beyond)
                    )
                },
            );
        }
    }
}

impl AdapterInner {
    /// Reads the descriptors of all children that have one.
    pub(crate) fn learn_descriptors(&self) {
        for child in self.children() {
            self.learn_descriptor(&child);
        }
    }

    /// Reads the descriptor of a child: an EDID if a monitor is there, a generic one of what is no output.
    pub(super) fn learn_descriptor(&self, child: &Child) {
        if self
            .registration
            .table
            .DxgkDdiQueryDeviceDescriptor
            .is_none()
        {
            return;
        }
        if child.kind == ChildKind::Other {
            let _ = self.descriptor(child.uid, 0, size_of::<DXGK_GENERIC_DESCRIPTOR>());
            return;
        }
        let mut edid = Vec::new();
        if child.connected {
            self.read_edid(child.uid, &mut edid);
        }
        let mut edids = self.display.edids.lock();
        if edid.is_empty() {
            edids.remove(&child.uid);
        } else {
            edids.insert(child.uid, edid);
        }
    }

    /// The base block, the extensions that it names, and one more that cannot be there.
    fn read_edid(&self, uid: u32, edid: &mut Vec<u8>) {
        let mut blocks = 1;
        while edid.len() < blocks * BLOCK {
            let offset = u32::try_from(edid.len()).unwrap_or(u32::MAX);
            match self.descriptor(uid, offset, BLOCK) {
                Ok(block) => edid.extend(block),
                // A monitor that promises more extensions than it has.
                Err(_) => return,
            }
            blocks = 1 + usize::from(edid.get(EXTENSIONS).copied().unwrap_or(0));
        }
        let offset = u32::try_from(edid.len()).unwrap_or(u32::MAX);
        let beyond = self.descriptor(uid, offset, BLOCK);
        let refused = beyond == Err(STATUS_MONITOR_NO_MORE_DESCRIPTOR_DATA);
        self.check(Rule::Q2, NAME, refused, || {
            format!(
                "a block behind the last one, at {offset}: {}",
                said(&beyond)
            )
        });
    }

    fn descriptor(&self, uid: u32, offset: u32, length: usize) -> Result<Vec<u8>, Status> {
        let query = self.registration.table.DxgkDdiQueryDeviceDescriptor;
        let query = query.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let gate = self.child_gate(uid).ok_or(STATUS_INVALID_DEVICE_STATE)?;
        let bytes = u32::try_from(length).unwrap_or(u32::MAX);
        let mut runs = Vec::new();
        for pattern in Pattern::BOTH {
            let mut buffer = alloc::vec![pattern.0; length + GUARD];
            let mut argument = DXGK_DEVICE_DESCRIPTOR::ZERO;
            argument.DescriptorOffset = offset;
            argument.DescriptorLength = bytes;
            argument.DescriptorBuffer = buffer.as_mut_ptr().cast();
            let pointer = argument.DescriptorBuffer;
            let arguments = || format!("child {uid:#x}, {length} bytes from {offset}");
            let status = self.call_in(&gate, Ddi::QueryDeviceDescriptor, arguments, || {
                // SAFETY: the driver's own function and context; the buffer is longer than it is told.
                unsafe { query(self.context(), uid, &raw mut argument) }
            });
            let same = argument.DescriptorOffset == offset
                && argument.DescriptorLength == bytes
                && argument.DescriptorBuffer == pointer;
            self.check(Rule::B2_13, NAME, same, || "an [in] member was written");
            let guarded = buffer[length..].iter().all(|byte| *byte == pattern.0);
            self.check(Rule::Q2, NAME, guarded, || {
                format!("written beyond DescriptorLength {length}")
            });
            if status != STATUS_SUCCESS {
                return Err(status);
            }
            buffer.truncate(length);
            runs.push(buffer);
        }
        let (first, second) = (runs.swap_remove(0), runs.swap_remove(0));
        let hole = first.iter().zip(&second).position(|(a, b)| a != b);
        self.check(Rule::Q2, NAME, hole.is_none(), || {
            format!(
                "byte {} of {length} from {offset} is not set",
                hole.unwrap_or(0)
            )
        });
        Ok(first)
    }
}

/// An answer without its bytes.
fn said(answer: &Result<Vec<u8>, Status>) -> String {
    match answer {
        Ok(_) => String::from("success"),
        Err(status) => format!("{status:#010x}"),
    }
}
