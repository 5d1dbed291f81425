//! The licences as passages of domains: to train on, to make scores with, and to test on.

use std::collections::BTreeMap;

/// Domains by what the names of their licences begin with.
pub const DOMAINS: [(&str, &[&str]); 6] = [
    ("short licences", &["BSD-", "MIT", "HPND", "ISC", "X11", "NTP"]),
    ("Creative Commons", &["CC-BY-1", "CC-BY-2", "CC-BY-4", "CC-BY-SA-4", "CC-BY-NC-4"]),
    ("GNU", &["GPL-2.0-only", "GPL-3.0-only", "LGPL-2.1-only", "GFDL-1.3-only"]),
    ("corporate", &["MPL-", "EPL-", "CDDL-", "APSL-", "CPAL-", "SPL-", "RPSL-", "OSL-"]),
    ("German", &["CC-BY-3.0-DE", "CC-BY-NC-ND-3.0-DE", "CC-BY-SA-3.0-AT", "D-FSL-"]),
    ("French", &["CECILL-1.0", "LiLiQ-", "LAL-", "etalab-", "CC-BY-NC-SA-2.0-FR"]),
];
/// What the training is for.
pub const TARGET: usize = 1;
/// Letters of a passage.
const LENGTH: usize = 240;

pub struct Corpus {
    /// The domain and the symbols of what can be trained on.
    pub passages: Vec<(usize, Vec<u8>)>,
    /// By domain: for the models that score.
    pub dev: Vec<Vec<Vec<u8>>>,
    /// By domain: for what is measured.
    pub tests: Vec<Vec<Vec<u8>>>,
}

impl Corpus {
    /// Every tenth passage is for the models that score, every tenth for tests.
    pub fn new() -> Self {
        let (mut passages, mut dev, mut tests) = (Vec::new(), Vec::new(), Vec::new());
        for (domain, (_, begins)) in DOMAINS.iter().enumerate() {
            let of = spdx::identifiers::LICENSES.iter().map(|it| it.name);
            let of = of.filter(|name| begins.iter().any(|begin| name.starts_with(begin)));
            let mut texts: Vec<&str> = of.filter_map(spdx::license_id).map(|id| id.text()).collect();
            texts.dedup();
            let all: Vec<Vec<u8>> = texts.iter().flat_map(|text| cut(&symbols(text))).collect();
            let part = |which: usize| all.iter().skip(which).step_by(10).cloned().collect::<Vec<_>>();
            dev.push(part(4));
            tests.push(part(9));
            let rest = all.iter().enumerate().filter(|(place, _)| !matches!(place % 10, 4 | 9));
            passages.extend(rest.map(|(_, passage)| (domain, passage.clone())));
        }
        Self { passages, dev, tests }
    }

    /// The words of the test passages and of those to train on, as numbers.
    pub fn words(&self) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
        let mut known = BTreeMap::new();
        let mut number = |word: &[u8]| {
            let next = known.len() as u32;
            *known.entry(word.to_vec()).or_insert(next)
        };
        let mut of = |passage: &Vec<u8>| {
            let words = passage.split(|symbol| !symbol.is_ascii_alphanumeric());
            words.filter(|word| !word.is_empty()).map(&mut number).collect::<Vec<u32>>()
        };
        let tests = self.tests.iter().flatten().map(&mut of).collect();
        (tests, self.passages.iter().map(|(_, passage)| of(passage)).collect())
    }
}

/// Small ASCII letters, digits and marks; everything else is a `?`, white space one blank.
fn symbols(text: &str) -> Vec<u8> {
    let mut found: Vec<u8> = Vec::new();
    for letter in text.chars() {
        let symbol = match letter {
            blank if blank.is_whitespace() => b' ',
            plain if plain.is_ascii_graphic() => plain.to_ascii_lowercase() as u8,
            _ => b'?',
        };
        if symbol != b' ' || found.last() != Some(&b' ') {
            found.push(symbol);
        }
    }
    found
}

fn cut(text: &[u8]) -> Vec<Vec<u8>> {
    text.chunks_exact(LENGTH).map(<[u8]>::to_vec).collect()
}
