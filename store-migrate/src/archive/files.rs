//! Files of an archive: written whole or not at all, read only as the manifest states them.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek as _, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zstd::stream::{read::Decoder, write::Encoder};

use crate::error::file as file_error;
use crate::scan::PIECE_BYTES;
use crate::{Error, Result};

/// How hard zstd tries: its own default.
const LEVEL: i32 = 3;

/// The most memory a file may ask for to be unpacked, as a power of two.
const WINDOW_LOG: u32 = 24;

/// What a file has while it is written.
pub(super) const TEMPORARY: &str = ".tmp";

/// A file as the manifest states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stated {
    /// Its name in the directory.
    pub(super) file: String,
    /// How long it is.
    pub(super) bytes: u64,
    /// How long it is unpacked.
    pub(super) unpacked: u64,
    /// Its SHA-256.
    pub(super) sha256: String,
}

/// Creates a file for its owner only. What has that name is overwritten.
pub(super) fn create(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(file_error(path))
}

/// A file that is being written.
pub(super) struct Writing {
    name: String,
    path: PathBuf,
    temporary: PathBuf,
    encoder: Encoder<'static, Hashed>,
    unpacked: u64,
}

/// Counts and hashes what is written.
struct Hashed {
    file: File,
    bytes: u64,
    sha: Sha256,
}

impl Write for Hashed {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(buffer)?;
        let (taken, _rest) = buffer.split_at_checked(written).unwrap_or((buffer, &[]));
        self.sha.update(taken);
        self.bytes += u64::try_from(written).unwrap_or(u64::MAX);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Writing {
    /// Begins a file under a temporary name.
    pub(super) fn begin(folder: &Path, name: String) -> Result<Self> {
        let path = folder.join(&name);
        let temporary = folder.join(format!("{name}{TEMPORARY}"));
        let file = create(&temporary)?;
        let hashed = Hashed { file, bytes: 0, sha: Sha256::new() };
        let encoder = Encoder::new(hashed, LEVEL).map_err(file_error(&path))?;
        Ok(Self { name, path, temporary, encoder, unpacked: 0 })
    }

    /// Appends bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.unpacked += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.encoder.write_all(bytes).map_err(file_error(&self.path))
    }

    /// Ends the file, and gives it its name once it is on disk.
    pub(super) fn finish(self) -> Result<Stated> {
        let Hashed { file, bytes, sha } =
            self.encoder.finish().map_err(file_error(&self.temporary))?;
        file.sync_all().map_err(file_error(&self.temporary))?;
        std::fs::rename(&self.temporary, &self.path).map_err(file_error(&self.path))?;
        let sha256 = hex::encode(sha.finalize());
        Ok(Stated { file: self.name, bytes, unpacked: self.unpacked, sha256 })
    }
}

/// Reads a file into memory, once it is checked.
pub(super) fn read(folder: &Path, stated: &Stated) -> Result<Vec<u8>> {
    let path = folder.join(&stated.file);
    let mut packed = Vec::new();
    open(&path)?
        .take(stated.bytes.saturating_add(1))
        .read_to_end(&mut packed)
        .map_err(file_error(&path))?;
    check(&path, stated, length(&packed), Sha256::digest(&packed).as_slice())?;
    let mut unpacked = Vec::new();
    decoder(&path, packed.as_slice())?
        .take(stated.unpacked.saturating_add(1))
        .read_to_end(&mut unpacked)
        .map_err(|error| broken(&path, &error))?;
    if length(&unpacked) == stated.unpacked { Ok(unpacked) } else { Err(unpacks_else(&path)) }
}

/// Reads a file piece by piece, once it is checked.
pub(super) fn stream(
    folder: &Path,
    stated: &Stated,
    take: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let path = folder.join(&stated.file);
    let mut file = open(&path)?;
    let mut piece = vec![0; PIECE_BYTES];
    let (mut sha, mut bytes) = (Sha256::new(), 0_u64);
    while let Some(read) = next(&mut file, &mut piece).map_err(file_error(&path))? {
        sha.update(read);
        bytes += length(read);
        if bytes > stated.bytes {
            break;
        }
    }
    check(&path, stated, bytes, sha.finalize().as_slice())?;
    file.rewind().map_err(file_error(&path))?;
    let mut decoder = decoder(&path, BufReader::with_capacity(64 << 10, file))?;
    let mut unpacked = 0_u64;
    while let Some(read) = next(&mut decoder, &mut piece).map_err(|error| broken(&path, &error))? {
        unpacked += length(read);
        if unpacked > stated.unpacked {
            return Err(unpacks_else(&path));
        }
        take(read)?;
    }
    if unpacked == stated.unpacked { Ok(()) } else { Err(unpacks_else(&path)) }
}

