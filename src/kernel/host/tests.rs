//! The host back keeps its promises: what it watches, it sees.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::vec::Vec;

use super::*;
use crate::kernel::irql::Passive;
use crate::kernel::{
    Align, Fault, NoMemory, Owned, PAGE, Reset, Shared, Span, Tag, Time, UserAddress, Wait,
};

const TAG: Tag = Tag(*b"Kern");
const OTHER: Tag = Tag(*b"Othr");

fn passive() -> Passive {
    // SAFETY: a test's thread is at PASSIVE_LEVEL.
    unsafe { Passive::assume() }
}

fn take(bytes: usize, align: Align) -> NonNull<u8> {
    allocate(TAG, bytes, align, passive()).unwrap()
}

fn give(tag: Tag, block: NonNull<u8>, bytes: usize) {
    // SAFETY: the world checks what the tests do wrong here, and leaves such a block alone.
    unsafe { free(tag, block, bytes) };
}

#[test]
fn blocks_are_zeroed_aligned_and_counted() {
    for guarded in [false, true] {
        let world = World::new();
        let _entered = world.enter();
        let _ = world.guard_pages(guarded);
        for (bytes, align, to) in [
            (1, Align::Natural, 16),
            (100, Align::CacheLine, 64),
            (PAGE + 1, Align::Natural, PAGE),
        ] {
            let block = take(bytes, align);
            assert_eq!(block.addr().get() % to, 0);
            // SAFETY: the block has so many bytes, all initialised.
            let content = unsafe { core::slice::from_raw_parts(block.as_ptr(), bytes) };
            assert!(content.iter().all(|&byte| byte == 0));
            assert_eq!((world.live_blocks(), world.live_bytes()), (1, bytes as u64));
            give(TAG, block, bytes);
        }
        let used = world.pool()[0];
        assert_eq!(
            (used.tag, used.calls, used.high_blocks, used.blocks),
            (TAG, 3, 1, 0)
        );
        assert_eq!(world.high_bytes(), PAGE as u64 + 1);
        assert!(allocate(TAG, 0, Align::Natural, passive()).is_none());
        assert_eq!(world.wrong_frees(), []);
    }
}

#[test]
fn the_named_call_fails_and_no_other() {
    let world = World::new();
    let _entered = world.enter();
    world.fail_pool_call(Some(2));
    let made: Vec<bool> = (0..4)
        .map(|_| {
            allocate(TAG, 8, Align::Natural, passive())
                .map(|b| give(TAG, b, 8))
                .is_some()
        })
        .collect();
    assert_eq!(made, [true, false, true, true]);
    assert_eq!(world.pool_calls(), 4);
    world.fail_slot(Some(3));
    let allowed: Vec<bool> = (0..4).map(|_| slot_allowed()).collect();
    assert_eq!(allowed, [true, true, false, true]);
    assert_eq!(world.slots(), 4);
    world.fail_slot(Some(1));
    world.fail_slot(None);
    assert!(slot_allowed());
}

#[test]
fn wrong_frees_are_recorded() {
    let world = World::new();
    let _entered = world.enter();
    let block = take(32, Align::Natural);
    give(OTHER, block, 32);
    give(TAG, block, 31);
    give(TAG, block, 32);
    give(TAG, block, 32);
    give(TAG, NonNull::<u64>::dangling().cast(), 8);
    let kinds: Vec<_> = world.wrong_frees().iter().map(|wrong| wrong.kind).collect();
    let expected = [
        WrongFreeKind::Tag(TAG),
        WrongFreeKind::Size(32),
        WrongFreeKind::Double,
        WrongFreeKind::Foreign,
    ];
    assert_eq!(kinds, expected);
    let elsewhere = World::new();
    let _entered = elsewhere.enter();
    give(TAG, block, 32);
    assert_eq!(elsewhere.wrong_frees()[0].kind, WrongFreeKind::Foreign);
}

