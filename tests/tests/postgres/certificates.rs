//! Certificates made for one test.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use store_tests::server::{Server, Setup};
use tempfile::NamedTempFile;

/// A certificate authority.
pub(crate) struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A server's certificate and its key, as PEM.
pub(crate) struct Identity {
    certificate: String,
    key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// Issues a certificate for these hosts: names or addresses.
    pub(crate) fn issue(&self, hosts: &[&str]) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = server_params(hosts).signed_by(&key, &self.issuer).unwrap();
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// Writes its certificate where `sslrootcert` can name it.
    pub(crate) fn root(&self) -> NamedTempFile {
        pem_file(&self.certificate.pem())
    }
}

impl Identity {
    pub(crate) fn self_signed(hosts: &[&str]) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = server_params(hosts).self_signed(&key).unwrap();
        Self { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// Writes the certificate where `sslrootcert` can name it.
    pub(crate) fn root(&self) -> NamedTempFile {
        pem_file(&self.certificate)
    }

    /// Starts a server that offers TLS under this identity.
    pub(crate) fn serve(&self) -> Server {
        Setup::default()
            .setting("ssl", "on")
            .file("server.crt", &self.certificate)
            .file("server.key", &self.key)
            .start()
    }
}

fn server_params(hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name.push(DnType::CommonName, "database server");
    params
}

fn pem_file(pem: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pem).unwrap();
    file
}
