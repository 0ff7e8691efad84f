//! BAR 2: what a driver's accesses to the registers do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vmdisp::kernel::host::Registers;

use super::Model;
use super::bar::Bar;
use super::dispi::{Dispi, Frame};
use super::legacy::Legacy;

/// Where the VGA's ports begin in BAR 2, and how many there are.
const LEGACY: usize = 0x400;
const LEGACY_BYTES: usize = 0x20;
/// Where the DISPI registers begin in BAR 2, and where they end.
const DISPI: usize = 0x500;
const DISPI_END: usize = 0x516;

/// The registers of an adapter, and what they have made of it.
pub struct Device {
    model: Model,
    state: Mutex<State>,
    memory: Arc<Bar>,
    gone: AtomicBool,
}

struct State {
    edid: Vec<u8>,
    dispi: Dispi,
    legacy: Legacy,
    /// What the monitor showed when it was last looked at.
    shown: Option<Frame>,
}

/// What a monitor shows.
pub enum Scan {
    /// A picture out of video memory.
    Frame(Frame),
    /// Nothing, in the size of the last picture.
    Blank(u32, u32),
}

impl Device {
    pub fn new(model: Model, dispi: Dispi, edid: Vec<u8>, memory: Arc<Bar>) -> Self {
        let state = Mutex::new(State {
            edid,
            dispi,
            legacy: Legacy::default(),
            shown: None,
        });
        Self {
            model,
            state,
            memory,
            gone: AtomicBool::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the adapter answers; one that was pulled out does not.
    pub fn set_present(&self, present: bool) {
        self.gone.store(!present, Ordering::Release);
    }

    /// What the monitor says of itself; nothing if there is no monitor.
    pub fn set_edid(&self, edid: &[u8]) {
        self.state().edid = edid.to_vec();
    }

    /// All registers are as after a cold start.
    pub fn lose_power(&self) {
        let mut state = self.state();
        state.dispi.reset();
        state.legacy = Legacy::default();
    }

    /// What the monitor shows now.
    ///
    /// # Errors
    ///
    /// Why that is not simulated.
    pub fn scan(&self) -> Result<Scan, String> {
        let mut state = self.state();
        match (state.dispi.frame(), self.model) {
            (_, Model::Vga) if !state.legacy.is_unblanked() => {
                let (width, height) = state.shown.map_or((640, 480), |f| (f.width, f.height));
                return Ok(Scan::Blank(width, height));
            }
            (None, Model::Vga) => return Err("the adapter is in text mode".into()),
            // It goes on showing what it showed, out of memory as it is now.
            (None, Model::BochsDisplay) => {}
            (frame, _) => state.shown = frame,
        }
        match state.shown {
            Some(frame) if frame.bits == 32 => Ok(Scan::Frame(frame)),
            Some(frame) => Err(format!("{} bits a pixel", frame.bits)),
            None => Err("the adapter has not shown anything yet".into()),
        }
    }
}

impl Registers for Device {
    fn read(&self, offset: usize, bytes: usize) -> u16 {
        if self.gone.load(Ordering::Acquire) {
            return u16::MAX;
        }
        let mut state = self.state();
        let mut byte = |offset: usize| match offset {
            // `VGA` has zeros behind the monitor's data, `bochs-display` nothing.
            ..LEGACY => {
                let none = if self.model == Model::Vga { 0 } else { u8::MAX };
                let none = if offset < 256 { 0 } else { none };
                state.edid.get(offset).copied().unwrap_or(none)
            }
            DISPI..DISPI_END => {
                state.dispi.read((offset - DISPI) / 2).to_le_bytes()[(offset - DISPI) % 2]
            }
            _ if self.model == Model::Vga && offset - LEGACY < LEGACY_BYTES => {
                state.legacy.read(offset - LEGACY)
            }
            _ => u8::MAX,
        };
        let low = byte(offset);
        let high = if bytes > 1 { byte(offset + 1) } else { 0 };
        u16::from_le_bytes([low, high])
    }

    fn write(&self, offset: usize, bytes: usize, value: u16) {
        if self.gone.load(Ordering::Acquire) {
            return;
        }
        let mut state = self.state();
        match offset {
            DISPI..DISPI_END if bytes == 2 => {
                let cleared = state.dispi.write((offset - DISPI) / 2, value);
                drop(state);
                self.memory.fill(0, cleared, |_| 0);
            }
            LEGACY.. if self.model == Model::Vga && offset - LEGACY < LEGACY_BYTES => {
                let values = value.to_le_bytes();
                for (offset, value) in (offset - LEGACY..).zip(values).take(bytes) {
                    state.legacy.write(offset, value);
                }
            }
            _ => {}
        }
    }
}
