//! README.md and docs/ name only what exists: commands and their options, files, rows, symbols, pool tags,
//! debug lines, links. What can be run here in a moment is run.

mod cargo;
mod commands;
mod links;
mod machines;
mod names;
mod pages;
mod programs;
mod sources;

use commands::Command;

/// Fails with all that is wrong.
fn nothing_wrong(wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn each_command_is_of_a_program_that_is_known() {
    let pages = pages::read();
    let commands = commands::all(&pages);
    assert!(commands.len() > 60, "{}", commands.len());
    let unknown = |command: &&Command| {
        let program = command.program();
        let ours = program
            .strip_prefix('!')
            .filter(|name| name.starts_with("vmdisp_"));
        match ours {
            Some(name) => !sources::debugger_commands().contains(name),
            None => !programs::is_known(program),
        }
    };
    let wrong: Vec<_> = commands
        .iter()
        .filter(unknown)
        .map(|command| {
            format!(
                "{}: `{}`: no command of debugger/vmdisp.js, and no program in programs.rs (what is shown and not typed belongs into a \
                 block that is labelled `text`)",
                command.at, command.text
            )
        })
        .collect();
    nothing_wrong(&wrong);
}

#[test]
fn programs_of_other_systems_have_such_options() {
    let pages = pages::read();
    let mut wrong = Vec::new();
    for command in commands::all(&pages) {
        let Some(program) = programs::foreign(command.program()) else {
            continue;
        };
        for word in command.arguments() {
            let is_option = word.starts_with(['/', '-']) && !word.starts_with("/usr");
            if is_option && !program.options.contains(&word.as_str()) {
                let Command { at, text, .. } = &command;
                wrong.push(format!(
                    "{at}: `{text}`: {} has no {word} in programs.rs ({})",
                    program.name, program.why
                ));
            }
        }
    }
    nothing_wrong(&wrong);
}

#[test]
fn no_program_in_the_table_is_without_use() {
    let pages = pages::read();
    let commands = commands::all(&pages);
    let named = |name: &str| {
        let mentioned = pages
            .iter()
            .any(|page| page.codes.iter().any(|code| code.text == name));
        mentioned || commands.iter().any(|command| command.program() == name)
    };
    let wrong: Vec<_> = programs::FOREIGN
        .iter()
        .filter(|program| !named(program.name))
        .map(|program| format!("{}: no page names it", program.name))
        .collect();
    nothing_wrong(&wrong);
}

/// `bash FILE`.
#[test]
fn scripts_exist() {
    let pages = pages::read();
    let commands = commands::all(&pages);
    let scripts: Vec<_> = commands
        .iter()
        .filter(|command| command.program() == "bash")
        .collect();
    assert!(!scripts.is_empty());
    for command in scripts {
        let file = &command.words[1];
        assert!(pages::root().join(file).is_file(), "{}: {file}", command.at);
    }
}

/// Each page about running something says at its top what was run where.
#[test]
fn pages_say_what_was_run_where() {
    let pages = pages::read();
    for name in [
        "building",
        "caps",
        "debugging",
        "hlk",
        "install",
        "modes",
        "package",
        "performance",
        "testing",
        "troubleshooting",
        "verifier",
    ] {
        let name = format!("docs/{name}.md");
        let page = pages.iter().find(|page| page.name == name).expect("a page");
        let top: Vec<_> = page.text.lines().take(4).collect();
        assert!(
            top.iter()
                .any(|line| line.starts_with("What was run where: ")),
            "{name} does not say at its top what was run where: {top:?}"
        );
    }
}

/// docs/README.md lists all of them.
#[test]
fn the_index_has_each_page() {
    let pages = pages::read();
    let index = pages
        .iter()
        .find(|page| page.name == "docs/README.md")
        .expect("the index");
    for page in &pages {
        let file = page.name.trim_start_matches("docs/");
        let listed = index.links.iter().any(|link| link.target == file);
        assert!(
            listed || file == "README.md",
            "docs/README.md does not list {file}"
        );
    }
}
