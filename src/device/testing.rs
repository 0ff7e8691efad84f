//! An adapter of the Bochs family that is made of memory, for unit tests.

extern crate std;

use core::ptr::NonNull;
use std::boxed::Box;
use std::sync::{Arc, Mutex};
use std::vec;

use super::bochs::engine::{Abilities, Engine};
use super::bochs::registers::Registers;
use super::{Direct, FrameBuffer, Hardware, NotTaken, ScanOut, ScanOutLimits};
use crate::kernel::Window;
use crate::kernel::host::{self, Answering};
use crate::kernel::irql::Passive;
use crate::kernel::resources::MemoryRange;
use crate::kernel::testing::mapping;

/// Bytes of BAR 2.
const REGISTERS: usize = 4096;
/// Where video memory is.
const PHYSICAL: u64 = 0xe000_0000;

/// What the monitor shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seen {
    /// Nothing, at this size.
    Black(u32, u32),
    /// Video memory.
    Picture(ScanOut),
    /// The DISPI mode is off.
    Text,
}

/// The registers, as QEMU's devices have them.
#[derive(Default)]
struct Chip {
    vga: bool,
    /// Wider pictures are cut.
    widest: u16,
    dispi: [u16; 11],
    attribute: u8,
    data_next: bool,
    misc: u8,
    sequencer: u8,
    /// The lower half of what says the byte order.
    order: u16,
    writes: usize,
}

/// What comes in the middle of a register write.
type Interrupt = Box<dyn FnOnce() + Send>;

struct Shared(Mutex<Chip>, Mutex<Option<Interrupt>>);

impl host::Registers for Shared {
    fn read(&self, offset: usize, _bytes: usize) -> u16 {
        let mut chip = self.0.lock().unwrap();
        match offset {
            0x400 if chip.vga && !chip.data_next => chip.attribute.into(),
            0x404 if chip.vga => chip.sequencer.into(),
            0x40c if chip.vga => chip.misc.into(),
            // The colour adapter's status, and with it the order of the attribute controller.
            0x41a if chip.vga && chip.misc & 1 != 0 => {
                chip.data_next = false;
                0
            }
            0x500..0x516 => chip.dispi[(offset - 0x500) / 2],
            0x600 => 8,
            0x602 => 0,
            _ => u16::MAX,
        }
    }

    fn write(&self, offset: usize, _bytes: usize, value: u16) {
        let interrupt = self.1.lock().unwrap().take();
        if let Some(interrupt) = interrupt {
            interrupt();
        }
        let mut chip = self.0.lock().unwrap();
        chip.writes += 1;
        let byte = u8::try_from(value & 0xff).unwrap();
        match offset {
            0x400 if chip.vga => {
                if !chip.data_next {
                    chip.attribute = byte;
                }
                chip.data_next = !chip.data_next;
            }
            0x402 if chip.vga => chip.misc = byte,
            0x404 if chip.vga => chip.sequencer = byte & 7,
            0x500..0x516 => {
                let index = (offset - 0x500) / 2;
                let on = index == 4 && value & 1 != 0 && chip.dispi[4] & 1 == 0;
                chip.dispi[index] = value;
                if on && chip.vga {
                    chip.dispi[1] = chip.dispi[1].min(chip.widest) & !7;
                    (chip.dispi[6], chip.dispi[8], chip.dispi[9]) = (chip.dispi[1], 0, 0);
                }
            }
            0x604 => chip.order = value,
            _ => {}
        }
    }
}

/// An adapter.
pub struct Board {
    chip: Arc<Shared>,
    _answering: Answering,
    registers: NonNull<u8>,
    memory: Box<[u32]>,
    frame_buffer: FrameBuffer,
    abilities: Abilities,
}

impl Board {
    /// `VGA`, or `bochs-display`, with so many bytes of video memory.
    pub fn new(vga: bool, bytes: usize) -> Self {
        let chip = Chip {
            vga,
            widest: 16000,
            ..Chip::default()
        };
        let chip = Arc::new(Shared(Mutex::new(chip), Mutex::new(None)));
        // Only the addresses are used.
        let page = Box::leak(vec![0_u32; REGISTERS / 4].into_boxed_slice());
        let registers = NonNull::from(page).cast::<u8>();
        let answering = host::answer(registers, REGISTERS, chip.clone());
        let mut memory = vec![0x1122_3344_u32; bytes / 4].into_boxed_slice();
        let address = NonNull::from(&mut *memory).cast();
        let (most_x, most_y) = if vga { (16000, 12000) } else { (65535, 65535) };
        let abilities = Abilities {
            vga,
            most_x,
            most_y,
        };
        let engine = Engine {
            // SAFETY: the page is there for good.
            registers: Registers(unsafe { Window::from_raw(registers, REGISTERS) }),
            // SAFETY: used here only.
            memory: unsafe { Window::from_raw(address, bytes) },
            abilities,
        };
        let pictures = engine.picture_memory();
        Self {
            chip,
            _answering: answering,
            registers,
            frame_buffer: FrameBuffer::new(mapping(address, bytes), pictures),
            memory,
            abilities,
        }
    }

