//! A content wrapped in a signature: PKCS #7's signed data as Authenticode uses it.
//!
//! Two things differ from CMS: the version is 1 whatever the content's type, and the digest leaves the
//! content's own tag and length out.

use anyhow::{Context, Result, bail, ensure};
use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use der::asn1::{Any, ObjectIdentifier as Oid, OctetString, SetOfVec};
use der::{Decode as _, Encode as _, Reader as _, SliceReader};
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::Verifier as _;
use sha2::Sha256;
use x509_cert::Certificate;
use x509_cert::attr::Attributes;

use super::asn1::{
    CONTENT_TYPE, INDIVIDUAL, MESSAGE_DIGEST, OPUS_INFO, RSA, SHA256, SIGNED_DATA, STATEMENT_TYPE,
    algorithm, any, attribute,
};
use super::identity::{Identity, may_sign_code, public_key};
use super::sha256;

/// What a right signature holds.
#[derive(Debug)]
pub struct Signed {
    /// What was signed.
    pub content: Any,
    /// Whose it is.
    pub signer: Certificate,
}

/// Signs `content`, which is of type `kind`.
///
/// # Errors
///
/// Something has no DER encoding.
pub fn sign(kind: Oid, content: &impl der::Encode, identity: &Identity) -> Result<Vec<u8>> {
    let content = any(content)?;
    let digest = sha256(content.value());
    let attributes = signed_attributes(kind, &digest)?;
    let certificate = identity.certificate();
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: certificate.tbs_certificate.issuer.clone(),
            serial_number: certificate.tbs_certificate.serial_number.clone(),
        }),
        digest_alg: algorithm(SHA256),
        signature: OctetString::new(identity.sign(&attributes.to_der()?))?,
        signed_attrs: Some(attributes),
        signature_algorithm: algorithm(RSA),
        unsigned_attrs: None,
    };
    let certificates = identity.certificates.iter().cloned();
    let certificates: Vec<_> = certificates.map(CertificateChoices::Certificate).collect();
    let data = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![algorithm(SHA256)])?,
        encap_content_info: EncapsulatedContentInfo {
            econtent_type: kind,
            econtent: Some(content),
        },
        certificates: Some(CertificateSet::try_from(certificates)?),
        crls: None,
        signer_infos: SignerInfos::try_from(vec![signer])?,
    };
    let whole = ContentInfo {
        content_type: SIGNED_DATA,
        content: any(&data)?,
    };
    Ok(whole.to_der()?)
}

fn signed_attributes(kind: Oid, digest: &[u8]) -> der::Result<Attributes> {
    let nothing: Vec<Oid> = Vec::new();
    SetOfVec::try_from(vec![
        attribute(CONTENT_TYPE, any(&kind)?)?,
        attribute(MESSAGE_DIGEST, any(&OctetString::new(digest)?)?)?,
        attribute(STATEMENT_TYPE, any(&vec![INDIVIDUAL])?)?,
        attribute(OPUS_INFO, any(&nothing)?)?,
    ])
}

/// Checks a signature over a content of type `kind`: that it is right, and by a certificate that came
/// with it and may sign code. Whether that certificate is to be trusted is the caller's to ask.
/// `bytes` may end in fewer than eight bytes of zero, as in an image.
///
/// # Errors
///
/// Says what is wrong.
pub fn verify(bytes: &[u8], kind: Oid) -> Result<Signed> {
    let data = parse(bytes).context("it is no PKCS #7 signature")?;
    let info = &data.encap_content_info;
    ensure!(
        info.econtent_type == kind,
        "what is signed is of type {}, not {kind}",
        info.econtent_type
    );
    let content = info.econtent.clone().context("nothing is signed")?;
    let [signer] = data.signer_infos.0.as_slice() else {
        bail!("it has {} signers, not one", data.signer_infos.0.len());
    };
    let certificate =
        certificate_of(signer, &data).context("the signer's certificate is missing")?;
    ensure!(
        may_sign_code(&certificate)?,
        "its certificate may not sign code"
    );
    ensure!(
        signer.digest_alg.oid == SHA256,
        "its digest is {}, not SHA-256",
        signer.digest_alg.oid
    );

    let attributes = signer
        .signed_attrs
        .as_ref()
        .context("no attribute is signed")?;
    let value = |oid| one_value(attributes, oid).with_context(|| format!("no attribute {oid}"));
    ensure!(
        value(CONTENT_TYPE)?.decode_as::<Oid>()? == kind,
        "the attributes are of another type of content"
    );
    let digest = value(MESSAGE_DIGEST)?.decode_as::<OctetString>()?;
    ensure!(
        digest.as_bytes() == sha256(content.value()),
        "what is signed was changed: its digest is another"
    );
    let key = VerifyingKey::<Sha256>::new(public_key(&certificate)?);
    let signature = Signature::try_from(signer.signature.as_bytes());
    let covered = attributes.to_der()?;
    let right = signature.and_then(|signature| key.verify(&covered, &signature));
    ensure!(right.is_ok(), "the signature is not the certificate's");
    Ok(Signed {
        content,
        signer: certificate,
    })
}

