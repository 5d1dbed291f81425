//! What is watched: series of scores, each a task.

use crate::fault::Fault;

/// How many points a series may have: for the stop rule each of its beginnings is fitted.
const MOST: usize = 1000;

/// The scores of a task over time.
#[derive(Debug, Clone)]
pub struct Series {
    pub name: String,
    /// Increasing.
    pub x: Vec<f64>,
    pub y: Vec<f64>,
    /// From where on the task was no longer trained on, if it was left.
    pub left: Option<f64>,
}

/// All series of a file.
#[derive(Debug, Clone)]
pub struct Watched {
    /// What x and y are.
    pub x: String,
    pub y: String,
    pub series: Vec<Series>,
    /// What a reader of the numbers should know.
    pub notes: Vec<String>,
}

impl Series {
    /// Points of increasing x.
    pub fn new(name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let (x, y) = points.into_iter().unzip();
        Self { name: name.into(), x, y, left: None }
    }

    /// Means of so many points, each at the last x of them.
    pub fn in_windows(self, window: usize) -> Result<Self, Fault> {
        if window == 1 {
            return self.checked();
        }
        let mean = |of: &[f64]| of.iter().map(|y| y / of.len() as f64).sum();
        let x = self.x.chunks(window).filter_map(|x| x.last().copied()).collect();
        let y = self.y.chunks(window).map(mean).collect();
        Self { x, y, ..self }.checked()
    }

    fn checked(self) -> Result<Self, Fault> {
        if self.x.len() > MOST {
            let what = format!(
                "`{}` has {} points, more than {MOST}: --window {} takes means of so many",
                self.name,
                self.x.len(),
                self.x.len().div_ceil(MOST),
            );
            return Err(Fault::Input(what));
        }
        Ok(self)
    }

    /// The first of its points since it was left, if it was.
    pub fn left_at(&self) -> Option<usize> {
        self.left.map(|left| self.x.partition_point(|&x| x < left))
    }
}
