//! The screen of a bugcheck: SystemDisplayEnable and SystemDisplayWrite at HIGH_LEVEL (L7).

use alloc::format;
use alloc::vec::Vec;

use dxgk_sys::status::STATUS_SUCCESS;
use dxgk_sys::{D3DDDIFORMAT, DXGKARG_SYSTEM_DISPLAY_ENABLE_FLAGS};

use crate::adapter::{Adapter, AdapterInner};
use crate::ddi::Ddi;
use crate::pattern::Pattern;
use crate::rules::Rule;
use crate::{STATUS_PROCEDURE_NOT_FOUND, Status};

const ENABLE: &str = "SystemDisplayEnable";
const WRITE: &str = "SystemDisplayWrite";

/// A screen that the system has taken for its last words.
#[derive(Clone)]
pub struct SystemScreen {
    adapter: Adapter,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Of the screen; what is written has 32 bits a pixel in any case.
    pub format: D3DDDIFORMAT,
}

impl Adapter {
    /// SystemDisplayEnable. What goes on between the driver and the system afterwards is a bugcheck: only more
    /// writes, ResetDevice, and for the sake of tests stop and remove.
    ///
    /// # Errors
    /// The driver's.
    pub fn system_display_enable(&self, target: u32) -> Result<SystemScreen, Status> {
        let adapter = &*self.0;
        let enable = adapter.registration.table.DxgkDdiSystemDisplayEnable;
        let enable = enable.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let pattern = Pattern::turn(adapter.port.turns.next());
        let mut flags = DXGKARG_SYSTEM_DISPLAY_ENABLE_FLAGS::ZERO;
        let (mut width, mut height) = (pattern.u32(), pattern.u32());
        let mut format = D3DDDIFORMAT(pattern.u32().cast_signed());
        let arguments = || format!("target {target:#x}");
        let status = adapter.without_services(ENABLE, || {
            adapter.call(Ddi::SystemDisplayEnable, arguments, |_| {
                let (width, height) = (&raw mut width, &raw mut height);
                let (flags, format) = (&raw mut flags, &raw mut format);
                // SAFETY: the driver's own function and context, at an IRQL that it must stand.
                unsafe { enable(adapter.context(), target, flags, width, height, format) }
            })
        });
        if status != STATUS_SUCCESS {
            return Err(status);
        }
        let sane = |pixels: u32| (1..=1 << 16).contains(&pixels);
        adapter.check(Rule::L7, ENABLE, sane(width) && sane(height), || {
            format!("the mode is {width:#x} x {height:#x}")
        });
        let formats = [
            D3DDDIFORMAT::D3DDDIFMT_R8G8B8,
            D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8,
            D3DDDIFORMAT::D3DDDIFMT_A8R8G8B8,
        ];
        adapter.check(Rule::L7, ENABLE, formats.contains(&format), || {
            format!("ColorFormat is {:#x}", format.0)
        });
        Ok(SystemScreen {
            adapter: self.clone(),
            width,
            height,
            format,
        })
    }
}

impl SystemScreen {
    /// SystemDisplayWrite of `width` x `height` pixels, `stride` bytes a row, at column `x` and row `y`; what does
    /// not fit the screen is the driver's to leave out.
    ///
    /// # Panics
    /// If there are less pixels than that.
    pub fn write(&self, pixels: &[u32], width: u32, height: u32, stride: u32, x: u32, y: u32) {
        let adapter = &*self.adapter.0;
        let Some(write) = adapter.registration.table.DxgkDdiSystemDisplayWrite else {
            return;
        };
        if width != 0 && height != 0 {
            let last = u64::from(height - 1) * u64::from(stride) + u64::from(width) * 4;
            let bytes = size_of_val(pixels) as u64;
            assert!(last <= bytes, "{last} bytes of {bytes}");
        }
        // A copy, so that writes to the source are seen.
        let mut source = pixels.to_vec();
        let arguments = || format!("{width} x {height} at {x}, {y}");
        adapter.without_services(WRITE, || {
            adapter.call(Ddi::SystemDisplayWrite, arguments, |_| {
                let source = source.as_mut_ptr().cast();
                // SAFETY: the driver's own function and context; the source is as large as it is told.
                unsafe { write(adapter.context(), source, width, height, stride, x, y) };
                STATUS_SUCCESS
            })
        });
        adapter.check(
            Rule::B2_13,
            WRITE,
            source == pixels,
            || "the source was written",
        );
    }

    /// Writes that reach past each edge, or begin past it, or have no size.
    pub fn exercise_clipping(&self) {
        const SIDE: u32 = 16;
        let (width, height) = (self.width.min(1 << 16), self.height.min(1 << 16));
        let block: Vec<u32> = (0..SIDE * SIDE).map(|pixel| 0x00FF_0000 | pixel).collect();
        let far = [0, u32::MAX - SIDE / 2, u32::MAX, 1 << 31];
        let columns = far.into_iter().chain([width - width.min(SIDE / 2), width]);
        for x in columns {
            let rows = far
                .into_iter()
                .chain([height - height.min(SIDE / 2), height]);
            for y in rows {
                self.write(&block, SIDE, SIDE, SIDE * 4, x, y);
            }
        }
        for (width, height) in [(0, SIDE), (SIDE, 0), (0, 0)] {
            self.write(&block, width, height, SIDE * 4, 0, 0);
        }
        let long = alloc::vec![0x0000_00FF; width as usize + SIDE as usize];
        let row = width + SIDE;
        self.write(&long, row, 1, row * 4, 0, height - height.min(1));
    }
}

impl AdapterInner {
    /// Runs a call in which no kernel service may be used, as far as the pool shows it.
    pub(crate) fn without_services<R>(&self, name: &'static str, call: impl FnOnce() -> R) -> R {
        let (result, calls) = self.port.pool_calls_of(call);
        if let Some(calls) = calls {
            self.check(Rule::L7, name, calls == 0, || {
                format!("{calls} calls of the pool")
            });
        }
        result
    }
}
