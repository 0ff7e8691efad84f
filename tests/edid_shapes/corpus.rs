//! What the fuzzer found to be different from all else, again: `fuzz/corpus`.

use std::fs;
use std::path::PathBuf;

use crate::promises::{any_edid, any_text};
use crate::shapes::shapes;

fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target)
}

/// Gives each input of a target to `check`, and says how many there were.
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
fn edids_of_the_corpus_keep_the_promises() {
    assert!(replay("edid", any_edid) >= 20);
}

#[test]
fn texts_of_the_corpus_keep_the_promises() {
    assert!(replay("custom_modes", any_text) >= 10);
}

/// Writes what the fuzzer begins with: `cargo test --test edid_shapes -- --ignored seeds`.
#[test]
#[ignore = "writes into the sources"]
fn seeds() {
    let write = |target: &str, name: &str, input: &[u8]| {
        fs::create_dir_all(folder(target)).expect("a folder");
        let file = folder(target).join(name.replace(' ', "-"));
        fs::write(file, input).expect("a file");
    };
    for shape in shapes() {
        write("edid", shape.name, &shape.bytes);
    }
    for (name, text) in [
        ("one", "1600x1000;;"),
        ("rates", "1600x1000@75;1600x1000@120;1600x1000@59.94;;"),
        ("bad", "1600;x;1x1@1;@60;99999999999x1;;"),
        ("large", "16000x12000@500;320x200@20;;"),
    ] {
        write("custom_modes", name, text.replace(';', "\0").as_bytes());
    }
}
