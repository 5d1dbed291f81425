//! The state of a curriculum: as a dict beside that of a model, and as a file.

use std::path::PathBuf;

use curricle::{AnyCurriculum, Compression, Config};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyType};

use crate::curriculum::Curriculum;
use crate::error::raised;

#[pymethods]
impl Curriculum {
    /// The whole state, as bytes in a dict: for a checkpoint, beside the state of the model.
    ///
    /// >>> curriculum = Curriculum(100, seed=3)
    /// >>> state = curriculum.state_dict()
    /// >>> batch = curriculum.draw(8)
    /// >>> again = Curriculum(100, seed=3)
    /// >>> again.load_state_dict(state)
    /// >>> again.draw(8) == batch
    /// True
    fn state_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let bytes = self.with(py, |engine| engine.look().to_bytes())?;
        let made = PyDict::new(py);
        made.set_item("state", PyBytes::new(py, &bytes))?;
        Ok(made)
    }

    /// Takes over a state that `state_dict` gave. The curriculum must have been built in the same way.
    ///
    /// Raises `SnapshotError`, saying in what it differs; nothing has changed then.
    fn load_state_dict(&self, py: Python<'_>, state: &Bound<'_, PyDict>) -> PyResult<()> {
        let bytes = state.get_item("state")?.ok_or_else(|| PyKeyError::new_err("state"))?;
        let bytes: &[u8] = bytes.extract()?;
        self.with(py, |engine| engine.restore_bytes(bytes))
    }

    /// Writes the state into a file, which appears whole or not at all; compressed by Zstandard with a `level` from 1
    /// to 22.
    #[pyo3(signature = (path, *, level = None))]
    fn save(&self, py: Python<'_>, path: PathBuf, level: Option<i32>) -> PyResult<()> {
        let compression = level.map_or(Compression::None, Compression::Zstd);
        self.with(py, |engine| engine.look().save(&path, compression))
    }

    /// Takes over the state that `save` wrote. The curriculum must have been built in the same way.
    ///
    /// Raises `FileError` or `SnapshotError`; nothing has changed then.
    fn restore(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        self.with(py, |engine| engine.restore(&path))
    }

    /// The curriculum of a file that `save` wrote, or of the base of a journal, from the file alone. Names of arms
    /// are not in it.
    #[classmethod]
    fn of_snapshot(cls: &Bound<'_, PyType>, path: PathBuf) -> PyResult<Self> {
        let read = cls.py().detach(|| {
            let curriculum = AnyCurriculum::of_snapshot(&path)?;
            let config = Config::of_snapshot(&path)?.unwrap_or_default().to_json()?;
            Ok((curriculum, config))
        });
        let (curriculum, config) = raised(read)?;
        Ok(Self::new(Box::new(curriculum), config))
    }
}
