//! The screen on an adapter made of memory: what is seen, and what is reported.

extern crate std;

use core::sync::atomic::Ordering;

use std::boxed::Box;
use std::sync::Arc;

use super::modes::{Limits, Mode, Sources};
use super::{Monitor, Parts, Plan, Rotation, Screen};
use crate::device::testing::{Board, Seen};
use crate::device::{Hardware, ScanOut};
use crate::kernel::host::World;
use crate::kernel::testing::line::{CONNECTED, Line};
use crate::kernel::testing::passive;
use crate::kernel::{Shared, Span, Tag, Time};

const TAG: Tag = Tag(*b"Test");
const MEMORY: usize = 16 << 20;

/// A started screen.
struct Rig {
    screen: Arc<Screen>,
    board: Board,
    /// Its address is dxgkrnl's handle.
    line: Box<Line>,
    world: World,
    _entered: crate::kernel::host::Entered,
}

fn monitor(board: &Board) -> Shared<Monitor> {
    Shared::try_zeroed(TAG, passive(), |monitor: &mut Monitor| {
        monitor.modes.build(&Sources {
            edid: &monitor.edid,
            limits: Limits {
                largest_width: 16000,
                largest_height: 12000,
                width_multiple: 8,
                video_memory: board.video_memory().bytes,
                least_pitch: 64,
                primaries: 2,
            },
            custom: &[],
        });
    })
    .unwrap()
}

fn rig(vga: bool) -> Rig {
    let world = World::new();
    let entered = world.enter();
    world.set_time(Time(5_000_000));
    let rig = Rig {
        screen: Arc::new(Screen::try_new(TAG, passive()).unwrap()),
        board: Board::new(vga, MEMORY),
        line: Box::default(),
        world,
        _entered: entered,
    };
    rig.start();
    rig
}

impl Rig {
    fn start(&self) {
        let monitor = monitor(&self.board);
        let parts =
            Parts::try_new(&self.screen, monitor, self.line.interrupt(), TAG, passive()).unwrap();
        self.screen.start(parts, &self.board, None, None, passive());
    }

    fn mode(&self, width: u32, height: u32) -> Mode {
        let monitor = self.screen.monitor(passive()).unwrap();
        *monitor.modes.find(width, height).unwrap()
    }

    fn plan(&self, width: u32, height: u32) -> Plan {
        Plan {
            mode: self.mode(width, height),
            rotation: Rotation::Identity,
            powered_on: true,
        }
    }

    fn show(&self, width: u32, height: u32) {
        let plan = self.plan(width, height);
        self.screen.commit(Some(plan), passive()).unwrap();
        self.screen.set_visible(true, passive());
    }

    /// Black of the size that this adapter has for it.
    fn black(&self, vga: bool, width: u32, height: u32) {
        let size = if vga { (width, height) } else { (64, 64) };
        assert_eq!(self.board.seen(), Seen::Black(size.0, size.1));
    }

    /// Lets time pass, frame by frame, until so many vertical syncs were reported.
    fn wait_for(&self, count: usize) {
        for _ in 0..10_000 {
            if self.line.count() >= count {
                return;
            }
            self.world.advance(Span::millis(1));
            std::thread::sleep(core::time::Duration::from_micros(200));
        }
        panic!("{} of {count} vertical syncs", self.line.count());
    }

    /// Lets 100 ms pass in which nothing is reported.
    fn stays_silent(&self) {
        std::thread::sleep(core::time::Duration::from_millis(5));
        let before = self.line.count();
        for _ in 0..100 {
            self.world.advance(Span::millis(1));
        }
        std::thread::sleep(core::time::Duration::from_millis(10));
        assert_eq!(self.line.count(), before);
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.screen.stop(passive());
        assert_eq!(self.world.misuses(), []);
    }
}

fn picture(width: u32, height: u32, pitch: u32, offset: u64) -> Seen {
    Seen::Picture(ScanOut {
        width,
        height,
        pitch,
        offset,
    })
}

#[test]
fn a_source_is_black_until_it_is_made_visible() {
    for vga in [true, false] {
        let rig = rig(vga);
        assert_eq!(rig.screen.shown(passive()), None);
        let plan = rig.plan(1280, 1024);
        rig.screen.commit(Some(plan), passive()).unwrap();
        rig.black(vga, 1280, 1024);
        rig.screen.set_visible(true, passive());
        assert_eq!(rig.board.seen(), picture(1280, 1024, 5120, 0));
        assert_eq!(rig.screen.shown(passive()).unwrap().plan, plan);
        rig.screen.set_visible(false, passive());
        rig.black(vga, 1280, 1024);
        rig.screen.set_visible(true, passive());
        assert_eq!(rig.board.seen(), picture(1280, 1024, 5120, 0));
        // No path: nothing to see.
        rig.screen.commit(None, passive()).unwrap();
        assert!(matches!(rig.board.seen(), Seen::Black(..)));
        assert_eq!(rig.screen.committed(passive()), None);
    }
}

