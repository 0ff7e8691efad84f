//! How the linker makes a program that brings its own beginning.

fn main() {
    for option in [
        "/SUBSYSTEM:CONSOLE",
        "/ENTRY:begin",
        "/NODEFAULTLIB",
        "/MANIFEST:NO",
    ] {
        println!("cargo::rustc-link-arg-bins={option}");
    }
}
