//! The machine under the port: adapters as the test bus shows them, all else as the shim has it.

use alloc::vec;
use alloc::vec::Vec;
use core::ptr::{self, NonNull};

use dxgk_port::{AdapterIndex, Host, PoolUse, SystemPages, TagUse};
use dxgk_sys::MEMORY_CACHING_TYPE;
use nt::bus::Interface;
use nt::{DEVICE_OBJECT, shim};
use spin::Mutex;
use vmdisp_wine_nt as nt;

struct Adapter {
    interface: Interface,
    physical: *mut DEVICE_OBJECT,
}

// SAFETY: a device is the kernel's, for any thread to name.
unsafe impl Send for Adapter {}

/// The machine.
#[derive(Default)]
pub struct Wine {
    adapters: Mutex<Vec<Option<Adapter>>>,
    /// Addresses of live mappings.
    mapped: Mutex<Vec<usize>>,
}

impl Wine {
    /// Adds an adapter; its number.
    pub fn add(&self, interface: Interface, physical: *mut DEVICE_OBJECT) -> AdapterIndex {
        let mut adapters = self.adapters.lock();
        adapters.push(Some(Adapter {
            interface,
            physical,
        }));
        (adapters.len() - 1) as AdapterIndex
    }

    /// Takes an adapter out. Numbers are not used again.
    pub fn remove(&self, index: AdapterIndex) {
        let adapter = self
            .adapters
            .lock()
            .get_mut(index as usize)
            .and_then(Option::take);
        if let Some(Adapter { interface, .. }) = adapter {
            // SAFETY: the bus's function with the bus's context.
            unsafe { (interface.dereference)(interface.context) };
        }
    }

    fn interface(&self, index: AdapterIndex) -> Option<Interface> {
        let adapters = self.adapters.lock();
        Some(adapters.get(index as usize)?.as_ref()?.interface)
    }

    /// Memory of an adapter's.
    pub fn memory(&self, index: AdapterIndex, physical: u64, bytes: usize) -> Option<NonNull<u8>> {
        let interface = self.interface(index)?;
        // SAFETY: the bus's function with the bus's context.
        NonNull::new(unsafe { (interface.memory)(interface.context, physical, bytes) })
    }

    /// The address in a BAR.
    pub fn bar(&self, index: AdapterIndex, number: u32) -> u64 {
        let mut value = [0; 4];
        self.read_config(index, 0x10 + 4 * number, &mut value);
        u64::from(u32::from_le_bytes(value) & !0xf)
    }
}

impl Host for Wine {
    fn irql(&self) -> u8 {
        shim::irql()
    }

    fn set_irql(&self, irql: u8) {
        shim::set_irql(irql);
    }

    fn thread_id(&self) -> u64 {
        shim::thread()
    }

    fn relax(&self) {
        shim::relax();
    }

    fn time_100ns(&self) -> u64 {
        shim::time_100ns()
    }

    fn resources(&self, index: AdapterIndex) -> Vec<u8> {
        let Some(interface) = self.interface(index) else {
            return Vec::new();
        };
        let mut list = vec![0; 256];
        // SAFETY: the bus's function with the bus's context.
        let bytes =
            unsafe { (interface.resources)(interface.context, list.as_mut_ptr(), list.len()) };
        list.truncate(bytes);
        list
    }

    fn map_memory(
        &self,
        index: AdapterIndex,
        physical: u64,
        bytes: usize,
        _cache: MEMORY_CACHING_TYPE,
    ) -> Option<NonNull<u8>> {
        let address = self.memory(index, physical, bytes)?;
        self.mapped.lock().push(address.addr().get());
        Some(address)
    }

    fn unmap_memory(&self, address: NonNull<u8>) -> bool {
        let mut mapped = self.mapped.lock();
        let at = mapped.iter().position(|live| *live == address.addr().get());
        at.map(|at| mapped.swap_remove(at)).is_some()
    }

    fn read_config(&self, index: AdapterIndex, offset: u32, out: &mut [u8]) -> usize {
        let Some(interface) = self.interface(index) else {
            return 0;
        };
        let (to, room) = (out.as_mut_ptr(), out.len());
        // SAFETY: the bus's function with the bus's context.
        unsafe { (interface.read_config)(interface.context, offset, to, room) }
    }

    /// The adapter's configuration is fixed: a write is taken and changes nothing.
    fn write_config(&self, _index: AdapterIndex, _offset: u32, data: &[u8]) -> usize {
        data.len()
    }

    fn physical_device_object(&self, index: AdapterIndex) -> *mut dxgk_sys::DEVICE_OBJECT {
        let adapters = self.adapters.lock();
        let adapter = adapters.get(index as usize).and_then(Option::as_ref);
        adapter.map_or(ptr::null_mut(), |adapter| adapter.physical.cast())
    }

    fn pool(&self) -> PoolUse {
        let (totals, tags) = shim::pool();
        let tags = tags.into_iter().map(|(tag, blocks, bytes)| TagUse {
            tag: tag.to_le_bytes(),
            blocks,
            bytes,
        });
        PoolUse {
            blocks: totals.blocks,
            bytes: totals.bytes,
            high_water_bytes: totals.high_water_bytes,
            tags: tags.collect(),
        }
    }

    fn fail_pool_call(&self, nth: Option<u64>) {
        shim::fail_pool_call(nth);
    }

    fn pool_calls(&self) -> u64 {
        shim::pool_calls()
    }

    fn system_pages(&self, pages: usize) -> Option<SystemPages> {
        let (address, frames) = shim::system_pages(pages)?;
        Some(SystemPages { address, frames })
    }

    fn free_system_pages(&self, address: NonNull<u8>) {
        shim::free_system_pages(address);
    }

    fn user_memory(&self, bytes: usize) -> Option<NonNull<u8>> {
        shim::user_memory(bytes)
    }

    fn free_user_memory(&self, address: NonNull<u8>) {
        shim::free_user_memory(address);
    }

    fn protect_user_memory(&self, address: NonNull<u8>, readable: bool) -> bool {
        shim::protect_user_memory(address, readable)
    }

    fn threads_live(&self) -> u64 {
        shim::threads_live()
    }

    fn threads_created(&self) -> u64 {
        shim::threads_created()
    }

    fn fail_thread_creation(&self, nth: Option<u64>) {
        shim::fail_thread(nth);
    }

    fn line(&self, text: &str) {
        shim::line(text);
    }
}
