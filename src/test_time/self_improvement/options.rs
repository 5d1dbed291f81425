//! What the loop is told.

use serde::{Deserialize, Serialize};

use super::clusters::Clusters;
use super::gain_gate::GainGate;
use super::near_duplicates::NearDuplicates;
use super::switch::Switch;
use crate::base::error::{Result, finite, within};
use crate::signal::uncertainty::PerLength;

/// Where the pairs come from and where they go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Variant {
    /// The model makes them up and is trained on them: TT-SI.
    #[default]
    TtSi,
    /// A teacher makes them up and the model is trained on them: TT-D.
    Distillation,
    /// The model makes them up and is shown them with the input; nothing is trained.
    InContext,
}

/// By what the budget ranks inputs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum RankedBy {
    #[default]
    Uncertainty,
    Lesson,
}

/// The settings of an [`Improver`](super::Improver).
///
/// [`Options::paper`] is TT-SI as published: one pair, no check of any kind. `Options::default()` makes
/// four pairs, drops those that repeat each other, keeps one back, and rolls back unless its loss
/// falls; it needs a model that offers `text` and `loss`. Everything else is off until it is asked for.
///
/// A held-out pair cannot tell a synthesiser that is wrong in the same way each time: the pair that was
/// kept back is wrong too. Ask for [`agreement`](Self::agreement), or a verifier in
/// [`Model::accepts`](super::Model::accepts), where that may happen.
///
/// ```
/// use curricle::test_time::self_improvement::{GainGate, Options, Switch};
///
/// let options = Options::default()
///     .samples(8)
///     .hold_out(2, 0.05)
///     .agreement(4, 0.5)
///     .gate(GainGate::new(0.01, 0.05)?)
///     .switch(Switch::new(0.05)?);
/// # let _ = options;
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Options {
    pub(super) seed: u64,
    pub(super) variant: Variant,
    pub(super) samples: usize,
    pub(super) per_length: PerLength,
    pub(super) ranked_by: RankedBy,
    pub(super) duplicates: Option<f64>,
    pub(super) seen: Option<NearDuplicates>,
    pub(super) agreement: Option<(usize, f64)>,
    pub(super) loss_band: Option<(f64, f64)>,
    pub(super) hold_out: Option<(usize, f64)>,
    pub(super) drift: Option<f64>,
    pub(super) clusters: Option<(f64, usize)>,
    pub(super) gate: Option<GainGate>,
    pub(super) switch: Option<Switch>,
    pub(super) paired: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self::paper().samples(4).duplicates(0.8).hold_out(1, 0.0)
    }
}

impl Options {
    /// TT-SI as published: one synthesised pair, trained on as it is.
    pub fn paper() -> Self {
        Self {
            seed: 0,
            variant: Variant::TtSi,
            samples: 1,
            per_length: PerLength::Sum,
            ranked_by: RankedBy::Uncertainty,
            duplicates: None,
            seen: None,
            agreement: None,
            loss_band: None,
            hold_out: None,
            drift: None,
            clusters: None,
            gate: None,
            switch: None,
            paired: false,
        }
    }

    /// Sets the seed of everything that is left to chance.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets where the pairs come from and go.
    #[must_use]
    pub fn variant(mut self, variant: Variant) -> Self {
        self.variant = variant;
        self
    }

    /// Sets how many pairs are synthesised for an input, in `[1, 65536]`.
    #[must_use]
    pub fn samples(mut self, samples: usize) -> Self {
        self.samples = samples;
        self
    }

    /// Sets how candidates of different length are compared.
    #[must_use]
    pub fn per_length(mut self, per_length: PerLength) -> Self {
        self.per_length = per_length;
        self
    }

    /// Lets the budget see, in place of the uncertainty, what there is to learn for an input: the *lesson*,
    ///
    /// ```text
    /// sum over pairs of w l / max(1, sum over pairs of w)      w: relevance to the input; l: loss, before adapting
    /// ```
    ///
    /// that is, how far the model is from what its pairs say about this very input. An input can be uncertain
    /// and have nothing that an update could change: where several answers are right, or the pairs do not
    /// speak of it. A lesson is in nats, 0 or more, and not in `[0, 1]`: a threshold for margins says nothing of it. A
    /// budget that ranks needs no scale, as [`Tracking`](crate::test_time::budget::Tracking); one nat is where the
    /// model gives to what the pairs say less than one chance in e.
    ///
    /// Pairs are synthesised for *every* input, and each is read once; those of an input that is chosen are used for it.
    /// So this is for pairs that cost little beside an update. Needs [`Model::relevance`](super::Model::relevance) and
    /// [`Model::loss`](super::Model::loss): what is not offered, a relevance outside of `[0, 1]` or a loss that is not
    /// finite is a [`Failure`](super::Failure) of that input. The score is ours; no paper has it.
    ///
    /// ```
    /// use curricle::test_time::budget::{Fixed, TokenBucket};
    /// use curricle::test_time::self_improvement::{Improver, Options};
    ///
    /// // Where there is a nat to learn, for a fifth of the inputs; in quiet times up to 100 updates are saved up.
    /// let budget = TokenBucket::new(Fixed::new(1.0)?, 0.2, 100)?;
    /// let improver = Improver::new(Options::paper().samples(48).by_lesson(), budget)?;
    /// # let _ = improver;
    /// # Ok::<(), curricle::Error>(())
    /// ```
    #[must_use]
    pub fn by_lesson(mut self) -> Self {
        self.ranked_by = RankedBy::Lesson;
        self
    }

