//! The text that goes with a package.

use x509_cert::Certificate;

use crate::authenticode::{hex, sha256};
use crate::inf::stamp::{Architecture, Stamp};

/// The text, with Windows' line ends.
pub fn text(stamp: &Stamp, certificate: &Certificate) -> String {
    let Stamp {
        architecture,
        driver_version,
    } = stamp;
    let unproved = match architecture {
        Architecture::X64 => "",
        Architecture::Arm64 => {
            "\nThis build for ARM64 has never been run, neither on Windows nor on anything else.\n"
        }
    };
    let subject = &certificate.tbs_certificate.subject;
    let digest = der::Encode::to_der(certificate).map(|bytes| hex(&sha256(&bytes)));
    let text = format!(
        "\
vmdisp {driver_version} for {architecture}
Display driver for QEMU's -device VGA and -device bochs-display. Windows 10 2004 or newer.
{unproved}
  vmdisp-display.inf   display-only driver: install this one to get a screen
  vmdisp.inf           full WDDM driver, for those who work on it: without a user-mode driver,
                       which there is not yet, Windows does not start it (code 43)
  vmdisp.sys           the driver, which both INFs install
  vmdisp-display.cat, vmdisp.cat   the signed lists of the files that belong to each INF
  vmdisp.pdb           the driver's symbols, for a debugger
  vmdisp.js            commands for WinDbg
  vmdisp.cer           the certificate that signed it

INSTALLING, in a virtual machine that is there for tests, as an administrator:

  certutil -addstore Root vmdisp.cer
  certutil -addstore TrustedPublisher vmdisp.cer
  bcdedit /set testsigning on
  (restart; Secure Boot has to be off)
  pnputil /add-driver vmdisp-display.inf /install

REMOVING: pnputil /enum-drivers names it (oemNN.inf), then
  pnputil /delete-driver oemNN.inf /uninstall

WHO SIGNED: {subject}
  SHA-256 of vmdisp.cer: {digest}
A machine trusts whatever this certificate signs once it is in these stores. Its key lies with
whoever made this package; do not put it on a machine that matters.

WHICH BYTES DIFFER between two packages of the same commit, made with the same tools: with the same
certificate, none. With another one: vmdisp.cer, the signature at the end of vmdisp.sys with the
entry about it and the checksum in its header, the catalogs' signatures, and this text.
",
        digest = digest.unwrap_or_default(),
    );
    text.replace('\n', "\r\n")
}