    fn engine(&self) -> Engine<'_> {
        // SAFETY: the page is there for good.
        let registers = unsafe { Window::from_raw(self.registers, REGISTERS) };
        Engine {
            registers: Registers(registers),
            memory: self.frame_buffer.mapped(),
            abilities: self.abilities,
        }
    }

    /// Cuts pictures that are wider, at the next mode.
    pub fn set_widest(&self, widest: u16) {
        self.chip.0.lock().unwrap().widest = widest;
    }

    /// Has `interrupt` come in the middle of the next register write.
    pub fn interrupt_next_write(&self, interrupt: impl FnOnce() + Send + 'static) {
        *self.chip.1.lock().unwrap() = Some(Box::new(interrupt));
    }

    /// What sleeping takes: registers and video memory.
    pub fn lose_all(&self) {
        let mut chip = self.chip.0.lock().unwrap();
        *chip = Chip {
            vga: chip.vga,
            widest: chip.widest,
            ..Chip::default()
        };
        drop(chip);
        assert!(self.frame_buffer.mapped().clear(0, self.memory.len() * 4));
    }

    /// Register writes since the last question.
    pub fn writes(&self) -> usize {
        core::mem::take(&mut self.chip.0.lock().unwrap().writes)
    }

    /// The pixel at `offset` bytes.
    pub fn pixel(&self, offset: u64) -> u32 {
        let at = self.frame_buffer.mapped().base().cast::<u32>();
        let index = usize::try_from(offset).unwrap() / 4;
        assert!(index < self.memory.len());
        // SAFETY: a pixel of the memory.
        let pixel = unsafe { at.add(index) };
        // SAFETY: as above.
        unsafe { pixel.read_volatile() }
    }

    /// What the monitor shows.
    pub fn seen(&self) -> Seen {
        let chip = self.chip.0.lock().unwrap();
        let [_, width, height, depth, on, _, virtual_width, _, x, y, _] = chip.dispi.map(u32::from);
        if on & 1 == 0 {
            return Seen::Text;
        }
        assert_eq!((depth, chip.order), (32, 0x1e1e));
        let pitch = virtual_width * 4;
        let offset = u64::from(y) * u64::from(pitch) + u64::from(x) * 4;
        let scan_out = ScanOut {
            width,
            height,
            pitch,
            offset,
        };
        drop(chip);
        let dark = self.chip.0.lock().unwrap().attribute & 0x20 == 0;
        if self.abilities.vga && dark {
            return Seen::Black(width, height);
        }
        let rows = 0..u64::from(height);
        let mut pixels = rows.flat_map(|row| {
            (0..u64::from(width)).map(move |column| offset + row * u64::from(pitch) + column * 4)
        });
        if pixels.all(|at| self.pixel(at) == 0) {
            return Seen::Black(width, height);
        }
        Seen::Picture(scan_out)
    }
}

impl Hardware for Board {
    fn id(&self) -> u32 {
        0xb0c5
    }

    fn video_memory(&self) -> MemoryRange {
        MemoryRange {
            physical: PHYSICAL,
            bytes: self.frame_buffer.bytes() as u64,
        }
    }

    fn edid(&self, _to: &mut [u8]) -> usize {
        0
    }

    fn scan_out_limits(&self) -> ScanOutLimits {
        ScanOutLimits {
            largest_width: 16000,
            largest_height: 12000,
            width_multiple: 8,
            least_pitch: 64,
        }
    }

    fn set_mode(&self, scan_out: &ScanOut, _irql: Passive) -> Result<(), NotTaken> {
        self.engine().set_mode(scan_out, false)
    }

    fn frame_buffer(&self) -> &FrameBuffer {
        &self.frame_buffer
    }

    fn arm(&self, direct: &Direct, found: Option<ScanOut>) {
        direct.arm(&self.engine(), found);
    }
}
