//! What the fuzzer has found, once more.

use std::fs;
use std::path::Path;

use vmdisp_abi::command::{Builder, Command, Rect};

use crate::promises::any_commands;

/// Writes what the fuzzer begins with: `cargo test --test commands -- --ignored seeds`.
#[test]
#[ignore = "writes into the sources"]
fn seeds() {
    let clip = Rect::EVERYTHING;
    let source = Rect::new(-1, 2, 30, 9);
    let rectangle = source;
    let kinds = [
        Command::Nop,
        Command::Copy {
            from: 0,
            to: 1,
            bytes: 100,
        },
        Command::Fill {
            to: 1,
            bytes: 99,
            value: 7,
        },
        Command::SurfaceCopy {
            from: 2,
            to: 3,
            source,
            x: 5,
            y: -1,
            clip,
        },
        Command::SurfaceFill {
            to: 2,
            value: 8,
            rectangle,
            clip,
        },
        Command::Marker { value: 1 },
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/commands");
    fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, help: u8, commands: &[Command]| {
        let mut room = vec![0; 16 + 64 * commands.len()];
        let mut builder = Builder::new(&mut room).unwrap();
        for command in commands {
            builder.push(command).unwrap();
        }
        let _ = builder.finish();
        let mut input = vec![help, 32, 32, u8::try_from(commands.len()).unwrap()];
        input.extend(room);
        for (index, offset) in [(0_u32, 0_u32), (1, 1), (2, 0), (3, 0)] {
            input.extend(index.to_le_bytes());
            input.extend(offset.to_le_bytes());
        }
        fs::write(folder.join(name), input).unwrap();
    };
    for (index, command) in kinds.iter().enumerate() {
        write(&format!("plain-{index}"), 0, &[*command]);
        write(&format!("helped-{index}"), 15, &[*command]);
    }
    write("all", 0, &kinds);
    write("all-helped", 15, &kinds);
}

#[test]
fn the_corpus_keeps_the_promises() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/commands");
    let entries = fs::read_dir(&folder).unwrap();
    let mut count = 0;
    for entry in entries {
        any_commands(&fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count >= 10, "{count} inputs");
}
