//! Changes of files: blind ones, and such as know where numbers, records and checksums stand.

use curricle::Rng;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

fn any(rng: &mut Rng, below: usize) -> usize {
    rng.below(below.max(1) as u64) as usize
}

/// Numbers at which something ends.
const NUMBERS: [u64; 18] = [
    0,
    1,
    2,
    3,
    127,
    128,
    255,
    256,
    16_383,
    16_384,
    65_535,
    (1 << 24) + 1,
    (1 << 31) - 1,
    u32::MAX as u64,
    1 << 32,
    1 << 40,
    u64::MAX >> 1,
    u64::MAX,
];

const FLOATS: [f64; 14] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1e-300,
    5e-324,
    1e300,
    f64::MAX,
    f64::MIN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    1.0 + 1e-12,
];

/// A number as postcard writes it.
fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 127 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// The number at a place, if one ends within ten bytes, and how many bytes it takes.
fn varint_at(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let rest = bytes.get(at..)?;
    let len = 1 + rest.iter().take(10).position(|byte| byte & 128 == 0)?;
    let number = rest[..len]
        .iter()
        .rev()
        .fold(0u64, |number, byte| number.wrapping_shl(7) | u64::from(byte & 127));
    Some((number, len))
}

/// One change of a file whose numbers are those of postcard, or little-endian, or of Thrift; `other` is a file of the
/// same kind.
fn change(bytes: &mut Vec<u8>, other: &[u8], from: usize, rng: &mut Rng) {
    if bytes.len() <= from {
        bytes.push(rng.bits() as u8);
        return;
    }
    let at = from + any(rng, bytes.len() - from);
    let end = |rng: &mut Rng, most: usize| (at + 1 + any(rng, most)).min(bytes.len());
    match rng.below(12) {
        0 => bytes[at] ^= 1 << rng.below(8),
        1 => bytes[at] = rng.bits() as u8,
        // A length or a number, by one or by much.
        2 | 3 => {
            let Some((number, len)) = varint_at(bytes, at) else { return };
            let number = match rng.below(6) {
                0 => number.wrapping_add(1),
                1 => number.wrapping_sub(1),
                2 => number.wrapping_mul(2),
                _ => NUMBERS[any(rng, NUMBERS.len())],
            };
            bytes.splice(at..at + len, varint(number));
        }
        4 => {
            let float = FLOATS[any(rng, FLOATS.len())];
            let float = if rng.below(2) == 0 {
                float.to_le_bytes().to_vec()
            } else {
                (float as f32).to_le_bytes().to_vec()
            };
            let end = (at + float.len()).min(bytes.len());
            bytes.splice(at..end, float);
        }
        5 => {
            let number = NUMBERS[any(rng, NUMBERS.len())].to_le_bytes();
            let width = [2, 4, 8][any(rng, 3)];
            let end = (at + width).min(bytes.len());
            bytes[at..end].copy_from_slice(&number[..end - at]);
        }
        6 => {
            let end = end(rng, 20);
            bytes.drain(at..end);
        }
        7 => {
            let end = end(rng, 20);
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        8 => {
            let end = end(rng, 40);
            let from = any(rng, other.len());
            let piece = other[from..(from + end - at).min(other.len())].to_vec();
            bytes.splice(at..end, piece);
        }
        // The first part of one file and the last of another.
        9 if rng.below(4) == 0 => {
            bytes.truncate(at);
            bytes.extend_from_slice(&other[at.min(other.len())..]);
        }
        10 if rng.below(4) == 0 => bytes.truncate(at),
        11 => {
            let end = end(rng, 16);
            let to = from + any(rng, bytes.len() - from);
            let (a, b) = (at.min(to), at.max(to));
            let width = (end - at).min(b - a).min(bytes.len() - b);
            for place in 0..width {
                bytes.swap(a + place, b + place);
            }
        }
        _ => {
            let end = end(rng, 4);
            bytes[at..end].fill([0, 0xff][any(rng, 2)]);
        }
    }
}

/// One to four changes behind the first `from` bytes.
pub fn changed(bytes: &[u8], other: &[u8], from: usize, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..1 + [0, 0, 0, 1, 1, 3][any(rng, 6)] {
        change(&mut bytes, other, from, rng);
    }
    bytes
}

const HEADER: usize = 80;

/// A changed snapshot: blindly, or with the checksum made right again, or with the sizes, too.
pub fn snapshot(bytes: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0 => changed(bytes, other, 0, rng),
        1 => sealed(changed(bytes, other, 0, rng), false),
        _ => sealed(changed(bytes, other, HEADER, rng), true),
    }
}

