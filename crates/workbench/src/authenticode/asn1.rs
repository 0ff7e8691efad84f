//! ASN.1 that Microsoft defined: what is signed of an image and in a catalog.
#![allow(
    clippy::unnested_or_patterns,
    reason = "of what der derives for choices"
)]

use der::asn1::{
    Any, BitString, BmpString, Ia5String, Null, ObjectIdentifier as Oid, OctetString, SetOfVec,
};
use der::{Choice, Encode, Sequence, ValueOrd};
use x509_cert::attr::Attribute;
use x509_cert::ext::Extensions;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Time;

/// A content that describes what is signed (SPC_INDIRECT_DATA_OBJID).
pub const INDIRECT_DATA: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.2.1.4");
/// An image is described (SPC_PE_IMAGE_DATA_OBJID).
pub const PE_IMAGE: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.2.1.15");
/// A file without structure is described (SPC_CAB_DATA_OBJID, which catalogs use for any file).
pub const FLAT_FILE: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.2.1.25");
/// Digests of an image's pages with SHA-256 (SPC_PE_IMAGE_PAGE_HASHES_V2_OBJID).
pub const PAGE_HASHES: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.2.3.2");
/// Which kind of signer it is (SPC_STATEMENT_TYPE_OBJID).
pub const STATEMENT_TYPE: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.2.1.11");
/// Signed by an individual, not a company (SPC_INDIVIDUAL_SP_KEY_PURPOSE_OBJID).
pub const INDIVIDUAL: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.2.1.21");
/// What the program is called (SPC_SP_OPUS_INFO_OBJID).
pub const OPUS_INFO: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.2.1.12");
/// A certificate trust list (szOID_CTL); a catalog is one.
pub const CTL: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.10.1");
/// The list is a catalog (szOID_CATALOG_LIST).
pub const CATALOG_LIST: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.12.1.1");
/// Its members go by SHA-256 (szOID_CATALOG_LIST_MEMBER2).
pub const CATALOG_MEMBER: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.12.1.3");
/// A name with a value (CAT_NAMEVALUE_OBJID).
pub const NAME_VALUE: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.12.2.1");
/// About a member that goes by SHA-256 (CAT_MEMBERINFO2_OBJID).
pub const MEMBER_INFO: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.12.2.3");
/// SHA-256.
pub const SHA256: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.1");
/// RSA, PKCS #1 version 1.5.
pub const RSA: Oid = Oid::new_unwrap("1.2.840.113549.1.1.1");
/// PKCS #7's signed data.
pub const SIGNED_DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.2");
/// Attribute: the type of what is signed (PKCS #9).
pub const CONTENT_TYPE: Oid = Oid::new_unwrap("1.2.840.113549.1.9.3");
/// Attribute: its digest (PKCS #9).
pub const MESSAGE_DIGEST: Oid = Oid::new_unwrap("1.2.840.113549.1.9.4");
/// Extended key usage: code may be signed (RFC 5280).
pub const CODE_SIGNING: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.3.3");

/// The class of a serialized object that is a set of page hashes, as it is in the file.
pub const PAGE_HASHES_CLASS: [u8; 16] = [
    0xA6, 0xB5, 0x86, 0xD5, 0xB4, 0xA1, 0x24, 0x66, 0xAE, 0x05, 0xA2, 0x17, 0xDA, 0x8E, 0x60, 0xD6,
];

/// `SpcIndirectDataContent`: a digest, and of what.
#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
pub struct IndirectData {
    pub data: TypeAndValue,
    pub digest: DigestInfo,
}

/// `SpcAttributeTypeAndOptionalValue`.
#[derive(Debug, Clone, PartialEq, Eq, Sequence, ValueOrd)]
pub struct TypeAndValue {
    pub kind: Oid,
    #[asn1(optional = "true")]
    pub value: Option<Any>,
}

/// `DigestInfo`.
#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
pub struct DigestInfo {
    pub algorithm: AlgorithmIdentifierOwned,
    pub digest: OctetString,
}

/// `SpcPeImageData`. Its flags are never used: none are set.
#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
pub struct PeImageData {
    pub flags: BitString,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub file: Option<Link>,
}

/// `SpcLink`.
#[derive(Debug, Clone, PartialEq, Eq, Choice)]
pub enum Link {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    Url(Ia5String),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Moniker(SerializedObject),
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", constructed = "true")]
    File(Text),
}

/// `SpcString`.
#[derive(Debug, Clone, PartialEq, Eq, Choice)]
pub enum Text {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    Unicode(BmpString),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT")]
    Ascii(Ia5String),
}

/// `SpcSerializedObject`.
#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
pub struct SerializedObject {
    pub class: OctetString,
    pub data: OctetString,
}

