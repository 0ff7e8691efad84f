//! What monitors show at ring 0: the shipped `vmdisp.sys` beside QEMU's own adapters, compared with
//! QEMU's screendumps, pixel by pixel.

mod ring0_rows;

use std::io::Write;

use vmdisp_scenarios::SCREEN;

/// Rows whose numbers are worth a line where all is well.
const TOLD: [&str; 3] = [
    "every_mode",
    "every_mode_display_only",
    "flip_copies_nothing",
];

/// Every row of the screen on that adapter.
fn all_pass(name: &str, device: &str) {
    let results = ring0_rows::run(name, Some(device), SCREEN);
    for row in SCREEN {
        ring0_rows::passes(&results, row.name);
    }
    let rows = results.iter().flat_map(|rows| rows.values());
    for row in rows.filter(|row| TOLD.contains(&row.name.as_str())) {
        // Not by println!, which the test harness keeps to itself.
        let line = format!("checked {device}, {}: {}\n", row.name, row.note);
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

#[test]
fn vga_with_16_mib() {
    all_pass("screen_vga_16", "VGA");
}

#[test]
fn vga_with_64_mib() {
    all_pass("screen_vga_64", "VGA,vgamem_mb=64");
}

#[test]
fn bochs_display_with_16_mib() {
    all_pass("screen_bochs_16", "bochs-display");
}

#[test]
fn bochs_display_with_64_mib() {
    all_pass("screen_bochs_64", "bochs-display,vgamem=64M");
}
