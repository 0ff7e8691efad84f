//! The failure matrix at ring 0: the rows that run in process, on the shipped `vmdisp.sys` in QEMU.

mod ring0_rows;

use std::sync::OnceLock;

use ring0_rows::Results;
use vmdisp_scenarios::ROWS;

/// All rows, run once, in one machine.
fn results() -> &'static Results {
    static RESULTS: OnceLock<Results> = OnceLock::new();
    RESULTS.get_or_init(|| ring0_rows::run("failure_matrix_ring0", None, ROWS))
}

macro_rules! rows {
    ($($row:ident)*) => {
        $(
            #[test]
            fn $row() {
                ring0_rows::passes(results(), stringify!($row));
            }
        )*

        #[test]
        fn every_row_has_a_test() {
            let rows: Vec<_> = ROWS.iter().map(|row| row.name).collect();
            assert_eq!(rows, [$(stringify!($row)),*]);
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
