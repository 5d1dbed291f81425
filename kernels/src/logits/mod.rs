//! Sums over a row of logits: what entropy, margin, energy and their kin are made of.
