//! Which programs pages may name, and what becomes of a command of theirs here.

/// A program of another system, or one that would change this one: it is not run, its options are looked
/// up here.
pub struct Foreign {
    pub name: &'static str,
    /// What its documentation lists, of what pages need.
    pub options: &'static [&'static str],
    /// Why it is not run.
    pub why: &'static str,
}

const fn windows(name: &'static str, options: &'static [&'static str]) -> Foreign {
    Foreign {
        name,
        options,
        why: "is a program of Windows",
    }
}

const fn debugger(name: &'static str, options: &'static [&'static str]) -> Foreign {
    Foreign {
        name,
        options,
        why: "is a command of WinDbg",
    }
}

/// Programs and their options. A page that names another one fails the test: add it here with the options
/// that its own documentation lists.
pub const FOREIGN: &[Foreign] = &[
    windows(
        "bcdedit",
        &["/set", "/debug", "/dbgsettings", "/deletevalue", "/enum"],
    ),
    windows("certutil", &["-addstore", "-delstore"]),
    windows("devcon", &["hwids", "update", "=display"]),
    windows(
        "dism",
        &[
            "/image:C:\\",
            "/get-drivers",
            "/remove-driver",
            "/driver:oemNN.inf",
        ],
    ),
    windows("gflags", &[]),
    windows("Import-Certificate", &["-FilePath", "-CertStoreLocation"]),
    windows(
        "pnputil",
        &[
            "/add-driver",
            "/install",
            "/delete-driver",
            "/uninstall",
            "/force",
            "/enum-drivers",
            "/enum-devices",
            "/class",
            "/drivers",
            "/problem",
        ],
    ),
    windows("reg", &["add", "query", "/v", "/t", "/d", "/f"]),
    windows("sc.exe", &["delete"]),
    windows("shutdown", &["/r", "/t"]),
    windows(
        "verifier",
        &[
            "/standard",
            "/driver",
            "/bootmode",
            "/rc",
            "/flags",
            "/faultssystematic",
            "/faults",
            "/querysettings",
            "/query",
            "/reset",
        ],
    ),
    windows("windbg", &["-k"]),
    debugger(".reload", &["/f"]),
    debugger(".scriptload", &[]),
    debugger(".sympath+", &[]),
    debugger("dx", &[]),
    debugger("ed", &[]),
    debugger("lm", &[]),
    debugger("!pool", &[]),
    debugger("!poolused", &[]),
    debugger("!process", &[]),
    debugger("!verifier", &[]),
    debugger("!analyze", &["-v"]),
    Foreign {
        name: "cp",
        options: &[],
        why: "needs firmware that is not everywhere",
    },
    Foreign {
        name: "llvm-pdbutil",
        options: &["dump", "--named-streams", "-l"],
        why: "needs a driver that was built",
    },
    Foreign {
        name: "qemu-img",
        options: &["create", "-f", "snapshot", "-c", "-a"],
        why: "comes in another package than QEMU",
    },
    Foreign {
        name: "swtpm",
        options: &["socket", "--tpm2", "--tpmstate", "--ctrl", "--daemon"],
        why: "is not needed for anything else",
    },
];

/// The programs that this test knows more of.
const OWN: &[&str] = &["cargo", "bash", "qemu-system-x86_64"];

pub fn foreign(name: &str) -> Option<&'static Foreign> {
    FOREIGN.iter().find(|program| program.name == name)
}

pub fn is_known(name: &str) -> bool {
    OWN.contains(&name) || foreign(name).is_some()
}

/// What becomes of a command of cargo's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It is run and ends with this exit code.
    Run(i32),
    /// It is only parsed, for this reason.
    Parsed(&'static str),
}

const QEMU: &str = "needs QEMU and the driver: the tests *_ring0.rs run it";
const MINUTES: &str = "takes minutes";
const BENCHES: &str = "measures for minutes";
const TESTED: &str = "another test runs it";
const BUILDS: &str = "builds the driver: .ci/run runs it";
const NIGHTLY: &str = "needs a nightly toolchain and runs for minutes";

/// The commands of cargo by their first words, the longest that fits counts. A page that names another one
/// fails the test, as does a line here that no page needs.
pub const CARGO: &[(&str, What)] = &[
    ("+nightly fuzz", What::Parsed(NIGHTLY)),
    ("bench --bench", What::Parsed(BENCHES)),
    ("doc", What::Parsed(MINUTES)),
    ("install cargo-fuzz", What::Parsed("installs a program")),
    ("make", What::Parsed("is for Windows")),
    ("run", What::Parsed("command_line.rs runs it")),
    ("run -- debugger", What::Parsed("debugger.rs runs it")),
    ("run -- driver", What::Parsed(BUILDS)),
    ("run -- help", What::Run(0)),
    (
        "run -- inspect",
        What::Parsed("needs a driver that was built: .ci/run runs it"),
    ),
    ("run -- lint-inf", What::Run(0)),
    ("run -- package", What::Parsed(BUILDS)),
    ("run -- ring0", What::Parsed(QEMU)),
    ("run -- ring0 --help", What::Run(0)),
    ("run -- scenarios", What::Parsed(TESTED)),
    ("run -- scenarios --list", What::Run(0)),
    (
        "run -- scenarios every_mode",
        What::Parsed("takes half a minute: screen.rs runs it"),
    ),
    ("run -- setup", What::Parsed("installs packages")),
    ("run -- wine", What::Parsed("needs Wine: wine.rs runs it")),
    ("run --release -- scenarios storm", What::Parsed(MINUTES)),
    ("test", What::Parsed("is this test")),
];

/// What becomes of these words behind `cargo`, and which line of the table says so.
pub fn what(words: &[String]) -> Option<(&'static str, What)> {
    let of_workbench =
        words.first().is_some_and(|word| word == "run") && words.contains(&"--".to_owned());
    let fits = |begin: &str| {
        let begin: Vec<_> = begin.split(' ').collect();
        // Else `run` would fit every command of the workbench's.
        if of_workbench && !begin.contains(&"--") {
            return false;
        }
        words.len() >= begin.len() && begin.iter().zip(words).all(|(want, word)| want == word)
    };
    CARGO
        .iter()
        .filter(|(begin, _)| fits(begin))
        .max_by_key(|(begin, _)| begin.split(' ').count())
        .copied()
}
