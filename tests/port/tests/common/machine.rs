//! A machine with one display function: 16 MiB of framebuffer, a page of registers, an interrupt.

use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use super::miniport::queue::{Engine, Fault};
use dxgk_port::{AdapterIndex, Host, PoolUse, SystemPages, TagUse};
use dxgk_sys::{
    CM_RESOURCE_MEMORY_PREFETCHABLE, CmResourceTypeInterrupt, CmResourceTypeMemory, DEVICE_OBJECT,
    DXGK_DISPLAY_INFORMATION, MEMORY_CACHING_TYPE,
};

pub const FRAMEBUFFER: u64 = 0xE000_0000;
pub const FRAMEBUFFER_BYTES: u32 = 16 << 20;
pub const REGISTERS: u64 = 0xF000_0000;
pub const REGISTER_BYTES: u32 = 4096;
pub const INTERRUPT_LEVEL: u8 = 5;

thread_local! {
    static IRQL: Cell<u8> = const { Cell::new(0) };
    static THREAD: Cell<u64> = const { Cell::new(0) };
}

/// The IRQL of the calling thread.
pub fn irql() -> u8 {
    IRQL.get()
}

/// Sets the IRQL of the calling thread.
pub fn set_irql(irql: u8) {
    IRQL.set(irql);
}

#[derive(Default)]
pub struct Machine {
    blocks: Mutex<HashMap<usize, ([u8; 4], usize)>>,
    live: AtomicU64,
    high_water: AtomicU64,
    pool_calls: AtomicU64,
    fail_at: AtomicU64,
    maps: Mutex<Vec<usize>>,
    framebuffer: OnceLock<Framebuffer>,
    /// No monitor is plugged in.
    pub unplugged: AtomicBool,
    /// The monitor is turned.
    pub angle: AtomicU8,
    /// What firmware left on the screen.
    pub post: Mutex<Option<DXGK_DISPLAY_INFORMATION>>,
    pub lines: Mutex<Vec<String>>,
    /// The interrupt is connected.
    pub interrupt: AtomicBool,
    /// The engines of the miniports that were added here.
    engines: Mutex<Vec<Arc<Engine>>>,
    /// Blocks of user memory.
    user: Mutex<HashMap<usize, usize>>,
    /// Blocks of system pages: where they are, and their page frame numbers.
    system: Mutex<Vec<(usize, Vec<u64>)>>,
    next_frame: AtomicU64,
    /// Engines cannot be reset by themselves.
    pub no_engine_reset: AtomicBool,
    /// The engines stand still.
    pub stalled: AtomicBool,
    /// Time that passes on this machine beside the clock's, in 100 ns.
    pub extra_time: AtomicU64,
    /// How much of it passes whenever somebody waits.
    pub hurry: AtomicU64,
    /// The pool is known as a whole only.
    pub hide_tags: AtomicBool,
}

/// Video memory, whose pages come when they are touched.
struct Framebuffer(NonNull<u8>);

// SAFETY: access is by copy.
unsafe impl Send for Framebuffer {}
// SAFETY: as above.
unsafe impl Sync for Framebuffer {}

impl Framebuffer {
    fn new() -> Self {
        // SAFETY: the size is not 0.
        let memory = unsafe { std::alloc::alloc_zeroed(layout(FRAMEBUFFER_BYTES as usize)) };
        Self(NonNull::new(memory).expect("memory"))
    }
}

impl Drop for Framebuffer {
    fn drop(&mut self) {
        // SAFETY: allocated above with this layout.
        unsafe { std::alloc::dealloc(self.0.as_ptr(), layout(FRAMEBUFFER_BYTES as usize)) };
    }
}

/// Pages are aligned, and so is all of more than a page.
fn layout(bytes: usize) -> std::alloc::Layout {
    let align = if bytes < 4096 { 16 } else { 4096 };
    std::alloc::Layout::from_size_align(bytes.max(1), align).expect("a small block")
}

impl Machine {
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Where the CPU finds a physical page; NULL if nobody was given it.
    pub fn frame(&self, frame: u64) -> *mut u8 {
        let system = self.system.lock().unwrap();
        let found = system.iter().find_map(|(start, frames)| {
            let page = frames.iter().position(|known| *known == frame)?;
            Some(start + page * 4096)
        });
        found.map_or(std::ptr::null_mut(), std::ptr::with_exposed_provenance_mut)
    }

    /// Blocks of system pages that the port has.
    pub fn system_blocks(&self) -> usize {
        self.system.lock().unwrap().len()
    }

    /// Makes the engines of the miniports that are here do something wrong.
    pub fn set_fault(&self, fault: Fault) {
        for engine in self.engines.lock().unwrap().iter() {
            engine.set_fault(fault);
        }
    }

