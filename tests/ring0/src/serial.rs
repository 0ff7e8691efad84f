//! COM1: the log, and the lines that the workbench reads.

use alloc::{format, vec::Vec};
use core::fmt::{self, Write};

use serde_json::{from_slice, to_string};
use spin::Mutex;
use uart_16550::{Config, Uart16550, backend::PioBackend};
use vmdisp_ring0_protocol::{MESSAGE_MARK, Message, Reply};

use crate::{cpu::clock, nt::dispatcher};

/// Time between two looks for an answer, in 100 ns.
const POLL: u64 = 1_000;

/// First I/O port of COM1.
const COM1: u16 = 0x3f8;

const fn com1() -> Uart16550<PioBackend> {
    // SAFETY: every PC has COM1 there, and nothing else drives it.
    match unsafe { Uart16550::new_port(COM1) } {
        Ok(port) => port,
        Err(_) => panic!("COM1's registers fit into the I/O space"),
    }
}

static PORT: Mutex<Uart16550<PioBackend>> = Mutex::new(com1());

/// Sets the port up.
///
/// # Panics
///
/// Where there is no such port.
pub fn set_up() {
    PORT.lock().init(Config::default()).expect("COM1");
}

/// Breaks the port's lock, for a fault that came while a line was being written.
pub fn fault_begins() {
    if PORT.is_locked() {
        // SAFETY: the holder was interrupted for good, and the port has no state worth keeping.
        unsafe { PORT.force_unlock() }
        line(format_args!(""));
    }
}

struct Writer<'a>(&'a mut Uart16550<PioBackend>);

impl Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.send_bytes_exact(text.as_bytes());
        Ok(())
    }
}

/// Writes one line.
pub fn line(text: fmt::Arguments<'_>) {
    let mut port = PORT.lock();
    let mut writer = Writer(&mut port);
    // Writing to the port cannot fail; a `Display` that fails cuts its own line short.
    let _ = writeln!(writer, "{text}");
}

/// Writes a message for the workbench.
pub fn message(message: &Message) {
    match to_string(message) {
        Ok(json) => line(format_args!("{MESSAGE_MARK}{json}")),
        Err(error) => line(format_args!("a message could not be written: {error}")),
    }
}

/// Asks the workbench something and waits for its answer; what is due meanwhile runs. The caller holds
/// no lock.
pub fn ask(question: &Message) -> Reply {
    message(question);
    let mut answer = Vec::new();
    loop {
        let byte = PORT.lock().try_receive_byte();
        match byte {
            Ok(b'\n') => break,
            Ok(byte) => answer.push(byte),
            Err(_) => dispatcher::idle_until(clock::now_100ns() + POLL),
        }
    }
    from_slice(&answer).unwrap_or_else(|error| Reply::Failed(format!("the answer: {error}")))
}

/// Writes a line of log.
#[macro_export]
macro_rules! log {
    ($($text:tt)*) => { $crate::serial::line(format_args!($($text)*)) };
}