/// Returns the next bytes; `None` at the end.
fn next<'b>(reader: &mut impl Read, buffer: &'b mut [u8]) -> std::io::Result<Option<&'b [u8]>> {
    loop {
        match reader.read(buffer) {
            Ok(0) => return Ok(None),
            Ok(read) => return Ok(buffer.get(..read)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => missing(path),
        _ => file_error(path)(error),
    })
}

/// The error of a file that is not there.
pub(super) fn missing(path: &Path) -> Error {
    Error::refused(format!(
        "the archive lacks its file {}: copy the whole directory again",
        path.display()
    ))
}

/// The error of a file that is shorter or longer than the manifest says.
pub(super) fn of_other_length(path: &Path, bytes: u64, stated: u64) -> Error {
    let what = if bytes < stated { "is truncated" } else { "is too long" };
    Error::refused(format!(
        "{} {what}, the manifest states {stated} bytes: copy it again",
        path.display()
    ))
}

fn check(path: &Path, stated: &Stated, bytes: u64, sha: &[u8]) -> Result<()> {
    if bytes != stated.bytes {
        return Err(of_other_length(path, bytes, stated.bytes));
    }
    if hex::encode(sha) != stated.sha256 {
        return Err(Error::refused(format!(
            "{} was changed or damaged, its SHA-256 is not that of the manifest: copy it again",
            path.display()
        )));
    }
    Ok(())
}

fn decoder<R: std::io::BufRead>(path: &Path, reader: R) -> Result<Decoder<'static, R>> {
    let mut decoder = Decoder::with_buffer(reader).map_err(|error| broken(path, &error))?;
    decoder.window_log_max(WINDOW_LOG).map_err(|error| broken(path, &error))?;
    Ok(decoder)
}

fn broken(path: &Path, error: &std::io::Error) -> Error {
    Error::refused(format!("{} cannot be unpacked: {error}", path.display()))
}

fn unpacks_else(path: &Path) -> Error {
    Error::refused(format!(
        "{} unpacks to another length than the manifest states: the archive is not one of \
         store-migrate",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_back_and_are_not_unpacked_beyond_what_is_stated() {
        let folder = tempfile::tempdir().unwrap();
        let mut writing = Writing::begin(folder.path(), "one".into()).unwrap();
        let bytes = vec![7; 3 << 20];
        writing.write(&bytes).unwrap();
        let mut stated = writing.finish().unwrap();
        assert!(stated.bytes < 10_000, "it compresses");
        assert_eq!(read(folder.path(), &stated).unwrap(), bytes);
        let streamed = |stated: &Stated| {
            let mut all = Vec::new();
            stream(folder.path(), stated, &mut |piece| {
                all.extend_from_slice(piece);
                Ok(())
            })
            .map(|()| all)
        };
        assert_eq!(streamed(&stated).unwrap(), bytes);

        for unpacked in [0, 100, (3 << 20) - 1, (3 << 20) + 1] {
            stated.unpacked = unpacked;
            let error = read(folder.path(), &stated).unwrap_err().to_string();
            assert!(error.contains("another length"), "{error}");
            assert_eq!(streamed(&stated).unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn changed_bytes_are_refused_before_they_are_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let mut writing = Writing::begin(folder.path(), "one".into()).unwrap();
        writing.write(b"some bytes").unwrap();
        let stated = writing.finish().unwrap();
        let path = folder.path().join("one");
        let whole = std::fs::read(&path).unwrap();
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            std::fs::write(&path, changed).unwrap();
            let error = read(folder.path(), &stated).unwrap_err().to_string();
            assert!(error.contains("SHA-256"), "{error}");
        }
        std::fs::write(&path, &whole[1..]).unwrap();
        assert!(read(folder.path(), &stated).unwrap_err().to_string().contains("truncated"));
        std::fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
        assert!(read(folder.path(), &stated).unwrap_err().to_string().contains("too long"));
        std::fs::remove_file(&path).unwrap();
        assert!(read(folder.path(), &stated).unwrap_err().to_string().contains("lacks"));
    }
}
