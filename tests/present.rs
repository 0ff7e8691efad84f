//! PresentDisplayOnly and the pointer DDIs as dxgkrnl could call them at worst: each refused with a
//! status of its page and one debug line, none with harm (contract: V6, V7).

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;

use dxgk_port::{Adapter, Choice, Port, Settings};
use dxgk_sys::status::{
    STATUS_INVALID_PARAMETER, STATUS_INVALID_USER_BUFFER, STATUS_NO_MEMORY, STATUS_NOT_SUPPORTED,
    STATUS_SUCCESS,
};
use dxgk_sys::{
    DXGK_SETPOINTERPOSITIONFLAGS, DXGKARG_PRESENT_DISPLAYONLY, DXGKARG_SETPOINTERPOSITION,
    DXGKARG_SETPOINTERSHAPE, KMDDOD_INITIALIZATION_DATA, RECT, ddi_fn,
};
use vmdisp_in_process::InProcess;
use vmdisp_scenarios::{Machine, Picture};

const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;
const PIXELS: usize = (WIDTH * HEIGHT) as usize;
const ALL: RECT = RECT {
    left: 0,
    top: 0,
    right: 640,
    bottom: 480,
};

thread_local! {
    /// The adapter that the driver made last on this thread.
    static ADAPTER: Cell<*mut c_void> = const { Cell::new(ptr::null_mut()) };
}

ddi_fn! {
    unsafe fn add_device(pdo: *mut dxgk_sys::DEVICE_OBJECT, context: *mut *mut c_void) -> i32 {
        let add = vmdisp::ddi::display_only_data().DxgkDdiAddDevice.unwrap();
        // SAFETY: dxgkrnl's arguments.
        let status = unsafe { add(pdo, context) };
        // SAFETY: the driver has written it.
        ADAPTER.set(unsafe { *context });
        status
    }
}

/// A display-only driver whose callbacks are called without the port's care.
struct Stage {
    machine: InProcess,
    port: Port,
    adapter: Adapter,
    table: KMDDOD_INITIALIZATION_DATA,
    context: *mut c_void,
}

impl Stage {
    fn open() -> Self {
        let sabotage = |table: &mut KMDDOD_INITIALIZATION_DATA| {
            table.DxgkDdiAddDevice = Some(add_device);
        };
        let machine = InProcess::new().sabotaged_display_only(sabotage);
        machine.set_parameter("DisplayOnly", Some(1));
        let settings = Settings::default().for_display_only();
        let port = machine.load(settings).unwrap();
        let adapter = port.add_device(0).unwrap();
        adapter.start().unwrap();
        Self {
            machine,
            port,
            adapter,
            table: vmdisp::ddi::display_only_data(),
            context: ADAPTER.get(),
        }
    }

    /// With a visible picture.
    fn showing() -> Self {
        let stage = Self::open();
        stage.adapter.commit(&Choice::size(WIDTH, HEIGHT)).unwrap();
        stage.adapter.set_visible(0, true).unwrap();
        stage.machine.take_complaints();
        stage
    }

    fn present(&self, argument: &DXGKARG_PRESENT_DISPLAYONLY) -> i32 {
        let present = self.table.DxgkDdiPresentDisplayOnly.unwrap();
        // SAFETY: what the argument names is there, or user memory that need not be.
        unsafe { present(self.context, argument) }
    }

    /// Demands this status, and one debug line that names the field.
    fn refused(&self, argument: &DXGKARG_PRESENT_DISPLAYONLY, status: i32, field: &str) {
        assert_eq!(self.present(argument), status, "{field}");
        let lines = self.machine.take_complaints();
        let expected = format!("PresentDisplayOnly: {field}");
        assert!(
            matches!(lines.as_slice(), [only] if only.contains(&expected)),
            "{field}: {lines:?}"
        );
        assert!(self.differing(&Picture::Black) == 0, "{field}");
    }

    fn differing(&self, picture: &Picture) -> u64 {
        self.machine.look(0, picture).unwrap().differing
    }

