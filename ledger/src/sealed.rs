//! A small file that is replaced whole: JSON that says its format and carries a digest. After a crash the
//! old or the new one is there, and every byte of it counts: a file that is not exactly what is written
//! for its content is damaged.
//!
//! Keeps: P3-PL7, M-C09.

use std::path::{Path, PathBuf};

use aerodb_core::hash::Hash;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::disk::{Access, Disk, DiskError, replace_file};
use crate::durable::Durable;

/// A sealed file that cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SealedError {
    /// There is none.
    #[error("{path} is not there", path = .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The bytes are not what was written, or of a format that this program does not know.
    #[error("{path} is damaged: {what}", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: Unsealed,
    },
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// What is wrong with the bytes of a sealed file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsealed {
    /// The content is not the one that the digest was made of.
    #[error("its digest is {stored}, the content gives {computed}")]
    Digest {
        /// The digest in the file.
        stored: Hash,
        /// The digest of the content.
        computed: Hash,
    },
    /// It is of no known format, or of none.
    #[error("{0}")]
    Shape(String),
}

/// What a file holds: its format is part of what the digest covers.
pub trait Sealed: Serialize + DeserializeOwned {
    /// Name and version of the format, as the file says them.
    const FORMAT: &'static str;
    /// The file's name in the data directory.
    const NAME: &'static str;

    /// Whether the content is one that was ever written: what types and digest do not tell.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

/// The most bytes of a sealed file; what is larger is damaged, and is not read.
pub const SEALED_BYTES_MAX: usize = 64 << 10;

/// What a file of any version says first.
#[derive(Deserialize)]
struct Head {
    format: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File<T> {
    format: String,
    content: T,
    digest: Hash,
}

impl<T: Sealed> File<T> {
    fn of(content: T) -> Self {
        let digest = digest_of(&content);
        Self { format: T::FORMAT.to_owned(), content, digest }
    }

    fn bytes(&self) -> Vec<u8> {
        // A value of our own types always serialises.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

fn digest_of<T: Sealed>(content: &T) -> Hash {
    let bytes = serde_json::to_vec(content).unwrap_or_default();
    Hash::of("aerodb 2026 sealed file", &[T::FORMAT.as_bytes(), &bytes])
}

/// Writes the file into `dir`; when this returns it is durable under its name, accessible to its owner
/// alone.
///
/// # Errors
/// [`DiskError`].
pub fn write_sealed<T: Sealed>(
    disk: &dyn Disk,
    dir: &Path,
    content: T,
) -> Result<Durable<T>, DiskError> {
    let file = File::of(content);
    replace_file(disk, &dir.join(T::NAME), &file.bytes())?;
    Ok(Durable::proven(file.content))
}

/// Reads and checks the file. That it could be read does not make it durable.
///
/// # Errors
/// [`SealedError`].
pub fn read_sealed<T: Sealed>(disk: &dyn Disk, dir: &Path) -> Result<T, SealedError> {
    let path = dir.join(T::NAME);
    let damaged = |what: Unsealed| SealedError::Damaged { path: path.clone(), what };
    let file = match disk.open(&path, Access::Read) {
        Err(error) if error.is_not_found() => return Err(SealedError::Missing { path }),
        opened => opened?,
    };
    let length = usize::try_from(file.length()?).unwrap_or(usize::MAX);
    if length > SEALED_BYTES_MAX {
        let what = format!("{length} bytes are more than it can have");
        return Err(damaged(Unsealed::Shape(what)));
    }
    let mut bytes = vec![0; length];
    file.read_at(0, &mut bytes)?;
    unseal(&bytes).map_err(damaged)
}

/// The content of a file with these bytes. Total: any bytes give a content or what is wrong with them.
///
/// # Errors
/// What is wrong.
pub fn unseal<T: Sealed>(bytes: &[u8]) -> Result<T, Unsealed> {
    let shape = |what: &str| Unsealed::Shape(what.to_owned());
    let damaged = |error: serde_json::Error| Unsealed::Shape(error.to_string());
    // Another version may have another shape: the version is looked at first.
    let Head { format } = serde_json::from_slice(bytes).map_err(damaged)?;
    if format != T::FORMAT {
        return Err(Unsealed::Shape(format!("format {format:?} is not known")));
    }
    let file: File<T> = serde_json::from_slice(bytes).map_err(damaged)?;
    let (stored, computed) = (file.digest, digest_of(&file.content));
    if stored != computed {
        return Err(Unsealed::Digest { stored, computed });
    }
    if file.bytes() != bytes {
        return Err(shape("the bytes are not those that were written"));
    }
    file.content.check().map_err(shape)?;
    Ok(file.content)
}
