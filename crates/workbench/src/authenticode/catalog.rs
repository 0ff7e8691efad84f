//! Security catalogs: a signed list of the files of a driver package, by their digests.
//!
//! Windows looks a file's digest up in it; the attributes say which Windows it is for and which
//! hardware. What inf2cat of the WDK writes is written here, with the newer kind of member, which goes
//! by SHA-256.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use der::asn1::{Any, OctetString, SetOfVec};
use der::{Decode as _, Encode as _, Tag};
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::ext::Extension;

use super::asn1::{
    CATALOG_LIST, CATALOG_MEMBER, CTL, INDIRECT_DATA, IndirectData, Link, MEMBER_INFO, NAME_VALUE,
    NameValue, Subject, TrustList, algorithm, any, attribute,
};
use super::identity::{Identity, date};
use super::{Hash, image, sha256, signed};

/// Which systems a member is for: NT (2), version 10.0.
const SYSTEM: &str = "2:10.0";

/// What a catalog says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// Digests of members, by file name.
    pub members: BTreeMap<String, Hash>,
    /// Windows' names for the systems that it is for: `_v100_X64`.
    pub system: String,
    /// Hardware ids.
    pub hardware: Vec<String>,
}

/// The digest by which a catalog knows a file: Authenticode's of an image, else that of all its bytes.
///
/// # Errors
///
/// It begins as an image, and is none.
pub fn digest(file: &[u8]) -> Result<Hash> {
    if is_image(file) {
        image::digest(file)
    } else {
        Ok(sha256(file))
    }
}

fn is_image(file: &[u8]) -> bool {
    file.starts_with(b"MZ")
}

/// Makes a signed catalog of files, as name and content.
///
/// `seconds` since 1970 are its date; the same files give the same catalog.
///
/// # Errors
///
/// A file that is no image though it begins as one.
pub fn sign(
    files: &[(&str, &[u8])],
    system: &str,
    hardware: &[String],
    seconds: u64,
    identity: &Identity,
) -> Result<Vec<u8>> {
    let mut subjects = Vec::new();
    for (name, content) in files {
        subjects.push(subject(name, content).with_context(|| format!("listing {name}"))?);
    }
    subjects.sort_by(|a, b| a.identifier.as_bytes().cmp(b.identifier.as_bytes()));
    let ids = (1..).zip(hardware);
    let ids = ids.map(|(number, id)| extension(&format!("HWID{number}"), &id.to_lowercase()));
    let extensions: Vec<Extension> = [extension("OS", system)]
        .into_iter()
        .chain(ids)
        .collect::<der::Result<_>>()?;
    let mut list = TrustList {
        usage: vec![CATALOG_LIST],
        identifier: OctetString::new([0; 16])?,
        this_update: date(Duration::from_secs(seconds))?,
        algorithm: algorithm(CATALOG_MEMBER),
        subjects,
        extensions: Some(extensions),
    };
    // Windows' tools take a random number to tell lists apart. Their content does as well.
    let identifier = &sha256(&list.to_der()?)[..16];
    list.identifier = OctetString::new(identifier)?;
    signed::sign(CTL, &list, identity)
}

fn subject(name: &str, content: &[u8]) -> Result<Subject> {
    let digest = digest(content)?;
    let data = if is_image(content) {
        IndirectData::of_image(&digest, Link::empty()?)?
    } else {
        IndirectData::of_flat_file(&digest)?
    };
    // Of the newer kind of member nothing is said: [2], empty.
    let information = Any::new(
        Tag::ContextSpecific {
            constructed: false,
            number: der::TagNumber::N2,
        },
        [],
    )?;
    let attributes = vec![
        attribute(INDIRECT_DATA, any(&data)?)?,
        attribute(NAME_VALUE, any(&NameValue::new("File", name)?)?)?,
        attribute(NAME_VALUE, any(&NameValue::new("OSAttr", SYSTEM)?)?)?,
        attribute(MEMBER_INFO, information)?,
    ];
    Ok(Subject {
        identifier: OctetString::new(digest)?,
        attributes: SetOfVec::try_from(attributes)?,
    })
}

fn extension(name: &str, value: &str) -> der::Result<Extension> {
    Ok(Extension {
        extn_id: NAME_VALUE,
        critical: false,
        extn_value: OctetString::new(NameValue::new(name, value)?.to_der()?)?,
    })
}

