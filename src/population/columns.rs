//! What a population keeps of each sample only where it is asked for.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::keys::Keys;
use crate::belief::Beliefs;

/// Keys and beliefs. In a file they take one number together: where there are no beliefs it is that of an `Option` of
/// the keys, which is all that older files have.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Columns {
    pub keys: Option<Keys>,
    pub beliefs: Option<Beliefs>,
}

#[derive(Serialize)]
#[serde(rename = "Columns")]
enum Written<'a> {
    None,
    Keys(&'a Keys),
    Beliefs(&'a Beliefs),
    Both(&'a Keys, &'a Beliefs),
}

#[derive(Deserialize)]
#[serde(rename = "Columns")]
enum Read {
    None,
    Keys(Keys),
    Beliefs(Beliefs),
    Both(Keys, Beliefs),
}

impl Serialize for Columns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = match (&self.keys, &self.beliefs) {
            (None, None) => Written::None,
            (Some(keys), None) => Written::Keys(keys),
            (None, Some(beliefs)) => Written::Beliefs(beliefs),
            (Some(keys), Some(beliefs)) => Written::Both(keys, beliefs),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (keys, beliefs) = match Read::deserialize(deserializer)? {
            Read::None => (None, None),
            Read::Keys(keys) => (Some(keys), None),
            Read::Beliefs(beliefs) => (None, Some(beliefs)),
            Read::Both(keys, beliefs) => (Some(keys), Some(beliefs)),
        };
        Ok(Self { keys, beliefs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::SampleId;
    use crate::population::Key;

    #[test]
    fn without_beliefs_the_bytes_are_those_of_older_files() {
        let keys = || Keys::new(vec![Key::from("a"), Key::from("b")], 2).unwrap();
        let beliefs = || Beliefs::new(2, 1, |sample: SampleId| sample.0 as f64);
        for (has_keys, has_beliefs) in [(false, false), (true, false), (false, true), (true, true)] {
            let columns = Columns { keys: has_keys.then(keys), beliefs: has_beliefs.then(beliefs) };
            let bytes = postcard::to_stdvec(&columns).unwrap();
            let older = postcard::to_stdvec(&columns.keys).unwrap();
            assert_eq!(bytes == older, !has_beliefs);
            let read: Columns = postcard::from_bytes(&bytes).unwrap();
            assert_eq!(read.beliefs, columns.beliefs);
            assert_eq!(read.keys.map(|keys| keys.iter().count()), has_keys.then_some(2));
        }
        assert!(postcard::from_bytes::<Columns>(&[4]).is_err());
    }
}
