//! Every rule catches a broken INF: one of the project's, with one thing changed.

use super::lint::lint;
use super::rules::RULES;
use super::stamp::{Architecture, DriverVersion, Stamp};
use super::{INFS, inx, stamped};

/// A way to break an INF.
struct Broken {
    /// The rule that must catch it.
    rule: &'static str,
    /// What is replaced, which has to be there, and by what.
    change: (&'static str, &'static str),
    /// A word of the message.
    names: &'static str,
}

const fn broken(
    rule: &'static str,
    from: &'static str,
    to: &'static str,
    names: &'static str,
) -> Broken {
    Broken {
        rule,
        change: (from, to),
        names,
    }
}

const BROKEN: &[Broken] = &[
    broken("signature", "$Windows NT$", "$Windows$", "Signature"),
    broken("signature", "[Version]", "[Versions]", "[Version]"),
    broken("syntax", "[Strings]", "[Strings", "]"),
    broken("syntax", "= \"vmdisp\"", "= \"vmdisp", "not closed"),
    broken("encoding", "; vmdisp", "; é vmdisp", "UTF-16"),
    broken(
        "value",
        "CopyFiles    = Files",
        "CopyFiles    =",
        "CopyFiles",
    ),
    broken("value", "Provider = \"vmdisp\"", "Provider =", "Provider"),
    broken("class", "4d36e968", "4d36e97d", "4d36e968"),
    broken("class", "= Display", "= System", "Display"),
    broken(
        "models",
        "%Provider% = Models,NTamd64.10.0...19041",
        "%Provider% =",
        "models section",
    ),
    broken(
        "rename",
        "[Files]\r\nvmdisp.sys",
        "[Files]\r\nother.sys,vmdisp.sys",
        "other.sys",
    ),
    broken(
        "rename",
        "DefaultDestDir = 13",
        "DefaultDestDir = 13,Drivers",
        "DefaultDestDir",
    ),
    broken("section", "[Files]", "[Fils]", "[Files]"),
    broken("section", "= Models,", "= Model,", "[Model.NTamd64"),
    broken("section", "= Install,PCI", "= Instal,PCI", "[Instal]"),
    broken(
        "section",
        "0x00000002,Service",
        "0x00000002,Servise",
        "[Servise]",
    ),
    broken(
        "section",
        "AddReg         = Parameters",
        "AddReg         = Values",
        "[Values]",
    ),
    broken(
        "section",
        "DefaultDestDir = 13",
        "DefaultDestDir = 13\r\nOther = 13",
        "[Other]",
    ),
    broken(
        "provider",
        "Provider = \"vmdisp\"",
        "Provider = \"Microsoft Corporation\"",
        "Microsoft",
    ),
    broken(
        "misuse",
        "AddReg         = Parameters",
        "AddReg         = Files",
        "[Files]",
    ),
    broken("twice", "[Files]", "[Files]\r\n[Files]", "[Files]"),
    broken(
        "function-driver",
        "0x00000002,Service",
        "0x00000000,Service",
        "0x00000002",
    ),
    broken(
        "function-driver",
        "[Install.Services]",
        "[Instal.Services]",
        "[Install.Services]",
    ),
    broken(
        "catalog-as-source",
        "[SourceDisksFiles]",
        "[SourceDisksFiles]\r\nvmdisp.cat = 1",
        "vmdisp.cat",
    ),
    broken("catalog", ".cat\r\n", ".dog\r\n", ".dog"),
    broken("version", ".0\r\nPnp", ".0.0\r\nPnp", "w.x.y.z"),
    broken("version", ".0\r\nPnp", ".65535\r\nPnp", "65535"),
    broken(
        "date",
        "DriverVer   = 11/14",
        "DriverVer   = 14/11",
        "mm/dd/yyyy",
    ),
    broken(
        "date",
        "DriverVer   = 11/14/20",
        "DriverVer   = 11/14/",
        "mm/dd/yyyy",
    ),
    broken("root", "HKR,Parameters", "HKLM,Parameters", "HKLM"),
    broken(
        "source",
        "[SourceDisksFiles]\r\nvmdisp.sys",
        "[SourceDisksFiles]\r\nother.sys",
        "vmdisp.sys",
    ),
    broken("required", "Provider    = %Provider%", "", "Provider"),
    broken("required", "CatalogFile", "; CatalogFile", "CatalogFile"),
    broken("string", "Device   =", "Devices  =", "%Device%"),
    broken("dirid", "%13%", "%12%", "%12%"),
    broken(
        "feature-score",
        "FeatureScore",
        "; FeatureScore",
        "FeatureScore",
    ),
    broken(
        "feature-score",
        "FeatureScore = ",
        "FeatureScore = G",
        "hexadecimal",
    ),
    broken("registry-value", "0x00010001", "REG_DWORD", "REG_DWORD"),
    broken(
        "registry-value",
        "DisplayOnly,0x00010001,",
        "DisplayOnly,0x00010001,x",
        "32 bits",
    ),
    broken("device", ",PCI\\VEN_1234&DEV_1111", "", "hardware id"),
    broken("disk", "vmdisp.sys = 1", "vmdisp.sys = 2", "disk \"2\""),
    broken("architecture", "[Files]", "[Files.$ARCH$]", "$ARCH$"),
    broken("architecture", "NTamd64", "NTx86", "NTx86"),
    broken(
        "destination",
        "DefaultDestDir = 13",
        "",
        "[DestinationDirs]",
    ),
    broken("target", "10.0...19041", "10.0...18362", "18362"),
    broken("target", ".10.0...19041", "", "NTamd64"),
    broken("unknown", "ErrorControl ", "ErorControl ", "ErorControl"),
    broken(
        "unknown",
        "PnpLockdown = 1",
        "PnpLockdown = 1\r\nPnpLockup",
        "PnpLockup",
    ),
    broken(
        "duplicate",
        "DEV_1111",
        "DEV_1111,PCI\\VEN_1234&DEV_1111",
        "VEN_1234",
    ),
    broken(
        "duplicate",
        "StartType ",
        "StartType = 3\r\nStartType ",
        "StartType",
    ),
    broken(
        "duplicate",
        "[Strings]",
        "[Strings]\r\ndevice = \"x\"",
        "Device",
    ),
    broken("nothing", "%Device% = ", "; ", "device"),
    broken(
        "nothing",
        "[Manufacturer]",
        "[Manufacturers]",
        "[Manufacturer]",
    ),
    broken(
        "legacy",
        "[Files]",
        "[Install.CoInstallers]\r\n[Files]",
        "CoInstallers",
    ),
    broken(
        "legacy",
        "[Files]",
        "[ClassInstall32]\r\n[Files]",
        "ClassInstall32",
    ),
    broken("legacy", "CopyFiles    =", "DelFiles     =", "DelFiles"),
    broken(
        "legacy",
        "PnpLockdown",
        "LayoutFile = layout.inf\r\nPnpLockdown",
        "LayoutFile",
    ),
    broken("store", "DefaultDestDir = 13", "DefaultDestDir = 12", "12"),
    broken("parameters-key", "HKR,Parameters,", "HKR,,", "Parameters"),
    broken(
        "lockdown",
        "PnpLockdown = 1",
        "PnpLockdown = 0",
        "PnpLockdown",
    ),
    broken("unused", "[Files]", "[More]\r\n[Files]", "[More]"),
    broken("unused", "[Strings]", "[Strings]\r\nMore = \"x\"", "%More%"),
    broken(
        "unused",
        "[SourceDisksFiles]",
        "[SourceDisksFiles]\r\nmore.dll = 1",
        "more.dll",
    ),
    broken("binary", "%13%\\vmdisp.sys", "%13%\\other.sys", "other.sys"),
    broken("binary", "%13%\\vmdisp.sys", "vmdisp.sys", "%13%"),
    broken(
        "user-mode",
        "CopyFiles    = Files",
        "CopyFiles = Files\r\nAddReg = Software\r\n[Software]\r\nHKR,,UserModeDriverName,0x00010000,\"%13%\\vmdispum.dll\"",
        "vmdispum.dll",
    ),
    broken(
        "service",
        "StartType      = 3",
        "StartType      = 1",
        "StartType = 3",
    ),
    broken(
        "service",
        "ErrorControl   = 0",
        "ErrorControl   = 1",
        "ErrorControl = 0",
    ),
    broken(
        "service",
        "ServiceType    = 1",
        "ServiceType    = 16",
        "ServiceType = 1",
    ),
    broken("service", "= Video", "= Base", "Video"),
    broken("hardware", "DEV_1111", "DEV_1050", "DEV_1050"),
    broken(
        "hardware",
        "PCI\\VEN_1234&DEV_1111",
        "PCI\\CC_0300",
        "CC_0300",
    ),
    broken(
        "parameter",
        "Parameters,DisplayOnly",
        "Parameters,DisplayOnyl",
        "DisplayOnyl",
    ),
    broken("in-step", ".0\r\nPnp", ".1\r\nPnp", "Cargo.toml"),
];

