//! What a monitor shows, in process: each row a test of its name, on each kind of adapter.

mod common;

use vmdisp_in_process::{InProcess, Vga};

/// The adapters that a screen is tested on.
fn adapters() -> [(&'static str, Vga); 3] {
    [
        ("VGA, 16 MiB", Vga::default()),
        ("VGA, 64 MiB", Vga::default().with_video_memory(64 << 20)),
        ("bochs-display", Vga::bochs_display()),
    ]
}

macro_rules! rows {
    ($($row:ident)*) => {
        $(
            #[test]
            fn $row() {
                for (name, vga) in adapters() {
                    eprintln!("{name}");
                    common::passes(&InProcess::with_adapters(&[vga]), stringify!($row));
                }
            }
        )*

        #[test]
        fn every_row_has_a_test() {
            let rows: Vec<_> = vmdisp_scenarios::SCREEN.iter().map(|row| row.name).collect();
            assert_eq!(&[$(stringify!($row)),*], rows.as_slice());
        }
    };
}

rows! {
    every_mode
    every_mode_display_only
    modes_of_the_users_own
    two_hundred_mode_changes
    no_path_and_back
    invisible_and_visible_again
    flip_copies_nothing
    vertical_sync
    rotation
    dirty_rectangles
    sleep_and_wake
    hibernate_and_wake
    stop_and_start_showing
    remove_while_shown
    surprise_removal_while_shown
    hand_over_and_back
    unplug_and_plug
    system_display
}
