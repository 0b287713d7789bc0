//! TLS by rustls, with what each of libpq's modes proves.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore,
    SignatureScheme,
};

use super::dsn::{SslMode, Target};
use crate::{Error, Result};

/// Builds the client configuration a target asks for.
pub(super) fn client_config(variable: &str, target: &Target) -> Result<ClientConfig> {
    let refuse = |reason: String| Error::settings(variable, reason);
    let provider = Arc::new(ring::default_provider());
    let check = match (target.ssl_mode, &target.root_cert) {
        (SslMode::VerifyFull, _) => Some(Check::Full),
        (SslMode::VerifyCa, _) => Some(Check::Authority),
        // As libpq does it: who names a root certificate wants it checked.
        (SslMode::Require, Some(_)) => Some(Check::Authority),
        _ => None,
    };
    let verifier: Arc<dyn ServerCertVerifier> = match check {
        None => Arc::new(AnyCertificate { provider: Arc::clone(&provider) }),
        Some(check) => {
            let (roots, trusted) = root_certificates(target).map_err(refuse)?;
            let webpki =
                WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
                    .build()
                    .map_err(|cause| refuse(format!("root certificates: {cause}")))?;
            Arc::new(Verified { webpki, trusted, check })
        }
    };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| refuse(format!("TLS: {cause}")))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

type Roots = (RootCertStore, Vec<CertificateDer<'static>>);

fn root_certificates(target: &Target) -> Result<Roots, String> {
    let certificates: Vec<CertificateDer<'static>> = match &target.root_cert {
        Some(path) => CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|cause| format!("sslrootcert `{}`: {cause}", path.display()))?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let mut roots = RootCertStore::empty();
    let (added, _ignored) = roots.add_parsable_certificates(certificates.iter().cloned());
    if added == 0 {
        return Err("no usable root certificate was found: set sslrootcert".into());
    }
    // The certificates of the system are authorities; only a named file may hold the server's own.
    let own = if target.root_cert.is_some() { certificates } else { Vec::new() };
    Ok((roots, own))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    /// The certificate has to come from a trusted authority.
    Authority,
    /// It also has to be for this host.
    Full,
}

/// `verify-ca` and `verify-full`.
#[derive(Debug)]
struct Verified {
    webpki: Arc<WebPkiServerVerifier>,
    /// A self-signed server certificate that is itself the named root is trusted, as OpenSSL does.
    trusted: Vec<CertificateDer<'static>>,
    check: Check,
}

impl ServerCertVerifier for Verified {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if self.trusted.iter().any(|trusted| trusted == end_entity) {
            if self.check == Check::Full {
                let parsed = ParsedCertificate::try_from(end_entity)?;
                rustls::client::verify_server_name(&parsed, server_name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        let verdict = self.webpki.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verdict {
            // The chain is checked before the name, so this says that the chain was right.
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.check == Check::Authority => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.webpki.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.webpki.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

/// `prefer` and `require`: encryption without knowing who is at the other end.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
