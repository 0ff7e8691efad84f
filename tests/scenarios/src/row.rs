//! The rows: faults that the driver must bear, each a function with a name.

use alloc::string::{String, ToString};

use serde::{Deserialize, Serialize};

use crate::Machine;
use crate::engine;
use crate::matrix as m;
use crate::outcome::{Failed, Outcome};
use crate::screen;

/// How rows run.
#[derive(Clone, Copy, Debug)]
pub struct RowOptions {
    /// Seed of what is random in a row.
    pub seed: u64,
    /// How many wrong handles `wrong_handles` tries.
    pub wrong_handles: u32,
    /// How many submissions the storm makes.
    pub submissions: u32,
}

impl Default for RowOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            wrong_handles: 1_000_000,
            submissions: 2_000,
        }
    }
}

/// What a row is run with.
pub(crate) struct Context<'m> {
    pub machine: &'m dyn Machine,
    pub options: RowOptions,
    /// See [`run_row_watched`].
    pub progress: &'m dyn Fn(u64, u64),
}

/// One row.
pub struct Row {
    /// Its name, `row_N_…` for a row of the failure matrix.
    pub name: &'static str,
    /// What it shows, in a line.
    pub shows: &'static str,
    /// Adapters that the machine must have.
    pub adapters: u32,
    run: fn(&Context<'_>) -> Outcome,
}

/// How a row went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowResult {
    /// [`Row::name`]
    pub name: String,
    /// [`Row::shows`]
    pub shows: String,
    /// All was as expected.
    pub passed: bool,
    /// It was not run: the machine lacks something that it needs.
    pub skipped: bool,
    /// What was done, with numbers.
    pub note: String,
    /// What was expected, where it failed.
    pub expected: String,
    /// What was seen instead.
    pub seen: String,
    /// How long it took, in milliseconds of the machine's clock.
    #[serde(default)]
    pub milliseconds: u64,
}