/// Between guard pages a write behind a block that does not reach the page is seen at the free.
#[test]
fn an_overrun_is_seen() {
    let world = World::new();
    let _entered = world.enter();
    if !world.guard_pages(true) {
        return;
    }
    let block = take(17, Align::Natural);
    assert_eq!(
        (block.addr().get() + 32) % PAGE,
        0,
        "the block ends at the page, but for padding"
    );
    // SAFETY: the padding of the block is mapped.
    unsafe { block.as_ptr().wrapping_add(17).write(1) };
    give(TAG, block, 17);
    assert_eq!(world.wrong_frees()[0].kind, WrongFreeKind::Overrun);
}

/// The pages before, behind and, after the free, of a block cannot be read.
#[test]
#[cfg(target_os = "linux")]
fn guard_pages_cannot_be_read() {
    let world = World::new();
    let _entered = world.enter();
    assert!(world.guard_pages(true));
    let block = take(64, Align::CacheLine);
    let mut byte = [0];
    // SAFETY: the copy is made by the system, which reports a page that cannot be read.
    let mut read = |at: *mut u8| unsafe { copy_from_caller(&mut byte, at.cast(), passive()) };
    let last = block.as_ptr().wrapping_add(63);
    assert_eq!(read(last), Ok(()));
    assert_eq!(read(last.wrapping_add(1)), Err(Fault));
    assert_eq!(read(last.wrapping_sub(PAGE)), Err(Fault));
    give(TAG, block, 64);
    assert_eq!(read(last), Err(Fault));
}

#[test]
fn services_above_their_level_are_recorded() {
    let world = World::new();
    let _entered = world.enter();
    let event = Event::try_new(TAG, Reset::Manual, passive()).unwrap();
    let lock = SpinLock::new(());
    let held = lock.lock(passive());
    assert_eq!(irql(), 2);
    event.set(held.irql());
    assert_eq!(event.wait_for(Span::ZERO, passive()), Wait::Signalled);
    drop(held);
    assert_eq!(irql(), 0);
    with_irql(3, || event.clear(passive()));
    let misuses = world.misuses();
    assert_eq!(
        misuses[0],
        Misuse {
            service: "Event::wait_for",
            irql: 2,
            highest: 0
        }
    );
    assert_eq!(
        misuses[1],
        Misuse {
            service: "Event::clear",
            irql: 3,
            highest: 2
        }
    );
    assert_eq!(misuses.len(), 2);
}

#[test]
fn locks_let_one_thread_in() {
    let world = World::new();
    let _entered = world.enter();
    let state = Shared::try_new(TAG, (SpinLock::new(0), FastMutex::new(0)), passive()).unwrap();
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let state = state.clone();
            let body = move |irql| {
                for _ in 0..2000 {
                    let mut count = state.0.lock(irql);
                    let before = *count;
                    core::hint::spin_loop();
                    *count = before + 1;
                    drop(count);
                    let mut count = state.1.lock(irql);
                    assert_eq!(super::irql(), 1);
                    *count += 1;
                }
            };
            Thread::try_new(TAG, body, passive()).unwrap()
        })
        .collect();
    drop(threads);
    assert_eq!(
        (*state.0.lock(passive()), *state.1.lock(passive())),
        (6000, 6000)
    );
    drop(state);
    assert_eq!(world.live_blocks(), 0);
}

#[test]
fn events_wake_as_they_are_reset() {
    let world = World::new();
    let _entered = world.enter();
    let auto = Event::try_new(TAG, Reset::Auto, passive()).unwrap();
    let manual = Event::try_new(TAG, Reset::Manual, passive()).unwrap();
    for event in [&auto, &manual] {
        assert_eq!(event.wait_for(Span::millis(1), passive()), Wait::TimedOut);
        event.set(passive());
        assert_eq!(event.wait_for(Span::ZERO, passive()), Wait::Signalled);
    }
    assert_eq!(auto.wait_for(Span::ZERO, passive()), Wait::TimedOut);
    assert_eq!(manual.wait_for(Span::ZERO, passive()), Wait::Signalled);
    manual.clear(passive());
    assert_eq!(manual.wait_for(Span::ZERO, passive()), Wait::TimedOut);
}

