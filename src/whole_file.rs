//! Files that appear whole or not at all.

use std::fs::File;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes a file beside its place, flushes it to the disk and renames it, so that a good file is never
/// replaced by half of a new one.
pub(crate) fn write_whole(
    path: &Path,
    fill: impl FnOnce(&mut File) -> std::io::Result<()>,
) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        let mut builder = tempfile::Builder::new();
        // A scratch file is for its owner only; this one is to be a file like any other.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder)?;
        fill(file.as_file_mut())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        // The new name must survive a crash too; not every system can flush a folder.
        #[cfg(unix)]
        File::open(folder)?.sync_all()?;
        Ok(())
    };
    write().map_err(|error| Error::Io { path: path.to_path_buf(), kind: error.kind() })
}