/// Makes the checksum right, and if so wanted the sizes.
fn sealed(mut bytes: Vec<u8>, sizes: bool) -> Vec<u8> {
    if bytes.len() < HEADER {
        return bytes;
    }
    if sizes {
        let size = (bytes.len() - HEADER) as u64;
        bytes[16..24].copy_from_slice(&size.to_le_bytes());
        if bytes[72..80] == [0; 8] {
            bytes[64..72].copy_from_slice(&size.to_le_bytes());
        }
    }
    // The payload comes first: the header holds sizes that are known when it is written.
    let content = [&bytes[HEADER..], &bytes[..24], &bytes[32..HEADER]].concat();
    bytes[24..32].copy_from_slice(&xxh3_64(&content).to_le_bytes());
    bytes
}

/// The same snapshot compressed; the checksum and the sizes are made right.
#[cfg(feature = "zstd")]
pub fn packed(plain: &[u8]) -> Vec<u8> {
    let Some((header, payload)) = plain.split_at_checked(HEADER) else { return plain.to_vec() };
    let frame = zstd::bulk::compress(payload, 1).expect("room in memory");
    let mut bytes = [header, &frame].concat();
    bytes[64..72].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    bytes[72..80].copy_from_slice(&1u64.to_le_bytes());
    sealed(bytes, true)
}

const LOG_HEADER: usize = 40;
const FRAME: usize = 16;

/// The events of a log that is whole.
fn records(log: &[u8]) -> Vec<Vec<u8>> {
    let (mut all, mut at) = (Vec::new(), LOG_HEADER);
    while let Some(size) = log.get(at..at + 4) {
        let size = u32::from_le_bytes([size[0], size[1], size[2], size[3]]) as usize;
        all.push(log[at + FRAME..at + FRAME + size].to_vec());
        at += FRAME + size;
    }
    all
}

/// A log of these events: the header and the chain made right.
fn chained(header: &[u8], base: [u8; 8], records: &[Vec<u8>]) -> Vec<u8> {
    let mut log = header[..LOG_HEADER].to_vec();
    log[16..24].copy_from_slice(&base);
    let mut link = xxh3_64(&log[..32]);
    log[32..40].copy_from_slice(&link.to_le_bytes());
    for record in records {
        let size = (record.len() as u32).to_le_bytes();
        log.extend(size);
        log.extend((xxh3_64_with_seed(&size, link) as u32).to_le_bytes());
        link = xxh3_64_with_seed(record, link);
        log.extend(link.to_le_bytes());
        log.extend(record);
    }
    log
}