/// Reads a catalog and checks its signature. What it says, and whose it is.
///
/// # Errors
///
/// Says what is wrong with it.
pub fn verify(file: &[u8]) -> Result<(Catalog, Certificate)> {
    let read = signed::verify(file, CTL)?;
    let list: TrustList = read.content.decode_as()?;
    ensure!(
        list.usage == [CATALOG_LIST] && list.algorithm.oid == CATALOG_MEMBER,
        "it is no catalog whose members go by SHA-256"
    );
    let mut members = BTreeMap::new();
    for subject in &list.subjects {
        let (name, digest) = member(subject)?;
        let twice = members.insert(name.clone(), digest).is_some();
        ensure!(!twice, "it lists {name} twice");
    }
    let (mut system, mut hardware) = (String::new(), Vec::new());
    for extension in list.extensions.iter().flatten() {
        let (name, value) = NameValue::from_der(extension.extn_value.as_bytes())?.texts();
        match name.as_str() {
            "OS" => system = value,
            name if name.starts_with("HWID") => hardware.push(value),
            _ => {}
        }
    }
    let catalog = Catalog {
        members,
        system,
        hardware,
    };
    Ok((catalog, read.signer))
}

/// A member's file name and digest.
fn member(subject: &Subject) -> Result<(String, Hash)> {
    let values = |oid| {
        let of = move |attribute: &&Attribute| attribute.oid == oid;
        let attributes = subject.attributes.iter().filter(of);
        attributes.flat_map(|attribute| attribute.values.iter())
    };
    let mut texts = BTreeMap::new();
    for value in values(NAME_VALUE) {
        texts.extend([value.decode_as::<NameValue>()?.texts()]);
    }
    let name = texts.remove("File").context("a member has no file name")?;
    ensure!(
        texts.get("OSAttr").is_some_and(|system| system == SYSTEM),
        "{name} is not for Windows 10"
    );
    let data = values(INDIRECT_DATA).next();
    let data: IndirectData = data
        .with_context(|| format!("{name} has no digest"))?
        .decode_as()?;
    let digest = data.digest.digest.as_bytes();
    ensure!(
        digest == subject.identifier.as_bytes(),
        "{name} goes by another digest than its own"
    );
    let digest = digest
        .try_into()
        .ok()
        .with_context(|| format!("{name}'s digest is not SHA-256"))?;
    Ok((name, digest))
}

#[cfg(test)]
mod tests {
    use super::super::identity::testing::IDENTITY;
    use super::{sha256, sign, verify};

    fn made(content: &[u8]) -> Vec<u8> {
        let files = [("a.inf", content), ("b.txt", b"b".as_slice())];
        let hardware = [r"PCI\VEN_1234&DEV_1111".to_owned()];
        sign(&files, "_v100_X64", &hardware, 1_700_000_000, &IDENTITY).expect("it is signed")
    }

    #[test]
    fn a_catalog_says_what_it_was_made_of() {
        let bytes = made(b"a");
        let (catalog, signer) = verify(&bytes).expect("it is right");
        assert_eq!(signer, *IDENTITY.certificate());
        assert_eq!(catalog.members["a.inf"], sha256(b"a"));
        assert_eq!(catalog.members.len(), 2);
        assert_eq!(catalog.system, "_v100_X64");
        assert_eq!(catalog.hardware, [r"pci\ven_1234&dev_1111"]);
        assert_eq!(bytes, made(b"a"));
        assert_ne!(bytes, made(b"A"));
    }

    #[test]
    fn every_changed_byte_of_the_list_is_refused() {
        let bytes = made(b"a");
        let text: Vec<u8> = "_v100".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for part in [&text[..], &sha256(b"a"), b"231114"] {
            let at = bytes.windows(part.len()).position(|window| window == part);
            let mut bytes = bytes.clone();
            bytes[at.expect("it is there")] ^= 1;
            assert!(verify(&bytes).is_err());
        }
    }

    #[test]
    fn a_broken_image_cannot_be_listed() {
        let files = [("a.sys", b"MZ".as_slice())];
        let error = sign(&files, "", &[], 0, &IDENTITY).expect_err("it is no image");
        assert!(error.to_string().contains("a.sys"));
    }
}
