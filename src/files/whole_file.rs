//! Files that appear whole or not at all.

use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io::{Error as IoError, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::base::error::{Error, Result};

/// What stands behind the random part in the name of a file that has not appeared yet.
const PART: &str = ".part";

/// How many random letters and digits such a name has.
const RANDOM: usize = 6;

/// How often a file is looked for again that another process has renamed or removed meanwhile.
pub(crate) const TRIES: usize = 1000;

/// How many links a path may lead over: as many as Linux follows.
const LINKS: usize = 40;

/// A file that is written beside its place, and takes it when it is complete, so that a good file is
/// never replaced by half of a new one.
///
/// Until then its name is `.NAME.XXXXXX.part`, and it is locked: one that is not is what a killed
/// process has left, and the next one that is to appear in the same place removes it. Where the file
/// system has no locks, it stays.
pub(crate) struct Whole {
    path: PathBuf,
    file: NamedTempFile,
}

impl Whole {
    /// An empty file that is to appear at a path, or where the symbolic link at that path leads.
    pub fn new(path: &Path) -> Result<Self> {
        let place = target(path)?;
        remove_left_over(&place);
        let stem = stem(&place);
        let mut builder = tempfile::Builder::new();
        builder.prefix(&stem).rand_bytes(RANDOM).suffix(PART);
        // A scratch file is for its owner only; this one is to be a file like any other.
        let create = |path: &Path| File::options().read(true).write(true).create_new(true).open(path);
        let make = || builder.make_in(folder(&place), create).map_err(at(path));
        let mut file = make()?;
        for _ in 0..TRIES {
            // Between its first moment and its lock, another process may take it for one that was left
            // over.
            if is_locked(file.as_file()).map_err(at(path))?
                && is_at(file.as_file(), file.path()).map_err(at(path))?
            {
                break;
            }
            file = make()?;
        }
        Ok(Self { path: place, file })
    }

    /// The file, to be written to.
    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Flushes the file to the disk.
    pub fn sync(&self) -> Result<()> {
        self.file.as_file().sync_all().map_err(at(&self.path))
    }

    /// Flushes the file to the disk and gives it its name, which another file may have now. It stays
    /// locked while it is open.
    pub fn appear(self) -> Result<File> {
        let Self { path, file } = self;
        // The permissions are those of the file that is replaced.
        #[cfg(unix)]
        if let Ok(present) = std::fs::metadata(&path) {
            file.as_file().set_permissions(present.permissions()).map_err(at(&path))?;
        }
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

/// Removes what killed processes have left of files that were to appear at a path. What cannot be
/// removed does no harm; it will be tried again.
pub(crate) fn remove_left_over(path: &Path) {
    let stem = stem(path);
    let is_part = |name: &OsStr| {
        let middle = name.as_encoded_bytes().strip_prefix(stem.as_encoded_bytes());
        let random = middle.and_then(|name| name.strip_suffix(PART.as_bytes()));
        random.is_some_and(|random| {
            random.len() == RANDOM && random.iter().all(u8::is_ascii_alphanumeric)
        })
    };
    for entry in std::fs::read_dir(folder(path)).into_iter().flatten().flatten() {
        if is_part(&entry.file_name())
            && entry.file_type().is_ok_and(|found| found.is_file())
            && let Ok(file) = File::options().write(true).open(entry.path())
            && file.try_lock().is_ok()
        {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Where a path leads: the file behind its symbolic links, which need not be there. What is there and
/// is no file is refused, as a device that is replaced by a file is gone.
pub(crate) fn target(path: &Path) -> Result<PathBuf> {
    let mut place = path.to_path_buf();
    for _ in 0..LINKS {
        match std::fs::symlink_metadata(&place) {
            Ok(found) if found.is_symlink() => {
                let link = std::fs::read_link(&place).map_err(at(path))?;
                place = folder(&place).join(link);
            }
            Ok(found) if !found.is_file() => {
                let kind =
                    if found.is_dir() { ErrorKind::IsADirectory } else { ErrorKind::Unsupported };
                return Err(at(path)(kind.into()));
            }
            Ok(_) => return Ok(place),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(place),
            Err(error) => return Err(at(path)(error)),
        }
    }
    // The system's own error of a path that leads to itself.
    match std::fs::metadata(path) {
        Ok(_) => Ok(path.to_path_buf()),
        Err(error) => Err(at(path)(error)),
    }
}

/// Takes the lock of an open file; `false` if it is taken. Where the file system has no locks, no one
/// takes it.
pub(crate) fn is_locked(file: &File) -> std::io::Result<bool> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) if error.kind() != ErrorKind::Unsupported => Err(error),
        _ => Ok(true),
    }
}

/// An open file whose lock ends with this value. A lock alone lasts as long as any copy of the open
/// file, and each process that is started while it is open has one for a moment, or, if it was forked,
/// for as long as it runs.
#[derive(Debug)]
pub(crate) struct Held {
    file: File,
    /// A forked process does not give up the lock of the one that took it.
    process: u32,
}

impl Held {
    pub fn new(file: File) -> Self {
        Self { file, process: std::process::id() }
    }

    /// Whether this process has taken the lock, and was not forked from the one that has.
    pub fn is_own(&self) -> bool {
        self.process == std::process::id()
    }

    /// Lets the lock look like that of another process.
    #[cfg(test)]
    pub fn disown(&mut self) {
        self.process = 0;
    }
}

impl std::ops::Deref for Held {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.is_own() {
            let _ = self.file.unlock();
        }
    }
}

/// Whether a path still leads to an open file: a lock on a file that has lost its name protects
/// nothing.
pub(crate) fn is_at(file: &File, path: &Path) -> std::io::Result<bool> {
    let there = match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        there => there?,
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let here = file.metadata()?;
        Ok((here.dev(), here.ino()) == (there.dev(), there.ino()))
    }
    // Elsewhere files have no number that can be compared.
    #[cfg(not(unix))]
    {
        let _ = (file, there);
        Ok(true)
    }
}

/// Makes the names in the folder of a file survive a crash; not every system can flush a folder.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    #[cfg(unix)]
    File::open(folder(path)).and_then(|folder| folder.sync_all()).map_err(at(path))?;
    let _ = path;
    Ok(())
}

