//! The verbs of a curriculum are spans for whoever subscribes.

mod common;

use std::sync::{Arc, Mutex};

use curricle::{Curriculum, Outcome};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Writes down the names of spans that are entered.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<Vec<&'static str>>>);

impl Subscriber for Names {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.0.lock().unwrap().push(span.metadata().name());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn each_verb_is_a_span() {
    let names = Names::default();
    tracing::subscriber::with_default(names.clone(), || {
        let mut curriculum = Curriculum::builder(10).build().unwrap();
        let batch = curriculum.draw(2).unwrap();
        let feedback = common::feedback(&batch, |_, _| Outcome::default().success(0.5));
        curriculum.observe(&feedback[..1]).unwrap();
        curriculum.lose(&[batch.draws[1].ticket]).unwrap();
    });
    assert_eq!(*names.0.lock().unwrap(), ["draw_into", "fold", "observe_into", "lose"]);
}
