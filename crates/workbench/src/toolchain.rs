//! Finding a Rust toolchain that can build for a target without an operating system's library.
//!
//! The driver (`x86_64-pc-windows-msvc`) and the ring-0 kernel (`x86_64-unknown-none`) both need
//! `core` and `alloc` for a target that is not this machine's. There are two ways to them, tried in
//! this order: a toolchain that has the target's libraries installed (`rustup target add`), and one
//! that has the library's sources (Debian's `rust-web-src`, rustup's `rust-src`), which cargo then
//! builds itself. What comes out is a [`Toolchain`], whose [`cargo`](Toolchain::cargo) starts a
//! command that is set for either way.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The newest of LLVM's tools that Debian 12 has; other versions are tried after it.
const LLVM_VERSIONS: &[&str] = &["19", "22", "21", "20", "18"];

/// The oldest release that builds the project.
const WANTED: &str = env!("CARGO_PKG_RUST_VERSION");

/// The target of the driver.
pub const WINDOWS: &str = "x86_64-pc-windows-msvc";
/// The same for ARM64.
pub const WINDOWS_ARM64: &str = "aarch64-pc-windows-msvc";
/// The target of the ring-0 kernel.
pub const BARE: &str = "x86_64-unknown-none";

/// A Rust toolchain and a linker for one target.
#[derive(Debug)]
pub struct Toolchain {
    target: String,
    compiler: Compiler,
    library: Library,
    /// `None` leaves the choice to rustc, which is right on Windows alone.
    linker: Option<PathBuf>,
}

/// Where `core` and `alloc` come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Library {
    /// They are in the toolchain, compiled for the target.
    Installed,
    /// Cargo compiles them from their sources.
    FromSource,
}

/// A rustc and the cargo that goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Compiler {
    cargo: PathBuf,
    rustc: PathBuf,
    sysroot: PathBuf,
    /// The triple of the machine that it runs on.
    host: String,
    /// As `1.95.0`.
    release: String,
}

impl Toolchain {
    /// Finds a toolchain for `target`, a Rust target triple.
    ///
    /// # Errors
    ///
    /// Says what is missing, and that `cargo run -- setup` installs it.
    pub fn for_target(target: &str) -> Result<Self> {
        let compilers = Compiler::all();
        let with = |library| {
            let found = compilers
                .iter()
                .find(|compiler| compiler.has(library, target));
            found.map(|compiler| (compiler.clone(), library))
        };
        let Some((compiler, library)) =
            with(Library::Installed).or_else(|| with(Library::FromSource))
        else {
            let tried: Vec<String> = compilers.iter().map(Compiler::name).collect();
            bail!(
                "no Rust toolchain here can build for {target}: neither its libraries nor their \
                 sources are installed (looked at: {}).\n`cargo run -- setup` installs them.",
                if tried.is_empty() {
                    "none found".to_owned()
                } else {
                    tried.join(", ")
                }
            );
        };
        let linker = if cfg!(windows) && target.ends_with("-windows-msvc") {
            None
        } else {
            Some(compiler.linker(target)?)
        };
        Ok(Self {
            target: target.to_owned(),
            compiler,
            library,
            linker,
        })
    }

    /// Starts a `cargo SUBCOMMAND --target …` with this toolchain. The caller adds the package, the
    /// profile and the folder to run in.
    ///
    /// What an outer `cargo run` told this process about itself is not passed on, and neither are
    /// `RUSTFLAGS`: flags come from the project's own configuration, so that everyone builds alike.
    pub fn cargo(&self, subcommand: &str) -> Command {
        // Cargo would take the first cargo-clippy on the search path, which may be another release's.
        let clippy = self.compiler.beside_cargo("cargo-clippy");
        let mut command = match subcommand {
            "clippy" if clippy.is_file() => Command::new(clippy),
            _ => Command::new(&self.compiler.cargo),
        };
        for (name, _) in std::env::vars_os() {
            if is_of_the_outer_cargo(&name.to_string_lossy()) {
                command.env_remove(&name);
            }
        }
        command.arg(subcommand).arg("--target").arg(&self.target);
        command.env("CARGO", &self.compiler.cargo);
        command.env("RUSTC", &self.compiler.rustc);
        if let Some(linker) = &self.linker {
            command.env(self.linker_variable(), linker);
        }
        if self.library == Library::FromSource {
            command.env("RUSTC_BOOTSTRAP", "1"); // for -Z options of a stable release
            command.arg("-Zbuild-std=core,alloc,compiler_builtins");
            if self.target.ends_with("-none") {
                // Nothing else there has memcpy; on Windows ntoskrnl exports it.
                command.arg("-Zbuild-std-features=compiler-builtins-mem");
            }
        }
        command
    }

