//! Memory that changes behind the driver's back, as another thread of the caller's process changes it.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;

/// Runs `work` while a second thread writes `first` and `second` to `memory` by turns; `first` is there
/// in the end.
///
/// # Safety
///
/// `memory` is good for reads and writes of as many bytes as both have, and until this returns nobody
/// in this program accesses them but by atomic operations or through the system.
pub unsafe fn while_changing(memory: *mut u8, first: &[u8], second: &[u8], work: &mut dyn FnMut()) {
    assert_eq!(first.len(), second.len());
    let bytes: Vec<&AtomicU8> = (0..first.len())
        .map(|offset| {
            let byte = memory.wrapping_add(offset);
            // SAFETY: the caller's contract.
            unsafe { AtomicU8::from_ptr(byte) }
        })
        .collect();
    let write = |content: &[u8]| {
        for (to, from) in bytes.iter().zip(content) {
            to.store(*from, Ordering::Relaxed);
        }
    };
    let (running, over) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            running.store(true, Ordering::Release);
            while !over.load(Ordering::Acquire) {
                write(second);
                write(first);
            }
        });
        while !running.load(Ordering::Acquire) {
            thread::yield_now();
        }
        work();
        over.store(true, Ordering::Release);
    });
}
