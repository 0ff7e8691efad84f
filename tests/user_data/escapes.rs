//! Each question with its answer, and each refusal.

use dxgk_sys::status::{
    STATUS_GRAPHICS_DRIVER_MISMATCH, STATUS_ILLEGAL_INSTRUCTION, STATUS_INVALID_PARAMETER,
    STATUS_SUCCESS,
};
use dxgk_sys::{D3DDDI_ESCAPEFLAGS, DXGK_CREATEDEVICEFLAGS};
use vmdisp::ddi::rig::Asked;
use vmdisp_abi::escape::{AdapterAnswer, Question, Request, StatisticsAnswer};
use vmdisp_in_process::InProcess;
use vmdisp_scenarios::Machine;
use zerocopy::{FromBytes, IntoBytes};

use crate::promises::{any_escape, no_address};

/// A question in a block of the right length, filled with rubbish.
fn asked(question: Question) -> Vec<u8> {
    let mut block = vec![0x5A; usize::from(question.block_bytes())];
    block[..16].copy_from_slice(Request::new(question).as_bytes());
    block
}

#[test]
fn each_question_has_its_answer() {
    let machine = InProcess::new();
    let port = machine
        .load(dxgk_port::Settings::default())
        .expect("the driver loads");
    let adapter = port.add_device(0).expect("an adapter");
    adapter.start().expect("it starts");
    let device = adapter
        .create_device(DXGK_CREATEDEVICEFLAGS::empty())
        .expect("a device");
    let context = device
        .create_context(dxgk_port::ContextKind::User)
        .expect("a context");
    for flags in [
        D3DDDI_ESCAPEFLAGS::empty(),
        D3DDDI_ESCAPEFLAGS::HardwareAccess,
    ] {
        let mut block = asked(Question::Adapter);
        adapter
            .escape(flags, Some(&device), None, &mut block)
            .expect("an answer");
        no_address(&block[16..]);
        let answer = AdapterAnswer::read_from_bytes(&block).unwrap();
        assert_eq!(answer.request, Request::new(Question::Adapter));
        assert_eq!(answer.adapter.hardware_id, 0xB0C5);
        assert_eq!(answer.adapter.video_memory_bytes, 16 << 20);

        let mut block = asked(Question::Statistics);
        adapter
            .escape(flags, None, Some(&context), &mut block)
            .expect("an answer");
        no_address(&block[16..]);
        let answer = StatisticsAnswer::read_from_bytes(&block).unwrap();
        let counts = answer.statistics;
        assert_eq!((counts.devices >= 1, counts.contexts >= 1), (true, true));
        assert_eq!(
            (counts.openings, counts.resets, counts.preempted),
            (0, 0, 0)
        );
    }
    let count = |adapter: &dxgk_port::Adapter| {
        let mut block = asked(Question::Statistics);
        let flags = D3DDDI_ESCAPEFLAGS::empty();
        adapter
            .escape(flags, None, None, &mut block)
            .expect("an answer");
        StatisticsAnswer::read_from_bytes(&block)
            .unwrap()
            .statistics
    };
    let before = count(&adapter);
    context.destroy().expect("it goes");
    device.destroy().expect("it goes");
    let after = count(&adapter);
    assert_eq!(
        (
            before.contexts - after.contexts,
            before.devices - after.devices
        ),
        (1, 1)
    );
    adapter.exercise_escapes();
    adapter.stop().expect("it stops");
    // A stopped adapter can be asked, too: nothing is mapped then.
    let mut block = asked(Question::Adapter);
    let flags = D3DDDI_ESCAPEFLAGS::empty();
    adapter
        .escape(flags, None, None, &mut block)
        .expect("an answer");
    assert_eq!(
        AdapterAnswer::read_from_bytes(&block)
            .unwrap()
            .adapter
            .hardware_id,
        0
    );
    adapter.remove().expect("it goes");
    machine.unload(&port);
    let report = port.report();
    assert!(
        report.is_clean(),
        "{:?} {:?}",
        report.violations,
        report.leaks
    );
}

#[test]
fn each_refusal_has_its_status() {
    let adapter = Asked::new();
    let refused = |block: &mut [u8]| {
        let before = block.to_vec();
        let status = adapter.escape(block);
        let lines = adapter.world().take_complaints().len();
        assert_eq!(
            (block, lines),
            (
                &mut before.clone()[..],
                usize::from(status != STATUS_SUCCESS)
            )
        );
        status
    };
    for question in [Question::Adapter, Question::Statistics] {
        // Not ours: another magic, or nothing that could have one.
        for at in 0..4 {
            let mut block = asked(question);
            block[at] ^= 0x20;
            assert_eq!(refused(&mut block), STATUS_SUCCESS);
        }
        for bytes in 0..16 {
            assert_eq!(refused(&mut asked(question)[..bytes]), STATUS_SUCCESS);
        }
        let mut block = asked(question);
        block[4] = 9;
        assert_eq!(refused(&mut block), STATUS_GRAPHICS_DRIVER_MISMATCH);
        for unknown in [0, 3, 0xFFFF_FFFF_u32] {
            let mut block = asked(question);
            block[8..12].copy_from_slice(&unknown.to_le_bytes());
            assert_eq!(refused(&mut block), STATUS_ILLEGAL_INSTRUCTION);
        }
        // Lengths: of the block, in the header; and the reserved word.
        let whole = asked(question).len();
        for bytes in [16, 17, whole - 1] {
            assert_eq!(
                refused(&mut asked(question)[..bytes]),
                STATUS_INVALID_PARAMETER
            );
        }
        let mut longer = asked(question);
        longer.push(0);
        assert_eq!(refused(&mut longer), STATUS_INVALID_PARAMETER);
        for at in [6, 7, 12, 15] {
            let mut block = asked(question);
            block[at] ^= 1;
            assert_eq!(refused(&mut block), STATUS_INVALID_PARAMETER, "{at}");
        }
    }
}

#[test]
fn a_block_that_cannot_be_read_is_refused() {
    let adapter = Asked::new();
    let mut block = asked(Question::Adapter);
    let first = block.as_ptr().expose_provenance() as u64;
    adapter.world().fault_user_range(first + 15..first + 16);
    assert_eq!(adapter.escape(&mut block), STATUS_INVALID_PARAMETER);
}

#[test]
fn answers_keep_the_promises() {
    for question in [Question::Adapter, Question::Statistics] {
        any_escape(&asked(question));
    }
}
