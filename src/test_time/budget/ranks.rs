//! A multiset of numbers that tells how many of it are greater than a given one.

/// No node.
const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Node {
    value: f64,
    /// How often the value is in the set.
    times: u32,
    /// How many values there are in this subtree, repeated ones counted.
    total: u32,
    left: u32,
    right: u32,
}

/// Numbers with their multiplicities, ordered: insertion, removal and rank in O(log n) expected.
///
/// A treap (Seidel and Aragon, *Randomized Search Trees*) whose priorities are a hash of the values, so
/// that its shape depends on what is in it and not on how it came there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ranks {
    nodes: Vec<Node>,
    free: Vec<u32>,
    root: u32,
}

/// The hash of a value by which the nearer to the root is chosen (the finaliser of SplitMix64).
fn priority(value: f64) -> u64 {
    let mut z = value.to_bits().wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Ranks {
    pub(crate) fn new() -> Self {
        Self { nodes: Vec::new(), free: Vec::new(), root: NONE }
    }

    fn total(&self, node: u32) -> u32 {
        if node == NONE { 0 } else { self.nodes[node as usize].total }
    }

    fn refresh(&mut self, node: u32) {
        let Node { times, left, right, .. } = self.nodes[node as usize];
        self.nodes[node as usize].total = times + self.total(left) + self.total(right);
    }

    /// How many values are greater, and how many equal. The value is not NaN, here and below.
    pub(crate) fn above(&self, value: f64) -> (u32, u32) {
        let (mut node, mut greater) = (self.root, 0);
        while node != NONE {
            let Node { value: here, times, left, right, .. } = self.nodes[node as usize];
            if value == here {
                return (greater + self.total(right), times);
            } else if value < here {
                greater += times + self.total(right);
                node = left;
            } else {
                node = right;
            }
        }
        (greater, 0)
    }

    pub(crate) fn insert(&mut self, value: f64) {
        self.root = self.inserted(self.root, value);
    }

    fn inserted(&mut self, node: u32, value: f64) -> u32 {
        if node == NONE {
            let fresh = Node { value, times: 1, total: 1, left: NONE, right: NONE };
            return match self.free.pop() {
                Some(slot) => {
                    self.nodes[slot as usize] = fresh;
                    slot
                }
                None => {
                    self.nodes.push(fresh);
                    self.nodes.len() as u32 - 1
                }
            };
        }
        let Node { value: here, left, right, .. } = self.nodes[node as usize];
        if value == here {
            self.nodes[node as usize].times += 1;
            self.refresh(node);
            return node;
        }
        let child = if value < here {
            let child = self.inserted(left, value);
            self.nodes[node as usize].left = child;
            child
        } else {
            let child = self.inserted(right, value);
            self.nodes[node as usize].right = child;
            child
        };
        self.refresh(node);
        if self.outranks(child, node) { self.rotated(node, child) } else { node }
    }

    /// Whether one node belongs nearer to the root than another.
    fn outranks(&self, a: u32, b: u32) -> bool {
        priority(self.nodes[a as usize].value) > priority(self.nodes[b as usize].value)
    }

    /// The subtree with a child of its root as its root.
    fn rotated(&mut self, node: u32, child: u32) -> u32 {
        if self.nodes[node as usize].left == child {
            self.nodes[node as usize].left = self.nodes[child as usize].right;
            self.nodes[child as usize].right = node;
        } else {
            self.nodes[node as usize].right = self.nodes[child as usize].left;
            self.nodes[child as usize].left = node;
        }
        self.refresh(node);
        self.refresh(child);
        child
    }

    /// Removes a value once. It is in the set.
    pub(crate) fn remove(&mut self, value: f64) {
        self.root = self.removed(self.root, value);
    }

    fn removed(&mut self, node: u32, value: f64) -> u32 {
        if node == NONE {
            return NONE;
        }
        let Node { value: here, times, left, right, .. } = self.nodes[node as usize];
        if value < here {
            self.nodes[node as usize].left = self.removed(left, value);
        } else if value > here {
            self.nodes[node as usize].right = self.removed(right, value);
        } else if times > 1 {
            self.nodes[node as usize].times -= 1;
        } else {
            self.free.push(node);
            return self.joined(left, right);
        }
        self.refresh(node);
        node
    }

    /// One tree of two, of which all values of the first are less.
    fn joined(&mut self, left: u32, right: u32) -> u32 {
        if left == NONE {
            return right;
        }
        if right == NONE {
            return left;
        }
        if self.outranks(left, right) {
            let inner = self.joined(self.nodes[left as usize].right, right);
            self.nodes[left as usize].right = inner;
            self.refresh(left);
            left
        } else {
            let inner = self.joined(left, self.nodes[right as usize].left);
            self.nodes[right as usize].left = inner;
            self.refresh(right);
            right
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against a plain list.
        #[test]
        fn counts_are_those_of_a_list(steps in prop::collection::vec((any::<bool>(), 0u8..30), 0..400)) {
            let (mut ranks, mut list) = (Ranks::new(), Vec::<f64>::new());
            for (insert, value) in steps {
                let value = f64::from(value) / 7.0;
                if insert {
                    ranks.insert(value);
                    list.push(value);
                } else if let Some(place) = list.iter().position(|&x| x == value) {
                    ranks.remove(value);
                    list.swap_remove(place);
                }
                for probe in [value, value + 0.01, f64::INFINITY, f64::NEG_INFINITY] {
                    let greater = list.iter().filter(|&&x| x > probe).count() as u32;
                    let equal = list.iter().filter(|&&x| x == probe).count() as u32;
                    prop_assert_eq!(ranks.above(probe), (greater, equal));
                }
            }
            prop_assert!(ranks.nodes.len() <= 31);
        }
    }

    #[test]
    fn a_sorted_stream_does_not_make_a_list_of_it() {
        let mut ranks = Ranks::new();
        (0..100_000).for_each(|i| ranks.insert(f64::from(i)));
        fn depth(ranks: &Ranks, node: u32) -> u32 {
            if node == NONE {
                return 0;
            }
            let Node { left, right, .. } = ranks.nodes[node as usize];
            1 + depth(ranks, left).max(depth(ranks, right))
        }
        assert!(depth(&ranks, ranks.root) < 60);
    }
}
