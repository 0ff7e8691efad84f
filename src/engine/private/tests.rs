use proptest::prelude::*;

use super::*;

fn block(private: &[u8]) -> &[u8; BYTES] {
    private.first_chunk().unwrap()
}

#[test]
fn a_block_is_none_until_it_is_finished() {
    let mut private = [0xcc; BYTES + 8];
    let begun = begin(&mut private, 0x1000, Kind::Paging).unwrap();
    assert_eq!(begun.finish(64), Ok(()));
    let said = read(block(&private)).unwrap();
    assert_eq!(
        (said.kind, said.address, said.bytes),
        (Kind::Paging, 0x1000, 64)
    );
    assert_eq!(said.position, Position::default());
    assert_eq!(private[BYTES..], [0xcc; 8]);
    drop(begin(&mut private, 0x1000, Kind::Render).unwrap());
    assert_eq!(read(block(&private)), Err(NotOurs));
    assert!(begin(&mut private[..BYTES - 1], 0x1000, Kind::Render).is_err());
    for (address, bytes) in [
        (0, 64),
        (0x1001, 64),
        (0x1000, 0),
        (0x1000, 65),
        (0x1000, u32::MAX - 63),
        (u64::MAX - 63, 128),
    ] {
        let begun = begin(&mut private, address, Kind::Render).unwrap();
        assert_eq!(begun.finish(bytes), Err(NotOurs));
        assert_eq!(read(block(&private)), Err(NotOurs));
    }
}

#[test]
fn each_flipped_bit_is_noticed() {
    let private = Private {
        kind: Kind::Present,
        address: 0xffff_8000_1234_5000,
        bytes: 4096,
        position: Position {
            offset: 128,
            progress: Progress { row: 7, byte: 9 },
        },
    };
    let mut block = encode(&private);
    assert_eq!(read(&block), Ok(private));
    for bit in 0..BYTES * 8 {
        block[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(read(&block), Err(NotOurs), "bit {bit}");
        block[bit / 8] ^= 1 << (bit % 8);
    }
}

proptest! {
    #[test]
    fn chance_is_no_block(mut bytes in prop::collection::vec(any::<u8>(), BYTES), magic in any::<bool>()) {
        if magic {
            bytes[..8].copy_from_slice(b"VmPd\x01\0\0\0");
        }
        prop_assert_eq!(read(block(&bytes)), Err(NotOurs));
    }
}
