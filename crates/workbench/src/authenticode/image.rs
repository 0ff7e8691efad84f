//! A PE image's digests, and the signature that it carries behind its last section.
//!
//! Neither covers the header's checksum, the header's entry about signatures, or the signatures
//! themselves, so that an image can be signed without changing what was signed.

use anyhow::{Context, Result, bail, ensure};
use der::asn1::{OctetString, SetOfVec};
use der::{Decode as _, Encode as _};
use object::LittleEndian as LE;
use object::pe::{IMAGE_DIRECTORY_ENTRY_SECURITY, ImageDataDirectory};
use object::read::pe::PeFile64;
use sha2::{Digest as _, Sha256};
use x509_cert::Certificate;

use super::asn1::{
    INDIRECT_DATA, IndirectData, Link, PAGE_HASHES, PAGE_HASHES_CLASS, PE_IMAGE, PeImageData,
    SerializedObject, TypeAndValue, any,
};
use super::identity::Identity;
use super::{Hash, signed};
use crate::inspect;

/// What a page is.
const PAGE: usize = 4096;

/// WIN_CERTIFICATE: the length of its header, WIN_CERT_REVISION_2_0, WIN_CERT_TYPE_PKCS_SIGNED_DATA.
const CERTIFICATE_HEADER: usize = 8;
const REVISION: u16 = 0x0200;
const PKCS_SIGNED_DATA: u16 = 2;

/// Where in a file the things are that a digest leaves out.
struct Places {
    /// The header's checksum, four bytes.
    checksum: usize,
    /// The header's entry about signatures, eight bytes.
    entry: usize,
    /// Where the signatures lie; empty and at the end if there are none.
    signatures: std::ops::Range<usize>,
    /// How long the headers are.
    headers: usize,
    /// Each section's content in the file.
    sections: Vec<std::ops::Range<usize>>,
}

impl Places {
    fn of(file: &[u8]) -> Result<Self> {
        let image = PeFile64::parse(file)?;
        let optional = &image.nt_headers().optional_header;
        let checksum = std::ptr::from_ref(&optional.check_sum).addr() - file.as_ptr().addr();
        let directory = image
            .data_directories()
            .iter()
            .nth(IMAGE_DIRECTORY_ENTRY_SECURITY)
            .context("its header has no place for a signature")?;
        let entry =
            std::ptr::from_ref::<ImageDataDirectory>(directory).addr() - file.as_ptr().addr();
        // Of this entry alone the address is a place in the file.
        let start = directory.virtual_address.get(LE) as usize;
        let size = directory.size.get(LE) as usize;
        let signatures = match start {
            0 => file.len()..file.len(),
            _ => start..start + size,
        };
        ensure!(
            signatures.end == file.len() && signatures.start <= signatures.end,
            "its signature does not lie at its end"
        );
        let headers = optional.size_of_headers.get(LE) as usize;
        let mut sections = Vec::new();
        for section in image.section_table().iter() {
            let start = section.pointer_to_raw_data.get(LE) as usize;
            let end = start + section.size_of_raw_data.get(LE) as usize;
            ensure!(end <= signatures.start, "a section lies outside the file");
            sections.push(start..end);
        }
        sections.retain(|section| !section.is_empty());
        ensure!(
            checksum + 4 <= entry && entry + 8 <= headers && headers <= signatures.start,
            "its header is cut short"
        );
        Ok(Self {
            checksum,
            entry,
            signatures,
            headers,
            sections,
        })
    }

    /// Digests the file up to `end`, but for what is left out.
    fn digest(&self, file: &[u8], end: usize) -> Sha256 {
        let mut digest = Sha256::new();
        digest.update(&file[..self.checksum]);
        digest.update(&file[self.checksum + 4..self.entry]);
        digest.update(&file[self.entry + 8..end]);
        digest
    }
}

/// The digest by which Authenticode knows an image.
///
/// # Errors
///
/// It is no 64-bit PE image.
pub fn digest(file: &[u8]) -> Result<Hash> {
    let places = Places::of(file)?;
    let mut digest = places.digest(file, places.signatures.start);
    if places.signatures.is_empty() {
        // Signing pads the file, and the padding is signed.
        digest.update(&[0; 8][..padding(file.len())]);
    }
    Ok(digest.finalize().into())
}

