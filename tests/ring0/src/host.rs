//! This kernel as the port's host: the machine under dxgkrnl's stand-in.

use alloc::vec::Vec;
use core::{
    ptr::NonNull,
    sync::atomic::{AtomicU8, Ordering},
};

use dxgk_port::{AdapterIndex, Host, PoolUse, SystemPages, TagUse};
use dxgk_sys::{DXGK_DISPLAY_INFORMATION, MEMORY_CACHING_TYPE};
use vmdisp_scenarios::Writes;

use crate::{
    cpu::{clock, irql},
    display, log,
    memory::{device, paging::Caching, system, watch},
    nt::{self, dispatcher, pool},
    pci::Adapter,
    threads,
};

/// The machine.
pub struct Machine {
    adapters: Vec<Adapter>,
    /// The IRQL of each adapter's interrupt, 0 for none: QEMU's adapters have none, the port plays it.
    lines: Vec<AtomicU8>,
}

impl Machine {
    /// A machine with these display adapters, each with an interrupt at IRQL `line`, or none at 0.
    pub fn new(adapters: Vec<Adapter>, line: u8) -> Self {
        let lines = adapters.iter().map(|_| AtomicU8::new(line)).collect();
        Self { adapters, lines }
    }

    /// Connects an adapter's interrupt at that IRQL, or disconnects it. False if there is no such
    /// adapter.
    pub fn set_line(&self, index: AdapterIndex, line: Option<u8>) -> bool {
        let known = self.lines.get(index as usize);
        known
            .inspect(|known| known.store(line.unwrap_or(0), Ordering::Relaxed))
            .is_some()
    }

    /// How many display adapters there are.
    pub fn adapters(&self) -> usize {
        self.adapters.len()
    }

    /// The adapter with that number.
    pub fn adapter(&self, index: AdapterIndex) -> Option<&Adapter> {
        self.adapters.get(index as usize)
    }

    /// Runs `work` and counts the writes of the driver's that the adapter gets meanwhile. None if there
    /// is no such adapter.
    pub fn writes_during(&self, index: AdapterIndex, work: &mut dyn FnMut()) -> Option<Writes> {
        let adapter = self.adapter(index)?;
        let mappings: Vec<_> = device::of_driver()
            .into_iter()
            .filter(|mapping| adapter.owns(mapping.physical, mapping.bytes))
            .map(|mapping| (mapping, kind(&mapping)))
            .collect();
        Some(watch::writes_during(index, &mappings, work))
    }
}

/// What an adapter has at a mapping: its registers are a page or two.
fn kind(mapping: &device::Mapping) -> watch::Kind {
    const MOST_REGISTERS: u64 = 0x1_0000;
    if mapping.bytes <= MOST_REGISTERS {
        watch::Kind::Registers
    } else {
        watch::Kind::VideoMemory
    }
}

/// The kernel's word for a caching type.
fn caching(kind: MEMORY_CACHING_TYPE) -> Option<Caching> {
    match kind {
        MEMORY_CACHING_TYPE::MmNonCached => Some(Caching::Uncached),
        MEMORY_CACHING_TYPE::MmCached => Some(Caching::WriteBack),
        MEMORY_CACHING_TYPE::MmWriteCombined => Some(Caching::WriteCombined),
        _ => None,
    }
}

impl Host for Machine {
    fn irql(&self) -> u8 {
        irql::current()
    }

    fn set_irql(&self, irql: u8) {
        irql::set(irql);
    }

    fn thread_id(&self) -> u64 {
        threads::current()
    }

    fn relax(&self) {
        dispatcher::idle();
    }

    fn time_100ns(&self) -> u64 {
        clock::now_100ns()
    }

    fn resources(&self, adapter: AdapterIndex) -> Vec<u8> {
        self.adapter(adapter)
            .map(Adapter::resources)
            .unwrap_or_default()
    }

