//! A tree in a file: the list of its weights.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::SumTree;
use super::node::{FAN_OUT, Node};
use crate::memory::roomy_if_possible;

impl Serialize for SumTree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.weights().serialize(serializer)
    }
}

/// Sums that do not fit are an error of the format.
impl<'de> Deserialize<'de> for SumTree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Weights)
    }
}

/// Reads weights straight into the leaves of a tree.
struct Weights;

impl<'de> Visitor<'de> for Weights {
    type Value = SumTree;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of weights")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<SumTree, A::Error> {
        let mut leaves: Vec<Node> = roomy_if_possible(list.size_hint().unwrap_or(0).div_ceil(FAN_OUT));
        let mut len = 0;
        while let Some(weight) = list.next_element()? {
            if len % FAN_OUT == 0 {
                leaves.push(Node::default());
            }
            if let Some(node) = leaves.last_mut() {
                node.0[len % FAN_OUT] = weight;
            }
            len += 1;
        }
        SumTree::over(leaves, len).map_err(A::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_comes_back_from_its_weights() {
        for len in [0, 1, 7, 8, 9, 63, 64, 65, 511, 512, 513] {
            let weights: Vec<u64> = (0..len).map(|index| index * index % 97).collect();
            let tree = SumTree::new(&weights).unwrap();
            let text = serde_json::to_string(&tree).unwrap();
            assert_eq!(text, serde_json::to_string(&weights).unwrap());
            assert_eq!(serde_json::from_str::<SumTree>(&text).unwrap(), tree);
        }
        let too_much = format!("[{}, 1]", u64::MAX);
        assert!(serde_json::from_str::<SumTree>(&too_much).is_err());
        assert!(serde_json::from_str::<SumTree>("[1, -1]").is_err());
    }
}