    /// The beginning of video memory, where the picture lies.
    fn video_memory(&self) -> Vec<u32> {
        let mut pixels = vec![0; PIXELS];
        // SAFETY: so many pixels of simulated video memory.
        unsafe { self.video().copy_to(pixels.as_mut_ptr(), PIXELS) };
        pixels
    }

    /// Writes over what is there, so that a present of the same image shows.
    fn scribble(&self) {
        // SAFETY: so many bytes of simulated video memory, which nobody else uses now.
        unsafe { self.video().cast::<u8>().write_bytes(1, PIXELS * 4) };
    }

    fn video(&self) -> *mut u32 {
        let mappings = self.adapter.mappings();
        let video = mappings.iter().max_by_key(|mapping| mapping.bytes).unwrap();
        assert!(video.bytes >= PIXELS * 4);
        video.address.as_ptr().cast()
    }

    fn close(self) {
        self.adapter.stop().unwrap();
        self.adapter.remove().unwrap();
        self.machine.unload(&self.port);
        let report = self.port.report();
        assert!(report.is_clean(), "{:?}", report.violations);
        assert_eq!(self.machine.take_faults(), Vec::<String>::new());
    }
}

fn picture() -> Picture {
    Picture::Pattern {
        width: WIDTH,
        height: HEIGHT,
        seed: 5,
    }
}

fn image() -> Vec<u32> {
    let pixel = |at| picture().pixel(at % WIDTH, at / WIDTH);
    (0..WIDTH * HEIGHT).map(pixel).collect()
}

fn whole(image: &[u32], rects: &mut [RECT]) -> DXGKARG_PRESENT_DISPLAYONLY {
    let mut argument = DXGKARG_PRESENT_DISPLAYONLY::ZERO;
    argument.pSource = image.as_ptr().cast_mut().cast();
    argument.BytesPerPixel = 4;
    argument.Pitch = 640 * 4;
    argument.NumDirtyRects = 1;
    argument.pDirtyRect = rects.as_mut_ptr();
    argument
}

#[test]
fn what_cannot_be_is_refused() {
    let stage = Stage::showing();
    let (image, mut rects) = (image(), [ALL]);
    let good = whole(&image, &mut rects);
    let change = |change: &dyn Fn(&mut DXGKARG_PRESENT_DISPLAYONLY)| {
        let mut argument = good;
        change(&mut argument);
        argument
    };
    let bad = STATUS_INVALID_PARAMETER;
    stage.refused(&change(&|a| a.VidPnSourceId = 1), bad, "VidPnSourceId");
    for pixel in [0, 2, 3, 5, u32::MAX] {
        stage.refused(&change(&|a| a.BytesPerPixel = pixel), bad, "BytesPerPixel");
    }
    for pitch in [0, -2560, i32::MIN, 2559] {
        stage.refused(&change(&|a| a.Pitch = pitch), bad, "Pitch");
    }
    let null = ptr::null_mut();
    stage.refused(&change(&|a| a.pDirtyRect = null), bad, "NumDirtyRects");
    stage.refused(&change(&|a| a.NumMoves = 1), bad, "NumMoves");
    stage.refused(&change(&|a| a.pSource = null.cast()), bad, "pSource");
    let odd = good.pDirtyRect.cast::<u8>().wrapping_add(1).cast();
    stage.refused(&change(&|a| a.pDirtyRect = odd), bad, "NumDirtyRects");

    let present = stage.table.DxgkDdiPresentDisplayOnly.unwrap();
    let mut nobody = 0_u64;
    for context in [ptr::null_mut(), (&raw mut nobody).cast()] {
        // SAFETY: neither is an adapter, which the driver sees without touching it.
        assert_eq!(unsafe { present(context, &raw const good) }, bad);
    }
    // SAFETY: no argument.
    assert_eq!(unsafe { present(stage.context, ptr::null()) }, bad);

    assert_eq!(stage.present(&good), STATUS_SUCCESS);
    assert_eq!(stage.differing(&picture()), 0);
    stage.close();
}

