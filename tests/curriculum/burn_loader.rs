//! The burn data loader hands out exactly the curriculum's batches.

use std::sync::Arc;

use crate::common::outcome;
use burn::data::dataloader::DataLoader;
use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::InMemDataset;
use burn::tensor::Device;
use curricle::feed::Lockstep;
use curricle::feed::burn::{CurriculumLoader, Sampled};
use curricle::policy::{Boltzmann, Bounded, Prior};
use curricle::{Curriculum, Feedback, Ticket};

type Sec = Curriculum<Bounded<Boltzmann>>;
/// Ticket and item of each row.
type Rows = Vec<(Ticket, u64)>;

const BATCH: usize = 6;

struct Collect;

impl Batcher<Sampled<u64>, Rows> for Collect {
    fn batch(&self, items: Vec<Sampled<u64>>, _: &Device) -> Rows {
        items.into_iter().map(|sampled| (sampled.draw.ticket, sampled.item)).collect()
    }
}

fn sec() -> Sec {
    Curriculum::builder(50)
        .arms(5, |sample| (sample.0 / 10) as u32)
        .policy(Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform))
        .seed(9)
        .build()
        .unwrap()
}

fn loader(feed: &Lockstep<Sec>, batches: usize) -> CurriculumLoader<Sec, u64, Collect> {
    // The items are three times the sample's number.
    let items = Arc::new(InMemDataset::new((0..50u64).map(|sample| 3 * sample).collect()));
    CurriculumLoader::new(feed.clone(), items, Collect, BATCH, batches, Device::flex())
}

fn feedback(tickets: impl Iterator<Item = Ticket>) -> Vec<Feedback> {
    tickets.map(|ticket| Feedback::new(ticket, outcome(ticket.0))).collect()
}

#[test]
fn batches_are_those_of_the_curriculum() {
    let mut plain = sec();
    let feed = Lockstep::new(sec());
    let reporter = feed.reporter();
    let loader = loader(&feed, 4);
    assert_eq!(loader.num_items(), 4 * BATCH);
    // Two epochs go on where the one before ended.
    for _ in 0..2 {
        let mut epoch = loader.iter();
        let mut batches = 0;
        while let Some(rows) = epoch.next() {
            let rows = rows.unwrap();
            let batch = plain.draw(BATCH).unwrap();
            let expected: Rows =
                batch.draws.iter().map(|draw| (draw.ticket, 3 * draw.sample.0)).collect();
            assert_eq!(rows, expected);
            let feedback = feedback(rows.iter().map(|row| row.0));
            plain.observe(&feedback).unwrap();
            reporter.observe(&feedback).unwrap();
            batches += 1;
            assert_eq!(epoch.progress().items_processed, batches * BATCH);
        }
        assert_eq!(batches, 4);
    }
    assert_eq!(feed.with(|curriculum| curriculum.digest()).unwrap(), plain.digest());
}

#[test]
fn a_step_that_does_not_report_ends_the_epoch_with_an_error() {
    let feed = Lockstep::new(sec());
    let loader = loader(&feed, 4);
    let results: Vec<_> = loader.iter().collect();
    assert_eq!(results.len(), 2);
    assert!(results[0].is_ok());
    let error = results[1].as_ref().unwrap_err().to_string();
    assert!(error.contains("round 0 still lacks the feedback of 6 tickets"), "{error}");
}

#[test]
fn slices_are_parts_of_the_epoch() {
    let feed = Lockstep::new(sec());
    let loader = loader(&feed, 4);
    assert_eq!(loader.slice(0, 12).num_items(), 12);
    assert_eq!(loader.slice(12, 24).iter().take(1).count(), 1);
    assert_eq!(loader.to_device(&Device::flex()).num_items(), 24);
}