#[test]
fn a_flip_is_two_register_writes() {
    for vga in [true, false] {
        let rig = rig(vga);
        rig.show(1280, 1024);
        rig.board.writes();
        let offset = 5120 * 1024 + 4096;
        assert!(rig.screen.set_address(offset, 77, passive()));
        assert_eq!(rig.board.writes(), 2);
        assert_eq!(rig.board.seen(), picture(1280, 1024, 5120, offset));
        // Invisible, it is shown when the source is visible again.
        rig.screen.set_visible(false, passive());
        assert!(rig.screen.set_address(4096, 78, passive()));
        rig.black(vga, 1280, 1024);
        rig.screen.set_visible(true, passive());
        assert_eq!(rig.board.seen(), picture(1280, 1024, 5120, 4096));
        // What reaches past video memory is not shown.
        let end = MEMORY as u64 - 5120 * 1024;
        assert!(!rig.screen.set_address(end + 4096, 79, passive()));
        assert_eq!(rig.screen.set_address(end, 79, passive()), vga);
        assert!(!rig.screen.set_address(u64::MAX, 79, passive()));
    }
}

#[test]
fn a_mode_that_is_not_taken_leaves_the_one_before() {
    let rig = rig(true);
    rig.show(1280, 1024);
    assert!(rig.screen.set_address(4096, 77, passive()));
    rig.board.set_widest(1403);
    let plan = rig.plan(1920, 1080);
    let error = rig.screen.commit(Some(plan), passive()).unwrap_err();
    assert_eq!((error.wanted, error.taken), (1920, 1400));
    assert_eq!(rig.board.seen(), picture(1280, 1024, 5120, 4096));
    let committed = rig.screen.committed(passive()).unwrap();
    assert_eq!(committed.mode.width(), 1280);
}

#[test]
fn vertical_syncs_name_the_address_of_the_last_flip() {
    for connected in [false, true] {
        let rig = rig(true);
        rig.line.connected.store(connected, Ordering::SeqCst);
        rig.show(1280, 1024);
        rig.stays_silent();
        rig.screen.enable_vsync(true, passive());
        assert!(rig.screen.set_address(8192, 0xabc, passive()));
        rig.wait_for(3);
        let level = if connected { CONNECTED } else { 5 };
        assert_eq!(rig.line.last(), (0, 0xabc, level));
        assert_eq!(rig.line.queued.load(Ordering::SeqCst), rig.line.count());
        // They go on while the source is invisible, with its address.
        rig.screen.set_visible(false, passive());
        rig.wait_for(rig.line.count() + 3);
        assert_eq!(rig.line.last().1, 0xabc);
        assert_eq!(rig.line.nested.load(Ordering::SeqCst), 0);
        rig.screen.enable_vsync(false, passive());
        rig.stays_silent();
        // Enabled, but without a mode.
        rig.screen.commit(None, passive()).unwrap();
        rig.screen.enable_vsync(true, passive());
        rig.stays_silent();
    }
}

#[test]
fn nothing_is_reported_after_a_stop_or_a_removal() {
    for surprise in [false, true] {
        let rig = rig(true);
        rig.show(1280, 1024);
        rig.screen.enable_vsync(true, passive());
        rig.wait_for(2);
        if surprise {
            rig.screen.leave(passive());
            rig.board.writes();
            rig.screen.set_visible(false, passive());
            assert!(!rig.screen.set_address(0, 0, passive()));
            rig.screen.commit(None, passive()).unwrap();
            assert_eq!(rig.board.writes(), 0);
        } else {
            rig.screen.stop(passive());
        }
        rig.stays_silent();
        // And it starts again.
        rig.start();
        rig.show(1280, 1024);
        assert_eq!(rig.board.seen(), picture(1280, 1024, 5120, 0));
        rig.screen.enable_vsync(true, passive());
        rig.wait_for(rig.line.count() + 2);
    }
}

