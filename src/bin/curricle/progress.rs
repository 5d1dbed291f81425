//! How far a command has come.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `length` of something.
pub fn progress(length: usize, what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(&format!(
        "{{bar:40}} {{pos}}/{{len}} {what}  {{elapsed}} (eta {{eta}})"
    ))
    .expect("a valid template");
    ProgressBar::new(length as u64).with_style(style)
}

/// A bar over so many bytes of something.
pub fn progress_of_bytes(length: u64, what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(&format!(
        "{{bar:40}} {{bytes}}/{{total_bytes}} {what}  {{elapsed}} (eta {{eta}})"
    ))
    .expect("a valid template");
    ProgressBar::new(length).with_style(style)
}
