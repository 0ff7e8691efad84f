//! The failure matrix in process: each row a test of its name.

mod common;

use vmdisp_in_process::{InProcess, Vga};

/// A test for each row, and one that no row is without.
macro_rules! rows {
    ($($row:ident)*) => {
        $(
            #[test]
            fn $row() {
                let adapters = common::row(stringify!($row)).adapters;
                let vgas = vec![Vga::default(); adapters as usize];
                common::passes(&InProcess::with_adapters(&vgas), stringify!($row));
            }
        )*

        #[test]
        fn every_row_has_a_test() {
            common::are_all_rows(&[$(stringify!($row)),*]);
        }
    };
}

rows! {
    row_01_three_good
    row_02_element_k_fails
    row_03_existing_resource_survives
    row_04_resource_flag_and_handle
    row_05_destroy_resource_alone
    row_06_resource_survives_its_allocations
    row_07_private_data_sizes
    row_08_private_data_changes
    row_09_sizes_overflow
    row_11_documented_statuses
    row_12_every_output
    row_13_wrong_among_good
    two_adapters_at_once
    remove_without_stop
    surprise_removal_between_calls
    stop_and_start_again
    systematic_failure
    wrong_handles
    bad_input
}

/// The same with each pool block against an unmapped page: whoever reads or writes past a block, or
/// after it was freed, is stopped there.
#[test]
fn every_row_with_guard_pages() {
    for row in vmdisp_scenarios::ROWS {
        let machine = InProcess::with_two_adapters();
        if !machine.guard_pages() {
            eprintln!("skipped: this system has no guard pages");
            return;
        }
        // The pages cost time; the million is tried without them.
        common::passes_with(&machine, row.name, 20_000);
    }
}
