//! Any bytes, near to what is right and far from it.

use proptest::prelude::*;
use vmdisp_abi::allocation::{AllocationData, AllocationFlags, Kind};
use vmdisp_abi::escape::{Question, Request};
use zerocopy::IntoBytes;

use crate::promises::{any_blobs, any_escape};

proptest! {
    #[test]
    fn any_bytes_are_an_escape(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        any_escape(&bytes);
    }

    #[test]
    fn an_escape_with_a_few_bytes_changed(
        statistics in any::<bool>(),
        length in 0..100_usize,
        changes in prop::collection::vec((0..20_usize, any::<u8>()), 0..3),
        whole in any::<bool>(),
    ) {
        let question = if statistics { Question::Statistics } else { Question::Adapter };
        let length = if whole { question.block_bytes().into() } else { length };
        let mut block = Request::new(question).as_bytes().to_vec();
        block.resize(length, 0);
        for (at, byte) in changes {
            if let Some(place) = block.get_mut(at) {
                *place = byte;
            }
        }
        any_escape(&block);
    }

    #[test]
    fn any_bytes_are_blobs(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        any_blobs(&bytes);
    }

    #[test]
    fn blobs_with_a_few_words_changed(
        changes in prop::collection::vec((0..28_usize, prop_oneof![0..70_u32, any::<u32>()]), 0..4),
        picture in any::<bool>(),
        flags in 0..4_u8,
    ) {
        let none = AllocationFlags::empty();
        let mut words = Vec::new();
        for _ in 0..2 {
            let data = if picture {
                AllocationData::picture(Kind::Surface, 100, 50, 21, none)
            } else {
                AllocationData::buffer(5000, none)
            };
            words.extend(data.as_bytes().to_vec());
        }
        for (at, word) in changes {
            words[at * 4..at * 4 + 4].copy_from_slice(&word.to_le_bytes());
        }
        let mut input = vec![0, flags, 2, 0, 0];
        for blob in words.chunks(56) {
            input.extend([56, 0]);
            input.extend(blob);
        }
        any_blobs(&input);
    }
}
