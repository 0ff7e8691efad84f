//! Authenticode: how Windows' drivers and catalogs are signed, written and read without Windows.
//!
//! | module | what it does |
//! |---|---|
//! | [`asn1`] | the structures that Microsoft defined, beside those of PKCS #7 |
//! | [`identity`] | who signs: a certificate and its key, given or made for tests |
//! | [`signed`] | wraps content in a signature, and checks one |
//! | [`image`] | digests of a PE image, and the signature in it |
//! | [`catalog`] | security catalogs: which files belong to a driver package |
//!
//! The rules are those of Microsoft's "Windows Authenticode Portable Executable Signature Format" and
//! of wintrust.h and mscat.h of the Windows SDK. Nothing here takes the time or chance into a
//! signature: equal input gives equal bytes.

pub mod asn1;
pub mod catalog;
pub mod identity;
pub mod image;
pub mod signed;

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// The SHA-256 digest of some bytes.
pub fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
