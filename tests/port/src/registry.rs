//! What is known process wide, because callbacks have no other way in: adapters by `DeviceHandle`,
//! ports by driver object, objects by `D3DKMT_HANDLE`.

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use dxgk_sys::HANDLE;
use spin::{Mutex, RwLock};

use crate::adapter::AdapterInner;
use crate::objects::Object;
use crate::port::PortInner;

// --- Adapters -------------------------------------------------------------------------------

const ADAPTERS: usize = 1024;

struct Slot {
    /// Who looks at `adapter` now.
    users: AtomicU32,
    generation: AtomicU32,
    adapter: AtomicPtr<AdapterInner>,
}

/// Looked up at any IRQL, so without a lock.
static SLOTS: [Slot; ADAPTERS] = [const {
    Slot {
        users: AtomicU32::new(0),
        generation: AtomicU32::new(0),
        adapter: AtomicPtr::new(ptr::null_mut()),
    }
}; ADAPTERS];

/// `DeviceHandle`s look like no pointer: whoever dereferences one faults.
const HANDLE_BASE: usize = 0xD000_0000_0000_0000;

fn handle_of(index: usize, generation: u32) -> HANDLE {
    ptr::without_provenance_mut(HANDLE_BASE | (generation as usize & 0xFFFF) << 16 | index << 4)
}

/// The `DeviceHandle` that has these low bits, whether or not it is an adapter's.
pub(crate) fn device_handle(low: usize) -> HANDLE {
    ptr::without_provenance_mut(HANDLE_BASE | low & 0xFFFF_FFFF)
}

/// An adapter that a callback looks at; it cannot go away meanwhile.
pub(crate) struct AdapterRef {
    slot: &'static Slot,
    adapter: *const AdapterInner,
}

impl core::ops::Deref for AdapterRef {
    type Target = AdapterInner;

    fn deref(&self) -> &AdapterInner {
        // SAFETY: `users` is not 0, so the adapter waits in `forget_adapter`.
        unsafe { &*self.adapter }
    }
}

impl Drop for AdapterRef {
    fn drop(&mut self) {
        self.slot.users.fetch_sub(1, Ordering::Release);
    }
}

/// Gives an adapter its `DeviceHandle`; `None` if there are too many adapters.
pub(crate) fn know_adapter(adapter: *const AdapterInner) -> Option<HANDLE> {
    SLOTS.iter().enumerate().find_map(|(index, slot)| {
        slot.adapter
            .compare_exchange(
                ptr::null_mut(),
                adapter.cast_mut(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            )
            .ok()?;
        Some(handle_of(index, slot.generation.load(Ordering::Relaxed)))
    })
}

/// Takes a `DeviceHandle` away and waits until no callback uses it.
pub(crate) fn forget_adapter(handle: HANDLE) {
    let slot = &SLOTS[(handle.addr() & 0xFFFF) >> 4];
    slot.generation.fetch_add(1, Ordering::Relaxed);
    slot.adapter.store(ptr::null_mut(), Ordering::SeqCst);
    while slot.users.load(Ordering::SeqCst) != 0 {
        core::hint::spin_loop();
    }
}

/// The adapter of a `DeviceHandle`, if it is one.
pub(crate) fn adapter(handle: HANDLE) -> Option<AdapterRef> {
    let index = (handle.addr() & 0xFFFF) >> 4;
    let slot = SLOTS.get(index)?;
    slot.users.fetch_add(1, Ordering::SeqCst);
    let reference = AdapterRef {
        slot,
        adapter: slot.adapter.load(Ordering::SeqCst),
    };
    let generation = slot.generation.load(Ordering::SeqCst);
    (!reference.adapter.is_null() && handle == handle_of(index, generation)).then_some(reference)
}

// --- Ports ----------------------------------------------------------------------------------

static PORTS: Mutex<Vec<Weak<PortInner>>> = Mutex::new(Vec::new());

pub(crate) fn know_port(port: &Arc<PortInner>) {
    let mut ports = PORTS.lock();
    ports.retain(|port| port.strong_count() != 0);
    ports.push(Arc::downgrade(port));
}

/// The ports, newest first; none if an interrupt came upon whoever changes the list.
fn ports() -> Vec<Arc<PortInner>> {
    let known = patiently(|| PORTS.try_lock());
    known.map_or_else(Vec::new, |ports| {
        ports.iter().rev().filter_map(Weak::upgrade).collect()
    })
}

/// The newest port for which `wanted` holds.
pub(crate) fn find_port(wanted: impl Fn(&PortInner) -> bool) -> Option<Arc<PortInner>> {
    ports().into_iter().find(|port| wanted(port))
}

/// The port that was made last.
pub(crate) fn newest_port() -> Option<Arc<PortInner>> {
    ports().into_iter().next()
}

/// Waits for a lock, but not for ever: callbacks may come, wrongly, in an interrupt on top of its holder.
fn patiently<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    const TRIES: u32 = 1 << 24;
    (0..TRIES).find_map(|_| {
        core::hint::spin_loop();
        attempt()
    })
}