    /// An engine that works while somebody waits, for as long as the machine lives.
    pub fn new_engine(&self) -> *const Engine {
        let engine = Arc::new(Engine::new());
        let address = Arc::as_ptr(&engine);
        self.engines.lock().unwrap().push(engine);
        address
    }

    /// A zeroed block of the driver's pool.
    pub fn allocate(&self, tag: [u8; 4], bytes: usize) -> *mut c_void {
        let call = self.pool_calls.fetch_add(1, Ordering::Relaxed) + 1;
        if self.fail_at.load(Ordering::Relaxed) == call {
            return std::ptr::null_mut();
        }
        // SAFETY: the size is not 0.
        let block = unsafe { std::alloc::alloc_zeroed(layout(bytes)) };
        let mut blocks = self.blocks.lock().unwrap();
        blocks.insert(block.addr(), (tag, bytes));
        let live = self.live.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        self.high_water.fetch_max(live, Ordering::Relaxed);
        block.cast()
    }

    /// A pixel of the framebuffer.
    pub fn pixel(&self, offset: usize) -> u32 {
        assert!(offset + 4 <= FRAMEBUFFER_BYTES as usize);
        let start = self.framebuffer.get_or_init(Framebuffer::new).0;
        // SAFETY: inside the framebuffer.
        unsafe {
            start
                .as_ptr()
                .wrapping_add(offset)
                .cast::<u32>()
                .read_unaligned()
        }
    }

    /// Gives a block back.
    pub fn free(&self, block: *mut c_void) {
        let known = self.blocks.lock().unwrap().remove(&block.addr());
        let (_, bytes) = known.expect("a block of this pool");
        self.live.fetch_sub(bytes as u64, Ordering::Relaxed);
        // SAFETY: allocated above with this layout.
        unsafe { std::alloc::dealloc(block.cast(), layout(bytes)) };
    }
}

fn descriptor(list: &mut Vec<u8>, kind: u8, flags: u16, start: u64, length: u32) {
    list.extend([kind, 1]);
    list.extend(flags.to_le_bytes());
    list.extend(start.to_le_bytes());
    list.extend(length.to_le_bytes());
    list.extend([0; 4]);
}

impl Host for Machine {
    fn irql(&self) -> u8 {
        IRQL.get()
    }

    fn set_irql(&self, irql: u8) {
        IRQL.set(irql);
    }

    fn thread_id(&self) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        if THREAD.get() == 0 {
            THREAD.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        THREAD.get()
    }

    fn relax(&self) {
        let hurry = self.hurry.load(Ordering::Relaxed);
        self.extra_time.fetch_add(hurry, Ordering::Relaxed);
        if !self.stalled.load(Ordering::Relaxed) {
            let engines = self.engines.try_lock().map(|engines| engines.clone());
            for engine in engines.into_iter().flatten() {
                engine.step();
            }
        }
        std::thread::yield_now();
    }

    fn stall(&self, on: bool) -> bool {
        self.stalled.store(on, Ordering::Relaxed);
        true
    }

    fn user_memory(&self, bytes: usize) -> Option<NonNull<u8>> {
        // SAFETY: the size is not 0.
        let memory = NonNull::new(unsafe { std::alloc::alloc_zeroed(layout(bytes)) })?;
        self.user.lock().unwrap().insert(memory.addr().get(), bytes);
        Some(memory)
    }

    fn free_user_memory(&self, address: NonNull<u8>) {
        let bytes = self.user.lock().unwrap().remove(&address.addr().get());
        // SAFETY: allocated above with this layout.
        unsafe { std::alloc::dealloc(address.as_ptr(), layout(bytes.expect("user memory"))) };
    }

