//! Settings of the kernel build. Without the feature `wdk` there is nothing to set.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(displib)");
    #[cfg(feature = "wdk")]
    if let Err(error) = kernel::configure() {
        println!("cargo::error={error}");
    }
}

#[cfg(feature = "wdk")]
mod kernel {
    use std::error::Error;
    use std::fmt::Write as _;
    use std::path::{Path, PathBuf};
    use std::{env, fs};

    /// What wdk-build does not set: the options of a release and the image's name in its resources.
    pub fn configure() -> Result<(), Box<dyn Error>> {
        let config = wdk_build::Config::from_env_auto()?;
        config.configure_binary_build()?;
        link_displib(&config)?;
        let release = [
            "/RELEASE",          // a checksum in the header, which the loader verifies
            "/Brepro",           // no time stamp: equal sources, equal image
            "/DRIVER:WDM",       // as wdk-build's /DRIVER, with the flag in the header
            "/SECTION:INIT,ERD", // DriverEntry's memory is given back when it has run
            "/SECTION:.rsrc,RD", // the version resource is read from the file
        ];
        // What `cargo run -- driver` links through: cargo does not see that it changes.
        println!("cargo::rerun-if-env-changed=VMDISP_LINK_SCRIPT");
        // How debuggers show the driver's objects goes into the PDB.
        let natvis = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("debugger/vmdisp.natvis");
        println!("cargo::rerun-if-changed={}", natvis.display());
        println!("cargo::rustc-cdylib-link-arg=/NATVIS:{}", natvis.display());
        // rustc itself asks for a PDB, and for its bare name in the image.
        for option in release {
            println!("cargo::rustc-cdylib-link-arg={option}");
        }
        version_resource()
    }

    /// Where the kit has displib.lib, DxgkInitialize comes from it, as Microsoft supports it. Kits
    /// without it (see `cargo run -- driver`) leave that to `src/displib.rs`.
    fn link_displib(config: &wdk_build::Config) -> Result<(), Box<dyn Error>> {
        if config
            .library_paths()?
            .any(|folder| folder.join("displib.lib").is_file())
        {
            println!("cargo::rustc-cfg=displib");
            println!("cargo::rustc-link-lib=static=displib");
        }
        Ok(())
    }

    /// Compiles the version resource, which Explorer, `sigverif` and crash dumps show.
    fn version_resource() -> Result<(), Box<dyn Error>> {
        let script = PathBuf::from(env::var("OUT_DIR")?).join("vmdisp.rc");
        fs::write(&script, resource_script()?)?;
        compile_resource(&script)
    }

    /// The resource as rc.exe's language has it, with numbers for the SDK's constants so that no
    /// header is needed.
    fn resource_script() -> Result<String, Box<dyn Error>> {
        let version = env::var("CARGO_PKG_VERSION")?;
        let number = |part: &str| env::var(format!("CARGO_PKG_VERSION_{part}"));
        let commas = format!(
            "{},{},{},0",
            number("MAJOR")?,
            number("MINOR")?,
            number("PATCH")?
        );
        let strings = [
            ("CompanyName", "vmdisp".to_owned()),
            ("FileDescription", env::var("CARGO_PKG_DESCRIPTION")?),
            ("FileVersion", version.clone()),
            ("InternalName", "vmdisp".to_owned()),
            ("LegalCopyright", env::var("CARGO_PKG_LICENSE")?),
            ("OriginalFilename", "vmdisp.sys".to_owned()),
            ("ProductName", "vmdisp".to_owned()),
            ("ProductVersion", version),
        ];
        let mut script = format!("1 VERSIONINFO\nFILEVERSION {commas}\nPRODUCTVERSION {commas}\n");
        script.push_str("FILEOS 0x40004\n"); // VOS_NT_WINDOWS32
        script.push_str("FILETYPE 0x3\nFILESUBTYPE 0x4\n"); // VFT_DRV, VFT2_DRV_DISPLAY
        script.push_str("BEGIN\nBLOCK \"StringFileInfo\"\nBEGIN\nBLOCK \"040904b0\"\nBEGIN\n");
        for (name, value) in strings {
            writeln!(
                script,
                "VALUE \"{name}\", \"{}\"",
                value.replace('"', "\"\"")
            )?;
        }
        script.push_str("END\nEND\nBLOCK \"VarFileInfo\"\nBEGIN\n");
        script.push_str("VALUE \"Translation\", 0x409, 1200\nEND\nEND\n"); // US English, Unicode
        Ok(script)
    }

    #[cfg(windows)]
    fn compile_resource(script: &Path) -> Result<(), Box<dyn Error>> {
        embed_resource::compile_for_everything(script, embed_resource::NONE).manifest_required()?;
        Ok(())
    }

    /// Elsewhere LLVM's compiler, which `cargo run -- driver` names in `RC`.
    #[cfg(not(windows))]
    fn compile_resource(script: &Path) -> Result<(), Box<dyn Error>> {
        println!("cargo::rerun-if-env-changed=RC");
        let compiler = env::var("RC").unwrap_or_else(|_| "llvm-rc".to_owned());
        let resource = script.with_extension("res");
        let status = std::process::Command::new(&compiler)
            .args(["/no-preprocess", "/C", "65001", "/fo"])
            .arg(&resource)
            .arg("--")
            .arg(script)
            .status()
            .map_err(|error| format!("{compiler}: {error}"))?;
        if !status.success() {
            return Err(format!("{compiler} failed: {status}").into());
        }
        println!("cargo::rustc-cdylib-link-arg={}", resource.display());
        Ok(())
    }
}
