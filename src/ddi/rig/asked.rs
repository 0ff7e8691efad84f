//! Escapes of anybody's.

use core::ffi::c_void;
use core::ptr::{self, NonNull};
use std::boxed::Box;

use dxgk_sys::DXGKARG_ESCAPE;

use crate::adapter::Adapter;
use crate::ddi::{escape, handles};
use crate::kernel::host::{Entered, World};

/// An adapter that was added and never started, to be asked.
pub struct Asked {
    adapter: NonNull<Adapter>,
    _entered: Entered,
    world: World,
}

impl Asked {
    /// Adds the adapter.
    #[must_use]
    pub fn new() -> Self {
        let world = World::new();
        let entered = world.enter();
        let irql = super::Rig::irql();
        let adapter = Box::new(Adapter::try_new(irql).expect("memory"));
        let adapter = NonNull::from(Box::leak(adapter));
        handles::register(adapter, irql).expect("a place in the list");
        Self {
            adapter,
            _entered: entered,
            world,
        }
    }

    /// Its world.
    #[must_use]
    pub const fn world(&self) -> &World {
        &self.world
    }

    /// DxgkDdiEscape with `block`, which the answer is written over. What it returns.
    pub fn escape(&self, block: &mut [u8]) -> i32 {
        let mut argument = DXGKARG_ESCAPE::ZERO;
        argument.pPrivateDriverData = if block.is_empty() {
            ptr::null_mut()
        } else {
            block.as_mut_ptr().cast()
        };
        argument.PrivateDriverDataSize = u32::try_from(block.len()).expect("a short block");
        let context: *mut c_void = self.adapter.as_ptr().cast();
        // SAFETY: as dxgkrnl calls it.
        unsafe { escape::answer_escape(context, &raw const argument) }
    }
}

impl Default for Asked {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let _ = handles::unregister(self.adapter.as_ptr().cast(), super::Rig::irql());
        // SAFETY: it came from a box, and nobody finds it any more.
        drop(unsafe { Box::from_raw(self.adapter.as_ptr()) });
    }
}