macro_rules! rows {
    (
        $(#[$doc:meta])*
        $rows:ident:
        $($name:ident: $path:path, $adapters:literal, $shows:literal;)*
    ) => {
        $(#[$doc])*
        pub const $rows: &[Row] = &[$(Row {
            name: stringify!($name),
            shows: $shows,
            adapters: $adapters,
            run: $path,
        },)*];
    };
}

rows! {
    /// The failure matrix and what else can befall allocations. Row 10 of the matrix is among the
    /// engine's rows.
    ROWS:
    row_01_three_good: m::create::row_01_three_good, 1,
        "three good allocations are created and destroyed";
    row_02_element_k_fails: m::create::row_02_element_k_fails, 1,
        "a failure at element k frees all before it once and leaves no handle";
    row_03_existing_resource_survives: m::create::row_03_existing_resource_survives, 1,
        "the same with an existing resource, which survives";
    row_04_resource_flag_and_handle: m::create::row_04_resource_flag_and_handle, 1,
        "Flags.Resource decides, whatever hResource holds";
    row_05_destroy_resource_alone: m::destroy::row_05_destroy_resource_alone, 1,
        "a resource is destroyed with an empty list";
    row_06_resource_survives_its_allocations: m::destroy::row_06_resource_survives_its_allocations, 1,
        "without DestroyResource the resource survives";
    row_07_private_data_sizes: m::private_data::row_07_private_data_sizes, 1,
        "private data of size 0, one less, right, one more, and NULL";
    row_08_private_data_changes: m::private_data::row_08_private_data_changes, 1,
        "private data that changes while it is read is read once";
    row_09_sizes_overflow: m::private_data::row_09_sizes_overflow, 1,
        "sizes that overflow, are zero or exceed every segment";
    row_11_documented_statuses: m::outputs::row_11_documented_statuses, 1,
        "whatever is passed, only documented statuses come back";
    row_12_every_output: m::outputs::row_12_every_output, 1,
        "every [out] member is written, the right member of each union";
    row_13_wrong_among_good: m::destroy::row_13_wrong_among_good, 1,
        "wrong entries among good ones: the good are freed once, nothing else is touched";
    two_adapters_at_once: m::life::two_adapters_at_once, 2,
        "two adapters share nothing, and one goes while the other works";
    remove_without_stop: m::life::remove_without_stop, 1,
        "RemoveDevice without StopDevice gives all back";
    surprise_removal_between_calls: m::life::surprise_removal_between_calls, 1,
        "the device vanishes between any two calls";
    stop_and_start_again: m::life::stop_and_start_again, 1,
        "a stopped adapter starts again and works";
    systematic_failure: m::systematic::systematic_failure, 1,
        "every pool call and every slot fails once; the rest goes on";
    wrong_handles: m::wrong_handles::wrong_handles, 2,
        "wrong handles of every kind are refused";
    bad_input: m::bad_input::bad_input, 1,
        "wrong input gives the documented status and one debug line that names the field";
}

rows! {
    /// What a monitor shows.
    SCREEN:
    every_mode: screen::modes::every_mode, 1,
        "every mode that is offered shows what is drawn into its primary";
    every_mode_display_only: screen::modes::every_mode_display_only, 1,
        "every mode of the display-only driver shows what is presented";
    modes_of_the_users_own: screen::modes::modes_of_the_users_own, 1,
        "modes that the user names are offered and shown, a bad line is named";
    two_hundred_mode_changes: screen::modes::mode_changes, 1,
        "mode changes leave the pool where it was";
    no_path_and_back: screen::modes::no_path_and_back, 1,
        "a screen without a path is black, and comes back";
    invisible_and_visible_again: screen::source::invisible_and_visible_again, 1,
        "an invisible source is black, a visible one shows its picture";
    flip_copies_nothing: screen::source::flip_copies_nothing, 1,
        "a flip takes a few register writes and no copy";
    vertical_sync: screen::source::vertical_sync, 1,
        "vertical syncs come at the mode's rate, with and without an interrupt";
    rotation: screen::source::rotation, 1,
        "a rotation is refused by the full driver and done by the display-only one";
    dirty_rectangles: screen::display_only::dirty_rectangles, 1,
        "a present copies its rectangles and nothing else";
    sleep_and_wake: screen::life::sleep_and_wake, 1,
        "a picture can be shown again after sleep";
    hibernate_and_wake: screen::life::hibernate_and_wake, 1,
        "the same after hibernation, with all state of the adapter lost";
    stop_and_start_showing: screen::life::stop_and_start_again, 1,
        "an adapter that shows something stops, starts and shows again";
    remove_while_shown: screen::life::remove_while_shown, 1,
        "RemoveDevice without StopDevice while a picture is shown";
    surprise_removal_while_shown: screen::life::surprise_removal_while_shown, 1,
        "the device vanishes while it shows a picture";
    hand_over_and_back: screen::life::hand_over_and_back, 1,
        "the hand-over leaves a black, linear screen, and the next start takes it";
    unplug_and_plug: screen::plug::unplug_and_plug, 1,
        "the monitor is unplugged and plugged in while the machine sleeps";
    system_display: screen::bugcheck::system_display, 1,
        "a bugcheck draws at any IRQL, clipped to the screen";
}

rows! {
    /// Memory and the engine; most are named after the HLK test that they stand for (docs/hlk.md).
    ENGINE:
    row_10_destroy_while_pending: engine::pending::row_10_destroy_while_pending, 1,
        "what the engine works on is destroyed: allocations, resources, contexts, devices";
    primary_surface: engine::primary_surface::primary_surface, 1,
        "presents of every kind: copies, fills, scrolls, flips, 8 to 64 bits a pixel";
    mode_change: engine::mode_change::mode_change, 1,
        "modes change while contexts render and primaries are locked";
    eviction: engine::eviction::eviction, 1,
        "pictures are right after eviction and return, under pressure and by name";
    lock_smith: engine::lock_smith::lock_smith, 1,
        "the CPU locks twice, with discard, without waiting, while memory moves";
    process_callout: engine::process_callout::process_callout, 1,
        "processes are killed while they render, and another one's pictures are right";
    scheduler_stress_always_repatch: engine::scheduler_stress::always_repatch, 1,
        "paging, preemption and split buffers, with Patch before every submission";
    scheduler_stress_no_pre_patching: engine::scheduler_stress::no_pre_patching, 1,
        "the same, with every address left to Patch";
    unmap_segment_to_dummy_page: engine::dummy_page::unmap_segment_to_dummy_page, 1,
        "an unmapped part of the aperture leads to the dummy page and nowhere else";
    commands_lose_their_pages: engine::lost_pages::commands_lose_their_pages, 1,
        "pages of a command buffer are taken away, which ends Render and nothing else";
    pnp_stop_mode_switch: engine::pnp::pnp_stop_mode_switch, 1,
        "the adapter stops and starts while it renders and shows, in the same mode and another";
    simulate_preemption_tdr: engine::timeouts::simulate_preemption_tdr, 1,
        "an engine that does not answer a preemption is reset, and one process pays for it";
    tdr2: engine::timeouts::tdr2, 1,
        "long work without a timeout, a reset of the engine, a reset of the adapter";
    storm: engine::storm::storm, 1,
        "16 processes do everything at once in a third of their memory, and every pixel is right";
    storm_with_failures: engine::storm::systematic::storm_with_failures, 1,
        "a storm with each pool call, slot, callback and thread creation failing once";
    seen_by_a_debugger: engine::debugged::seen_by_a_debugger, 1,
        "a busy adapter holds still, for the debugger's extension";
}

/// Rows that belong together.
pub struct Group {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is about, in a line.
    pub shows: &'static str,
    /// Its rows.
    pub rows: &'static [Row],
}

/// Every row there is, by group.
pub const GROUPS: &[Group] = &[
    Group {
        name: "matrix",
        shows: "faults that the allocation DDIs must bear",
        rows: ROWS,
    },
    Group {
        name: "screen",
        shows: "what a monitor shows",
        rows: SCREEN,
    },
    Group {
        name: "engine",
        shows: "what contexts render and present, wherever its memory is",
        rows: ENGINE,
    },
];

/// Every row there is.
pub fn all_rows() -> impl Iterator<Item = &'static Row> {
    GROUPS.iter().flat_map(|group| group.rows)
}

/// The row with that name.
pub fn find_row(name: &str) -> Option<&'static Row> {
    all_rows().find(|row| row.name == name)
}

