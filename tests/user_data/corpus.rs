//! What the fuzzer found to be different from all else, again: `fuzz/corpus`.

use std::fs;
use std::path::PathBuf;

use vmdisp_abi::allocation::{AllocationData, AllocationFlags, Kind};
use vmdisp_abi::escape::{Question, Request};
use vmdisp_abi::resource::ResourceData;
use zerocopy::IntoBytes;

use crate::promises::{any_blobs, any_escape};

fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target)
}

fn replay(target: &str, check: fn(&[u8])) -> usize {
    let entries = fs::read_dir(folder(target)).expect("the corpus is in the repository");
    let mut count = 0;
    for entry in entries {
        let path = entry.expect("a file").path();
        let input = fs::read(&path).expect("it can be read");
        // The name of the input, if it fails.
        println!("{}", path.display());
        check(&input);
        count += 1;
    }
    count
}

#[test]
fn escapes_of_the_corpus_keep_the_promises() {
    assert!(replay("escapes", any_escape) >= 5);
}

#[test]
fn blobs_of_the_corpus_keep_the_promises() {
    assert!(replay("blobs", any_blobs) >= 10);
}

/// Writes what the fuzzer begins with: `cargo test --test user_data -- --ignored seeds`.
#[test]
#[ignore = "writes into the sources"]
fn seeds() {
    let write = |target: &str, name: &str, input: &[u8]| {
        fs::create_dir_all(folder(target)).expect("a folder");
        fs::write(folder(target).join(name), input).expect("a file");
    };
    for question in [Question::Adapter, Question::Statistics] {
        let request = Request::new(question);
        let mut block = request.as_bytes().to_vec();
        write("escapes", &format!("short-{}", question as u32), &block);
        block.resize(question.block_bytes().into(), 0);
        write("escapes", &format!("whole-{}", question as u32), &block);
    }
    write(
        "escapes",
        "foreign",
        b"DWM probes with something of its own",
    );
    let none = AllocationFlags::empty();
    let mut kinds = vec![
        ("buffer", AllocationData::buffer(5000, none)),
        ("primary", AllocationData::primary(0, 640, 480, 22, (60, 1))),
    ];
    let pictures = [
        ("surface", Kind::Surface),
        ("shadow", Kind::Shadow),
        ("staging", Kind::Staging),
        ("gdi", Kind::Gdi),
    ];
    for (name, kind) in pictures {
        kinds.push((
            name,
            AllocationData::picture(kind, 100, 50, 21, AllocationFlags::CPU_VISIBLE),
        ));
    }
    for (name, data) in kinds {
        for (help, flags, group) in [(0, 0, false), (3, 1, true)] {
            let mut input = vec![help, flags, 2];
            if group {
                input.extend([16, 0]);
                input.extend(ResourceData::new(7).as_bytes());
            } else {
                input.extend([0, 0]);
            }
            for _ in 0..2 {
                input.extend([56, 0]);
                input.extend(data.as_bytes());
            }
            write("blobs", &format!("{name}-{help}"), &input);
        }
    }
}