    /// What it builds for.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The folder that it is installed in.
    pub fn sysroot(&self) -> &Path {
        &self.compiler.sysroot
    }

    /// The environment variable that tells cargo which linker to use.
    pub fn linker_variable(&self) -> String {
        let name = self.target.to_uppercase().replace('-', "_");
        format!("CARGO_TARGET_{name}_LINKER")
    }

    /// The linker as a command that takes the options of LLVM's linker for the target (`lld-link`,
    /// `ld.lld`). `None` on Windows, where rustc finds Microsoft's.
    pub fn linker(&self) -> Option<Command> {
        let linker = self.linker.as_deref()?;
        let mut command = Command::new(linker);
        if linker.file_name()? == RUST_LLD {
            let flavor = if linker_name(&self.target) == "lld-link" {
                "link"
            } else {
                "gnu"
            };
            command.args(["-flavor", flavor]);
        }
        Some(command)
    }

    /// Whether clippy is installed with it.
    pub fn has_clippy(&self) -> bool {
        self.compiler.beside_cargo("cargo-clippy").is_file()
    }

    /// One line about what was found.
    pub fn describe(&self) -> String {
        let library = match self.library {
            Library::Installed => "installed",
            Library::FromSource => "built from source",
        };
        let linker = self.linker.as_deref().unwrap_or(Path::new("link.exe"));
        format!(
            "{}, core for {} {library}, linker {}",
            self.compiler.name(),
            self.target,
            linker.display()
        )
    }
}

/// Whether an environment variable describes the cargo that started this process, or would change
/// what the inner one builds.
fn is_of_the_outer_cargo(name: &str) -> bool {
    matches!(
        name,
        "CARGO"
            | "LD_LIBRARY_PATH"
            | "RUSTFLAGS"
            | "CARGO_ENCODED_RUSTFLAGS"
            | "CARGO_BUILD_TARGET"
            | "RUSTC"
            | "RUSTDOC"
            | "RUST_RECURSION_COUNT"
            | "CARGO_PRIMARY_PACKAGE"
    ) || name.starts_with("CARGO_PKG_")
        || name.starts_with("CARGO_MANIFEST_")
        || name.starts_with("CARGO_BIN_")
}

impl Compiler {
    /// Every compiler worth asking, best first: the one that runs us, the one on the search path,
    /// the distribution's. Too old ones are left out.
    fn all() -> Vec<Self> {
        let beside_cargo = std::env::var_os("CARGO").map(PathBuf::from);
        let on_path = find_program("cargo");
        let of_system = Some(PathBuf::from("/usr/bin/cargo"));
        let mut found: Vec<Self> = Vec::new();
        for cargo in [beside_cargo, on_path, of_system].into_iter().flatten() {
            if let Some(compiler) = Self::beside(cargo)
                && compiler.is_new_enough()
                && !found.iter().any(|other| other.sysroot == compiler.sysroot)
            {
                found.push(compiler);
            }
        }
        found
    }

    /// The compiler in the folder of a cargo, if both run.
    fn beside(cargo: PathBuf) -> Option<Self> {
        let rustc = cargo.with_file_name(format!("rustc{}", std::env::consts::EXE_SUFFIX));
        let sysroot = output_of(Command::new(&rustc).args(["--print", "sysroot"]))?;
        let about = output_of(Command::new(&rustc).arg("-vV"))?;
        let value = |key| {
            let found = about.lines().find_map(|line| line.strip_prefix(key));
            found.map(str::to_owned)
        };
        let (host, release) = (value("host: ")?, value("release: ")?);
        cargo.is_file().then(|| Self {
            cargo,
            rustc,
            sysroot: sysroot.into(),
            host,
            release,
        })
    }