    fn map_memory(
        &self,
        index: AdapterIndex,
        physical: u64,
        bytes: usize,
        cache: MEMORY_CACHING_TYPE,
    ) -> Option<NonNull<u8>> {
        if !self.adapter(index)?.owns(physical, bytes as u64) {
            log!("refused to map {bytes:#x} bytes at {physical:#x}: not adapter {index}'s");
            return None;
        }
        let caching = caching(cache)?;
        log!("adapter {index}: {bytes:#x} bytes at {physical:#x} mapped, {caching:?}");
        let mapping = device::map_for_driver(physical, bytes as u64, caching)?;
        watch::add(index, &mapping, kind(&mapping));
        NonNull::new(mapping.address as *mut u8)
    }

    fn unmap_memory(&self, address: NonNull<u8>) -> bool {
        device::unmap(address)
    }

    fn video_memory(
        &self,
        adapter: AdapterIndex,
        physical: u64,
        bytes: usize,
    ) -> Option<NonNull<u8>> {
        let owned = self.adapter(adapter)?.owns(physical, bytes as u64);
        owned.then(|| device::map(physical, bytes as u64, Caching::WriteCombined))?
    }

    fn read_config(&self, adapter: AdapterIndex, offset: u32, out: &mut [u8]) -> usize {
        self.adapter(adapter)
            .map_or(0, |adapter| adapter.function.read_bytes(offset, out))
    }

    fn write_config(&self, adapter: AdapterIndex, offset: u32, data: &[u8]) -> usize {
        self.adapter(adapter)
            .map_or(0, |adapter| adapter.function.write_bytes(offset, data))
    }

    fn post_display(&self, index: AdapterIndex) -> Option<DXGK_DISPLAY_INFORMATION> {
        display::post(self.adapter(index)?)
    }

    fn interrupt_line(&self, index: AdapterIndex) -> Option<u8> {
        let line = self.lines.get(index as usize)?.load(Ordering::Relaxed);
        (line != 0).then_some(line)
    }

    fn dpc_queued(&self, _adapter: AdapterIndex) {
        dispatcher::port_waits();
    }

    fn pool(&self) -> PoolUse {
        let used = pool::in_use();
        let tags = used.tags.iter().map(|(tag, used)| TagUse {
            tag: *tag,
            blocks: used.blocks,
            bytes: used.bytes,
        });
        PoolUse {
            blocks: used.blocks,
            bytes: used.bytes,
            high_water_bytes: used.high_water,
            tags: tags.collect(),
        }
    }

    fn fail_pool_call(&self, nth: Option<u64>) {
        pool::fail_call(nth);
    }

    fn pool_calls(&self) -> u64 {
        pool::calls()
    }

    fn system_pages(&self, pages: usize) -> Option<SystemPages> {
        let (address, frames) = system::allocate(pages as u64)?;
        Some(SystemPages { address, frames })
    }

    fn free_system_pages(&self, address: NonNull<u8>) {
        match system::give_back(address.as_ptr() as u64) {
            Some(still_mapped) if still_mapped.is_empty() => {}
            Some(still_mapped) => nt::demand_no_mapping_of(&still_mapped),
            None => panic!("{address:p} is no address of system pages"),
        }
    }

    fn user_memory(&self, bytes: usize) -> Option<NonNull<u8>> {
        system::allocate_user(bytes)
    }

    fn free_user_memory(&self, address: NonNull<u8>) {
        let freed = system::free_user(address.as_ptr() as u64);
        assert!(freed, "{address:p} is no address of user memory");
    }

    fn protect_user_memory(&self, address: NonNull<u8>, readable: bool) -> bool {
        system::protect_user(address.as_ptr() as u64, readable)
    }

    fn instructions(&self) -> Option<u64> {
        clock::instructions()
    }

    fn stall(&self, on: bool) -> bool {
        threads::set_stall(on);
        true
    }

    fn stalled(&self) -> u64 {
        threads::stalled()
    }

    fn threads_live(&self) -> u64 {
        threads::live()
    }

    fn threads_created(&self) -> u64 {
        nt::threads_created()
    }

    fn fail_thread_creation(&self, nth: Option<u64>) {
        nt::fail_thread_creation(nth);
    }

    fn line(&self, text: &str) {
        log!("{text}");
    }
}
