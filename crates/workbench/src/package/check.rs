//! Checks a package's folder: signatures, catalogs, INFs, the driver's image, and that it all fits.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use der::Encode as _;
use x509_cert::Certificate;

use super::facts::{Facts, system};
use super::{CERTIFICATE, PDB, README, SCRIPT, SYS, second};
use crate::authenticode::identity::{may_sign_code, read_certificates};
use crate::authenticode::{Hash, catalog, image, sha256};
use crate::inf::lint::lint;
use crate::inf::stamp::Architecture;
use crate::toolchain::find_program;
use crate::{inspect, ring0};

/// A file of a package, and what was found of it.
#[derive(Debug, Clone, Default)]
pub struct Part {
    pub file: String,
    pub bytes: u64,
    pub sha256: Hash,
    /// What was looked at and found right.
    pub checked: Vec<String>,
    /// What is wrong, a line each.
    pub wrong: Vec<String>,
}

impl Part {
    /// Takes what a check came to: what was looked at, or what is wrong.
    fn take(&mut self, result: Result<String>) {
        match result {
            Ok(seen) => self.checked.push(seen),
            Err(error) => self.wrong.push(format!("{error:#}")),
        }
    }
}

/// Checks the package in `folder`.
///
/// # Errors
///
/// It is no folder with files, or a tool cannot be started. What is wrong in it is in the parts.
pub fn check(folder: &Path) -> Result<Vec<Part>> {
    let mut names = BTreeSet::new();
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        names.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    ensure!(!names.is_empty(), "{} is empty", folder.display());
    let infs: Vec<String> = names
        .iter()
        .filter(|name| ends(name, ".inf"))
        .cloned()
        .collect();
    let package = Package {
        folder,
        certificate: certificate(folder),
        infs: infs
            .into_iter()
            .map(|name| (inf(folder, &name), name))
            .collect(),
    };
    let needed = [SYS, PDB, SCRIPT, CERTIFICATE, README].map(str::to_owned);
    names.extend(needed);
    names.extend(package.facts().map(|facts| facts.catalog.clone()));

    let mut parts = Vec::new();
    for name in names {
        parts.push(package.part(&name)?);
    }
    if package.infs.is_empty() {
        parts.push(Part {
            file: "*.inf".into(),
            wrong: vec!["there is no INF".into()],
            ..Part::default()
        });
    }
    Ok(parts)
}

/// A package's folder, and what its files are held against.
struct Package<'a> {
    folder: &'a Path,
    certificate: Result<Certificate>,
    /// What each INF says, and its name.
    infs: Vec<(Result<Facts>, String)>,
}

fn ends(name: &str, end: &str) -> bool {
    name.to_lowercase().ends_with(end)
}

fn certificate(folder: &Path) -> Result<Certificate> {
    let file = folder.join(CERTIFICATE);
    let all = read_certificates(&file).with_context(|| format!("{CERTIFICATE} cannot be read"))?;
    all.into_iter().next().context("it is empty")
}

fn inf(folder: &Path, name: &str) -> Result<Facts> {
    Facts::read(&fs::read_to_string(folder.join(name))?)
}