/// The digest of each page, behind its place in the file, and a last place that has none.
fn page_hashes(file: &[u8]) -> Result<Vec<u8>> {
    let places = Places::of(file)?;
    let zeros = [0; PAGE];
    let mut table = Vec::new();
    let mut add = |at: usize, digest: Hash| -> Result<()> {
        table.extend(u32::try_from(at)?.to_le_bytes());
        table.extend(digest);
        Ok(())
    };
    ensure!(places.headers <= PAGE, "its headers are over a page long");
    let mut headers = places.digest(file, places.headers);
    headers.update(&zeros[places.headers..]);
    add(0, headers.finalize().into())?;
    let mut last = places.headers;
    for section in places.sections {
        last = section.end;
        for at in section.clone().step_by(PAGE) {
            let page = &file[at..section.end.min(at + PAGE)];
            let digest = Sha256::new().chain_update(page);
            add(
                at,
                digest.chain_update(&zeros[page.len()..]).finalize().into(),
            )?;
        }
    }
    add(last, [0; 32])?;
    Ok(table)
}

/// What is signed of an image: its digest and its pages'.
fn indirect_data(file: &[u8]) -> Result<IndirectData> {
    let mut values = SetOfVec::new();
    values.insert(OctetString::new(page_hashes(file)?)?)?;
    let mut hashes = SetOfVec::new();
    hashes.insert(TypeAndValue {
        kind: PAGE_HASHES,
        value: Some(any(&values)?),
    })?;
    let object = SerializedObject {
        class: OctetString::new(PAGE_HASHES_CLASS)?,
        data: OctetString::new(hashes.to_der()?)?,
    };
    Ok(IndirectData::of_image(
        &digest(file)?,
        Link::Moniker(object),
    )?)
}

/// Signs an image that has no signature yet, and makes its checksum right.
///
/// # Errors
///
/// It is no image, or has a signature.
pub fn sign(file: &[u8], identity: &Identity) -> Result<Vec<u8>> {
    attach(file, &indirect_data(file)?, identity)
}

/// Puts a signature over that content behind an image.
fn attach(file: &[u8], content: &IndirectData, identity: &Identity) -> Result<Vec<u8>> {
    let places = Places::of(file)?;
    ensure!(places.signatures.is_empty(), "it is signed already");
    let mut signed = file.to_vec();
    signed.resize(file.len() + padding(file.len()), 0);
    let signature = signed::sign(INDIRECT_DATA, content, identity)?;
    let length = CERTIFICATE_HEADER + signature.len();
    let length = length + padding(length);

    let entry = [signed.len(), length].map(u32::try_from);
    let [start, size] = [entry[0]?, entry[1]?];
    signed[places.entry..places.entry + 4].copy_from_slice(&start.to_le_bytes());
    signed[places.entry + 4..places.entry + 8].copy_from_slice(&size.to_le_bytes());
    let end = signed.len() + length;
    signed.extend(size.to_le_bytes());
    signed.extend(REVISION.to_le_bytes());
    signed.extend(PKCS_SIGNED_DATA.to_le_bytes());
    signed.extend(signature);
    signed.resize(end, 0);

    let sum = inspect::checksum(&signed, places.checksum)?;
    signed[places.checksum..places.checksum + 4].copy_from_slice(&sum.to_le_bytes());
    Ok(signed)
}

/// Checks the signature that an image carries. Whose it is.
///
/// # Errors
///
/// Says what is wrong: there is none, it is wrong, or the image is not what was signed.
pub fn verify(file: &[u8]) -> Result<Certificate> {
    let places = Places::of(file)?;
    let bytes = &file[places.signatures];
    ensure!(!bytes.is_empty(), "it is not signed");
    let (header, signature) = bytes
        .split_at_checked(CERTIFICATE_HEADER)
        .context("its signature is cut short")?;
    let length = u32::try_from(bytes.len())?;
    let expected = [
        &length.to_le_bytes()[..],
        &REVISION.to_le_bytes(),
        &PKCS_SIGNED_DATA.to_le_bytes(),
    ];
    ensure!(
        header == expected.concat(),
        "what lies at its end is not one PKCS #7 signature"
    );
    let read = signed::verify(signature, INDIRECT_DATA)?;
    let data: IndirectData = read.content.decode_as()?;
    ensure!(
        data.data.kind == PE_IMAGE,
        "what is signed is no image: {}",
        data.data.kind
    );
    ensure!(
        data.digest.digest.as_bytes() == digest(file)?,
        "it was changed after it was signed: its digest is another"
    );
    let signed = signed_pages(&data)?;
    ensure!(
        signed == page_hashes(file)?,
        "the digests of its pages are others than those that were signed"
    );
    Ok(read.signer)
}

/// The page hashes in a signature.
fn signed_pages(data: &IndirectData) -> Result<Vec<u8>> {
    let value = data.data.value.as_ref().context("no image is described")?;
    let image: PeImageData = value.decode_as()?;
    let Some(Link::Moniker(object)) = image.file else {
        bail!("the signature has no digests of pages");
    };
    ensure!(
        object.class.as_bytes() == PAGE_HASHES_CLASS,
        "the signature has something else than digests of pages"
    );
    let hashes = SetOfVec::<TypeAndValue>::from_der(object.data.as_bytes())?;
    let found = hashes.iter().find(|hashes| hashes.kind == PAGE_HASHES);
    let value = found.and_then(|hashes| hashes.value.as_ref());
    let values: SetOfVec<OctetString> = value
        .context("the signature has no SHA-256 digests of pages")?
        .decode_as()?;
    let table = values.get(0).context("there are no digests of pages")?;
    Ok(table.as_bytes().to_vec())
}