fn parse(bytes: &[u8]) -> Result<SignedData> {
    let mut reader = SliceReader::new(bytes)?;
    let whole = ContentInfo::decode(&mut reader)?;
    let rest = reader.read_slice(reader.remaining_len())?;
    ensure!(
        rest.len() < 8 && rest.iter().all(|byte| *byte == 0),
        "there is something behind it"
    );
    ensure!(
        whole.content_type == SIGNED_DATA,
        "it is of type {}",
        whole.content_type
    );
    Ok(whole.content.decode_as()?)
}

fn certificate_of(signer: &SignerInfo, data: &SignedData) -> Option<Certificate> {
    let SignerIdentifier::IssuerAndSerialNumber(wanted) = &signer.sid else {
        return None;
    };
    let all = data.certificates.as_ref()?.0.iter();
    let mut certificates = all.filter_map(|choice| match choice {
        CertificateChoices::Certificate(certificate) => Some(certificate),
        CertificateChoices::Other(_) => None,
    });
    let found = certificates.find(|certificate| {
        let of = &certificate.tbs_certificate;
        of.issuer == wanted.issuer && of.serial_number == wanted.serial_number
    });
    found.cloned()
}

/// The value of an attribute that is there once and has one.
fn one_value(attributes: &Attributes, oid: Oid) -> Option<&Any> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
    let attribute = found.next()?;
    let [value] = attribute.values.as_slice() else {
        return None;
    };
    found.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use der::asn1::OctetString;

    use super::super::asn1::{CTL, INDIRECT_DATA};
    use super::super::identity::testing::IDENTITY;
    use super::{sign, verify};

    fn signed() -> Vec<u8> {
        let content = OctetString::new(*b"forty-two bytes").expect("it is short");
        sign(CTL, &content, &IDENTITY).expect("it is signed")
    }

    #[test]
    fn a_signature_is_right_and_the_same_each_time() {
        let bytes = signed();
        let read = verify(&bytes, CTL).expect("it is right");
        assert_eq!(read.content.value(), b"forty-two bytes");
        assert_eq!(read.signer, *IDENTITY.certificate());
        assert_eq!(bytes, signed());
        assert!(verify(&[bytes, vec![0; 7]].concat(), CTL).is_ok());
    }

    #[test]
    fn another_type_and_bytes_behind_are_refused() {
        assert!(verify(&signed(), INDIRECT_DATA).is_err());
        assert!(verify(&[signed(), vec![0; 8]].concat(), CTL).is_err());
        assert!(verify(&[signed(), vec![1]].concat(), CTL).is_err());
        assert!(verify(b"", CTL).is_err());
    }

    /// Each byte of the content, of the attributes and of the signature counts. Those of the
    /// certificate are the caller's, who knows which it is to be.
    #[test]
    fn a_changed_byte_is_refused() {
        let bytes = signed();
        let find = |part: &[u8]| {
            let place = bytes.windows(part.len()).position(|window| window == part);
            place.expect("it is there")
        };
        let digest = super::sha256(b"forty-two bytes");
        for at in [
            find(b"forty-two"),
            find(&digest),
            bytes.len() - 1,
            bytes.len() - 300,
        ] {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            assert!(verify(&bytes, CTL).is_err(), "byte {at}");
        }
    }
}
