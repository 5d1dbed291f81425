//! Files that appear whole or not at all.

use std::fs::File;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::base::error::{Error, Result};

/// A file that is written beside its place, and takes it when it is complete, so that a good file is
/// never replaced by half of a new one.
pub(crate) struct Whole {
    path: PathBuf,
    file: NamedTempFile,
}

impl Whole {
    /// An empty file that is to appear at a path.
    pub fn new(path: &Path) -> Result<Self> {
        let mut builder = tempfile::Builder::new();
        // A scratch file is for its owner only; this one is to be a file like any other.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder(path)).map_err(at(path))?;
        Ok(Self { path: path.to_path_buf(), file })
    }

    /// The file, to be written to.
    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Flushes the file to the disk and gives it its name, which another file may have now.
    pub fn appear(self) -> Result<File> {
        let Self { path, file } = self;
        file.as_file().sync_all().map_err(at(&path))?;
        let file = file.persist(&path).map_err(|error| at(&path)(error.error))?;
        sync_folder(&path)?;
        Ok(file)
    }
}

/// Writes a whole file in one go.
#[cfg(feature = "csv")]
pub(crate) fn write_whole(
    path: &Path,
    fill: impl FnOnce(&mut File) -> std::io::Result<()>,
) -> Result<()> {
    let mut whole = Whole::new(path)?;
    fill(whole.file()).map_err(at(path))?;
    whole.appear().map(drop)
}

/// Makes the names in the folder of a file survive a crash; not every system can flush a folder.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    #[cfg(unix)]
    File::open(folder(path)).and_then(|folder| folder.sync_all()).map_err(at(path))?;
    let _ = path;
    Ok(())
}

/// The error of a file.
pub(crate) fn at(path: &Path) -> impl Fn(std::io::Error) -> Error + '_ {
    |error| Error::Io { path: path.to_path_buf(), kind: error.kind() }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