fn project_infs() -> Vec<String> {
    let driver_version = DriverVersion::of_project(1_700_000_000).expect("a date");
    let stamp = Stamp {
        architecture: Architecture::X64,
        driver_version,
    };
    INFS.iter()
        .map(|name| stamped(&inx(name), &stamp).expect("it is ours"))
        .collect()
}

#[test]
fn the_projects_infs_break_no_rule() {
    for inf in project_infs() {
        assert_eq!(lint(inf.as_bytes()), []);
    }
}

#[test]
fn every_rule_catches_its_broken_infs() {
    for inf in project_infs() {
        for Broken {
            rule,
            change: (from, to),
            names,
        } in BROKEN
        {
            assert!(inf.contains(from), "{rule}: there is no {from:?} to change");
            let findings = lint(inf.replacen(from, to, 1).as_bytes());
            let caught = findings
                .iter()
                .find(|found| found.rule == *rule && found.message.contains(names));
            assert!(
                caught.is_some(),
                "{rule}: {from:?} to {to:?} gave {findings:#?}"
            );
        }
    }
}

#[test]
fn every_rule_has_a_broken_inf() {
    for rule in RULES {
        let caught = BROKEN.iter().any(|broken| broken.rule == rule.name);
        assert!(caught, "no broken INF shows that {} is checked", rule.name);
    }
    for broken in BROKEN {
        assert!(
            RULES.iter().any(|rule| rule.name == broken.rule),
            "there is no rule {}",
            broken.rule
        );
    }
}

#[test]
fn a_finding_has_the_line_where_it_is() {
    let inf = &project_infs()[0];
    let line = 1 + inf
        .lines()
        .position(|line| line.starts_with("StartType"))
        .expect("it is there");
    let findings = lint(inf.replacen("StartType ", "StrtType ", 1).as_bytes());
    assert!(
        findings
            .iter()
            .any(|found| (found.rule, found.line) == ("unknown", line)),
        "{findings:#?}"
    );
}

#[test]
fn utf_16_is_read() {
    let inf = &project_infs()[0];
    let units = inf.encode_utf16().flat_map(u16::to_le_bytes);
    let bytes: Vec<u8> = [0xFF, 0xFE].into_iter().chain(units).collect();
    assert_eq!(lint(&bytes), []);
}