#[test]
fn a_dpc_runs_at_dispatch_level_in_its_world() {
    let world = World::new();
    let _entered = world.enter();
    let done = Shared::try_new(
        TAG,
        Event::try_new(TAG, Reset::Auto, passive()).unwrap(),
        passive(),
    )
    .unwrap();
    let runs = Arc::new(AtomicU64::new(0));
    let (seen, signal) = (Arc::clone(&runs), done.clone());
    let routine = move |level| {
        seen.fetch_add(1 + 100 * u64::from(irql()), Ordering::SeqCst);
        note(c"test", c"ran", 1);
        signal.set(level);
    };
    let dpc = Dpc::try_new(TAG, routine, passive()).unwrap();
    for _ in 0..3 {
        assert!(dpc.queue());
        done.wait(passive());
    }
    drop((dpc, done));
    assert_eq!(runs.load(Ordering::SeqCst), 3 + 300 * 2);
    assert_eq!(world.notes().len(), 3);
    assert_eq!(world.live_blocks(), 0, "the routine is freed with the DPC");
    assert_eq!(world.misuses(), []);
}

/// A DPC that is queued twice runs once; one that is dropped while it runs has run to its end.
#[test]
fn a_dropped_dpc_has_ended() {
    let world = World::new();
    let _entered = world.enter();
    let gate = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&gate);
    let slow = Dpc::try_new(
        TAG,
        move |_| {
            seen.store(1, Ordering::SeqCst);
            std::thread::sleep(core::time::Duration::from_millis(30));
            seen.store(2, Ordering::SeqCst);
        },
        passive(),
    )
    .unwrap();
    let never = Arc::new(AtomicU64::new(0));
    let ran = Arc::clone(&never);
    let queued = Dpc::try_new(
        TAG,
        move |_| {
            ran.fetch_add(1, Ordering::SeqCst);
        },
        passive(),
    )
    .unwrap();
    assert!(slow.queue());
    while gate.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
    assert!(queued.queue());
    assert!(!queued.queue());
    drop(queued);
    drop(slow);
    assert_eq!(gate.load(Ordering::SeqCst), 2);
    assert_eq!(
        never.load(Ordering::SeqCst),
        0,
        "it was dropped before its turn"
    );
}

/// The clock stands, so a timer expires when the test says so, and sets itself again.
#[test]
fn a_timer_expires_at_its_times() {
    let world = World::new();
    let _entered = world.enter();
    world.set_time(Time(1_000));
    let ticks = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&ticks);
    let routine = move |timer: &Timer, irql| {
        let tick = seen.fetch_add(1, Ordering::SeqCst) + 1;
        timer.set(Time(1_000).after(Span((tick + 1) * 100)), irql);
    };
    let timer = Timer::try_new(TAG, routine, passive()).unwrap();
    timer.set(Time(1_100), passive());
    let wait_for = |count: u64| {
        while ticks.load(Ordering::SeqCst) < count {
            std::thread::yield_now();
        }
        std::thread::sleep(core::time::Duration::from_millis(5));
        assert_eq!(ticks.load(Ordering::SeqCst), count);
    };
    wait_for(0);
    world.advance(Span(99));
    wait_for(0);
    world.advance(Span(1));
    wait_for(1);
    world.advance(Span(250));
    wait_for(3);
    assert!(timer.cancel(passive()));
    assert!(!timer.cancel(passive()));
    world.advance(Span(10_000));
    wait_for(3);
    // Past due: it expires at once, and goes on by itself until it is dropped.
    timer.set(Time(0), passive());
    while ticks.load(Ordering::SeqCst) < 4 {
        std::thread::yield_now();
    }
    drop(timer);
    let ended = ticks.load(Ordering::SeqCst);
    world.advance(Span(10_000));
    wait_for(ended);
    assert_eq!(world.live_blocks(), 0);
}

