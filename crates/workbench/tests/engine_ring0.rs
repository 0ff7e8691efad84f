//! Memory and the engine at ring 0: the shipped `vmdisp.sys` beside QEMU's own adapters, the screen compared
//! with QEMU's screendumps.

mod ring0_rows;

use std::io::Write;

use vmdisp_scenarios::{ENGINE, Row};

/// Those rows on that adapter.
fn pass<'a>(name: &str, device: &str, rows: impl Iterator<Item = &'a Row>) {
    let rows: Vec<_> = rows.collect();
    let results = ring0_rows::run_some(name, Some(device), &rows);
    for row in rows {
        ring0_rows::passes(&results, row.name);
    }
    for row in results.iter().flat_map(|rows| rows.values()) {
        // Not by println!, which the test harness keeps to itself.
        let line = format!("checked {device}, {}: {}\n", row.name, row.note);
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

#[test]
fn vga() {
    pass("engine_vga", "VGA", ENGINE.iter());
}

/// The rows that another adapter makes another.
#[test]
fn bochs_display() {
    let rows = [
        "primary_surface",
        "mode_change",
        "eviction",
        "pnp_stop_mode_switch",
    ];
    let rows = ENGINE.iter().filter(|row| rows.contains(&row.name));
    pass("engine_bochs", "bochs-display", rows);
}
