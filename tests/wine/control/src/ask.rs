//! Questions to the drivers.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use core::ptr;

use windows_sys::Win32::Foundation::{
    CloseHandle, GENERIC_READ, GENERIC_WRITE, GetLastError, HANDLE, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::Storage::FileSystem::{CreateFileW, OPEN_EXISTING};
use windows_sys::Win32::System::IO::DeviceIoControl;

use crate::runtime::{print, wide};
use crate::{Outcome, Trouble};

/// The drivers' control code; `vmdisp_wine_nt::control` has it, too.
const ASK: u32 = 0x0022_2400;
/// The longest answer.
const LONGEST: usize = 1 << 16;

fn number(text: &str) -> Result<u64, Trouble> {
    let digits = text.strip_prefix("0x");
    let number = digits.map_or_else(|| text.parse(), |digits| u64::from_str_radix(digits, 16));
    number.map_err(|_| Trouble("reading a number", 0))
}

fn open(device: &str) -> Result<HANDLE, Trouble> {
    let name = wide(&format!(r"\\.\{device}"));
    // SAFETY: the name is there.
    let handle = unsafe {
        CreateFileW(
            name.as_ptr(),
            GENERIC_READ | GENERIC_WRITE,
            3,
            ptr::null(),
            OPEN_EXISTING,
            0,
            ptr::null_mut(),
        )
    };
    if handle == INVALID_HANDLE_VALUE {
        return Err(trouble("opening the device"));
    }
    Ok(handle)
}

/// The last error, of that function.
pub fn trouble(function: &'static str) -> Trouble {
    // SAFETY: it takes nothing.
    Trouble(function, unsafe { GetLastError() })
}

fn control(device: HANDLE, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, Trouble> {
    let mut bytes = 0;
    // SAFETY: both buffers are there.
    let done = unsafe {
        DeviceIoControl(
            device,
            code,
            input.as_ptr().cast(),
            input.len() as u32,
            output.as_mut_ptr().cast(),
            output.len() as u32,
            &raw mut bytes,
            ptr::null_mut(),
        )
    };
    if done == 0 {
        return Err(trouble("the device control"));
    }
    Ok(bytes as usize)
}

/// Asks a driver, and prints the answer.
pub fn ask(device: &str, question: &str, argument: &str) -> Outcome {
    let handle = open(device)?;
    let mut input = [0; 16];
    input[..8].copy_from_slice(&number(question)?.to_le_bytes());
    input[8..].copy_from_slice(&number(argument)?.to_le_bytes());
    let mut output = vec![0; LONGEST];
    let bytes = control(handle, ASK, &input, &mut output)?;
    // SAFETY: the handle is open.
    unsafe { CloseHandle(handle) };
    print(&String::from_utf8_lossy(&output[..bytes]));
    Ok(())
}

/// Sends a control code to a driver as a program may.
pub fn control_code(device: &str, code: &str) -> Outcome {
    let handle = open(device)?;
    let sent = control(handle, number(code)? as u32, &[], &mut [0; 8]);
    // SAFETY: the handle is open.
    unsafe { CloseHandle(handle) };
    sent.map(|_| ())
}