// --- Objects --------------------------------------------------------------------------------

/// `D3DKMT_HANDLE`: 22 bits of index, 10 of generation, never 0.
const INDEX_BITS: u32 = 22;
const GENERATIONS: u32 = 1 << (32 - INDEX_BITS);

struct Entry {
    generation: u32,
    object: Option<Object>,
}

struct Table {
    entries: Vec<Entry>,
    free: Vec<u32>,
}

static OBJECTS: RwLock<Table> = RwLock::new(Table {
    entries: Vec::new(),
    free: Vec::new(),
});

/// Gives an object its handle; 0 if there are too many.
pub(crate) fn insert(object: Object) -> u32 {
    let mut table = OBJECTS.write();
    let index = if let Some(index) = table.free.pop() {
        index
    } else {
        let index = u32::try_from(table.entries.len()).unwrap_or(u32::MAX);
        if index >= 1 << INDEX_BITS {
            return 0;
        }
        table.entries.push(Entry {
            generation: 1,
            object: None,
        });
        index
    };
    let entry = &mut table.entries[index as usize];
    entry.object = Some(object);
    entry.generation << INDEX_BITS | index
}

/// Gives a handle that was inserted before its object.
pub(crate) fn set(handle: u32, object: Object) {
    let mut table = OBJECTS.write();
    let entry = table
        .entries
        .get_mut((handle & ((1 << INDEX_BITS) - 1)) as usize);
    if let Some(entry) = entry.filter(|entry| entry.generation == handle >> INDEX_BITS) {
        entry.object = Some(object);
    }
}

/// The object of a handle, if it is one.
pub(crate) fn object(handle: u32) -> Option<Object> {
    let table = OBJECTS.read();
    let entry = table
        .entries
        .get((handle & ((1 << INDEX_BITS) - 1)) as usize)?;
    if entry.generation != handle >> INDEX_BITS {
        return None;
    }
    entry.object.clone()
}

/// Takes an object's handle away.
pub(crate) fn remove(handle: u32) -> Option<Object> {
    let mut table = OBJECTS.write();
    let index = handle & ((1 << INDEX_BITS) - 1);
    let entry = table.entries.get_mut(index as usize)?;
    if entry.generation != handle >> INDEX_BITS {
        return None;
    }
    let object = entry.object.take()?;
    entry.generation = (entry.generation + 1) % GENERATIONS;
    if entry.generation == 0 {
        entry.generation = 1;
    }
    table.free.push(index);
    Some(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_good_until_its_object_goes() {
        let handle = insert(Object::Nothing);
        assert_ne!(handle, 0);
        assert!(object(handle).is_some());
        assert!(object(handle ^ 1 << INDEX_BITS).is_none());
        assert!(remove(handle).is_some());
        assert!(object(handle).is_none() && remove(handle).is_none());
        // The same place again has another handle.
        assert_ne!(insert(Object::Nothing), handle);
    }

    #[test]
    fn what_is_no_device_handle_is_no_adapter() {
        for address in [0, HANDLE_BASE, HANDLE_BASE | 0xFFF0, usize::MAX] {
            let handle: HANDLE = ptr::without_provenance_mut(address);
            assert!(adapter(handle).is_none());
        }
    }
}