/// `CertificateTrustList`: a catalog.
#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
pub struct TrustList {
    pub usage: Vec<Oid>,
    /// Tells lists apart.
    pub identifier: OctetString,
    pub this_update: Time,
    /// How subjects are identified.
    pub algorithm: AlgorithmIdentifierOwned,
    pub subjects: Vec<Subject>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub extensions: Option<Extensions>,
}

/// `TrustedSubject`: a member of a catalog, by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
pub struct Subject {
    pub identifier: OctetString,
    pub attributes: SetOfVec<Attribute>,
}

/// `CatalogNameValue`. The value is UTF-16 with a NUL at its end.
#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
pub struct NameValue {
    pub name: BmpString,
    pub flags: u32,
    pub value: OctetString,
}

impl NameValue {
    /// CRYPTCAT_ATTR_AUTHENTICATED, _DATAASCII, _NAMEASCII: what Windows' own tools set for text.
    const TEXT: u32 = 0x1001_0001;

    /// A pair of texts.
    pub fn new(name: &str, value: &str) -> der::Result<Self> {
        let units = value.encode_utf16().chain([0]);
        let bytes: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
        Ok(Self {
            name: BmpString::from_utf8(name)?,
            flags: Self::TEXT,
            value: OctetString::new(bytes)?,
        })
    }

    /// Its name and value.
    pub fn texts(&self) -> (String, String) {
        let units = self.value.as_bytes().chunks_exact(2);
        let units: Vec<u16> = units
            .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
            .take_while(|unit| *unit != 0)
            .collect();
        (self.name.to_string(), String::from_utf16_lossy(&units))
    }
}

impl IndirectData {
    /// What describes an image with this digest; `file` is where page hashes go.
    pub fn of_image(digest: &[u8], file: Link) -> der::Result<Self> {
        let image = PeImageData {
            flags: BitString::new(0, Vec::new())?,
            file: Some(file),
        };
        Self::new(PE_IMAGE, &image, digest)
    }

    /// What describes a file of no structure.
    pub fn of_flat_file(digest: &[u8]) -> der::Result<Self> {
        Self::new(FLAT_FILE, &Link::empty()?, digest)
    }

    fn new(kind: Oid, value: &impl Encode, digest: &[u8]) -> der::Result<Self> {
        Ok(Self {
            data: TypeAndValue {
                kind,
                value: Some(any(value)?),
            },
            digest: DigestInfo {
                algorithm: algorithm(SHA256),
                digest: OctetString::new(digest)?,
            },
        })
    }
}

impl Link {
    /// The name of no file.
    pub fn empty() -> der::Result<Self> {
        Ok(Self::File(Text::Unicode(BmpString::from_utf8("")?)))
    }
}

/// An algorithm whose parameters are NULL.
pub fn algorithm(oid: Oid) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid,
        parameters: Some(Any::from(Null)),
    }
}

/// An attribute of one value.
pub fn attribute(oid: Oid, value: Any) -> der::Result<Attribute> {
    let mut values = SetOfVec::new();
    values.insert(value)?;
    Ok(Attribute { oid, values })
}

/// A value as one of any type.
pub fn any(value: &impl Encode) -> der::Result<Any> {
    der::Decode::from_der(&value.to_der()?)
}

#[cfg(test)]
mod tests {
    use der::{Decode as _, Encode as _};

    use super::{IndirectData, Link, NameValue};

    /// What Microsoft's own tools write for an image in a catalog, without the digest.
    #[test]
    fn an_image_is_described_as_authenticode_says() {
        let data = IndirectData::of_image(&[7; 32], Link::empty().expect("it is short"));
        let data = data.and_then(|data| data.to_der()).expect("it is whole");
        let expected = [
            0x30, 0x17, // SpcAttributeTypeAndOptionalValue
            0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x0F, //
            0x30, 0x09, 0x03, 0x01, 0x00, // SpcPeImageData, no flags
            0xA0, 0x04, 0xA2, 0x02, 0x80, 0x00, // an empty SpcLink
        ];
        assert_eq!(data[2..2 + expected.len()], expected);
    }

    #[test]
    fn a_pair_of_texts_can_be_read_again() {
        let pair = NameValue::new("OSAttr", "2:10.0").expect("it is short");
        let bytes = pair.to_der().expect("it is whole");
        let read = NameValue::from_der(&bytes).expect("it is one");
        assert_eq!(read.texts(), ("OSAttr".into(), "2:10.0".into()));
        let flags = [0x02, 0x04, 0x10, 0x01, 0x00, 0x01];
        assert!(bytes.windows(6).any(|window| window == flags));
    }
}
