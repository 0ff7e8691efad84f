//! The device that the workbench asks: a number and an argument in, JSON out.

use alloc::format;
use alloc::vec::Vec;
use core::ptr::{self, NonNull};

use serde_json::Value;
use vmdisp_wine_protocol::Answer;
use windows_sys::Wdk::System::SystemServices::{
    IoCreateDevice, IoCreateSymbolicLink, IoDeleteDevice, IoDeleteSymbolicLink,
};

use crate::status::{STATUS_BUFFER_TOO_SMALL, STATUS_INVALID_DEVICE_REQUEST, STATUS_SUCCESS};
use crate::text::Utf16;
use crate::{DEVICE_OBJECT, DRIVER_OBJECT, INITIALIZING, IRP, NTSTATUS, irp};

/// `CTL_CODE(FILE_DEVICE_UNKNOWN, 0x900, METHOD_BUFFERED, FILE_ANY_ACCESS)`.
pub const ASK: u32 = 0x0022_2400;

/// A device with a name for the kernel, and one for programs.
pub struct Control {
    /// The device.
    pub device: NonNull<DEVICE_OBJECT>,
    link: Utf16,
}

// SAFETY: the device is the kernel's, which any thread may name.
unsafe impl Send for Control {}

impl Control {
    /// Makes it.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// # Safety
    ///
    /// `driver` is this driver's object, and IRQL is PASSIVE_LEVEL.
    pub unsafe fn new(
        driver: *const DRIVER_OBJECT,
        device_type: u32,
        name: &str,
        for_programs: &str,
    ) -> Result<Self, NTSTATUS> {
        let name = Utf16::new(&format!(r"\Device\{name}"));
        let mut device = ptr::null_mut();
        // SAFETY: the caller's promise; the name lives through the call.
        let status = unsafe {
            IoCreateDevice(
                driver,
                0,
                &name.get(),
                device_type,
                0,
                false,
                &raw mut device,
            )
        };
        let Some(device) = NonNull::new(device).filter(|_| status == STATUS_SUCCESS) else {
            return Err(status);
        };
        let link = Utf16::new(&format!(r"\DosDevices\{for_programs}"));
        // SAFETY: the names live through the call.
        let status = unsafe { IoCreateSymbolicLink(&link.get(), &name.get()) };
        if status != STATUS_SUCCESS {
            // SAFETY: it was made above.
            unsafe { IoDeleteDevice(device.as_ptr()) };
            return Err(status);
        }
        // SAFETY: it was made above, and is this driver's.
        let flags = unsafe { &mut (*device.as_ptr()).Flags };
        *flags &= !INITIALIZING;
        Ok(Self { device, link })
    }

    /// Takes it away.
    ///
    /// # Safety
    ///
    /// The driver is being unloaded.
    pub unsafe fn delete(self) {
        // SAFETY: the link was made with the device.
        unsafe { IoDeleteSymbolicLink(&self.link.get()) };
        // SAFETY: the caller's promise.
        unsafe { IoDeleteDevice(self.device.as_ptr()) };
    }
}

/// A routine for requests that always succeed: opening and closing.
///
/// # Safety
///
/// The I/O manager's.
pub unsafe extern "system" fn succeed(_device: *const DEVICE_OBJECT, irp: *mut IRP) -> NTSTATUS {
    // SAFETY: the I/O manager gives the request to this driver.
    unsafe { irp::complete(irp, STATUS_SUCCESS, 0) }
}

/// Answers a question with what `answer` makes of its number and its argument; others are refused.
///
/// # Safety
///
/// `irp` is a device control that this driver has, and loses by this.
pub unsafe fn answer(irp: *mut IRP, answer: impl FnOnce(u32, u64) -> Answer) -> NTSTATUS {
    // SAFETY: the caller's promise.
    let control = unsafe { irp::device_control(irp) };
    if control.code != u64::from(ASK) || control.input_bytes < 16 {
        // SAFETY: the caller's promise.
        return unsafe { irp::complete(irp, STATUS_INVALID_DEVICE_REQUEST, 0) };
    }
    // SAFETY: a buffered request has its buffer here.
    let buffer = unsafe { irp::system_buffer(irp) };
    // SAFETY: the buffer has 16 bytes.
    let [number, argument] = unsafe { buffer.cast::<[u64; 2]>().read_unaligned() };
    let answer = answer(number as u32, argument);
    let text = serde_json::to_vec(&answer).unwrap_or_default();
    if text.len() > control.output_bytes as usize {
        // SAFETY: the caller's promise.
        return unsafe { irp::complete(irp, STATUS_BUFFER_TOO_SMALL, 0) };
    }
    // SAFETY: the buffer is as long as the longer of both lengths says.
    unsafe { ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast(), text.len()) };
    // SAFETY: the caller's promise.
    unsafe { irp::complete(irp, STATUS_SUCCESS, text.len()) }
}

/// An answer without anything to say.
pub fn status(status: NTSTATUS) -> Answer {
    Answer {
        status,
        value: Value::Null,
    }
}

/// An answer.
pub fn success(value: impl serde::Serialize) -> Answer {
    Answer {
        status: STATUS_SUCCESS,
        value: serde_json::to_value(value).unwrap_or(Value::Null),
    }
}

/// Bytes of text as the shim takes them, a line at a time.
pub(crate) fn line_of(mark: &str, value: &impl serde::Serialize) -> Vec<u8> {
    let mut line = mark.as_bytes().to_vec();
    line.extend(serde_json::to_vec(value).unwrap_or_default());
    line
}
