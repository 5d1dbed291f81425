//! Long lists read from a file, in huge pages like those that are built.

use std::fmt;
use std::marker::PhantomData;

use curricle_kernels::roomy_if_possible;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

/// Reads a list of one element for each sample: as serde's own, but with the memory that
/// [`roomy`](curricle_kernels::roomy) gives. A restored curriculum would otherwise be slower than the
/// one that was saved.
pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_seq(Column(PhantomData))
}

struct Column<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Column<T> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut list = roomy_if_possible(seq.size_hint().unwrap_or(0));
        while let Some(element) = seq.next_element()? {
            list.push(element);
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Columns {
        #[serde(deserialize_with = "super::deserialize")]
        numbers: Vec<u64>,
        last: u8,
    }

    proptest! {
        /// The naive twin is serde's own list.
        #[test]
        fn reads_what_serde_reads(numbers in prop::collection::vec(any::<u64>(), 0..100), last in any::<u8>()) {
            let bytes = postcard::to_stdvec(&(&numbers, last)).unwrap();
            let columns: Columns = postcard::from_bytes(&bytes).unwrap();
            prop_assert_eq!(columns, Columns { numbers, last });
            for end in 0..bytes.len() {
                prop_assert!(postcard::from_bytes::<Columns>(&bytes[..end]).is_err());
            }
        }
    }

    #[test]
    fn a_length_that_is_a_lie_is_an_error() {
        for length in [3u64, 1 << 20, 1 << 40, u64::MAX] {
            let bytes = postcard::to_stdvec(&(length, 1u8)).unwrap();
            assert!(postcard::from_bytes::<Columns>(&bytes).is_err(), "{length}");
        }
    }
}