/// The error of a file.
pub(crate) fn at(path: &Path) -> impl Fn(IoError) -> Error + '_ {
    |error| Error::io(path, error)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What the name of a file begins with that is to appear at a path. A long name is shortened to a hash
/// of it, as there is a longest name.
fn stem(path: &Path) -> OsString {
    let name = path.file_name().unwrap_or_default();
    let mut stem = OsString::from(".");
    if name.len() > 200 {
        stem.push(format!("{:016x}", xxhash_rust::xxh3::xxh3_64(name.as_encoded_bytes())));
    } else {
        stem.push(name);
    }
    stem.push(".");
    stem
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.unwrap().file_name().into_string().unwrap()
        };
        let mut names: Vec<String> = std::fs::read_dir(folder).unwrap().map(name).collect();
        names.sort();
        names
    }

    fn write(path: &Path, content: &str) -> Result<()> {
        let mut whole = Whole::new(path)?;
        whole.file().write_all(content.as_bytes()).unwrap();
        whole.appear().map(drop)
    }

    /// What was left over goes; what is being written, or has another name, stays.
    #[test]
    fn left_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let strangers = [
            ".run.abc.part",
            ".run.abcdefg.part",
            ".run.abc-ef.part",
            ".run.x.abcdef.part",
            "run.part",
        ];
        for name in strangers.into_iter().chain([".run.abcdef.part", ".run.A1b2C3.part"]) {
            std::fs::write(folder.path().join(name), "half").unwrap();
        }
        let mut under_way = Whole::new(&path).unwrap();
        let name = under_way.file.path().file_name().unwrap().to_str().unwrap().to_owned();
        write(&path, "first").unwrap();
        let mut expected = strangers.map(str::to_owned).to_vec();
        expected.extend([name, "run".to_owned()]);
        expected.sort();
        assert_eq!(names(folder.path()), expected);
        under_way.file().write_all(b"second").unwrap();
        under_way.appear().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "second");
        expected.retain(|name| !name.starts_with(".run.") || strangers.contains(&&name[..]));
        assert_eq!(names(folder.path()), expected);
    }

    /// Many that save to one place at once: each is whole, and nothing is left.
    #[test]
    fn at_the_same_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..50 {
                        write(path, &format!("{thread}").repeat(10_000)).unwrap();
                        let read = std::fs::read(path).unwrap();
                        assert!(read.len() == 10_000 && read.iter().all(|byte| *byte == read[0]));
                    }
                });
            }
        });
        assert_eq!(names(folder.path()), ["run"]);
    }

    #[test]
    fn long_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n".repeat(255));
        write(&path, "content").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "content");
    }

    /// The file behind a link is replaced, and the link stays.
    #[test]
    fn links() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("far")).unwrap();
        std::fs::write(at("far/file"), "before").unwrap();
        symlink("far/file", at("near")).unwrap();
        symlink(at("near"), at("nearer")).unwrap();
        symlink("far/new", at("dangling")).unwrap();
        for link in ["near", "nearer", "dangling"] {
            write(&at(link), link).unwrap();
            assert_eq!(std::fs::read_to_string(at(link)).unwrap(), link);
            assert!(std::fs::symlink_metadata(at(link)).unwrap().is_symlink(), "{link}");
        }
        assert_eq!(std::fs::read_to_string(at("far/file")).unwrap(), "nearer");
        assert_eq!(names(&at("far")), ["file", "new"]);
        symlink("round", at("about")).unwrap();
        symlink("about", at("round")).unwrap();
        assert!(matches!(write(&at("round"), ""), Err(Error::Io { path, .. }) if path == at("round")));
    }

    #[test]
    fn permissions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        std::fs::write(&path, "before").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        write(&path, "after").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let new = folder.path().join("new");
        write(&new, "new").unwrap();
        std::fs::write(folder.path().join("plain"), "").unwrap();
        let plain = std::fs::metadata(folder.path().join("plain")).unwrap();
        assert_eq!(std::fs::metadata(&new).unwrap().permissions(), plain.permissions());
    }

    /// What is no file is not replaced by one.
    #[test]
    fn no_files() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("null");
        symlink("/dev/null", &link).unwrap();
        let kind = |path: &Path| match write(path, "content") {
            Err(Error::Io { kind, .. }) => kind,
            other => panic!("{other:?}"),
        };
        assert_eq!(kind(&link), ErrorKind::Unsupported);
        assert_eq!(kind(folder.path()), ErrorKind::IsADirectory);
        assert_eq!(kind(&folder.path().join("missing/file")), ErrorKind::NotFound);
        assert_eq!(names(folder.path()), ["null"]);
    }
}
