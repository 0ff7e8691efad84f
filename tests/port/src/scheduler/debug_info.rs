//! CollectDbgInfo, right before a reset (X9).

use alloc::format;
use alloc::vec::Vec;

use dxgk_sys::{DXGKARG_COLLECTDBGINFO, DXGKARG_COLLECTDBGINFO_EXT};

use crate::adapter::{Adapter, AdapterInner};
use crate::ddi::Ddi;
use crate::lifecycle::done;
use crate::pattern::{Pattern, bytes_of};
use crate::rules::Rule;
use crate::{STATUS_PROCEDURE_NOT_FOUND, Status};

const NAME: &str = "CollectDbgInfo";

/// VIDEO_TDR_TIMEOUT_DETECTED: the adapter is about to be reset.
pub(crate) const TDR_TIMEOUT: u32 = 0x117;
/// VIDEO_ENGINE_TIMEOUT_DETECTED: a node is.
pub(crate) const ENGINE_TIMEOUT: u32 = 0x141;

/// Bytes behind the buffer that nobody may write.
const GUARD: usize = 64;

impl Adapter {
    /// CollectDbgInfo for a reason, into a buffer of so many bytes; what was written there.
    ///
    /// # Errors
    /// The driver's.
    pub fn collect_debug_info(&self, reason: u32, bytes: usize) -> Result<Vec<u8>, Status> {
        self.0.collect_debug_info(reason, bytes)
    }
}

impl AdapterInner {
    pub(crate) fn collect_debug_info(&self, reason: u32, bytes: usize) -> Result<Vec<u8>, Status> {
        let collect = self.registration.table.DxgkDdiCollectDbgInfo;
        let collect = collect.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let pattern = Pattern::turn(self.port.turns.next());
        let mut buffer = alloc::vec![pattern.u64(); (bytes + GUARD).div_ceil(8)];
        let mut extension = DXGKARG_COLLECTDBGINFO_EXT::ZERO;
        let mut argument = DXGKARG_COLLECTDBGINFO::ZERO;
        argument.Reason = reason;
        argument.pBuffer = buffer.as_mut_ptr().cast();
        argument.BufferSize = bytes;
        argument.pExtension = &raw mut extension;
        let given = bytes_of(&argument).to_vec();
        let arguments = || format!("reason {reason:#x}, {bytes} bytes");
        let status = self.call(Ddi::CollectDbgInfo, arguments, |_| {
            // SAFETY: the driver's own function and context, at its IRQL; the buffer is as long as told.
            unsafe { collect(self.context(), &raw const argument) }
        });
        self.check(
            Rule::B2_13,
            NAME,
            given == bytes_of(&argument),
            || "the argument was written",
        );
        let mut written: Vec<u8> = buffer.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let beyond = written.split_off(bytes);
        let kept = beyond.iter().all(|byte| *byte == pattern.0);
        self.check(Rule::X9, NAME, kept, || {
            format!("written beyond BufferSize {bytes}")
        });
        let reserved = [
            extension.Reserved2,
            extension.Reserved3,
            extension.Reserved4,
            extension.Reserved5,
            extension.Reserved6,
            extension.Reserved7,
        ];
        self.check(
            Rule::X9,
            NAME,
            reserved == [0; 6],
            || "reserved members of the extension were written",
        );
        done(status).map(|()| written)
    }
}
