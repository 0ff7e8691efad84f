//! The caller's memory while Render reads it: pages go away, bytes change, addresses are anything.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use vmdisp::ddi::rig::{Buffers, Rig, incoming};
use vmdisp::engine::private;
use vmdisp::engine::render::Error;
use vmdisp_abi::command::{Builder, Command};

use crate::promises::{check, members};

const ROOM: (usize, usize) = (16_384, 256);

fn address<T>(of: &[T]) -> u64 {
    of.as_ptr().expose_provenance() as u64
}

/// Copies between two buffers, each with patch locations of its own.
fn copies(count: u32) -> (Vec<u8>, Vec<dxgk_sys::D3DDDI_PATCHLOCATIONLIST>) {
    let mut room = vec![0; 16 + 64 * count as usize];
    let mut builder = Builder::new(&mut room).unwrap();
    for index in 0..count {
        builder.copy(2 * index, 2 * index + 1, 10).unwrap();
    }
    let _ = builder.finish();
    let patches = (0..2 * count)
        .map(|index| incoming(index % 2, index))
        .collect();
    (room, patches)
}

#[test]
fn a_page_that_is_gone_in_the_middle_ends_the_call() {
    let (commands, patches) = copies(40);
    let [first, list] = [address(&commands), address(&patches)];
    let length = u32::try_from(commands.len()).unwrap();
    // The header, the first command, one in the middle, the last byte; and the same of the patch
    // locations.
    let end = first + u64::from(length) - 1;
    for gone in [
        first,
        first + 16,
        first + 1000,
        end,
        list,
        list + 1000,
        list + 80 * 24 - 1,
    ] {
        let rig = Rig::new(&members());
        let mut buffers = Buffers::new(ROOM.0, private::BYTES, ROOM.1);
        let call = |buffers: &mut Buffers| rig.render_at((first, length), (list, 80), 0, buffers);
        assert!(call(&mut buffers).is_ok());
        rig.world().fault_user_range(gone..gone + 1);
        assert_eq!(call(&mut buffers), Err(Error::UserBuffer), "{gone:x}");
        assert_eq!(buffers.private(), None);
        assert_eq!(rig.world().take_complaints().len(), 1);
    }
}

#[test]
fn what_was_translated_before_a_page_went_stays_out() {
    // There is room for 4 commands, and the page of the fifth is gone: it is not needed yet.
    let (commands, patches) = copies(40);
    let rig = Rig::new(&members());
    let first = address(&commands);
    let length = u32::try_from(commands.len()).unwrap();
    rig.world()
        .fault_user_range(first + 16 + 320..first + 16 + 321);
    let mut buffers = Buffers::new(4 * 64, private::BYTES, ROOM.1);
    let list = (address(&patches), 80);
    let translated = rig
        .render_at((first, length), list, 0, &mut buffers)
        .unwrap();
    assert_eq!((translated.done, translated.more), (4, true));
    let mut buffers = Buffers::new(4 * 64, private::BYTES, ROOM.1);
    let answer = rig.render_at((first, length), list, 4, &mut buffers);
    assert_eq!(answer, Err(Error::UserBuffer));
}

#[test]
fn addresses_of_the_system_and_beyond_the_end_are_refused() {
    let (commands, patches) = copies(4);
    let length = u32::try_from(commands.len()).unwrap();
    let rig = Rig::new(&members());
    let mut buffers = Buffers::new(ROOM.0, private::BYTES, ROOM.1);
    for wrong in [
        0,
        0x7FFF_FFFF_0000,
        0xFFFF_8000_0000_0000,
        u64::MAX,
        u64::MAX - 15,
        u64::MAX - 100,
    ] {
        let answer = rig.render_at((wrong, length), (address(&patches), 8), 0, &mut buffers);
        assert_eq!(answer, Err(Error::UserBuffer), "{wrong:x}");
        let answer = rig.render_at((address(&commands), length), (wrong, 8), 0, &mut buffers);
        assert_eq!(answer, Err(Error::UserBuffer), "{wrong:x}");
    }
    // A length beyond what is there runs into what is not: the header says another one.
    let answer = rig.render_at(
        (address(&commands), u32::MAX),
        (address(&patches), 8),
        0,
        &mut buffers,
    );
    assert_eq!(answer, Err(Error::UserBuffer));
}

#[test]
fn memory_that_changes_while_it_is_read_gets_nobody_outside() {
    // Each word of a command and of its patch locations swings between a good and a bad value, as fast as
    // another thread can. Whatever Render saw of it, it saw once.
    let words = |bytes: &[u8]| -> Vec<AtomicU64> {
        let (words, _) = bytes.as_chunks::<8>();
        words
            .iter()
            .map(|word| AtomicU64::new(u64::from_le_bytes(*word)))
            .collect()
    };
    let mut room = [0; 16 + 64];
    let mut builder = Builder::new(&mut room).unwrap();
    builder
        .push(&Command::Fill {
            to: 0,
            bytes: 10,
            value: 1,
        })
        .unwrap();
    let commands = words(builder.finish());
    // AllocationIndex and SlotId, DriverId and AllocationOffset, PatchOffset and SplitOffset.
    let patches = [0, 0, 0].map(AtomicU64::new);
    let stop = AtomicBool::new(false);
    let rig = Rig::new(&members());
    let mut outcomes = [0_u32; 2];
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut turn = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // `to` stays; the length of a fill is 10 or reaches 996 or 1004 bytes.
                let bytes = [10, 996, 1004][(turn >> 40) as usize % 3];
                commands[3].store(bytes, Ordering::Relaxed);
                patches[1].store((turn >> 33 & 7) << 32, Ordering::Relaxed);
            }
        });
        for _ in 0..20_000 {
            let mut buffers = Buffers::new(64, private::BYTES, 2);
            let answer = rig.render_at(
                (address(&commands), 80),
                (address(&patches), 1),
                0,
                &mut buffers,
            );
            let complaints = rig.world().take_complaints();
            assert_eq!(complaints.len(), usize::from(answer.is_err()));
            match answer {
                Ok(translated) => check(&rig, &buffers.pass(&translated.written), (64, 2)),
                Err(error) => assert_eq!(error, Error::Parameter),
            }
            outcomes[usize::from(answer.is_err())] += 1;
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(
        outcomes.iter().all(|count| *count > 0),
        "{outcomes:?}: nothing changed"
    );
}