/// A changed base and log. The log is changed blindly, or by its records; a changed base is sealed, and the log is told its
/// checksum.
pub fn journal(base: &[u8], log: &[u8], others: (&[u8], &[u8]), rng: &mut Rng) -> (Vec<u8>, Vec<u8>) {
    if rng.below(6) == 0 {
        return (base.to_vec(), changed(log, others.1, 0, rng));
    }
    let base = match rng.below(4) {
        0 => snapshot(base, others.0, rng),
        _ => base.to_vec(),
    };
    let checksum = base.get(24..32).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
    let (mut records, others) = (records(log), records(others.1));
    for _ in 0..1 + rng.below(3) {
        if records.is_empty() {
            break;
        }
        let (at, to) = (any(rng, records.len()), any(rng, records.len()));
        let other = if others.is_empty() { &records[to] } else { &others[any(rng, others.len())] };
        let other = other.clone();
        match rng.below(10) {
            0 => drop(records.remove(at)),
            1 => records.insert(at, records[to].clone()),
            2 => records.swap(at, to),
            3 => records.insert(at, other),
            4 => records.truncate(at),
            _ => records[at] = changed(&records[at], &other, 0, rng),
        }
    }
    let mut log = chained(log, checksum, &records);
    // The end of a log that was not written to its end.
    if rng.below(8) == 0 {
        let cut = any(rng, log.len().min(60));
        log.truncate(log.len() - cut);
        log.extend(vec![0; any(rng, 30)]);
    }
    (base, log)
}

/// A changed list of the files of a checkpoint, with its checksum made right or not.
pub fn manifest(bytes: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    if rng.below(4) == 0 {
        return changed(bytes, other, 0, rng);
    }
    let mut bytes = changed(bytes, other, 20, rng);
    let checksum = xxh3_64(&bytes[20..]);
    bytes[12..20].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

const WORDS: [&str; 40] = [
    "0",
    "1",
    "-1",
    "2",
    "0.5",
    "-0.0",
    "1e-300",
    "1e308",
    "1e999",
    "nan",
    "inf",
    "-inf",
    "null",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "340282366920938463463374607431768211456",
    "true",
    "''",
    "[]",
    "{}",
    "[0, 0]",
    "[[0, [1]]]",
    "'boltzmann'",
    "{ boltzmann = {} }",
    "\"uniform\"",
    "{\"uniform\":{}}",
    "=",
    ",",
    ":",
    "[",
    "]",
    "{",
    "}",
    "\n",
    "policy.",
    "signal.",
    "\u{0}",
    "\u{1F600}",
    "''' '''",
];

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-+.".contains(&byte)
}

/// A changed text: words are exchanged for others, for words of another text and for numbers at which something ends; lines
/// are doubled, moved and nested.
pub fn text(text: &str, other: &str, rng: &mut Rng) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..1 + [0, 0, 1, 1, 2, 5][any(rng, 6)] {
        let at = any(rng, bytes.len());
        let from = bytes[..at].iter().rposition(|&byte| !is_word(byte)).map_or(0, |it| it + 1);
        let to = at + bytes[at..].iter().position(|&byte| !is_word(byte)).unwrap_or(bytes.len() - at);
        match rng.below(9) {
            0 => bytes = changed(&bytes, other.as_bytes(), 0, rng),
            1..4 => drop(bytes.splice(from..to, WORDS[any(rng, WORDS.len())].bytes())),
            4 | 5 => {
                let other = other.as_bytes();
                let at = any(rng, other.len());
                let from = other[..at].iter().rposition(|&byte| !is_word(byte)).map_or(0, |it| it + 1);
                let end = other[at..]
                    .iter()
                    .position(|&byte| !is_word(byte))
                    .map_or(other.len(), |it| at + it);
                bytes.splice(from.min(bytes.len()).min(to)..to, other[from..end].iter().copied());
            }
            6 => {
                let lines: Vec<&[u8]> = other.as_bytes().split(|&byte| byte == b'\n').collect();
                let line = lines[any(rng, lines.len())].to_vec();
                let start = bytes[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |it| it + 1);
                bytes.splice(start..start, [&line[..], b"\n"].concat());
            }
            // One thing in another, and again.
            7 => {
                let depth = [1, 2, 20, 200, 3000][any(rng, 5)];
                let open = ["[", "{ inner = ", "{\"inner\":", "{ bounded = { inner = "][any(rng, 4)];
                bytes.splice(from..from, open.repeat(depth).bytes());
            }
            _ => drop(bytes.drain(from..to)),
        }
        if bytes.is_empty() {
            bytes.push(b'{');
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
