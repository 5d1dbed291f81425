//! Outcomes as bytes: what is not there takes a bit, not a byte. In text they have their names.

use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Field, Fields, Outcome};

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return Outcome::serialize(self, serializer);
        }
        let present = self.present();
        let mut tuple = serializer.serialize_tuple(3 + present.iter().count())?;
        tuple.serialize_element(&present.0)?;
        for field in present.iter() {
            match (field, self.nonzero_advantages) {
                (Field::NonzeroAdvantages, Some(count)) => tuple.serialize_element(&count)?,
                _ => tuple.serialize_element(&self.get(field).unwrap_or_default())?,
            }
        }
        tuple.serialize_element(&self.rollouts)?;
        tuple.serialize_element(&self.unscored)?;
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Outcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return Outcome::deserialize(deserializer);
        }
        deserializer.deserialize_tuple(3 + Field::ALL.len(), Compact)
    }
}

struct Compact;

impl<'de> Visitor<'de> for Compact {
    type Value = Outcome;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an outcome")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Outcome, A::Error> {
        let mut outcome = Outcome::default();
        for field in Fields(next(&mut sequence)?).iter() {
            let place = match field {
                Field::Success => &mut outcome.success,
                Field::Loss => &mut outcome.loss,
                Field::AbsAdvantage => &mut outcome.abs_advantage,
                Field::Spread => &mut outcome.spread,
                Field::Utility => &mut outcome.utility,
                Field::Cost => &mut outcome.cost,
                Field::Range => &mut outcome.range,
                Field::NonzeroAdvantages => {
                    outcome.nonzero_advantages = Some(next(&mut sequence)?);
                    continue;
                }
            };
            *place = Some(next(&mut sequence)?);
        }
        (outcome.rollouts, outcome.unscored) = (next(&mut sequence)?, next(&mut sequence)?);
        Ok(outcome)
    }
}

fn next<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(sequence: &mut A) -> Result<T, A::Error> {
    sequence.next_element()?.ok_or_else(|| A::Error::custom("an outcome ends too early"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_outcome() -> impl Strategy<Value = Outcome> {
        let number = || prop::option::of(prop::num::f32::NORMAL);
        let count = || prop::option::of(any::<u32>());
        let numbers = (number(), number(), number(), number(), number(), number(), number());
        (numbers, count(), any::<u32>(), any::<u32>()).prop_map(
            |(numbers, count, rollouts, unscored)| {
                let (success, loss, abs_advantage, spread, range, utility, cost) = numbers;
                let nonzero_advantages = count;
                Outcome {
                    success,
                    loss,
                    abs_advantage,
                    spread,
                    range,
                    nonzero_advantages,
                    utility,
                    cost,
                    rollouts,
                    unscored,
                }
            },
        )
    }

    proptest! {
        /// Several in a row, so that none takes a byte of the next.
        #[test]
        fn what_is_written_is_read_back(outcomes in prop::collection::vec(any_outcome(), 0..6)) {
            let bytes = postcard::to_stdvec(&outcomes).unwrap();
            prop_assert_eq!(&postcard::from_bytes::<Vec<Outcome>>(&bytes).unwrap(), &outcomes);
            let text = serde_json::to_string(&outcomes).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Vec<Outcome>>(&text).unwrap(), &outcomes);
            for short in 0..bytes.len() {
                prop_assert!(postcard::from_bytes::<Vec<Outcome>>(&bytes[..short]).is_err());
            }
        }
    }

    #[test]
    fn what_is_not_there_takes_no_room() {
        let size = |outcome: Outcome| postcard::to_stdvec(&outcome).unwrap().len();
        assert_eq!(size(Outcome::default()), 3);
        assert_eq!(size(Outcome::default().success(0.5).rollouts(8)), 7);
        assert_eq!(size(Outcome::default().nonzero_advantages(8)), 4);
        let text = serde_json::to_string(&Outcome::default().success(0.5)).unwrap();
        assert!(text.contains("\"success\":0.5") && text.contains("\"rollouts\":1"), "{text}");
    }
}
