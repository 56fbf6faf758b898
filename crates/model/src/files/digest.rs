//! SHA-256 of weight files, the digest that `sha256sum` prints and model hubs publish.

use std::fmt::Write;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::mapped::Bytes;

/// The digest of `bytes` in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
        hex
    })
}

/// The digest of one file, or of the list of digests of several.
pub(crate) fn of_files(files: &[(PathBuf, Bytes)]) -> String {
    if let [(_, bytes)] = files {
        return sha256_hex(bytes);
    }
    let lines = files.iter().map(|(path, bytes)| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        format!("{}  {name}\n", sha256_hex(bytes))
    });
    sha256_hex(lines.collect::<String>().as_bytes())
}
