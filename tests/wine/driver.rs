//! The build script of every driver here: how the linker makes a kernel driver.

fn main() {
    let options = [
        "/DRIVER:WDM",
        "/SUBSYSTEM:NATIVE,10.00",
        "/ENTRY:DriverEntry",
        "/NODEFAULTLIB",
        "/MANIFEST:NO",
        "/DYNAMICBASE",
        "/NXCOMPAT",
        "/OPT:REF,ICF",
    ];
    for option in options {
        println!("cargo::rustc-cdylib-link-arg={option}");
    }
}
