//! Makes the files of a package.
//!
//! The order matters: the driver is built, then signed, then listed in the catalogs with the INFs as
//! they are after stamping, and then the catalogs are signed.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use der::Encode as _;
use tempfile::TempDir;

use super::facts::{Facts, system};
use super::{CERTIFICATE, PDB, README, SCRIPT, SYS, packages, readme};
use crate::authenticode::identity::Identity;
use crate::authenticode::{catalog, image};
use crate::driver::{self, Profile};
use crate::inf::stamp::{Architecture, DriverVersion, Stamp, date_of_sources};
use crate::inf::{INFS, inx, stamped};

/// The commands for WinDbg.
const SCRIPT_TEXT: &[u8] = include_bytes!("../../../../debugger/vmdisp.js");

/// Who signs.
#[derive(Debug, Clone)]
pub enum Who {
    /// A test certificate of this machine.
    Tests,
    /// The certificate and the key in these files.
    Given(PathBuf, PathBuf),
}

impl Who {
    fn identity(&self) -> Result<Identity> {
        match self {
            Self::Given(certificate, key) => Identity::read(certificate, key),
            Self::Tests => {
                let folder = packages().join("certificate");
                let (identity, made) = Identity::for_tests(&folder)?;
                if made {
                    eprintln!("made a test certificate in {}", folder.display());
                }
                Ok(identity)
            }
        }
    }
}

/// Makes a package in a folder of its own, which goes when it is dropped.
///
/// # Errors
///
/// The build fails, the certificate cannot be used, or a file cannot be written.
pub fn make(architecture: Architecture, who: &Who) -> Result<TempDir> {
    // Before minutes are spent on a build.
    let identity = who.identity()?;
    let seconds = date_of_sources()?;
    let stamp = Stamp {
        architecture,
        driver_version: DriverVersion::of_project(seconds)?,
    };
    let built = driver::build_for(architecture, &Profile::Release)?;

    let folder = tempfile::tempdir()?;
    let write = |name: &str, content: &[u8]| {
        let file = folder.path().join(name);
        fs::write(&file, content).with_context(|| format!("writing {}", file.display()))
    };
    let sys = fs::read(&built.sys).with_context(|| format!("reading {}", built.sys.display()))?;
    let sys = image::sign(&sys, &identity).context("signing the driver")?;
    write(SYS, &sys)?;
    let pdb = fs::read(&built.pdb).with_context(|| format!("reading {}", built.pdb.display()))?;
    write(PDB, &pdb)?;
    write(SCRIPT, SCRIPT_TEXT)?;
    for name in INFS {
        let inf = stamped(&inx(name), &stamp)?;
        let facts = Facts::read(&inf).with_context(|| format!("reading {name}.inf"))?;
        let file = format!("{name}.inf");
        let members = [(SYS, sys.as_slice()), (file.as_str(), inf.as_bytes())];
        let catalog = catalog::sign(
            &members,
            system(architecture),
            &facts.hardware,
            seconds,
            &identity,
        )?;
        write(&file, inf.as_bytes())?;
        write(&facts.catalog, &catalog)?;
    }
    write(CERTIFICATE, &identity.certificate().to_der()?)?;
    write(
        README,
        readme::text(&stamp, identity.certificate()).as_bytes(),
    )?;
    Ok(folder)
}