    fn time_100ns(&self) -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        let passed = START.get_or_init(Instant::now).elapsed();
        u64::try_from(passed.as_nanos() / 100).unwrap() + self.extra_time.load(Ordering::Relaxed)
    }

    fn resources(&self, _adapter: AdapterIndex) -> Vec<u8> {
        let mut list = Vec::new();
        for word in [1, 5, 0, 0x0001_0001, 3] {
            list.extend(u32::to_le_bytes(word));
        }
        let prefetchable = CM_RESOURCE_MEMORY_PREFETCHABLE;
        descriptor(
            &mut list,
            CmResourceTypeMemory,
            prefetchable,
            FRAMEBUFFER,
            FRAMEBUFFER_BYTES,
        );
        descriptor(
            &mut list,
            CmResourceTypeMemory,
            0,
            REGISTERS,
            REGISTER_BYTES,
        );
        descriptor(&mut list, CmResourceTypeInterrupt, 0, 0x30_0000_0005, 1);
        list
    }

    fn map_memory(
        &self,
        _adapter: AdapterIndex,
        physical: u64,
        bytes: usize,
        _cache: MEMORY_CACHING_TYPE,
    ) -> Option<NonNull<u8>> {
        let video = FRAMEBUFFER..=FRAMEBUFFER + u64::from(FRAMEBUFFER_BYTES);
        let address = if video.contains(&physical) && video.contains(&(physical + bytes as u64)) {
            let start = self.framebuffer.get_or_init(Framebuffer::new).0;
            NonNull::new(
                start
                    .as_ptr()
                    .wrapping_add(usize::try_from(physical - FRAMEBUFFER).ok()?),
            )?
        } else {
            // The miniport touches no register, so a page is enough.
            // SAFETY: the size is not 0.
            NonNull::new(unsafe { std::alloc::alloc_zeroed(layout(4096)) })?
        };
        self.maps.lock().unwrap().push(address.addr().get());
        Some(address)
    }

    fn unmap_memory(&self, address: NonNull<u8>) -> bool {
        let mut maps = self.maps.lock().unwrap();
        let Some(at) = maps.iter().position(|map| *map == address.addr().get()) else {
            return false;
        };
        maps.swap_remove(at);
        let video = self.framebuffer.get().is_some_and(|video| {
            let start = video.0.addr().get();
            (start..start + FRAMEBUFFER_BYTES as usize).contains(&address.addr().get())
        });
        if video {
            return true;
        }
        // SAFETY: allocated above with this layout.
        unsafe { std::alloc::dealloc(address.as_ptr(), layout(4096)) };
        true
    }

    fn read_config(&self, _adapter: AdapterIndex, offset: u32, out: &mut [u8]) -> usize {
        let ids = [0x34, 0x12, 0x11, 0x11];
        for (index, byte) in out.iter_mut().enumerate() {
            *byte = ids.get(offset as usize + index).copied().unwrap_or(0);
        }
        out.len()
    }

    fn write_config(&self, _adapter: AdapterIndex, _offset: u32, data: &[u8]) -> usize {
        data.len()
    }

    /// The machine itself, so that the miniport finds its pool.
    fn physical_device_object(&self, _adapter: AdapterIndex) -> *mut DEVICE_OBJECT {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    fn post_display(&self, _adapter: AdapterIndex) -> Option<DXGK_DISPLAY_INFORMATION> {
        *self.post.lock().unwrap()
    }

    fn interrupt_line(&self, _adapter: AdapterIndex) -> Option<u8> {
        self.interrupt
            .load(Ordering::Relaxed)
            .then_some(INTERRUPT_LEVEL)
    }

    fn pool(&self) -> PoolUse {
        let blocks = self.blocks.lock().unwrap();
        let mut tags: HashMap<[u8; 4], TagUse> = HashMap::new();
        for (tag, bytes) in blocks.values() {
            let entry = tags.entry(*tag).or_insert(TagUse {
                tag: *tag,
                blocks: 0,
                bytes: 0,
            });
            entry.blocks += 1;
            entry.bytes += *bytes as u64;
        }
        PoolUse {
            blocks: blocks.len() as u64,
            bytes: self.live.load(Ordering::Relaxed),
            high_water_bytes: self.high_water.load(Ordering::Relaxed),
            tags: if self.hide_tags.load(Ordering::Relaxed) {
                Vec::new()
            } else {
                tags.into_values().collect()
            },
        }
    }

    fn fail_pool_call(&self, nth: Option<u64>) {
        let at = nth.map_or(0, |nth| self.pool_calls.load(Ordering::Relaxed) + nth);
        self.fail_at.store(at, Ordering::Relaxed);
    }

    fn pool_calls(&self) -> u64 {
        self.pool_calls.load(Ordering::Relaxed)
    }

    fn system_pages(&self, pages: usize) -> Option<SystemPages> {
        // SAFETY: the size is not 0.
        let memory = unsafe { std::alloc::alloc_zeroed(layout(pages * 4096)) };
        let address = NonNull::new(memory)?;
        let count = pages as u64;
        let first = self.next_frame.fetch_add(count * 2, Ordering::Relaxed) + 0x100;
        // Each other frame, from the last to the first.
        let frames: Vec<u64> = (0..count).rev().map(|page| first + page * 2).collect();
        let start = memory.expose_provenance();
        self.system.lock().unwrap().push((start, frames.clone()));
        Some(SystemPages { address, frames })
    }

    fn free_system_pages(&self, address: NonNull<u8>) {
        let mut system = self.system.lock().unwrap();
        let known = |(start, _): &(usize, Vec<u64>)| *start == address.addr().get();
        let at = system
            .iter()
            .position(known)
            .expect("pages of this machine");
        let (_, frames) = system.swap_remove(at);
        // SAFETY: allocated above with this layout.
        unsafe { std::alloc::dealloc(address.as_ptr(), layout(frames.len() * 4096)) };
    }

    fn line(&self, text: &str) {
        self.lines.lock().unwrap().push(text.into());
    }
}