/// The group with that name.
pub fn find_group(name: &str) -> Option<&'static Group> {
    GROUPS.iter().find(|group| group.name == name)
}

/// Runs a row. It loads the driver itself, as often as it needs to.
pub fn run_row(machine: &dyn Machine, row: &Row, options: &RowOptions) -> RowResult {
    run_row_watched(machine, row, options, &|_, _| {})
}

/// The same; a row that takes long tells `progress` how many of how many steps it has done.
pub fn run_row_watched(
    machine: &dyn Machine,
    row: &Row,
    options: &RowOptions,
    progress: &dyn Fn(u64, u64),
) -> RowResult {
    let mut result = RowResult::of(row);
    if machine.adapters() < row.adapters {
        result.skipped = true;
        result.note = alloc::format!("needs {} adapters", row.adapters);
        return result;
    }
    let host = machine.host();
    let begun = host.time_100ns();
    match (row.run)(&Context {
        machine,
        options: *options,
        progress,
    }) {
        Ok(note) => {
            result.passed = true;
            result.note = note;
        }
        Err(Failed { expected, seen }) => {
            result.expected = expected;
            result.seen = seen;
        }
    }
    result.milliseconds = host.time_100ns().saturating_sub(begun) / 10_000;
    result
}

impl RowResult {
    /// Of a row that has not been run.
    pub fn of(row: &Row) -> Self {
        Self {
            name: row.name.to_string(),
            shows: row.shows.to_string(),
            passed: false,
            skipped: false,
            note: String::new(),
            expected: String::new(),
            seen: String::new(),
            milliseconds: 0,
        }
    }
}
