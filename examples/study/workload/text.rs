//! A mixture of real texts for a model of characters, trained on by imitation from nothing: the licences of free software
//! and of free works, as the package `spdx` ships them.
//!
//! A prompt is a passage, the answer what follows it. An arm is a domain: families of licences, two other languages, and
//! the names of licences. What lies in the last tenth of each text is held out. As licences borrow from each other, much of
//! it stands in another text nearly word for word: what is measured is how well a domain is known, not what it is to read
//! something new.

use curricle::Rng;

use super::{Arm, END, Shape, WarmUp, Workload};

/// Symbols of a prompt, and of an answer without its end.
const READ: usize = 16;
const WRITTEN: usize = 32;
const PASSAGE: usize = READ + WRITTEN;
/// One part in so many of each text is held out: its end.
const PARTS: usize = 10;
/// The symbols from 2 on; everything else is the one behind them.
const ALPHABET: &[u8] = b" abcdefghijklmnopqrstuvwxyz0123456789.,;:-()'\"/";
const OTHER: u8 = 2 + ALPHABET.len() as u8;

/// A family of texts by the names of its licences, and its stage for the order by hand. A name that ends in a dash stands
/// for all that begin so.
const DOMAINS: [(&str, &[&str], usize); 6] = [
    ("short", &["BSD-", "MIT", "MIT-", "HPND", "HPND-", "ISC", "X11", "NTP"], 0),
    ("commons", &["CC-BY-1.0", "CC-BY-2.0", "CC-BY-2.5", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-4.0"], 1),
    ("gnu", &["GPL-2.0-only", "GPL-3.0-only", "LGPL-2.1-only", "GFDL-1.3-only"], 1),
    ("corporate", &["MPL-", "EPL-", "CDDL-", "APSL-", "CPAL-", "Nokia", "SPL-", "OSL-", "RPSL-"], 1),
    ("german", &["CC-BY-3.0-DE", "CC-BY-NC-ND-3.0-DE", "CC-BY-SA-3.0-AT", "D-FSL-"], 2),
    ("french", &["CECILL-1.0", "LiLiQ-", "LAL-", "etalab-", "CC-BY-NC-SA-2.0-FR"], 2),
];
const NAMES: (&str, usize) = ("names", 0);

/// A domain.
struct Domain {
    name: &'static str,
    stage: usize,
    /// What is trained on, and what is held out.
    texts: [Vec<Vec<u8>>; 2],
}

pub struct Text {
    domains: Vec<Domain>,
}

/// The symbols of a text: no capitals, no accents, one space for any white space.
fn symbols(text: &str) -> Vec<u8> {
    let mut found: Vec<u8> = Vec::new();
    let mut push = |symbol: u8| {
        let is_blank = symbol == 2 && found.last() == Some(&2);
        if !is_blank {
            found.push(symbol);
        }
    };
    for letter in text.chars().flat_map(char::to_lowercase) {
        let plain = match letter {
            'à' | 'â' | 'ä' => 'a',
            'ç' => 'c',
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'î' | 'ï' => 'i',
            'ô' | 'ö' => 'o',
            'ù' | 'û' | 'ü' => 'u',
            '’' | '‘' => '\'',
            '“' | '”' | '«' | '»' => '"',
            blank if blank.is_whitespace() => ' ',
            other => other,
        };
        let place = ALPHABET.iter().position(|&it| char::from(it) == plain);
        push(place.map_or(OTHER, |place| 2 + place as u8));
    }
    found
}

/// The beginning and the last tenth.
fn parted(text: &str) -> [Vec<u8>; 2] {
    let mut text = symbols(text);
    let end = text.split_off(text.len() - text.len() / PARTS);
    [text, end]
}

impl Text {
    pub fn new() -> Self {
        let mut domains: Vec<Domain> = DOMAINS
            .into_iter()
            .map(|(name, licensed, stage)| Domain::new(name, stage, &licences(licensed)))
            .collect();
        let names: Vec<&str> = spdx::identifiers::LICENSES.iter().map(|it| it.full_name).collect();
        domains.push(Domain::new(NAMES.0, NAMES.1, &[names.join("; ").as_str()]));
        Self { domains }
    }
}

/// The texts of these licences, each once: some names stand for the same text.
fn licences(names: &[&str]) -> Vec<&'static str> {
    let all = spdx::identifiers::LICENSES.iter();
    let is_in =
        |name: &str| names.iter().any(|it| name == *it || (it.ends_with('-') && name.starts_with(it)));
    let mut texts: Vec<&str> = Vec::new();
    for text in all.filter(|it| is_in(it.name)).filter_map(|it| spdx::license_id(it.name)) {
        if !texts.contains(&text.text()) {
            texts.push(text.text());
        }
    }
    texts
}

impl Domain {
    fn new(name: &'static str, stage: usize, texts: &[&str]) -> Self {
        let [mut trained, mut held_out] = [Vec::new(), Vec::new()];
        for [beginning, end] in texts.iter().map(|text| parted(text)) {
            trained.push(beginning);
            held_out.push(end);
        }
        let mut texts = [trained, held_out];
        texts.iter_mut().for_each(|texts| texts.retain(|text| text.len() > PASSAGE));
        Self { name, stage, texts }
    }

    /// A passage from any place, all alike.
    fn passage(&self, is_held_out: bool, rng: &mut Rng) -> &[u8] {
        let texts = &self.texts[usize::from(is_held_out)];
        let places = |text: &Vec<u8>| (text.len() - PASSAGE) as u64;
        let mut place = rng.below(texts.iter().map(places).sum());
        for text in texts {
            match place.checked_sub(places(text)) {
                Some(left) => place = left,
                None => return &text[place as usize..][..PASSAGE],
            }
        }
        unreachable!("a place is below the sum of the places")
    }
}

impl Workload for Text {
    fn arms(&self) -> Vec<Arm> {
        let size = |domain: &Domain| domain.texts[0].iter().map(Vec::len).sum::<usize>();
        self.domains
            .iter()
            .map(|domain| Arm::new(domain.name.into(), size(domain) / WRITTEN, domain.stage))
            .collect()
    }

    fn shape(&self) -> Shape {
        Shape { symbols: usize::from(OTHER) + 1, prompt: READ, answer: WRITTEN + 1 }
    }

    fn tokens(&self) -> u64 {
        300_000
    }

    fn warm_up(&self) -> WarmUp {
        WarmUp { steps: 0, rate: 1e-3 }
    }

    fn prompt(&self, level: usize, rng: &mut Rng) -> Vec<u8> {
        self.domains[level].passage(false, rng)[..READ].to_vec()
    }

    fn held_out(&self, level: usize, rng: &mut Rng) -> Vec<u8> {
        self.domains[level].passage(true, rng)[..READ].to_vec()
    }

    fn example(&self, rng: &mut Rng) -> (Vec<u8>, Vec<u8>) {
        let level = rng.below(self.domains.len() as u64) as usize;
        exercise(self.domains[level].passage(false, rng))
    }

    /// More than one thing may follow: what is asked for is what does, and it is never sampled.
    fn is_right(&self, _prompt: &[u8], _answer: &[u8]) -> bool {
        false
    }

    fn imitated(&self, level: usize, is_held_out: bool, rng: &mut Rng) -> Option<(Vec<u8>, Vec<u8>)> {
        Some(exercise(self.domains[level].passage(is_held_out, rng)))
    }

    /// The mean chance of a symbol, but for the end, which always stands at the same place.
    fn known(&self, log_chances: &[f32]) -> f64 {
        let symbols = log_chances.split_last().map_or(log_chances, |(_, symbols)| symbols);
        let sum: f64 = symbols.iter().map(|&chance| libm::exp(f64::from(chance))).sum();
        sum / symbols.len().max(1) as f64
    }
}

/// A passage as a prompt and its answer.
fn exercise(passage: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (prompt, answer) = passage.split_at(READ);
    (prompt.to_vec(), [answer, &[END]].concat())
}

#[cfg(test)]
mod tests {
    use curricle::{Purpose, Round};

    use super::*;

    fn read(symbols: &[u8]) -> String {
        let letter = |&symbol: &u8| ALPHABET.get(usize::from(symbol) - 2).map_or('?', |&it| it.into());
        symbols.iter().map(letter).collect()
    }

    #[test]
    fn a_text_is_told_in_the_symbols_of_the_model() {
        let told = "  Ce  contrat\n\tété; \"L’œuvre\" (1): Übergang / 50 % ".to_owned();
        assert_eq!(read(&symbols(&told)), " ce contrat ete; \"l'?uvre\" (1): ubergang / 50 ? ");
    }

    /// Each domain is what its name says, and has enough to train on and to hold out.
    #[test]
    fn domains_are_of_different_texts() {
        let text = Text::new();
        let expected = ["as is", "licensor", "gnu", "contributor", "lizenz", "licence", "license"];
        for (domain, word) in text.domains.iter().zip(expected) {
            let all = |of: &[Vec<u8>]| of.iter().map(|text| read(text)).collect::<Vec<_>>().join("");
            let [trained, held_out] = [0, 1].map(|part| all(&domain.texts[part]));
            assert!(trained.contains(word), "{}", domain.name);
            assert!(
                trained.len() > 15_000 && held_out.len() > 1_500,
                "{}: {}",
                domain.name,
                trained.len()
            );
            let other = trained.matches('?').count();
            assert!(other * 100 < trained.len(), "{}: {other} of {}", domain.name, trained.len());
        }
    }

    /// Prompts go on where they end, in the part that they are said to be of.
    #[test]
    fn passages_are_of_their_part() {
        let (text, mut rng) = (Text::new(), Rng::at(1, Round(0), Purpose::User));
        for level in (0..text.domains.len()).cycle().take(400) {
            for is_held_out in [false, true] {
                let (prompt, answer) = text.imitated(level, is_held_out, &mut rng).unwrap();
                assert_eq!((prompt.len(), answer.len(), answer[WRITTEN]), (READ, WRITTEN + 1, END));
                let passage = [&prompt[..], &answer[..WRITTEN]].concat();
                let of = &text.domains[level].texts[usize::from(is_held_out)];
                assert!(of.iter().any(|text| text.windows(PASSAGE).any(|window| window == passage)));
            }
        }
    }

    #[test]
    fn what_is_known_is_the_mean_chance_of_a_symbol() {
        let log = |chances: &[f32]| chances.iter().map(|&it| libm::logf(it)).collect::<Vec<_>>();
        let known = Text::new().known(&log(&[0.5, 0.25, 1.0, 0.01]));
        assert!((known - 1.75 / 3.0).abs() < 1e-6, "{known}");
    }
}
