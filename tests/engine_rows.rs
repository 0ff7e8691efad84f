//! Memory and the engine, in process: each row a test of its name.

mod common;

use vmdisp_in_process::{InProcess, Vga};
use vmdisp_scenarios::{ENGINE, Machine, RowOptions, run_row};

macro_rules! rows {
    ($($row:ident)*) => {
        $(
            #[test]
            fn $row() {
                common::passes(&InProcess::new(), stringify!($row));
            }
        )*

        #[test]
        fn every_row_has_a_test() {
            let rows: Vec<_> = ENGINE.iter().map(|row| row.name).collect();
            assert_eq!(&[$(stringify!($row)),*], rows.as_slice());
        }
    };
}

rows! {
    row_10_destroy_while_pending
    primary_surface
    mode_change
    eviction
    lock_smith
    process_callout
    scheduler_stress_always_repatch
    scheduler_stress_no_pre_patching
    unmap_segment_to_dummy_page
    commands_lose_their_pages
    pnp_stop_mode_switch
    simulate_preemption_tdr
    tdr2
    storm
    storm_with_failures
    seen_by_a_debugger
}

/// The rows that a screen or the amount of video memory makes another.
#[test]
fn on_other_adapters() {
    let adapters = [
        Vga::bochs_display(),
        Vga::default().with_video_memory(64 << 20),
    ];
    for vga in adapters {
        for row in [
            "primary_surface",
            "mode_change",
            "eviction",
            "pnp_stop_mode_switch",
        ] {
            common::passes(&InProcess::with_adapters(std::slice::from_ref(&vga)), row);
        }
    }
}

/// With the adapter's interrupt connected, so that reports come through DxgkCbSynchronizeExecution (contract: I2);
/// QEMU's adapters have none, which is what the rows above have.
#[test]
fn with_an_interrupt() {
    let rows = [
        "primary_surface",
        "scheduler_stress_no_pre_patching",
        "pnp_stop_mode_switch",
        "simulate_preemption_tdr",
        "storm",
    ];
    for name in rows {
        let machine = InProcess::new();
        assert!(machine.set_interrupt_line(0, Some(5)));
        let options = RowOptions {
            submissions: 700,
            ..RowOptions::default()
        };
        let result = run_row(&machine, common::row(name), &options);
        assert!(
            result.passed,
            "{name}: expected {}, saw {}",
            result.expected, result.seen
        );
    }
}

/// Other seeds than the first, shorter.
#[test]
fn storms_of_other_seeds() {
    let storm = common::row("storm");
    for seed in 2..5 {
        let options = RowOptions {
            seed,
            submissions: 700,
            ..RowOptions::default()
        };
        let result = run_row(&InProcess::new(), storm, &options);
        assert!(
            result.passed,
            "seed {seed}: expected {}, saw {}",
            result.expected, result.seen
        );
    }
}
