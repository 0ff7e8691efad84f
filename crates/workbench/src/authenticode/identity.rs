//! Who signs: a certificate and its private key.
//!
//! A package needs some signature, and one for tests is made by whoever needs it. It is made once and
//! kept, so that a machine that trusts it goes on trusting it, and packages stay the same.

use std::fs;
use std::path::Path;
use std::str::FromStr as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use der::pem::LineEnding;
use der::{Decode as _, Encode as _, EncodePem as _};
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use rsa::rand_core::{OsRng, RngCore as _};
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::{RsaPrivateKey, RsaPublicKey};
use sha2::Sha256;
use x509_cert::Certificate;
use x509_cert::builder::{Builder as _, CertificateBuilder, Profile};
use x509_cert::ext::pkix::ExtendedKeyUsage;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{DecodePublicKey as _, SubjectPublicKeyInfoOwned};
use x509_cert::time::Validity;

use super::asn1::CODE_SIGNING;

/// The subject of a test certificate. Windows lists it by this name.
const SUBJECT: &str = "CN=vmdisp test signing";

/// The size of its key, in bits.
const KEY_BITS: usize = 3072;

/// How long it is valid.
const LIFETIME: Duration = Duration::from_hours(10 * 365 * 24);

/// The file names of a test certificate and its key in their folder.
const FILES: [&str; 2] = ["test-certificate.pem", "test-key.pem"];

/// A certificate with its private key.
pub struct Identity {
    /// The signer's certificate, and those that lead to its root if they were given.
    pub certificates: Vec<Certificate>,
    key: RsaPrivateKey,
}

impl Identity {
    /// The signer's own certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificates[0]
    }

    /// Signs bytes: RSA with SHA-256, PKCS #1 version 1.5, which is the same each time.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let key = SigningKey::<Sha256>::new(self.key.clone());
        key.sign(bytes).to_vec()
    }

    /// Reads a certificate (PEM, with any that lead to its root behind it, or DER) and its key (PEM,
    /// PKCS #8 or #1, not encrypted).
    ///
    /// # Errors
    ///
    /// One of them cannot be read, they do not belong together, or the certificate may not sign code.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self> {
        let certificates = read_certificates(certificate)
            .with_context(|| format!("reading the certificate {}", certificate.display()))?;
        let text = fs::read_to_string(key)
            .with_context(|| format!("reading the key {}", key.display()))?;
        let key = RsaPrivateKey::from_pkcs8_pem(&text)
            .or_else(|_| RsaPrivateKey::from_pkcs1_pem(&text))
            .ok()
            .with_context(|| {
                let file = key.display();
                format!("{file} is no RSA key in PEM (PKCS #8 or PKCS #1) without a password")
            })?;
        let identity = Self { certificates, key };
        let public = public_key(identity.certificate())?;
        ensure!(
            public == identity.key.to_public_key(),
            "the key is not that of the certificate {}",
            certificate.display()
        );
        ensure!(
            may_sign_code(identity.certificate())?,
            "the certificate {} may not sign code: its extended key usage lacks code signing",
            certificate.display()
        );
        Ok(identity)
    }

    /// The test certificate that is kept in `folder`, made if there is none or if it has run out.
    /// Says whether it was made.
    ///
    /// # Errors
    ///
    /// It cannot be read or written.
    pub fn for_tests(folder: &Path) -> Result<(Self, bool)> {
        let [certificate, key] = FILES.map(|name| folder.join(name));
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        if certificate.is_file() && key.is_file() {
            let kept = Self::read(&certificate, &key)?;
            let validity = kept.certificate().tbs_certificate.validity;
            if validity.not_after.to_unix_duration() > now {
                return Ok((kept, false));
            }
            fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
        }
        let made = Self::make(now)?;
        if made.keep(folder)? {
            return Ok((made, true));
        }
        // Another run of the tool was faster.
        Ok((Self::read(&certificate, &key)?, false))
    }

    /// Puts certificate and key into `folder`, both or none. False if that is there already.
    fn keep(&self, folder: &Path) -> Result<bool> {
        let parent = folder.parent().context("the folder has no parent")?;
        fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
        let new = tempfile::tempdir_in(parent)?;
        let [certificate, key] = FILES.map(|name| new.path().join(name));
        let text = self.certificate().to_pem(LineEnding::LF)?;
        fs::write(&certificate, text)
            .with_context(|| format!("writing {}", certificate.display()))?;
        let text = self.key.to_pkcs8_pem(LineEnding::LF)?;
        write_secret(&key, text.as_bytes())
            .with_context(|| format!("writing {}", key.display()))?;
        match fs::rename(new.path(), folder) {
            Ok(()) => {
                let _ = new.keep(); // it has another name now
                Ok(true)
            }
            Err(_) if folder.join(FILES[1]).is_file() => Ok(false),
            Err(error) => Err(error).with_context(|| format!("making {}", folder.display())),
        }
    }

    /// A new certificate, its own issuer, valid from a day before `now`.
    fn make(now: Duration) -> Result<Self> {
        let key = RsaPrivateKey::new(&mut OsRng, KEY_BITS)?;
        let signer = SigningKey::<Sha256>::new(key.clone());
        let mut serial = [0; 16];
        OsRng.fill_bytes(&mut serial);
        serial[0] = serial[0] & 0x7F | 0x40; // positive, and of the same length each time
        let subject = Name::from_str(SUBJECT)?;
        let from = Duration::from_secs(now.as_secs().saturating_sub(24 * 60 * 60));
        let validity = Validity {
            not_before: date(from)?,
            not_after: date(from + LIFETIME)?,
        };
        let profile = Profile::Leaf {
            issuer: subject.clone(),
            enable_key_agreement: false,
            enable_key_encipherment: false,
        };
        let mut builder = CertificateBuilder::new(
            profile,
            SerialNumber::new(&serial)?,
            validity,
            subject,
            SubjectPublicKeyInfoOwned::from_key(key.to_public_key())?,
            &signer,
        )?;
        builder.add_extension(&ExtendedKeyUsage(vec![CODE_SIGNING]))?;
        let certificate = builder.build()?;
        Ok(Self {
            certificates: vec![certificate],
            key,
        })
    }
}

