//! What can be done to the screen at any IRQL: with atomics and registers alone, no lock, no kernel
//! service.
//!
//! Flips come at the device's IRQL, and a bugcheck stops everything else in the middle of anything.
//! So what is to be shown is kept in atomics, and bringing the hardware in line with them is a step
//! that whoever can take it takes: who finds it taken only leaves a mark, and the one who has it goes
//! round again. Nobody at a raised IRQL ever waits.

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering};

use super::bochs::engine::{Abilities, Engine};
use super::bochs::registers::Registers;
use super::scan_out::{NotTaken, PIXEL, ScanOut};
use crate::kernel::Window;
use crate::kernel::irql::{Any, AtMostApc};

/// Nobody changes the hardware.
const IDLE: u8 = 0;
/// Somebody does.
const TAKEN: u8 = 1;
/// Somebody does, and has to look again at what is wanted.
const AGAIN: u8 = 2;

/// The screen of an adapter, from [`Direct::arm`] to [`Direct::disarm`]. Before and after, nothing
/// that is asked for happens.
pub struct Direct {
    registers: AtomicPtr<u8>,
    register_bytes: AtomicUsize,
    memory: AtomicPtr<u8>,
    memory_bytes: AtomicUsize,
    /// [`Abilities`], packed.
    abilities: AtomicU64,

    /// The size of the picture, height in the upper half; 0 while no mode is set.
    size: AtomicU64,
    /// Where the picture is to begin in video memory, in pixels, and in the upper half its pitch in
    /// pixels: one word, so that a flip and a mode cannot mix.
    wanted: AtomicU64,
    /// Black is to be shown.
    blank: AtomicBool,

    state: AtomicU8,
    /// Black is shown. Only who has taken `state` touches it.
    blanked: AtomicBool,
}

