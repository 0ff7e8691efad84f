//! What calls of the DDIs take, in instructions, beside the table in docs/performance.md: red where one grew by more
//! than a tenth and the table was not written anew.
//!
//! Where the driver or QEMU cannot be had the test says so and is skipped; in CI (`CI=true`) that is a failure.

use std::io::Write;
use std::process::Command;

#[test]
fn no_call_has_grown() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_workbench"));
    command.args(["ring0", "--instructions", "--timeout", "600"]);
    let output = command.output().expect("the workbench starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    // A thing that is missing is reported with the command that installs it.
    if !output.status.success() && errors.contains("cargo run -- setup") {
        let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(
            !ci,
            "instructions cannot be counted, and this is CI: {errors}"
        );
        // Not by eprintln!, which the test harness keeps to itself.
        let _ = write!(std::io::stderr(), "ring 0: SKIPPED, {errors}");
        return;
    }
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{table}\n{errors}");
    // A scenario that counts nothing would pass as well.
    for ddi in [
        "CreateAllocation",
        "DestroyAllocation",
        "Render",
        "Present",
        "SubmitCommand",
        "BuildPagingBuffer",
    ] {
        assert!(table.contains(ddi), "{ddi} was not counted:\n{table}");
    }
}
