//! From when until when a certificate is good.

use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate, X509Error};

/// In seconds since the Unix epoch (RFC 5280 §4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) from: i64,
    pub(super) until: i64,
}

impl Validity {
    /// What the certificate itself says.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Result<Self, x509_parser::nom::Err<X509Error>> {
        let (_, certificate) = X509Certificate::from_der(certificate)?;
        let validity = certificate.validity();
        Ok(Self { from: validity.not_before.timestamp(), until: validity.not_after.timestamp() })
    }
}
