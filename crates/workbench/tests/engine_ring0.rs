//! Memory and the engine at ring 0: the shipped `vmdisp.sys` beside QEMU's own adapters, the screen compared
//! with QEMU's screendumps.

mod ring0_rows;

use std::io::Write;

use vmdisp_scenarios::{ENGINE, Row};

/// The row that runs a storm for each thing that may fail.
const FAILURES: &str = "storm_with_failures";

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
    let rows = ENGINE.iter().filter(|row| row.name != FAILURES);
    pass("engine_vga", "VGA", rows);
}

/// On a machine of its own: it takes longer than all the others together.
#[test]
fn failures() {
    let rows = ENGINE.iter().filter(|row| row.name == FAILURES);
    pass("engine_failures", "VGA", rows);
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