    /// Drops a pair whose text has at least this Jaccard similarity, in `[0, 1]`, to one before it for
    /// the same input. Needs [`Model::text`](super::Model::text).
    #[must_use]
    pub fn duplicates(mut self, similarity: f64) -> Self {
        self.duplicates = Some(similarity);
        self
    }

    /// Keeps pairs that repeat each other.
    #[must_use]
    pub fn any_duplicates(mut self) -> Self {
        self.duplicates = None;
        self
    }

    /// Drops a pair like one that was trained on for *any* earlier input. For models that keep what
    /// they learn; where weights are restored, a repeated input needs its pairs again. Needs
    /// [`Model::text`](super::Model::text).
    #[must_use]
    pub fn seen(mut self, seen: NearDuplicates) -> Self {
        self.seen = Some(seen);
        self
    }

    /// Drops a pair unless at least a share `least`, in `[0, 1]`, of `answers` own answers agree with
    /// it. Needs [`Model::agreement`](super::Model::agreement).
    #[must_use]
    pub fn agreement(mut self, answers: usize, least: f64) -> Self {
        self.agreement = Some((answers, least));
        self
    }

    /// Drops a pair whose loss, before adapting, is outside `[low, high]`: there is nothing to learn
    /// from it, or it is likely wrong. Needs [`Model::loss`](super::Model::loss).
    #[must_use]
    pub fn loss_band(mut self, low: f64, high: f64) -> Self {
        self.loss_band = Some((low, high));
        self
    }

    /// Keeps the last `pairs` (at least 1) accepted pairs from training, and rolls back unless their
    /// mean loss falls, by at least `least` (0 or more). Needs [`Model::loss`](super::Model::loss).
    /// Without effect in [`Variant::InContext`].
    #[must_use]
    pub fn hold_out(mut self, pairs: usize, least: f64) -> Self {
        self.hold_out = Some((pairs, least));
        self
    }

    /// Trains on all accepted pairs and never rolls back.
    #[must_use]
    pub fn no_hold_out(mut self) -> Self {
        self.hold_out = None;
        self
    }

    /// Rolls back if the model has drifted by more than this after adapting. Needs
    /// [`Model::drift`](super::Model::drift).
    #[must_use]
    pub fn drift(mut self, most: f64) -> Self {
        self.drift = Some(most);
        self
    }

    /// Adapts once for all inputs whose embeddings have at least this cosine, in `[-1, 1]`, to that of
    /// an input adapted to before; at most `clusters` of them are remembered. Needs
    /// [`Model::embedding`](super::Model::embedding), and `store` and `load` to have an effect. Without
    /// effect in [`Variant::InContext`].
    #[must_use]
    pub fn clusters(mut self, cosine: f64, clusters: usize) -> Self {
        self.clusters = Some((cosine, clusters));
        self
    }

    /// Adapts only where the expected gain exceeds the cost. Learns from
    /// [`Improver::verify`](super::Improver::verify).
    #[must_use]
    pub fn gate(mut self, gate: GainGate) -> Self {
        self.gate = Some(gate);
        self
    }

    /// Turns adapting off for good once it is shown to harm. Learns from
    /// [`Improver::verify`](super::Improver::verify).
    #[must_use]
    pub fn switch(mut self, switch: Switch) -> Self {
        self.switch = Some(switch);
        self
    }

    /// Answers with the model as it is too, before adapting: what verifying an improved answer needs.
    /// Costs one more answer.
    #[must_use]
    pub fn paired(mut self) -> Self {
        self.paired = true;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        within("synthesised pairs", self.samples as f64, 1.0, 65_536.0)?;
        if let PerLength::Power(power) = self.per_length {
            within("power of the length", power, 0.0, 1.0)?;
        }
        if let Some(similarity) = self.duplicates {
            within("similarity of duplicates", similarity, 0.0, 1.0)?;
        }
        if let Some((answers, least)) = self.agreement {
            within("answers to compare", answers as f64, 1.0, f64::MAX)?;
            within("least agreement", least, 0.0, 1.0)?;
        }
        if let Some((low, high)) = self.loss_band {
            finite("lower end of the loss band", 0, low)?;
            within("upper end of the loss band", high, low, f64::MAX)?;
        }
        if let Some((pairs, least)) = self.hold_out {
            let most =
                if self.variant == Variant::InContext { f64::MAX } else { self.samples as f64 - 1.0 };
            within("held-out pairs", pairs as f64, 1.0, most)?;
            within("least fall of the loss", least, 0.0, f64::MAX)?;
        }
        if let Some(most) = self.drift {
            within("greatest drift", most, 0.0, f64::MAX)?;
        }
        if let Some((cosine, clusters)) = self.clusters {
            Clusters::new(cosine, clusters)?;
        }
        Ok(())
    }
}