impl Package<'_> {
    /// What those INFs say that can be read.
    fn facts(&self) -> impl Iterator<Item = &Facts> {
        self.infs
            .iter()
            .filter_map(|(facts, _)| facts.as_ref().ok())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Checks one file.
    fn part(&self, name: &str) -> Result<Part> {
        let mut part = Part {
            file: name.to_owned(),
            ..Part::default()
        };
        let content = match fs::read(self.path(name)) {
            Ok(content) => content,
            Err(error) => {
                part.wrong.push(format!("it cannot be read: {error}"));
                return Ok(part);
            }
        };
        part.bytes = content.len() as u64;
        part.sha256 = sha256(&content);
        match name {
            SYS => self.driver(&content, &mut part)?,
            PDB => part.take(self.pdb()),
            CERTIFICATE => part.take(self.about_certificate()),
            README => part.take(Ok("for people, not signed".into())),
            SCRIPT => part.take(Ok("for WinDbg, not signed".into())),
            _ if ends(name, ".inf") => self.inf(name, &content, &mut part),
            _ if ends(name, ".cat") => self.catalog(name, &content, &mut part)?,
            _ => part.wrong.push("it is of no package".into()),
        }
        Ok(part)
    }

    /// Whether the symbols are the driver's.
    fn pdb(&self) -> Result<String> {
        let sys = fs::read(self.path(SYS)).with_context(|| format!("reading {SYS}"))?;
        inspect::check_pdb(&self.path(PDB), &sys)
    }

    /// Whether the driver is for the architecture of every INF.
    fn fits(&self, sys: &[u8]) -> Result<String> {
        let architecture = inspect::architecture(sys)?;
        let facts = self
            .infs
            .iter()
            .filter_map(|(facts, name)| Some((facts.as_ref().ok()?, name)));
        for (facts, inf) in facts {
            ensure!(
                facts.architecture == architecture,
                "it is for {architecture}, and {inf} for {}",
                facts.architecture
            );
        }
        Ok(format!("for {architecture}"))
    }

    fn about_certificate(&self) -> Result<String> {
        let certificate = self.certificate()?;
        ensure!(may_sign_code(certificate)?, "it may not sign code");
        let of = &certificate.tbs_certificate;
        let end = of.validity.not_after.to_date_time();
        let (year, month, day) = (end.year(), end.month(), end.day());
        Ok(format!(
            "{}, for code, until {year}-{month:02}-{day:02}",
            of.subject
        ))
    }

    fn certificate(&self) -> Result<&Certificate> {
        match &self.certificate {
            Ok(certificate) => Ok(certificate),
            Err(error) => anyhow::bail!("{error:#}"),
        }
    }

    /// Whether the package's certificate is the signer's.
    fn is_signer(&self, signer: &Certificate) -> Result<()> {
        let same = self.certificate()?.to_der()? == signer.to_der()?;
        ensure!(
            same,
            "it is signed by another certificate than {CERTIFICATE}"
        );
        Ok(())
    }

    fn driver(&self, content: &[u8], part: &mut Part) -> Result<()> {
        let signed = image::verify(content).and_then(|signer| self.is_signer(&signer));
        part.take(signed.map(|()| "signature, image and page digests".into()));
        self.second(SYS, None, part)?;
        part.take(self.fits(content));
        let file = self.path(SYS);
        match inspect::check_file(&file, None) {
            Ok(findings) => {
                for finding in findings {
                    let name = finding.check;
                    let offenders = finding.offenders.iter();
                    part.wrong
                        .extend(offenders.map(|what| format!("{name}: {what}")));
                    if finding.offenders.is_empty() {
                        part.checked.push(format!("{name}: {}", finding.seen));
                    }
                }
            }
            Err(error) => part.wrong.push(format!("{error:#}")),
        }
        let arm64 = |facts: &Facts| facts.architecture == Architecture::Arm64;
        if self.facts().any(arm64) {
            let unseen = "not looked at on ARM64: panics, frames, tables of callbacks";
            part.checked.push(unseen.into());
        } else if part.wrong.is_empty() {
            // What cannot be read as a driver is not run either.
            tables(&file, part);
        }
        Ok(())
    }

    fn inf(&self, name: &str, content: &[u8], part: &mut Part) {
        for finding in lint(content) {
            let (line, message, rule) = (finding.line, finding.message, finding.rule);
            part.wrong.push(format!("line {line}: {message} ({rule})"));
        }
        if part.wrong.is_empty() {
            part.checked.push("lint".into());
        }
        let facts = self.infs.iter().find(|(_, other)| other == name);
        let Some((facts, _)) = facts else { return };
        match facts {
            Ok(facts) => {
                part.take(self.is_member(name, content, facts));
                for file in &facts.files {
                    let content = fs::read(self.path(file)).unwrap_or_default();
                    part.take(self.is_member(file, &content, facts));
                }
            }
            Err(error) => part.wrong.push(format!("{error:#}")),
        }
    }

    /// Whether the INF's catalog lists a file as it is.
    fn is_member(&self, name: &str, content: &[u8], facts: &Facts) -> Result<String> {
        let file = &facts.catalog;
        let bytes = fs::read(self.path(file)).with_context(|| format!("its catalog {file}"))?;
        let (catalog, _) =
            catalog::verify(&bytes).with_context(|| format!("its catalog {file}"))?;
        let listed = catalog
            .members
            .get(name)
            .with_context(|| format!("{file} does not list {name}"))?;
        ensure!(
            *listed == catalog::digest(content)?,
            "{name} is not what {file} lists: its digest is another"
        );
        Ok(format!("{name} in {file}"))
    }

    fn catalog(&self, name: &str, content: &[u8], part: &mut Part) -> Result<()> {
        let read = catalog::verify(content).and_then(|(catalog, signer)| {
            self.is_signer(&signer)?;
            Ok(catalog)
        });
        let catalog = match read {
            Ok(catalog) => catalog,
            Err(error) => {
                part.wrong.push(format!("{error:#}"));
                return Ok(());
            }
        };
        part.checked.push("signature".into());
        let of = |(facts, inf): &'_ (Result<Facts>, String)| {
            let facts = facts.as_ref().ok()?;
            (facts.catalog == name).then(|| (facts.clone(), inf.clone()))
        };
        let Some((facts, inf)) = self.infs.iter().find_map(of) else {
            part.wrong.push("no INF names it".into());
            return Ok(());
        };
        part.take(fits(&catalog, &facts, &inf));
        self.second(name, None, part)?;
        self.second(SYS, Some(name), part)
    }

    /// Asks osslsigncode about a file, by its own signature or by that of a catalog.
    fn second(&self, name: &str, catalog: Option<&str>, part: &mut Part) -> Result<()> {
        let Ok(certificate) = self.certificate() else {
            return Ok(()); // told at the certificate
        };
        let list = catalog.map(|catalog| self.path(catalog));
        let what = catalog.map(|_| format!(" for {name}")).unwrap_or_default();
        match second::verify(&self.path(name), list.as_deref(), certificate)? {
            None => part.checked.push(format!("no {}", second::PROGRAM)),
            Some(Ok(())) => part.checked.push(format!("{}{what}", second::PROGRAM)),
            Some(Err(why)) => part.wrong.push(format!("{why}{what}")),
        }
        Ok(())
    }
}

