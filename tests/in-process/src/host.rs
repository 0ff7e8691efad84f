//! What the port is given: this process as a machine.

use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dxgk_port::{AdapterIndex, Host, PoolUse, SystemPages, TagUse};
use dxgk_sys::{DXGK_DISPLAY_INFORMATION, MEMORY_CACHING_TYPE};
use vmdisp::kernel::host::{World, irql, set_irql};

use crate::resources;
use crate::vga::Adapter;

/// Where lines of trace go.
pub type Line = Box<dyn Fn(&str) + Send + Sync>;

/// The machine as the port sees it.
pub struct ProcessHost {
    world: World,
    adapters: Vec<Adapter>,
    /// Addresses of live mappings.
    mapped: Mutex<Vec<usize>>,
    line: Line,
    started: Instant,
    /// How many DPCs were queued.
    dpcs: Mutex<u64>,
    /// Another one was.
    dpc: Condvar,
}

impl ProcessHost {
    pub fn new(world: World, adapters: Vec<Adapter>, line: Line) -> Self {
        let started = Instant::now();
        Self {
            world,
            adapters,
            mapped: Mutex::default(),
            line,
            started,
            dpcs: Mutex::new(0),
            dpc: Condvar::new(),
        }
    }

    /// How many DPCs were queued so far.
    pub fn dpcs(&self) -> u64 {
        *self.dpcs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until another number of DPCs than `seen` was queued, or so long.
    pub fn wait_for_dpc(&self, seen: u64, most: Duration) {
        let dpcs = self.dpcs.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.dpc.wait_timeout_while(dpcs, most, |now| *now == seen);
        drop(waited);
    }

    pub fn adapters(&self) -> usize {
        self.adapters.len()
    }

    /// The adapter with that number, if there is one.
    pub fn find(&self, index: AdapterIndex) -> Option<&Adapter> {
        self.adapters.get(index as usize)
    }

    fn adapter(&self, index: AdapterIndex) -> &Adapter {
        &self.adapters[index as usize]
    }
}

impl Host for ProcessHost {
    fn irql(&self) -> u8 {
        irql()
    }

    fn set_irql(&self, level: u8) {
        set_irql(level);
    }

    fn thread_id(&self) -> u64 {
        static LAST: AtomicU64 = AtomicU64::new(0);
        thread_local! {
            static OURS: Cell<u64> = const { Cell::new(0) };
        }
        OURS.with(|ours| {
            if ours.get() == 0 {
                ours.set(LAST.fetch_add(1, Ordering::Relaxed) + 1);
            }
            ours.get()
        })
    }

    fn relax(&self) {
        std::thread::yield_now();
    }

    fn time_100ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos() / 100).unwrap_or(u64::MAX)
    }

    fn resources(&self, adapter: AdapterIndex) -> Vec<u8> {
        resources::list(&self.adapter(adapter).bars)
    }

    fn map_memory(
        &self,
        adapter: AdapterIndex,
        physical: u64,
        bytes: usize,
        _cache: MEMORY_CACHING_TYPE,
    ) -> Option<NonNull<u8>> {
        let adapter = self.adapter(adapter);
        let bars = adapter
            .bars
            .iter()
            .filter(|bar| Some(bar.number) != adapter.unmappable);
        let address = bars.into_iter().find_map(|bar| bar.at(physical, bytes))?;
        let mut mapped = self.mapped.lock().unwrap_or_else(PoisonError::into_inner);
        mapped.push(address.addr().get());
        Some(address)
    }

    fn unmap_memory(&self, address: NonNull<u8>) -> bool {
        let mut mapped = self.mapped.lock().unwrap_or_else(PoisonError::into_inner);
        let at = mapped.iter().position(|live| *live == address.addr().get());
        at.map(|at| mapped.swap_remove(at)).is_some()
    }

    fn read_config(&self, adapter: AdapterIndex, offset: u32, out: &mut [u8]) -> usize {
        let config = self.adapter(adapter).config();
        let from = config.get(offset as usize..).unwrap_or_default();
        let bytes = from.len().min(out.len());
        out[..bytes].copy_from_slice(&from[..bytes]);
        bytes
    }

    /// The adapter's configuration is fixed: a write is taken and changes nothing.
    fn write_config(&self, _adapter: AdapterIndex, _offset: u32, data: &[u8]) -> usize {
        data.len()
    }

    fn post_display(&self, adapter: AdapterIndex) -> Option<DXGK_DISPLAY_INFORMATION> {
        self.adapter(adapter).post_display()
    }

    fn interrupt_line(&self, adapter: AdapterIndex) -> Option<u8> {
        self.adapter(adapter).interrupt_line()
    }

    fn dpc_queued(&self, _adapter: AdapterIndex) {
        *self.dpcs.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.dpc.notify_all();
    }

    fn pool(&self) -> PoolUse {
        let tags = self.world.pool().into_iter();
        PoolUse {
            blocks: self.world.live_blocks(),
            bytes: self.world.live_bytes(),
            high_water_bytes: self.world.high_bytes(),
            tags: tags
                .map(|tag| TagUse {
                    tag: tag.tag.0,
                    blocks: tag.blocks,
                    bytes: tag.bytes,
                })
                .collect(),
        }
    }

    fn fail_pool_call(&self, nth: Option<u64>) {
        self.world.fail_pool_call(nth);
    }

    fn pool_calls(&self) -> u64 {
        self.world.pool_calls()
    }

    fn system_pages(&self, pages: usize) -> Option<SystemPages> {
        let given = self.world.system_pages(pages)?;
        Some(SystemPages {
            address: given.address,
            frames: given.frames,
        })
    }

    fn free_system_pages(&self, address: NonNull<u8>) {
        self.world.free_system_pages(address);
    }

    fn user_memory(&self, bytes: usize) -> Option<NonNull<u8>> {
        self.world.user_memory(bytes)
    }

    fn free_user_memory(&self, address: NonNull<u8>) {
        self.world.free_user_memory(address);
    }

    fn protect_user_memory(&self, address: NonNull<u8>, readable: bool) -> bool {
        self.world.protect_user_memory(address, readable)
    }

    fn stall(&self, on: bool) -> bool {
        self.world.stall(on);
        true
    }

    fn stalled(&self) -> u64 {
        self.world.stalled()
    }

    fn threads_live(&self) -> u64 {
        self.world.live_threads()
    }

    fn threads_created(&self) -> u64 {
        self.world.threads_created()
    }

    fn fail_thread_creation(&self, nth: Option<u64>) {
        self.world.fail_thread_creation(nth);
    }

    fn line(&self, text: &str) {
        (self.line)(text);
    }
}
