//! Shows that a screen is seen as it is, and that writes to an adapter are counted.

use alloc::{format, vec::Vec};

use vmdisp_ring0_protocol::{Message, Reply};
use vmdisp_scenarios::{Look, Picture};

use crate::{
    display::{self, Dispi, Display},
    fault,
    memory::{
        device,
        paging::Caching,
        watch::{self, Kind},
    },
    nt, pci, serial,
};

/// A picture of an odd size in the middle of video memory.
const PICTURE: Picture = Picture::Pattern {
    width: 648,
    height: 100,
    seed: 9,
};
/// Pixels from a row to the next.
const PITCH: u32 = 656;
/// The first row that is shown.
const FIRST: u32 = 7;

fn adapter() -> pci::Adapter {
    let mut adapters = pci::display_adapters();
    assert!(!adapters.is_empty(), "a display adapter");
    adapters.swap_remove(0)
}

fn draw(display: &Display) {
    for y in 0..100 {
        for x in 0..648 {
            put(display, x, y, PICTURE.pixel(x, y));
        }
    }
}

fn put(display: &Display, x: u32, y: u32, pixel: u32) {
    display.put(u64::from((y + FIRST) * PITCH + x), pixel);
}

fn set_mode(display: &Display) {
    display.set_mode(648, 100);
    display.write(Dispi::VirtWidth, PITCH as u16);
    display.write(Dispi::YOffset, FIRST as u16);
}

fn look(expected: &Picture) -> Look {
    let picture = serde_json::to_value(expected).expect("a picture as JSON");
    match serial::ask(&Message::Look {
        adapter: 0,
        picture,
    }) {
        Reply::Seen(look) => serde_json::from_value(look).expect("a look"),
        other => panic!("{other:?}"),
    }
}

/// One pixel is wrong, and is found; before that none is.
#[inline(never)]
pub fn screen_differs() {
    let display = Display::open(&adapter()).expect("one of the family");
    set_mode(&display);
    draw(&display);
    let good = look(&PICTURE);
    put(&display, 5, 99, 0x0012_3456);
    let bad = look(&PICTURE);
    let text = format!(
        "{} x {}: {}, then {} pixels differ, the first {:x?}",
        good.width, good.height, good.differing, bad.differing, bad.first
    );
    fault::wrong_use("screen", &text, Vec::new());
}

/// An adapter that lost its power shows nothing, until its mode is set again: then what is in memory.
#[inline(never)]
pub fn screen_after_power() {
    let adapter = adapter();
    let display = Display::open(&adapter).expect("one of the family");
    set_mode(&display);
    draw(&display);
    let good = look(&PICTURE);
    display::lose_power(&adapter);
    let lost = look(&Picture::Black);
    set_mode(&display);
    draw(&display);
    let again = look(&PICTURE);
    let differing = [good, lost, again].map(|look| look.differing);
    let text = format!("as it should be but for {differing:?} pixels");
    fault::wrong_use("screen", &text, Vec::new());
}

/// What a driver's `memcpy` and `memset` write is counted, what the kernel writes is not.
#[inline(never)]
pub fn writes_counted() {
    type Copy = unsafe extern "win64" fn(*mut u8, *const u8, usize) -> *mut u8;
    let address = nt::resolve("memcpy").expect("a service of that name");
    // SAFETY: the service has this type.
    let copy: Copy = unsafe { core::mem::transmute(address) };
    let adapter = adapter();
    let memory = adapter.bars.iter().find(|bar| bar.prefetchable);
    let start = memory.expect("video memory").start;
    let mapping = device::map_for_driver(start, 0x2_0000, Caching::WriteCombined);
    let mapping = mapping.expect("video memory, mapped");
    let to = mapping.address as *mut u8;
    let first: *mut u64 = to.cast();
    let from = [7_u8; 64];
    let mut seen = 0;
    let writes = watch::writes_during(0, &[(mapping, Kind::VideoMemory)], &mut || {
        // SAFETY: the place is mapped device memory.
        unsafe { first.write_volatile(3) }
        // SAFETY: as above; across the border of two pages.
        unsafe { copy(to.wrapping_add(4096 - 32), from.as_ptr(), from.len()) };
        // SAFETY: as above.
        seen = unsafe { to.wrapping_add(4096).read_volatile() };
    });
    // SAFETY: as above; nothing is counted any more.
    unsafe { first.write_volatile(4) }
    let (bytes, registers) = (writes.video_memory, writes.registers);
    // How many bytes an instruction of the copy writes is the compiler's choice.
    let counted = (8..=64).contains(&bytes) && registers == 0;
    let text = format!(
        "{} counted, and {seen} read back",
        if counted { "writes are" } else { "none" }
    );
    fault::wrong_use("memcpy", &text, Vec::new());
}
