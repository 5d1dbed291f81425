//! burn's progress as a bar for each epoch.

use burn::train::logger::{EvaluationProgressLogger, TrainingProgressLogger};
use burn::train::metric::MetricDefinition;
use burn::train::renderer::{
    EvaluationName, MetricState, MetricsRenderer, MetricsRendererEvaluation, MetricsRendererTraining,
};
use indicatif::{ProgressBar, ProgressStyle};

/// A renderer that shows how far an epoch is and the last validation metric. burn's own one prints a
/// line for every step.
pub struct Bar(ProgressBar);

impl Bar {
    pub fn new() -> Self {
        let style = ProgressStyle::with_template("{prefix:10} {bar:32} {pos:>5}/{len} samples  {msg}");
        Self(ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }
}

impl TrainingProgressLogger for Bar {
    fn start(&mut self, _epochs: usize, _first: usize, _items: Option<usize>, _label: Option<&str>) {}

    fn start_split(&mut self, split: &str, items: usize) {
        self.0.reset();
        self.0.set_length(items as u64);
        self.0.set_prefix(split.to_owned());
    }

    fn update_split(&mut self, items: usize) {
        self.0.set_position(items as u64);
    }

    fn update_epoch(&mut self, _epoch: usize) {}

    fn end_split(&mut self) {}

    fn end(&mut self) {
        self.0.finish();
    }

    fn log_event_training(&mut self, _event: String) {}
}

impl MetricsRendererTraining for Bar {
    fn update_train(&mut self, _state: MetricState) {}

    fn update_valid(&mut self, state: MetricState) {
        let (MetricState::Generic(entry) | MetricState::Numeric(entry, _)) = state;
        self.0.set_message(format!("validation {}", entry.serialized_entry.formatted));
    }
}

// There is no evaluation after this training.
impl EvaluationProgressLogger for Bar {
    fn start_global_progress(&mut self, _tests: usize) {}

    fn start_test(&mut self, _name: &str, _items: usize) {}

    fn update_test_progress(&mut self, _items: usize) {}

    fn end_test(&mut self) {}

    fn end_global_progress(&mut self) {}

    fn log_event_evaluation(&mut self, _event: String) {}
}

impl MetricsRendererEvaluation for Bar {
    fn update_test(&mut self, _name: EvaluationName, _state: MetricState) {}
}

impl MetricsRenderer for Bar {
    fn manual_close(&mut self) {}

    fn register_metric(&mut self, _definition: MetricDefinition) {}
}
