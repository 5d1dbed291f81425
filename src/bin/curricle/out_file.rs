//! Where a command writes to.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use curricle::Error;

use crate::fault::Fault;

/// Checks the end of a name, that there is a folder for it, and that it is no input, before any work is done.
pub fn check<'a>(
    out: &Path,
    kinds: &[&str],
    inputs: impl IntoIterator<Item = &'a Path>,
) -> Result<(), Fault> {
    let kind = out.extension().and_then(|kind| kind.to_str());
    if !kind.is_some_and(|kind| kinds.contains(&kind)) {
        let kinds: Vec<String> = kinds.iter().map(|kind| format!(".{kind}")).collect();
        return Err(Fault::file(out, format!("the name must end in {}", kinds.join(" or "))));
    }
    check_place(out, inputs)
}

/// Checks that there is a folder for it, and that it is none of the inputs, by whatever path: what was written would stand
/// where the data were.
pub fn check_place<'a>(out: &Path, inputs: impl IntoIterator<Item = &'a Path>) -> Result<(), Fault> {
    if let Ok(there) = out.canonicalize()
        && inputs.into_iter().any(|input| input.canonicalize().is_ok_and(|input| input == there))
    {
        return Err(Fault::file(out, "this is what is read, and would be overwritten"));
    }
    match out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) if !folder.is_dir() => {
            let (out, folder) = (out.to_path_buf(), folder.to_path_buf());
            Err(Fault::NoFolder { out, folder })
        }
        _ => Ok(()),
    }
}

/// Writes a text, that appears whole or not at all.
pub fn write(out: &Path, text: &str) -> Result<(), Fault> {
    let error = |error: std::io::Error| {
        let (kind, source) = (error.kind(), error.into());
        Fault::Output(Error::Io { path: out.to_path_buf(), kind, source })
    };
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    // A scratch file is for its owner only; this one is to be a file like any other.
    let create = |path: &Path| File::options().write(true).create_new(true).open(path);
    let file =
        tempfile::Builder::new().suffix(".part").make_in(folder.unwrap_or(Path::new(".")), create);
    let mut file = file.map_err(error)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(error)?;
    file.persist(out).map_err(|failed| error(failed.error))?;
    Ok(())
}
