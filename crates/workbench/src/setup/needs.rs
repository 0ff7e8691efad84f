//! What the bigger commands need of the system, and how to see whether it is there.

use std::fs;
use std::path::{Path, PathBuf};

use crate::toolchain::{Toolchain, WINDOWS, WINDOWS_ARM64, find_llvm_program, find_program};

/// One thing that a command needs.
#[derive(Debug, Clone)]
pub struct Need {
    /// What it is, as its own documentation names it.
    pub what: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// Debian's packages that bring it.
    pub debian: &'static [&'static str],
    found: Found,
}

#[derive(Debug, Clone)]
enum Found {
    By(fn() -> bool),
    Is(bool),
}

impl Need {
    /// Whether it is installed.
    pub fn is_there(&self) -> bool {
        match self.found {
            Found::By(look) => look(),
            Found::Is(found) => found,
        }
    }

    /// Whether this is the Rust toolchain, which rustup brings as well.
    pub fn is_toolchain(&self) -> bool {
        self.what == TARGETS.what || self.what == ARM64.what
    }
}

const TARGETS: Need = Need {
    what: "a Rust toolchain for x86_64-pc-windows-msvc and x86_64-unknown-none",
    purpose: "the driver and the ring-0 kernel",
    debian: &["rustc-web", "cargo-web", "rust-web-src", "lld-19"],
    found: Found::By(|| {
        let targets = ["x86_64-pc-windows-msvc", "x86_64-unknown-none"];
        targets
            .iter()
            .all(|target| Toolchain::for_target(target).is_ok())
    }),
};

const ARM64: Need = Need {
    what: "a Rust toolchain for aarch64-pc-windows-msvc",
    purpose: "the driver for ARM64",
    debian: TARGETS.debian,
    found: Found::By(|| Toolchain::for_target(WINDOWS_ARM64).is_ok()),
};

/// What the driver build needs beside a Rust toolchain.
pub const DRIVER: &[Need] = &[
    Need {
        what: "libclang",
        purpose: "wdk-sys reads the kernel's headers with it",
        debian: &["libclang1-19"],
        found: Found::By(has_libclang),
    },
    Need {
        what: "mingw-w64's headers",
        purpose: "the kernel's interface",
        debian: &["mingw-w64-x86-64-dev"],
        found: Found::By(|| mingw_headers().is_some()),
    },
    Need {
        what: "llvm-rc",
        purpose: "compiles the driver's version resource",
        debian: &["llvm-19"],
        found: Found::By(|| find_llvm_program("llvm-rc").is_some()),
    },
];

const QEMU: Need = Need {
    what: "qemu-system-x86_64",
    purpose: "the machine of the ring-0 host",
    debian: &["qemu-system-x86"],
    found: Found::By(|| find_program("qemu-system-x86_64").is_some()),
};

const NODE: Need = Need {
    what: "node",
    purpose: "runs the debugger's extension on a machine's memory",
    debian: &["nodejs"],
    found: Found::By(|| {
        find_program("node")
            .or_else(|| find_program("nodejs"))
            .is_some()
    }),
};

const OSSLSIGNCODE: Need = Need {
    what: "osslsigncode",
    purpose: "reads a package's signatures a second time",
    debian: &["osslsigncode"],
    found: Found::By(|| find_program("osslsigncode").is_some()),
};

/// What the Wine host needs beside what the driver build does.
pub const WINE: Need = Need {
    what: "Wine, for 64-bit programs",
    purpose: "installs the driver and lets its Plug and Play start it",
    debian: &["wine64"],
    found: Found::By(|| wine_programs().is_some()),
};

/// Wine's loader of 64-bit programs, and its server.
pub fn wine_programs() -> Option<(PathBuf, PathBuf)> {
    // Debian keeps them where no search path leads to.
    const FOLDERS: &[&str] = &[
        "/usr/lib/wine",
        "/opt/wine-stable/bin",
        "/opt/wine-devel/bin",
    ];
    let find = |names: &[&str]| {
        let in_folders = FOLDERS
            .iter()
            .flat_map(|folder| names.iter().map(|name| Path::new(folder).join(name)))
            .find(|path| path.is_file());
        in_folders.or_else(|| names.iter().find_map(|name| find_program(name)))
    };
    Some((
        find(&["wine64", "wine"])?,
        find(&["wineserver64", "wineserver"])?,
    ))
}

/// Clippy of a toolchain, for `driver --clippy`.
pub fn clippy(toolchain: &Toolchain) -> Need {
    Need {
        what: "clippy",
        purpose: "checks the driver's code",
        debian: &["rust-web-clippy"],
        found: Found::Is(toolchain.has_clippy()),
    }
}

/// All that `setup` installs.
pub fn all() -> Vec<Need> {
    let mut all = vec![TARGETS, ARM64, QEMU, NODE, OSSLSIGNCODE];
    if cfg!(target_os = "linux") {
        all.push(WINE);
    }
    if !cfg!(windows) {
        // Windows has a WDK.
        all.extend_from_slice(DRIVER);
    }
    all.extend(
        Toolchain::for_target(WINDOWS)
            .ok()
            .map(|found| clippy(&found)),
    );
    all
}

/// The folder of mingw-w64's headers for x86-64, with the driver kit's in `ddk/`.
pub fn mingw_headers() -> Option<PathBuf> {
    const FOLDERS: &[&str] = &[
        "/usr/share/mingw-w64/include",                   // Debian
        "/usr/x86_64-w64-mingw32/sys-root/mingw/include", // Fedora, SUSE
        "/usr/x86_64-w64-mingw32/include",                // Arch
    ];
    let folders = FOLDERS.iter().map(PathBuf::from);
    folders
        .into_iter()
        .find(|folder| folder.join("ddk/ntifs.h").is_file())
}

/// mingw-w64's import library of ntoskrnl.exe for x86-64.
pub fn ntoskrnl_library() -> Option<PathBuf> {
    const FOLDERS: &[&str] = &[
        "/usr/x86_64-w64-mingw32/lib",                // Debian, Arch
        "/usr/x86_64-w64-mingw32/sys-root/mingw/lib", // Fedora, SUSE
    ];
    let folders = FOLDERS.iter().map(Path::new);
    let mut files = folders.map(|folder| folder.join("libntoskrnl.a"));
    files.find(|file| file.is_file())
}

/// Whether bindgen will find libclang: where `LIBCLANG_PATH` says, or where systems keep it.
fn has_libclang() -> bool {
    if let Some(path) = std::env::var_os("LIBCLANG_PATH") {
        return Path::new(&path).exists();
    }
    let llvm = entries(Path::new("/usr/lib")).filter(|path| name_starts(path, "llvm"));
    let folders = [
        "/usr/lib",
        "/usr/lib64",
        "/usr/local/lib",
        "/usr/lib/x86_64-linux-gnu",
    ];
    let folders = folders
        .into_iter()
        .map(PathBuf::from)
        .chain(llvm.map(|path| path.join("lib")));
    let mut libraries = folders.flat_map(|folder| entries(&folder).collect::<Vec<_>>());
    libraries.any(|path| {
        name_starts(&path, "libclang.so")
            || name_starts(&path, "libclang-1")
            || name_starts(&path, "libclang-2")
    })
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
}

fn name_starts(path: &Path, start: &str) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with(start))
}