#[test]
fn user_memory_that_is_gone_ends_it() {
    let stage = Stage::showing();
    let (image, mut rects) = (image(), [ALL]);
    let good = whole(&image, &mut rects);
    let start = image.as_ptr().addr() as u64;
    let last = start + image.len() as u64 * 4 - 1;
    stage.machine.world().set_highest_user_address(last - 1);
    assert_eq!(stage.present(&good), STATUS_INVALID_USER_BUFFER);
    stage.machine.world().set_highest_user_address(last);
    assert_eq!(stage.present(&good), STATUS_SUCCESS);
    assert_eq!(stage.differing(&picture()), 0);
    stage.machine.world().fault_user_range(last..last + 1);
    assert_eq!(stage.present(&good), STATUS_INVALID_USER_BUFFER);
    let argument = DXGKARG_PRESENT_DISPLAYONLY {
        pSource: ptr::without_provenance_mut(16),
        ..good
    };
    assert_eq!(stage.present(&argument), STATUS_INVALID_USER_BUFFER);
    // The same memory as the system's: it is not asked for page by page.
    stage.machine.world().set_highest_user_address(0);
    assert_eq!(stage.present(&good), STATUS_SUCCESS);
    stage.close();
}

#[test]
fn without_pool_user_memory_is_not_shown() {
    let stage = Stage::showing();
    let (image, mut rects) = (image(), [ALL]);
    let good = whole(&image, &mut rects);
    stage.machine.world().fail_pool_call(Some(1));
    assert_eq!(stage.present(&good), STATUS_NO_MEMORY);
    assert_eq!(stage.present(&good), STATUS_SUCCESS);
    assert_eq!(stage.differing(&picture()), 0);
    stage.close();
}

#[test]
fn nothing_is_written_while_nothing_is_shown() {
    let stage = Stage::open();
    let (image, mut rects) = (image(), [ALL]);
    let good = whole(&image, &mut rects);
    let untouched = |when: &str| {
        let before = stage.video_memory();
        assert_eq!(stage.present(&good), STATUS_SUCCESS, "{when}");
        assert!(before == stage.video_memory(), "{when}");
    };
    untouched("no path");
    stage.adapter.commit(&Choice::size(WIDTH, HEIGHT)).unwrap();
    untouched("not visible yet");
    stage.adapter.set_visible(0, true).unwrap();
    assert_eq!(stage.differing(&Picture::Black), 0);
    assert_eq!(stage.present(&good), STATUS_SUCCESS);
    assert_eq!(stage.differing(&picture()), 0);
    stage.adapter.set_visible(0, false).unwrap();
    stage.scribble();
    untouched("invisible again");
    stage.adapter.commit_none().unwrap();
    untouched("no path any more");
    stage.close();
}

#[test]
fn there_is_no_pointer() {
    let stage = Stage::showing();
    let caps = stage.adapter.known_caps().unwrap();
    assert!(caps.PointerCaps.is_empty());
    assert_eq!((caps.MaxPointerWidth, caps.MaxPointerHeight), (0, 0));
    stage.adapter.set_pointer_position(0, -5, 9, false).unwrap();

    let set = stage.table.DxgkDdiSetPointerPosition.unwrap();
    let position = |source, flags| {
        let mut argument = DXGKARG_SETPOINTERPOSITION::ZERO;
        (argument.VidPnSourceId, argument.Flags) = (source, flags);
        // SAFETY: an argument of ours.
        unsafe { set(stage.context, &raw const argument) }
    };
    let hidden = DXGK_SETPOINTERPOSITIONFLAGS::Procedural;
    let visible = DXGK_SETPOINTERPOSITIONFLAGS::Visible;
    assert_eq!(position(0, hidden), STATUS_SUCCESS);
    assert_eq!(position(1, hidden), STATUS_INVALID_PARAMETER);
    assert_eq!(position(0, visible), STATUS_NOT_SUPPORTED);
    let shape = stage.table.DxgkDdiSetPointerShape.unwrap();
    let argument = DXGKARG_SETPOINTERSHAPE::ZERO;
    // SAFETY: an argument of ours.
    let status = unsafe { shape(stage.context, &raw const argument) };
    assert_eq!(status, STATUS_NO_MEMORY);
    stage.close();
}