/// What is missing to a multiple of eight.
fn padding(length: usize) -> usize {
    length.next_multiple_of(8) - length
}

#[cfg(test)]
mod tests {
    use super::super::identity::testing::IDENTITY;
    use super::{PAGE, attach, digest, indirect_data, page_hashes, sign, verify};

    /// The smallest image: headers, and a section of one and a half pages with some code.
    fn image() -> Vec<u8> {
        let mut file = vec![0; 512 + PAGE + PAGE / 2];
        let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"MZ");
        put(0x3C, &64_u32.to_le_bytes());
        put(64, b"PE\0\0");
        put(68, &0x8664_u16.to_le_bytes());
        put(70, &1_u16.to_le_bytes()); // sections
        put(84, &240_u16.to_le_bytes()); // size of the optional header
        put(88, &0x020B_u16.to_le_bytes());
        put(88 + 32, &0x1000_u32.to_le_bytes()); // alignment of sections
        put(88 + 36, &512_u32.to_le_bytes());
        put(88 + 56, &0x3000_u32.to_le_bytes()); // size of the image
        put(88 + 60, &512_u32.to_le_bytes()); // size of the headers
        put(88 + 108, &16_u32.to_le_bytes()); // data directories
        put(328, b".text\0\0\0");
        put(328 + 8, &0x1800_u32.to_le_bytes());
        put(328 + 12, &0x1000_u32.to_le_bytes());
        put(328 + 16, &0x1800_u32.to_le_bytes());
        put(328 + 20, &512_u32.to_le_bytes());
        put(512, &[0xC3; 0x1800]);
        file
    }

    #[test]
    fn an_image_is_signed_and_stays_what_it_was() {
        let file = image();
        let signed = sign(&file, &IDENTITY).expect("it is signed");
        assert_eq!(
            verify(&signed).expect("it is right"),
            *IDENTITY.certificate()
        );
        assert_eq!(digest(&file).unwrap(), digest(&signed).unwrap());
        assert_eq!(signed, sign(&file, &IDENTITY).unwrap());
        assert_eq!(signed.len() % 8, 0);
        assert!(sign(&signed, &IDENTITY).is_err(), "signed twice");
        assert!(verify(&file).is_err(), "not signed");
    }

    #[test]
    fn each_page_has_its_place_and_its_digest() {
        let table = page_hashes(&image()).expect("it is an image");
        let places = table
            .chunks(36)
            .map(|entry| u32::from_le_bytes([entry[0], entry[1], entry[2], entry[3]]));
        let places: Vec<_> = places.collect();
        assert_eq!(places, [0, 512, 512 + 4096, 512 + 4096 + 2048]);
        assert_eq!(table[3 * 36 + 4..], [0; 32]);
    }

    #[test]
    fn a_changed_byte_is_refused_wherever_it_is() {
        let signed = sign(&image(), &IDENTITY).expect("it is signed");
        let end = image().len();
        // A string of the header, the entry point, code of each page, the signature and its header.
        for at in [
            2,
            88 + 16,
            600,
            512 + 5000,
            end + 2,
            end + 200,
            signed.len() - 20,
        ] {
            let mut bytes = signed.clone();
            bytes[at] ^= 1;
            assert!(verify(&bytes).is_err(), "byte {at}");
        }
        // What comes behind the signature is refused as well.
        assert!(verify(&[signed, vec![0; 8]].concat()).is_err());
    }

    /// Windows checks a page when it is read in, by its own digest, so each counts beside the whole.
    #[test]
    fn wrong_page_digests_are_refused_though_the_image_is_right() {
        let file = image();
        let mut other = file.clone();
        other[600] ^= 1;
        let mut data = indirect_data(&other).expect("it is an image");
        let right = indirect_data(&file).expect("it is an image");
        data.digest = right.digest.clone();
        let signed = attach(&file, &data, &IDENTITY).expect("it is signed");
        let error = verify(&signed).expect_err("its pages are others");
        assert!(
            error.to_string().contains("digests of its pages"),
            "{error}"
        );
        let signed = attach(&file, &right, &IDENTITY).expect("it is signed");
        assert!(verify(&signed).is_ok());
    }

    #[test]
    fn what_is_no_image_is_refused() {
        assert!(digest(b"MZ").is_err());
        assert!(digest(&[]).is_err());
        let mut outside = image();
        outside[328 + 20..328 + 24].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(digest(&outside).is_err());
    }
}