/// Whether a catalog is for the INF that names it.
fn fits(catalog: &catalog::Catalog, facts: &Facts, inf: &str) -> Result<String> {
    let wanted = system(facts.architecture);
    ensure!(
        catalog.system == wanted,
        "it is for {:?}, and {inf} for {wanted}",
        catalog.system
    );
    let hardware: Vec<String> = facts.hardware.iter().map(|id| id.to_lowercase()).collect();
    ensure!(
        catalog.hardware == hardware,
        "it is for the hardware {:?}, and {inf} for {hardware:?}",
        catalog.hardware
    );
    let files = facts.files.iter().map(String::as_str).chain([inf]);
    let wanted: BTreeSet<&str> = files.collect();
    let listed: BTreeSet<&str> = catalog.members.keys().map(String::as_str).collect();
    ensure!(
        listed == wanted,
        "it lists {listed:?}, and {inf} installs {wanted:?}"
    );
    Ok(format!(
        "{} members, {}, {}",
        listed.len(),
        catalog.system,
        catalog.hardware.join(" ")
    ))
}

/// Lets the driver register at ring 0, as each kind.
fn tables(file: &Path, part: &mut Part) {
    const QEMU: &str = "qemu-system-x86_64";
    if find_program(QEMU).is_none() {
        part.checked
            .push(format!("no {QEMU}: its tables were not looked at"));
        return;
    }
    match ring0::tables(file) {
        Ok(tables) => {
            for table in tables {
                let kind = if table.display_only {
                    "display-only"
                } else {
                    "full"
                };
                let wrong = table.wrong.iter();
                part.wrong
                    .extend(wrong.map(|what| format!("{kind} table: {what}")));
                if table.wrong.is_empty() {
                    part.checked
                        .push(format!("{kind} table: whole, {} checks", table.checked));
                }
            }
        }
        Err(error) => part.wrong.push(format!("{error:#}")),
    }
}
