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

/// How many rows were read of so many files: how many there are, their end tells.
pub fn progress_of_rows(what: &str, files: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {human_pos} {msg}  {elapsed}, {per_sec}")
        .expect("a valid template");
    let files = if files == 1 { "1 file".into() } else { format!("{files} files") };
    ProgressBar::new_spinner().with_style(style).with_message(format!("{what} of {files}"))
}