#[test]
fn waking_sets_the_mode_again_invisibly() {
    for vga in [true, false] {
        let rig = rig(vga);
        rig.show(1280, 1024);
        rig.screen.enable_vsync(true, passive());
        rig.screen.sleep(false, passive());
        rig.black(vga, 1280, 1024);
        rig.stays_silent();
        rig.board.lose_all();
        rig.screen.wake(&rig.board, None, passive());
        rig.black(vga, 1280, 1024);
        rig.wait_for(rig.line.count() + 2);
        assert!(rig.board.frame_buffer().write(4096, &[1; 4]));
        assert!(rig.screen.set_address(4096, 1, passive()));
        rig.screen.set_visible(true, passive());
        assert_eq!(rig.board.seen(), picture(1280, 1024, 5120, 4096));
    }
}

#[test]
fn a_monitor_that_is_off_shows_nothing_and_one_that_is_not_there_does_not_matter() {
    let rig = rig(true);
    rig.show(1280, 1024);
    rig.screen.set_monitor_power(1, false, passive());
    assert_eq!(rig.board.seen(), picture(1280, 1024, 5120, 0));
    rig.screen.set_monitor_power(0, false, passive());
    rig.black(true, 1280, 1024);
    rig.screen.set_visible(true, passive());
    rig.black(true, 1280, 1024);
    rig.screen.set_monitor_power(0, true, passive());
    assert_eq!(rig.board.seen(), picture(1280, 1024, 5120, 0));
    // Hibernation's progress is drawn into the picture.
    rig.screen.sleep(true, passive());
    assert_eq!(rig.board.seen(), picture(1280, 1024, 5120, 0));
}

#[test]
fn the_screen_is_left_black_linear_and_visible() {
    for vga in [true, false] {
        let rig = rig(vga);
        rig.show(1280, 1024);
        assert!(rig.screen.set_address(4096, 77, passive()));
        rig.screen.set_visible(false, passive());
        let left = rig.screen.release(&rig.board, passive()).unwrap();
        let expected = ScanOut {
            width: 1280,
            height: 1024,
            pitch: 5120,
            offset: 0,
        };
        assert_eq!(left, expected);
        assert_eq!(rig.board.seen(), Seen::Black(1280, 1024));
        // Visible, and just its memory was cleared.
        assert!(rig.board.frame_buffer().write(0, &[9; 4]));
        assert_eq!(rig.board.seen(), Seen::Picture(expected));
        assert_eq!(rig.board.pixel(5120 * 1024), 0x1122_3344);
    }
}

#[test]
fn a_bugcheck_shows_its_picture_whatever_was_shown() {
    for vga in [true, false] {
        let rig = rig(vga);
        let direct = rig.screen.direct();
        assert_eq!(direct.show_for_bugcheck(), None);
        let plan = rig.plan(1280, 1024);
        rig.screen.commit(Some(plan), passive()).unwrap();
        let shown = direct.show_for_bugcheck().unwrap();
        assert_eq!(rig.board.seen(), Seen::Picture(shown));
        // Four pixels from the last column on: one fits.
        direct.write_row(1279, 1023, &[7; 16]);
        direct.write_row(1280, 0, &[8; 16]);
        direct.write_row(0, 1024, &[8; 16]);
        assert_eq!(rig.board.pixel(1023 * 5120 + 1279 * 4), 0x0707_0707);
        assert_eq!(rig.board.pixel(1024 * 5120), 0x1122_3344);
        assert_eq!(rig.board.pixel(5120), 0x1122_3344);
        direct.text_mode();
        assert_eq!(rig.board.seen(), Seen::Text);
    }
}

#[test]
fn of_flips_that_meet_the_last_one_is_shown_whole() {
    let rig = rig(true);
    rig.show(640, 480);
    let row = 640 * 4;
    std::thread::scope(|scope| {
        for thread in 1..=3_u64 {
            let (screen, world) = (&rig.screen, &rig.world);
            scope.spawn(move || {
                let _entered = world.enter();
                for flip in 0..3000_u64 {
                    // Both halves of each offset are the thread's.
                    let offset = (100 * thread + flip % 64) * row + 4 * thread;
                    assert!(screen.set_address(offset, offset, passive()));
                }
            });
        }
        for round in 0..300 {
            rig.screen.set_visible(round % 2 == 1, passive());
        }
    });
    let wanted = rig.screen.direct().picture().unwrap();
    assert_eq!(rig.board.seen(), Seen::Picture(wanted));
}

#[test]
fn a_flip_that_interrupts_another_is_the_one_that_is_shown() {
    for vga in [true, false] {
        let rig = rig(vga);
        rig.show(1280, 1024);
        let screen = Arc::clone(&rig.screen);
        rig.board.interrupt_next_write(move || {
            assert!(screen.set_address(8192, 2, passive()));
        });
        assert!(rig.screen.set_address(5120 * 1024, 1, passive()));
        assert_eq!(rig.board.seen(), picture(1280, 1024, 5120, 8192));
    }
}
