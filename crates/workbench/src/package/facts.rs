//! What an INF says that concerns its catalog.

use anyhow::{Context, Result, ensure};

use crate::inf::parse::Inf;
use crate::inf::stamp::Architecture;

/// What an INF says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The catalog's file name.
    pub catalog: String,
    /// The files of the package beside the INF and its catalog.
    pub files: Vec<String>,
    pub hardware: Vec<String>,
    pub architecture: Architecture,
    /// The date and version.
    pub driver_version: String,
}

impl Facts {
    /// Reads an INF that has no errors.
    ///
    /// # Errors
    ///
    /// It lacks what every driver package has.
    pub fn read(text: &str) -> Result<Self> {
        let (inf, errors) = Inf::parse(text);
        ensure!(errors.is_empty(), "it cannot be read: run lint-inf on it");
        let version = inf.section("Version").context("it has no [Version]")?;
        let value = |name: &str| {
            let entry = version.first(name);
            entry.with_context(|| format!("[Version] has no {name}"))
        };
        let files = inf
            .section("SourceDisksFiles")
            .context("it has no [SourceDisksFiles]")?;
        let files = files.entries.iter().filter_map(|entry| entry.name.clone());
        let manufacturers = inf
            .section("Manufacturer")
            .context("it has no [Manufacturer]")?;
        let (mut hardware, mut architecture) = (Vec::new(), None);
        for manufacturer in &manufacturers.entries {
            for target in manufacturer.fields.iter().skip(1) {
                let found = Architecture::ALL
                    .into_iter()
                    .find(|architecture| is_for(target, *architecture));
                architecture = Some(found.with_context(|| format!("{target} is no target"))?);
                let models = format!("{}.{target}", manufacturer.field(0));
                let models = inf
                    .section(&models)
                    .with_context(|| format!("it has no [{models}]"))?;
                let ids = models
                    .entries
                    .iter()
                    .flat_map(|entry| entry.fields.iter().skip(1));
                hardware.extend(ids.cloned());
            }
        }
        Ok(Self {
            catalog: value("CatalogFile")?.field(0).to_owned(),
            files: files.collect(),
            hardware,
            architecture: architecture.context("it names no system")?,
            driver_version: value("DriverVer")?.fields.join(","),
        })
    }
}

/// Whether a decoration, as `NTamd64.10.0...19041`, is for that architecture.
fn is_for(target: &str, architecture: Architecture) -> bool {
    let first = target.split('.').next().unwrap_or_default();
    first.eq_ignore_ascii_case(&format!("NT{}", architecture.decoration()))
}

/// Windows' name in catalogs for Windows 10 and newer on that architecture, as inf2cat writes it.
pub fn system(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X64 => "_v100_X64",
        Architecture::Arm64 => "_v100_ARM64",
    }
}

#[cfg(test)]
mod tests {
    use super::Facts;
    use crate::inf::stamp::{Architecture, DriverVersion, Stamp};
    use crate::inf::{INFS, inx, stamped};

    #[test]
    fn the_projects_infs_say_what_their_catalogs_need() {
        for name in INFS {
            let driver_version = DriverVersion::of_project(1_700_000_000).expect("it is a date");
            let stamp = Stamp {
                architecture: Architecture::Arm64,
                driver_version: driver_version.clone(),
            };
            let text = stamped(&inx(name), &stamp).expect("it is whole");
            let facts = Facts::read(&text).expect("it is whole");
            assert_eq!(facts.catalog, format!("{name}.cat"));
            assert_eq!(facts.files, ["vmdisp.sys"]);
            assert_eq!(facts.hardware, [r"PCI\VEN_1234&DEV_1111"]);
            assert_eq!(facts.architecture, Architecture::Arm64);
            assert_eq!(facts.driver_version, driver_version.to_string());
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = Facts::read("[Version]\n[Manufacturer]\n").expect_err("it is not whole");
        assert!(error.to_string().contains("SourceDisksFiles"), "{error}");
    }
}