#[test]
fn user_memory_is_read_with_care() {
    let world = World::new();
    let _entered = world.enter();
    let source = [7_u8; 100];
    let at = source.as_ptr().expose_provenance() as u64;
    let mut copy = [0; 100];
    assert_eq!(
        copy_from_user(&mut copy, UserAddress(at), passive()),
        Ok(())
    );
    assert_eq!(copy[..], source[..]);
    assert_eq!(
        copy_from_user(&mut [], UserAddress(u64::MAX), passive()),
        Ok(())
    );
    let mut read = |at| copy_from_user(&mut copy, UserAddress(at), passive());
    assert_eq!(read(u64::MAX - 10), Err(Fault));
    assert_eq!(read(0xFFFF_8000_0000_0000), Err(Fault));
    #[cfg(target_os = "linux")]
    assert_eq!(read(64), Err(Fault), "nothing is mapped there");
    world.fault_user_range(at + 50..at + 51);
    assert_eq!(read(at), Err(Fault));
    world.set_highest_user_address(at + 98);
    let mut short = [0; 40];
    assert_eq!(
        copy_from_user(&mut short, UserAddress(at), passive()),
        Ok(())
    );
    assert_eq!(
        copy_from_user(&mut short, UserAddress(at + 60), passive()),
        Err(Fault)
    );
}

#[test]
fn parameters_are_what_the_test_set() {
    let world = World::new();
    let _entered = world.enter();
    let read = || parameter_dword(&[], c"PoolPerObject", passive());
    assert_eq!(read(), None);
    world.set_parameter("PoolPerObject", Some(Parameter::Dword(1)));
    assert_eq!(read(), Some(1));
    assert_eq!(world.complaints(), []);
    world.set_parameter("PoolPerObject", Some(Parameter::OfType(1)));
    assert_eq!(read(), None);
    assert_eq!(world.take_complaints().len(), 1);
    world.set_parameter("PoolPerObject", None);
    assert_eq!(read(), None);
    assert!(!is_verified());
    world.set_verified(true);
    assert!(is_verified());
}

#[test]
fn a_complaint_is_one_line() {
    let world = World::new();
    let _entered = world.enter();
    complain(
        c"CreateAllocation",
        c"width",
        0x1_FFFF,
        c"larger than 16384",
    );
    let line = std::format!("{}", world.complaints()[0]);
    assert_eq!(
        line,
        "vmdisp: CreateAllocation: width = 0x1ffff: larger than 16384"
    );
}

#[test]
fn owners_free_what_they_own() {
    let world = World::new();
    let _entered = world.enter();
    let counted = Arc::new(());
    let owned = Owned::try_new(TAG, Arc::clone(&counted), passive()).unwrap();
    let shared = Shared::try_new(TAG, Arc::clone(&counted), passive()).unwrap();
    let again = shared.clone();
    drop(shared);
    assert_eq!((Arc::strong_count(&counted), world.live_blocks()), (3, 2));
    let raw = owned.into_raw();
    assert_eq!(Arc::strong_count(&counted), 3);
    // SAFETY: the block came from into_raw with this tag.
    drop(unsafe { Owned::from_raw(TAG, raw) });
    drop(again);
    assert_eq!((Arc::strong_count(&counted), world.live_blocks()), (1, 0));
    world.fail_pool_call(Some(1));
    let failed = Owned::try_new(TAG, Arc::clone(&counted), passive());
    assert_eq!(failed.map(drop), Err(NoMemory));
    assert_eq!(Arc::strong_count(&counted), 1, "the value is dropped");
}