    /// A program in cargo's folder.
    fn beside_cargo(&self, name: &str) -> PathBuf {
        self.cargo
            .with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    fn has(&self, library: Library, target: &str) -> bool {
        let rustlib = self.sysroot.join("lib/rustlib");
        match library {
            Library::Installed => rustlib.join(target).join("lib").is_dir(),
            Library::FromSource => rustlib.join("src/rust/library/core/Cargo.toml").is_file(),
        }
    }

    fn name(&self) -> String {
        format!("rustc {} in {}", self.release, self.sysroot.display())
    }

    /// Whether it is at least the release that the project asks for.
    fn is_new_enough(&self) -> bool {
        numbers(&self.release) >= numbers(WANTED)
    }

    /// LLVM's linker for the target: the toolchain's own, else the system's.
    fn linker(&self, target: &str) -> Result<PathBuf> {
        let own = format!("lib/rustlib/{}/bin/{RUST_LLD}", self.host);
        let own = self.sysroot.join(own);
        if own.is_file() {
            return Ok(own);
        }
        let name = linker_name(target);
        find_llvm_program(name).with_context(|| {
            format!("{name} (LLVM's linker) is missing.\n`cargo run -- setup` installs it.")
        })
    }
}

/// The linker of rustup's toolchains. It is told on the command line which of LLVM's linkers to be,
/// which rustc does by its name.
const RUST_LLD: &str = "rust-lld";

/// LLVM's linker for a target, by the name under which systems install it.
fn linker_name(target: &str) -> &'static str {
    if target.ends_with("-windows-msvc") {
        "lld-link"
    } else {
        "ld.lld"
    }
}

/// `1.95.0` as numbers that compare.
fn numbers(text: &str) -> (u32, u32) {
    let mut numbers = text
        .split(['.', '-'])
        .map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// What a program prints, without the line's end; `None` if it does not run or fails.
fn output_of(command: &mut Command) -> Option<String> {
    // As for the builds themselves: the libraries of the outer toolchain are not this one's.
    let output = command.env_remove("LD_LIBRARY_PATH").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// The first program of this name on the search path.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let mut file = OsString::from(name);
    file.push(std::env::consts::EXE_SUFFIX);
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(&file))
        .find(|file| file.is_file())
}

/// A program of LLVM's, which distributions name with its version: `lld-link`, `lld-link-19`.
pub fn find_llvm_program(name: &str) -> Option<PathBuf> {
    let versioned = LLVM_VERSIONS
        .iter()
        .map(|version| format!("{name}-{version}"));
    versioned
        .chain([name.to_owned()])
        .find_map(|name| find_program(&name))
}

#[cfg(test)]
mod tests {
    use super::{is_of_the_outer_cargo, linker_name, numbers};

    #[test]
    fn releases_compare_as_numbers() {
        assert!(numbers("1.100.0") > numbers("1.95.2"));
        assert!(numbers("1.95.0-beta.1") >= numbers("1.95"));
        assert!(numbers("1.94.9") < numbers("1.95"));
    }

    #[test]
    fn the_outer_cargo_s_words_are_known_from_the_user_s() {
        for name in ["CARGO", "CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "RUSTFLAGS"] {
            assert!(is_of_the_outer_cargo(name), "{name}");
        }
        for name in [
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "RUSTUP_TOOLCHAIN",
            "PATH",
        ] {
            assert!(!is_of_the_outer_cargo(name), "{name}");
        }
    }

    #[test]
    fn each_target_has_its_linker() {
        assert_eq!(linker_name("x86_64-pc-windows-msvc"), "lld-link");
        assert_eq!(linker_name("x86_64-unknown-none"), "ld.lld");
    }
}
