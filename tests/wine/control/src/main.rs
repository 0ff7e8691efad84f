//! What a person does in Device Manager and at the command line, for the Wine host: one word says what, the exit code
//! whether it worked, and a line why not.
#![no_std]
#![no_main]

extern crate alloc;

mod ask;
mod devices;
mod runtime;
mod services;

use alloc::format;
use alloc::string::String;

use runtime::{arguments, exit, print};

/// What went wrong: the function, and its error.
pub struct Trouble(pub &'static str, pub u32);

type Outcome = Result<(), Trouble>;

/// Where the program begins.
// SAFETY: no other symbol has this name; the linker is told of it.
#[unsafe(no_mangle)]
extern "system" fn begin() -> ! {
    let arguments = arguments();
    let words: alloc::vec::Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["copy-inf", inf] => devices::copy_inf(inf),
        ["remove-inf", name] => devices::remove_inf(name),
        ["make-device", inf, id] => devices::make(inf, id),
        ["remove-device", id] => devices::remove(id),
        ["devices", id] => devices::list(id),
        ["make-service", name, image] => services::make(name, image),
        ["start", name] => services::start(name),
        ["stop", name] => services::stop(name),
        ["state", name] => services::state(name),
        ["delete-service", name] => services::delete(name),
        ["ask", device, number, argument] => ask::ask(device, number, argument),
        ["control-code", device, code] => ask::control_code(device, code),
        _ => {
            print(&format!("not a command: {arguments:?}"));
            exit(2)
        }
    };
    match done {
        Ok(()) => exit(0),
        Err(Trouble(function, error)) => {
            print(&format!("{function} failed: error {error:#x}"));
            exit(1)
        }
    }
}
