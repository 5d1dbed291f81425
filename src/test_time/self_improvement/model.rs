//! What the loop asks of a model.

use crate::signal::uncertainty::Candidate;

/// A model that can be improved on one input at a time.
///
/// Five verbs are required: score, synthesise, adapt, restore, answer. The others have defaults that
/// mean "not offered"; an option that needs one which is not offered gives a typed
/// [`Failure`](super::Failure), never a guess.
///
/// Any verb may return an error or panic. The loop then calls [`restore`](Self::restore) and answers
/// with the model as it is by itself. Panics are caught (unless the program is built to abort on them),
/// so a verb must leave the value in a state from which `restore` can bring it back.
///
/// ```
/// use curricle::signal::uncertainty::Candidate;
/// use curricle::test_time::self_improvement::Model;
///
/// /// Adds a bias to its input; adapting sets the bias.
/// struct Biased(f64);
///
/// impl Model for Biased {
///     type Input = f64;
///     type Sample = f64;
///     type Answer = f64;
///     type Error = std::convert::Infallible;
///
///     fn candidates(&mut self, _: &f64) -> Result<Vec<Candidate<String>>, Self::Error> {
///         Ok(vec![Candidate::new("up", 0.6), Candidate::new("down", 0.8)])
///     }
///     fn synthesise(&mut self, input: &f64, n: usize, _: u64) -> Result<Vec<f64>, Self::Error> {
///         Ok(vec![*input; n])
///     }
///     fn adapt(&mut self, samples: &[f64]) -> Result<(), Self::Error> {
///         self.0 = samples.iter().sum::<f64>() / samples.len() as f64;
///         Ok(())
///     }
///     fn restore(&mut self) -> Result<(), Self::Error> {
///         self.0 = 0.0;
///         Ok(())
///     }
///     fn answer(&mut self, input: &f64, _: &[f64]) -> Result<f64, Self::Error> {
///         Ok(input + self.0)
///     }
/// }
/// ```
pub trait Model {
    /// What is asked.
    type Input;
    /// A training pair made up from an input.
    type Sample;
    /// What is answered.
    type Answer;
    /// Why a verb failed.
    type Error;

    /// The possible answers to an input, each with its negative log-likelihood under the model: small
    /// is likely. Wordings of one answer share a key and add up, so a wording that was sampled several
    /// times is given once.
    fn candidates(&mut self, input: &Self::Input) -> Result<Vec<Candidate<String>>, Self::Error>;

    /// Makes up `count` training pairs like the input, whose own answer is not known. The same seed
    /// gives the same pairs. What exceeds `count` is not used.
    fn synthesise(
        &mut self,
        input: &Self::Input,
        count: usize,
        seed: u64,
    ) -> Result<Vec<Self::Sample>, Self::Error>;

    /// Trains on the pairs, beginning with the weights as they are by themselves.
    fn adapt(&mut self, samples: &[Self::Sample]) -> Result<(), Self::Error>;

    /// Brings everything back to what it was before the first `adapt` or `load`, bit for bit: weights,
    /// moments of an optimiser, caches, generators. Calling it twice is harmless.
    fn restore(&mut self) -> Result<(), Self::Error>;

    /// Answers an input with the weights as they now are. `demonstrations` are shown with the input, in
    /// [`Variant::InContext`](super::Variant::InContext) only; otherwise they are empty.
    fn answer(
        &mut self,
        input: &Self::Input,
        demonstrations: &[Self::Sample],
    ) -> Result<Self::Answer, Self::Error>;

    /// Whether a pair may be trained on: it can be parsed, fits the schema, a verifier agrees. By
    /// default it may.
    fn accepts(&mut self, _input: &Self::Input, _sample: &Self::Sample) -> Result<bool, Self::Error> {
        Ok(true)
    }

    /// The canonical text of a pair, by which duplicates are found: keys of an object sorted, white
    /// space normal.
    fn text(&mut self, _sample: &Self::Sample) -> Result<Option<String>, Self::Error> {
        Ok(None)
    }

    /// The share, in `[0, 1]`, of `answers` own answers to the question of a pair that agree with its
    /// answer.
    fn agreement(
        &mut self,
        _sample: &Self::Sample,
        _answers: usize,
        _seed: u64,
    ) -> Result<Option<f64>, Self::Error> {
        Ok(None)
    }

    /// The loss of a pair with the weights as they now are, in nats.
    fn loss(&mut self, _sample: &Self::Sample) -> Result<Option<f64>, Self::Error> {
        Ok(None)
    }

    /// How much a pair has to do with an input, in `[0, 1]`: 1 if whoever knows the pair can answer the input, 0 if it
    /// does not help. Such as a similarity of embeddings, or whether both end alike.
    fn relevance(
        &mut self,
        _input: &Self::Input,
        _sample: &Self::Sample,
    ) -> Result<Option<f64>, Self::Error> {
        Ok(None)
    }

    /// How far the weights as they now are have moved what the model says about some fixed inputs, such
    /// as the mean KL divergence, in nats.
    fn drift(&mut self) -> Result<Option<f64>, Self::Error> {
        Ok(None)
    }

    /// A vector that is close, by its angle, to those of similar inputs.
    fn embedding(&mut self, _input: &Self::Input) -> Result<Option<Vec<f32>>, Self::Error> {
        Ok(None)
    }

    /// Keeps what the last `adapt` made under the number of a cluster. How many are kept, and which go
    /// first, is the model's affair.
    fn store(&mut self, _cluster: u64) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Puts on what was stored for a cluster. Returns whether there was anything.
    fn load(&mut self, _cluster: u64) -> Result<bool, Self::Error> {
        Ok(false)
    }
}
