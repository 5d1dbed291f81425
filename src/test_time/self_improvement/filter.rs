//! Which synthesised pairs may be trained on.

use super::journal::Stage;
use super::near_duplicates::jaccard;
use super::outcome::{Failure, guarded, offered, refused};
use super::{Model, NearDuplicates, Options};
use crate::base::error::{finite, within};

/// The filters in order of their price: duplicates, the verifier, the loss, own answers.
pub(super) struct Filter<'a> {
    pub(super) options: &'a Options,
    pub(super) seen: Option<&'a NearDuplicates>,
}

/// Pairs, and the text of each if texts were asked for.
type Accepted<S> = (Vec<S>, Vec<String>);

impl Filter<'_> {
    pub(super) fn accepted<M: Model>(
        &self,
        model: &mut M,
        input: &M::Input,
        pairs: Vec<M::Sample>,
        seed: u64,
    ) -> Result<Accepted<M::Sample>, Failure<M::Error>> {
        let (mut accepted, mut texts) = (Vec::with_capacity(pairs.len()), Vec::new());
        for (place, pair) in pairs.into_iter().enumerate() {
            let text = if self.options.duplicates.is_some() || self.seen.is_some() {
                let text = guarded(Stage::Text, || model.text(&pair))?;
                Some(offered(Stage::Text, "text", text)?)
            } else {
                None
            };
            if text.as_ref().is_some_and(|text| self.is_duplicate(text, &texts)) {
                continue;
            }
            if !guarded(Stage::Accepts, || model.accepts(input, &pair))? {
                continue;
            }
            if let Some((low, high)) = self.options.loss_band {
                let loss = guarded(Stage::Loss, || model.loss(&pair))?;
                let loss = offered(Stage::Loss, "loss", loss)?;
                let loss = finite("loss", place as u64, loss).map_err(refused(Stage::Loss))?;
                if loss < low || loss > high {
                    continue;
                }
            }
            if let Some((answers, least)) = self.options.agreement {
                let seed = seed.wrapping_add(place as u64);
                let share = guarded(Stage::Agreement, || model.agreement(&pair, answers, seed))?;
                let share = offered(Stage::Agreement, "agreement", share)?;
                if within("agreement", share, 0.0, 1.0).map_err(refused(Stage::Agreement))? < least {
                    continue;
                }
            }
            accepted.push(pair);
            texts.extend(text);
        }
        Ok((accepted, texts))
    }

    /// Exactly against the pairs of this input, by hashes against all before.
    fn is_duplicate(&self, text: &str, texts: &[String]) -> bool {
        let within = self.options.duplicates.is_some_and(|similarity| {
            texts.iter().any(|other| other == text || jaccard(other, text) >= similarity)
        });
        within || self.seen.is_some_and(|seen| seen.contains(text))
    }
}