impl Direct {
    /// Nothing to show anything on yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            registers: AtomicPtr::new(ptr::null_mut()),
            register_bytes: AtomicUsize::new(0),
            memory: AtomicPtr::new(ptr::null_mut()),
            memory_bytes: AtomicUsize::new(0),
            abilities: AtomicU64::new(0),
            size: AtomicU64::new(0),
            wanted: AtomicU64::new(0),
            blank: AtomicBool::new(true),
            state: AtomicU8::new(IDLE),
            blanked: AtomicBool::new(false),
        }
    }

    /// From here on the screen is this engine's. `found` is the mode that it is in, if that is known:
    /// a bugcheck before the first mode is set is shown in it. Nothing is changed yet.
    ///
    /// Call [`Direct::disarm`] before the engine's memory is unmapped.
    pub fn arm(&self, engine: &Engine<'_>, found: Option<ScanOut>) {
        self.disarm();
        self.keep(found.unwrap_or_default());
        self.blank.store(false, Ordering::Relaxed);
        self.blanked.store(false, Ordering::Relaxed);
        self.abilities
            .store(pack(engine.abilities), Ordering::Relaxed);
        self.memory_bytes
            .store(engine.memory.bytes(), Ordering::Relaxed);
        self.memory
            .store(engine.memory.base().as_ptr(), Ordering::Relaxed);
        let registers = engine.registers.0;
        self.register_bytes
            .store(registers.bytes(), Ordering::Relaxed);
        self.registers
            .store(registers.base().as_ptr(), Ordering::Release);
    }

    /// The hardware is not touched any more.
    pub fn disarm(&self) {
        self.registers.store(ptr::null_mut(), Ordering::SeqCst);
        self.size.store(0, Ordering::SeqCst);
    }

    /// Sets a mode; what is shown is the picture or black, as it was before.
    ///
    /// # Errors
    ///
    /// [`NotTaken`] if the hardware cannot do it. It is then in the mode before again.
    pub fn set_mode(&self, scan_out: &ScanOut, _irql: impl AtMostApc) -> Result<(), NotTaken> {
        self.take();
        let result = self.set_mode_taken(scan_out);
        self.give_back();
        result
    }

    fn set_mode_taken(&self, scan_out: &ScanOut) -> Result<(), NotTaken> {
        let Some(engine) = self.engine() else {
            // Nothing to set it on: it is kept for nobody, and nobody sees it.
            return Ok(());
        };
        let blank = self.blank.load(Ordering::SeqCst);
        let before = self.picture();
        let result = engine.set_mode(scan_out, blank);
        match (result, before) {
            (Ok(()), _) => {
                self.keep(*scan_out);
                self.blanked.store(blank, Ordering::Relaxed);
            }
            // It was taken before, by the same hardware.
            (Err(_), Some(before)) => {
                let _ = engine.set_mode(&before, blank);
            }
            (Err(_), None) => engine.blank(&ScanOut::default(), blank),
        }
        result
    }

    /// Shows the picture at `offset` bytes in video memory. The hardware changes to it with its next
    /// frame.
    ///
    /// False, and nothing, if that picture would not lie in video memory, is out of reach, or no mode is
    /// set.
    pub fn pan(&self, offset: u64, _irql: impl Any) -> bool {
        loop {
            let before = self.wanted.load(Ordering::SeqCst);
            let (Some(engine), Some(picture)) = (self.engine(), self.picture()) else {
                return false;
            };
            let scan_out = ScanOut { offset, ..picture };
            if engine.check(&scan_out).is_err() {
                return false;
            }
            // A mode that was set meanwhile has another pitch.
            let wanted = pack_wanted(&scan_out);
            let kept =
                self.wanted
                    .compare_exchange(before, wanted, Ordering::SeqCst, Ordering::SeqCst);
            if kept.is_ok() {
                self.apply();
                return true;
            }
        }
    }

    /// Shows black, or the picture. The mode stays.
    pub fn set_blank(&self, blank: bool, _irql: impl Any) {
        self.blank.store(blank, Ordering::SeqCst);
        self.apply();
    }

    /// Whether black is shown instead of the picture.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.blank.load(Ordering::SeqCst)
    }

    /// The mode, and where the picture lies; `None` while no mode is set.
    #[must_use]
    pub fn picture(&self) -> Option<ScanOut> {
        let size = self.size.load(Ordering::SeqCst);
        let wanted = self.wanted.load(Ordering::SeqCst);
        let (width, height) = halves(size);
        let (pixel, row) = halves(wanted);
        (size != 0).then(|| ScanOut {
            width,
            height,
            pitch: row.saturating_mul(PIXEL),
            offset: u64::from(pixel) * u64::from(PIXEL),
        })
    }

    /// Switches to VGA character mode, so that a bugcheck can be read (contract: L7).
    pub fn text_mode(&self) {
        if let Some(engine) = self.engine() {
            engine.text_mode();
        }
    }

    /// Shows the picture, whatever was shown before and whoever was in the middle of changing it: a
    /// bugcheck has stopped all others. `None` if no mode is known (contract: L7).
    pub fn show_for_bugcheck(&self) -> Option<ScanOut> {
        let engine = self.engine()?;
        let picture = self.picture()?;
        engine.set_mode(&picture, false).ok()?;
        self.blank.store(false, Ordering::SeqCst);
        self.blanked.store(false, Ordering::SeqCst);
        Some(picture)
    }

    /// Writes pixels into the picture, as many as fit into the row, from column `x` of row `y` on.
    /// Four bytes a pixel: blue, green, red, unused.
    pub fn write_row(&self, x: u32, y: u32, pixels: &[u8]) {
        let (Some(engine), Some(picture)) = (self.engine(), self.picture()) else {
            return;
        };
        if x >= picture.width || y >= picture.height {
            return;
        }
        let pixel = u64::from(PIXEL);
        let room = u64::from(picture.width - x) * pixel;
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let pixels = pixels.get(..room.min(pixels.len())).unwrap_or_default();
        let at = picture.offset + u64::from(y) * u64::from(picture.pitch) + u64::from(x) * pixel;
        if let Ok(at) = usize::try_from(at) {
            engine.memory.write(at, pixels);
        }
    }

    /// Brings the hardware in line with what is wanted, or has it brought by who is at it.
    fn apply(&self) {
        loop {
            let free = self
                .state
                .compare_exchange(IDLE, TAKEN, Ordering::SeqCst, Ordering::SeqCst);
            match free {
                Ok(_) => {
                    self.apply_taken();
                    self.give_back();
                    return;
                }
                Err(AGAIN) => return,
                Err(taken) => {
                    let mark = self.state.compare_exchange(
                        taken,
                        AGAIN,
                        Ordering::SeqCst,
                        Ordering::SeqCst,
                    );
                    if mark.is_ok() {
                        return;
                    }
                }
            }
        }
    }

    /// Waits until the hardware is free: for a few register writes, unless a thread was suspended in
    /// the middle of them.
    fn take(&self) {
        while self
            .state
            .compare_exchange(IDLE, TAKEN, Ordering::SeqCst, Ordering::SeqCst)
            .is_err()
        {
            core::hint::spin_loop();
        }
    }

    /// Lets go of the hardware, when nothing else is wanted any more.
    fn give_back(&self) {
        while self
            .state
            .compare_exchange(TAKEN, IDLE, Ordering::SeqCst, Ordering::SeqCst)
            .is_err()
        {
            self.state.store(TAKEN, Ordering::SeqCst);
            self.apply_taken();
        }
    }

    /// One look at what is wanted, and what that takes.
    fn apply_taken(&self) {
        let Some(engine) = self.engine() else { return };
        let picture = self.picture();
        let blank = self.blank.load(Ordering::SeqCst);
        let blanked = self.blanked.load(Ordering::Relaxed);
        if let Some(picture) = picture
            && (engine.abilities.vga || (!blank && !blanked))
        {
            engine.pan(&picture);
        }
        if blank != blanked {
            engine.blank(&picture.unwrap_or_default(), blank);
            self.blanked.store(blank, Ordering::Relaxed);
        }
    }

    fn keep(&self, scan_out: ScanOut) {
        self.wanted.store(pack_wanted(&scan_out), Ordering::SeqCst);
        self.size
            .store(join(scan_out.width, scan_out.height), Ordering::SeqCst);
    }

    /// The engine, while it is armed.
    fn engine(&self) -> Option<Engine<'_>> {
        let registers = NonNull::new(self.registers.load(Ordering::Acquire))?;
        let memory = NonNull::new(self.memory.load(Ordering::Relaxed))?;
        let bytes = self.register_bytes.load(Ordering::Relaxed);
        // SAFETY: it is a mapping that is disarmed here before it is unmapped, and dxgkrnl calls
        // nothing else for an adapter that it is stopping.
        let registers = unsafe { Window::from_raw(registers, bytes) };
        let bytes = self.memory_bytes.load(Ordering::Relaxed);
        // SAFETY: as above.
        let memory = unsafe { Window::from_raw(memory, bytes) };
        Some(Engine {
            registers: Registers(registers),
            memory,
            abilities: unpack(self.abilities.load(Ordering::Relaxed)),
        })
    }
}

impl Default for Direct {
    fn default() -> Self {
        Self::new()
    }
}

fn join(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

fn halves(word: u64) -> (u32, u32) {
    let half = |word: u64| u32::try_from(word & u64::from(u32::MAX)).unwrap_or(0);
    (half(word), half(word >> 32))
}

fn pack_wanted(scan_out: &ScanOut) -> u64 {
    // Video memory is mapped through a 32-bit length, so pixels fit.
    let pixel = u32::try_from(scan_out.offset / u64::from(PIXEL)).unwrap_or(0);
    join(pixel, scan_out.pitch / PIXEL)
}

fn pack(abilities: Abilities) -> u64 {
    let offsets = u32::from(abilities.most_y) << 16 | u32::from(abilities.most_x);
    join(offsets, abilities.vga.into())
}

fn unpack(word: u64) -> Abilities {
    let (offsets, vga) = halves(word);
    let half = |word: u32| u16::try_from(word & u32::from(u16::MAX)).unwrap_or(0);
    Abilities {
        vga: vga != 0,
        most_x: half(offsets),
        most_y: half(offsets >> 16),
    }
}
