//! Fills an INX in, as stampinf of the WDK does: the architecture, and the driver's date and version.

use std::fmt;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use der::DateTime;

/// What stands for the architecture in an INX. Stampinf, too, minds its case.
const PLACE: &str = "$ARCH$";

/// An architecture that the driver is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Architecture {
    X64,
    Arm64,
}

impl Architecture {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::X64, Self::Arm64];

    /// Its name in the decorations of an INF.
    pub fn decoration(self) -> &'static str {
        match self {
            Self::X64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

/// As people write it.
impl fmt::Display for Architecture {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::X64 => "x64",
            Self::Arm64 => "arm64",
        })
    }
}

/// What is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    pub architecture: Architecture,
    pub driver_version: DriverVersion,
}

/// The value of DriverVer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverVersion {
    /// `mm/dd/yyyy`
    pub date: String,
    /// `w.x.y.z`
    pub version: String,
}

impl DriverVersion {
    /// The project's version, with a date in seconds since 1970.
    ///
    /// # Errors
    ///
    /// A date that no calendar has.
    pub fn of_project(seconds: u64) -> Result<Self> {
        let date = DateTime::from_unix_duration(Duration::from_secs(seconds))
            .ok()
            .with_context(|| format!("{seconds} seconds since 1970 are no date"))?;
        Ok(Self {
            date: format!("{:02}/{:02}/{}", date.month(), date.day(), date.year()),
            version: project_version(),
        })
    }
}

impl fmt::Display for DriverVersion {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{},{}", self.date, self.version)
    }
}

/// The version in Cargo.toml with the fourth number that Windows wants, as the version resource has it.
pub fn project_version() -> String {
    concat!(env!("CARGO_PKG_VERSION"), ".0").to_owned()
}

/// The time that everything in a package is dated with, in seconds since 1970: `SOURCE_DATE_EPOCH`,
/// else that of the last commit, so that the same sources give the same package, else now.
///
/// # Errors
///
/// `SOURCE_DATE_EPOCH` is no number.
pub fn date_of_sources() -> Result<u64> {
    if let Ok(text) = std::env::var("SOURCE_DATE_EPOCH") {
        return text.trim().parse().with_context(|| {
            format!("SOURCE_DATE_EPOCH is {text:?}: it has to be seconds since 1970")
        });
    }
    let mut git = Command::new("git");
    git.args(["-C", env!("CARGO_MANIFEST_DIR")]);
    git.args(["log", "-1", "--format=%ct"]);
    let of_commit = git.output().ok().filter(|output| output.status.success());
    let of_commit = of_commit.and_then(|output| String::from_utf8(output.stdout).ok());
    if let Some(seconds) = of_commit.and_then(|text| text.trim().parse().ok()) {
        return Ok(seconds);
    }
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

/// Fills `inx` in. Lines keep their numbers; line ends become those of Windows.
///
/// # Errors
///
/// There is no DriverVer line to fill in, or more than one, or nothing for the architecture.
pub fn stamp(inx: &str, stamp: &Stamp) -> Result<String> {
    let is_date = |line: &&str| {
        let name = line.split('=').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("DriverVer") && line.contains('=')
    };
    let places = inx.lines().filter(is_date).count();
    ensure!(
        places == 1,
        "it has {places} lines `DriverVer =`, and needs one"
    );
    ensure!(
        inx.contains(PLACE),
        "it has no {PLACE} for the architecture"
    );
    let lines = inx.lines().map(|line| {
        if !is_date(&line) {
            return line.replace(PLACE, stamp.architecture.decoration()) + "\r\n";
        }
        let before = line.split('=').next().unwrap_or_default();
        format!("{before}= {}\r\n", stamp.driver_version)
    });
    Ok(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::{Architecture, DriverVersion, Stamp, project_version, stamp};

    fn stamped(inx: &str) -> anyhow::Result<String> {
        let driver_version = DriverVersion::of_project(1_700_000_000)?;
        let architecture = Architecture::Arm64;
        stamp(
            inx,
            &Stamp {
                architecture,
                driver_version,
            },
        )
    }

    #[test]
    fn date_version_and_architecture_are_filled_in() {
        let found = stamped("[M.NT$ARCH$]\nDriverVer =\nx\n").expect("it is whole");
        let expected = format!(
            "[M.NTarm64]\r\nDriverVer = 11/14/2023,{}\r\nx\r\n",
            project_version()
        );
        assert_eq!(found, expected);
    }

    #[test]
    fn what_cannot_be_filled_in_is_refused() {
        assert!(stamped("$ARCH$\n").is_err());
        assert!(stamped("DriverVer=\n").is_err());
        assert!(stamped("$ARCH$\nDriverVer=\ndriverver =\n").is_err());
    }
}