/// Seconds since 1970 as X.509 has them: UTCTime up to 2049, GeneralizedTime after it.
pub fn date(since_1970: Duration) -> Result<x509_cert::time::Time> {
    let whole = Duration::from_secs(since_1970.as_secs());
    let utc = der::asn1::UtcTime::from_unix_duration(whole);
    let time = match utc {
        Ok(time) => time.into(),
        Err(_) => der::asn1::GeneralizedTime::from_unix_duration(whole)?.into(),
    };
    Ok(time)
}

/// The certificates in a file, the signer's first.
pub fn read_certificates(file: &Path) -> Result<Vec<Certificate>> {
    let bytes = fs::read(file)?;
    if !bytes.starts_with(b"-----BEGIN") {
        return Ok(vec![Certificate::from_der(&bytes)?]);
    }
    let chain = Certificate::load_pem_chain(&bytes)?;
    if chain.is_empty() {
        bail!("it holds no certificate");
    }
    Ok(chain)
}

/// The RSA key of a certificate.
pub fn public_key(certificate: &Certificate) -> Result<RsaPublicKey> {
    let key = &certificate.tbs_certificate.subject_public_key_info;
    RsaPublicKey::from_public_key_der(&key.to_der()?)
        .ok()
        .context("the certificate's key is not RSA")
}

/// Whether a certificate is for signing code.
pub fn may_sign_code(certificate: &Certificate) -> Result<bool> {
    let usage = certificate.tbs_certificate.get::<ExtendedKeyUsage>()?;
    Ok(usage.is_some_and(|(_, usage)| usage.0.contains(&CODE_SIGNING)))
}

/// Writes a file that its owner alone may read.
fn write_secret(file: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(content)
}

#[cfg(test)]
pub mod testing {
    use std::sync::LazyLock;
    use std::time::Duration;

    use super::Identity;

    /// One for all tests: a key takes a while.
    pub static IDENTITY: LazyLock<Identity> =
        LazyLock::new(|| Identity::make(Duration::from_secs(1_700_000_000)).expect("it is made"));
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use der::EncodePem as _;
    use der::pem::LineEnding;

    use super::{Identity, may_sign_code};

    #[test]
    fn a_test_certificate_is_made_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = folder.path().join("certificate");
        let (first, made) = Identity::for_tests(&kept).expect("it is made");
        assert!(made);
        assert!(may_sign_code(first.certificate()).expect("it has usages"));
        let (second, made) = Identity::for_tests(&kept).expect("it is kept");
        assert!(!made);
        assert_eq!(first.certificates, second.certificates);
        assert_eq!(first.sign(b"text"), second.sign(b"text"));

        // Another's key is told apart.
        let other = super::testing::IDENTITY.certificate();
        let file = folder.path().join("other.pem");
        let text = other.to_pem(LineEnding::LF).expect("it is a certificate");
        fs::write(&file, text).expect("it can be written");
        let Err(error) = Identity::read(&file, &kept.join("test-key.pem")) else {
            panic!("another's key was taken");
        };
        assert!(error.to_string().contains("not that of"), "{error}");
    }

    /// Two runs of the tool at once keep one pair, and not one's certificate with the other's key.
    #[test]
    fn two_that_are_made_at_once_are_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = folder.path().join("certificate");
        let start = || Identity::for_tests(&kept).expect("it is made or kept").0;
        let [first, second] = std::thread::scope(|scope| {
            let threads = [scope.spawn(start), scope.spawn(start)];
            threads.map(|thread| thread.join().expect("it ends"))
        });
        assert_eq!(first.certificates, second.certificates);
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 1);
    }

    /// One that has run out is made anew.
    #[test]
    fn an_old_one_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = folder.path().join("certificate");
        let old = Identity::make(Duration::from_hours(24 * 365)).expect("it is made");
        assert!(old.keep(&kept).expect("it is kept"));
        let (new, made) = Identity::for_tests(&kept).expect("it is made");
        assert!(made);
        assert_ne!(new.certificates, old.certificates);
    }

    #[test]
    fn files_that_are_none_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("none.pem");
        fs::write(&file, "-----BEGIN NOTHING-----").expect("it can be written");
        let error = Identity::read(&file, &file).err().expect("it is none");
        assert!(format!("{error:#}").contains("none.pem"), "{error:#}");
    }
}
