//! GetNodeMetadata.

use core::ffi::c_void;

use dxgk_sys::status::STATUS_SUCCESS;
use dxgk_sys::{DXGK_ENGINE_TYPE, DXGKARG_GETNODEMETADATA};

use super::handles;
use super::recorded::callbacks;
use super::status::{self, InvalidParameter};
use crate::engine::context::NODES;
use crate::kernel::complain;

callbacks! {
    /// `DxgkDdiGetNodeMetadata`: an adapter that is not display-only has one 3-D engine, and this is it,
    /// though it copies and fills. `PASSIVE_LEVEL`, re-entrant.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for writes.
    #[traced(c"GetNodeMetadata")]
    pub unsafe fn get_node_metadata(
        context: *mut c_void,
        node: u32,
        argument: *mut DXGKARG_GETNODEMETADATA,
    ) -> i32 {
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        if adapter.is_none() || argument.is_null() {
            complain(c"GetNodeMetadata", c"hAdapter", 0, c"no adapter of this driver, or no argument");
            return status::of(Err(InvalidParameter));
        }
        // The node is in the lower half, an index of adapters that are linked in the upper.
        if node >= NODES {
            complain(c"GetNodeMetadata", c"NodeOrdinal", node.into(), c"there is node 0");
            return status::of(Err(InvalidParameter));
        }
        // Member by member: the record of WDDM 1.3 ends with the name.
        // SAFETY: checked for NULL; dxgkrnl's record, not used by anyone else during the call.
        let engine = unsafe { &raw mut (*argument).EngineType };
        // SAFETY: as above.
        unsafe { engine.write(DXGK_ENGINE_TYPE::DXGK_ENGINE_TYPE_3D) };
        // SAFETY: as above.
        let name = unsafe { &raw mut (*argument).FriendlyName };
        // SAFETY: as above.
        unsafe { name.write([0; _]) };
        STATUS_SUCCESS
    }
}
