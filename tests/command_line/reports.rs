//! `curricle report`: the page is well-formed, and its numbers are those of the run.

use std::collections::BTreeMap;
use std::path::Path;

use curricle::{AnyCurriculum, Config, Draw, Feedback, Journal, Outcome, Reason, Verdict};

use crate::runs::{run, said};

type AnyJournal = Journal<curricle::policy::Any, curricle::signal::Any, curricle::sampler::Any>;

const CONFIG: &str = "
    seed = 3
    lag = 2
    missing = 'lose'
    gate.band = { low = 0.2, high = 0.8 }
    signal = 'mean_advantage'
    policy.bounded = { inner = 'boltzmann', floor = { epsilon = 0.1, prior = 'uniform' } }";

fn start(path: &Path, config: &str, arms: u32) -> AnyJournal {
    let samples = 20 * arms as usize;
    let builder = Config::from_toml(config).unwrap().builder(samples);
    let curriculum = builder.arms(arms, move |sample| (sample.0 % u64::from(arms)) as u32);
    let journal = Journal::open(path, curriculum.build().unwrap()).unwrap();
    journal.durability(curricle::Durability::OnDemand)
}

/// What the trainer saw of a ticket: made up, with every number different.
fn outcome(ticket: u64) -> Outcome {
    let part = |salt: u64| ((ticket * 2_654_435_761 + salt * 40_503) % 9) as f32 / 8.0;
    Outcome::default().success(part(1)).abs_advantage(part(2)).cost(100.0 * part(3)).rollouts(8)
}

/// What is known of a round without the report.
#[derive(Debug, Clone, Default)]
struct Seen {
    shares: Vec<f64>,
    drawn: Vec<f64>,
    /// By arm: the sum, and of how many.
    success: BTreeMap<u32, (f64, f64)>,
    successes: Vec<f64>,
    score: BTreeMap<u32, (f64, f64)>,
    admitted: BTreeMap<u32, f64>,
    rejected: BTreeMap<(u32, String), f64>,
    lost: f64,
    cost: (f64, f64),
    ages: Vec<f64>,
    versions: Vec<f64>,
}

/// A run of which all batches are reported a round late, but for some tickets that are lost.
fn lived(journal: &mut AnyJournal, rounds: u64, arms: u32) -> Vec<Seen> {
    let mut all: Vec<Seen> = Vec::new();
    let mut late: Option<curricle::Batch> = None;
    for round in 0..rounds {
        let batch = journal.draw(16).unwrap();
        let mut seen = Seen { shares: journal.curriculum().shares(), ..Seen::default() };
        seen.drawn = vec![0.0; arms as usize];
        batch.draws.iter().for_each(|draw| seen.drawn[draw.arm.index()] += 1.0);
        all.push(seen);
        let now = round as usize;
        if round % 3 == 2 {
            journal.set_version(round / 3 + 1).unwrap();
        }
        let Some(batch) = late.replace(batch) else { continue };
        let (lost, back): (Vec<&Draw>, Vec<&Draw>) =
            batch.draws.iter().partition(|draw| draw.ticket.0 % 13 == 5);
        let lost: Vec<_> = lost.iter().map(|draw| draw.ticket).collect();
        journal.lose(&lost).unwrap();
        all[now].lost += lost.len() as f64;
        let feedback: Vec<Feedback> =
            back.iter().map(|draw| Feedback::new(draw.ticket, outcome(draw.ticket.0))).collect();
        let verdicts = journal.observe(&feedback).unwrap();
        let version = journal.curriculum().version();
        let seen = &mut all[now];
        for ((draw, verdict), Feedback { outcome, .. }) in back.iter().zip(verdicts).zip(&feedback) {
            let arm = draw.arm.0;
            let add = |sum: &mut (f64, f64), value: Option<f32>| {
                *sum = (sum.0 + f64::from(value.unwrap()), sum.1 + 1.0);
            };
            add(seen.success.entry(arm).or_default(), outcome.success);
            add(seen.score.entry(arm).or_default(), outcome.abs_advantage);
            add(&mut seen.cost, outcome.cost);
            seen.successes.push(outcome.success.unwrap().into());
            match verdict {
                Verdict::Admit => *seen.admitted.entry(arm).or_default() += 1.0,
                Verdict::Reject(reason) => {
                    assert!(matches!(reason, Reason::TooHard | Reason::TooEasy));
                    *seen.rejected.entry((arm, reason.to_string())).or_default() += 1.0;
                }
                other => panic!("{other:?}"),
            }
            seen.ages.push((round - batch.round.0) as f64);
            seen.versions.push((version - batch.version) as f64);
        }
    }
    // With a lag of two rounds they are learned from by the next draw but one, so the last ones are not yet.
    let scores: Vec<_> = all.iter().map(|seen| seen.score.clone()).collect();
    for (now, seen) in all.iter_mut().enumerate() {
        seen.score = if now >= 2 { scores[now - 2].clone() } else { BTreeMap::new() };
    }
    all
}

/// The page of a journal, written anew.
fn page_of(path: &Path) -> String {
    let out = path.with_extension("html");
    said(&["report", &path.display().to_string(), "--out", &out.display().to_string()]);
    let page = std::fs::read_to_string(out).unwrap();
    check_form(&page);
    page
}

/// Every element is closed where it was opened, attributes are quoted, entities are known, ids are unique, and
/// nothing is asked of a network or run.
fn check_form(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut ids = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").unwrap();
    while let Some(start) = rest.find('<') {
        let text = &rest[..start];
        assert!(!text.contains('>') || open.last() == Some(&"style"), "{text}");
        for entity in text.split('&').skip(1) {
            let known = ["amp;", "lt;", "gt;", "quot;", "#39;"];
            assert!(known.iter().any(|known| entity.starts_with(known)), "&{entity}");
        }
        let end = start + rest[start..].find('>').unwrap();
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
            continue;
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        let name = tag.split([' ', '/']).next().unwrap();
        assert!(!["script", "iframe", "img", "object"].contains(&name), "{tag}");
        for attribute in ["href=\"", "src=\"", "id=\""] {
            let Some((_, value)) = tag.split_once(attribute) else { continue };
            let value = value.split('"').next().unwrap();
            match attribute {
                "id=\"" => ids.push(value),
                _ => assert_eq!(value, "data:,", "{tag}"),
            }
        }
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id stands twice");
    assert!(!page.contains("NaN") && !page.contains("http"));
    assert_eq!(page.matches("role=\"img\"").count(), page.matches("<desc id=").count());
}

/// The cells of a table, the head first.
fn table(page: &str, id: &str) -> Vec<Vec<String>> {
    let start = page.find(&format!("<table id=\"{id}-table\">")).unwrap_or_else(|| panic!("no {id}"));
    let table = &page[start..start + page[start..].find("</table>").unwrap()];
    let cell = |cell: &str| {
        let text = cell.split_once('>').unwrap().1;
        text.split('<').next().unwrap().to_owned()
    };
    let row = |row: &str| -> Vec<String> {
        let row = row.split("</tr>").next().unwrap();
        row.split("<t").skip(1).filter(|it| it.starts_with(['h', 'd'])).map(cell).collect()
    };
    table.split("<tr>").skip(1).map(row).collect()
}

/// A cell against the number it must have.
fn is_near(cell: &str, expected: Option<f64>, what: &str) {
    match expected {
        None => assert_eq!(cell, "", "{what}"),
        Some(expected) => {
            let found: f64 =
                cell.parse().unwrap_or_else(|_| panic!("{what}: {cell:?}, not {expected}"));
            let room = 6e-5 + 6e-4 * if expected.abs() < 1e-3 { expected.abs() } else { 0.0 };
            assert!((found - expected).abs() <= room, "{what}: {found}, not {expected}");
        }
    }
}

fn rate(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// Each table, cell by cell, against what the run itself saw.
#[test]
fn the_numbers_are_those_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut journal = start(&path, CONFIG, 4);
    let all = lived(&mut journal, 60, 4);
    let page = page_of(&path);
    let rows = |id: &str| {
        let mut rows = table(&page, id);
        let head = rows.remove(0);
        assert!(rows.iter().all(|row| row.len() == head.len()), "{id}");
        (head, rows)
    };
    let by_round = |id: &str, columns: &[&str], expected: &dyn Fn(&Seen) -> Vec<Option<f64>>| {
        let (head, rows) = rows(id);
        assert_eq!(head[1..], *columns, "{id}");
        assert_eq!(rows.len(), 60);
        for (round, (row, seen)) in rows.iter().zip(&all).enumerate() {
            assert_eq!(row[0], round.to_string());
            for (cell, value) in row[1..].iter().zip(expected(seen)) {
                is_near(cell, value, &format!("{id} {round}"));
            }
        }
    };
    let arms = ["arm 0", "arm 1", "arm 2", "arm 3"];
    let each = |value: &dyn Fn(u32) -> Option<f64>| (0..4).map(value).collect::<Vec<_>>();
    let mean = |sum: Option<&(f64, f64)>| sum.map(|(sum, count)| sum / count);
    by_round("requested", &arms, &|seen| each(&|arm| Some(seen.shares[arm as usize])));
    by_round("drawn", &arms, &|seen| each(&|arm| Some(seen.drawn[arm as usize] / 16.0)));
    by_round("success", &arms, &|seen| each(&|arm| mean(seen.success.get(&arm))));
    by_round("score", &arms, &|seen| each(&|arm| mean(seen.score.get(&arm))));
    let admitted = |seen: &Seen| seen.admitted.values().sum::<f64>();
    let rejected = |seen: &Seen| seen.rejected.values().sum::<f64>();
    let judged = |seen: &Seen| admitted(seen) + rejected(seen);
    let reason = |seen: &Seen, reason: &str| {
        let of = seen.rejected.iter().filter(|((_, other), _)| other == reason);
        of.map(|(_, count)| count).sum::<f64>()
    };
    by_round("admission", &["admitted", "too_easy", "too_hard"], &|seen| {
        let counts = [admitted(seen), reason(seen, "too_easy"), reason(seen, "too_hard")];
        counts.map(|count| rate(count, judged(seen))).to_vec()
    });
    by_round("waste", &["useful", "rejected", "lost"], &|seen| {
        let whole = judged(seen) + seen.lost;
        [admitted(seen), rejected(seen), seen.lost].map(|count| rate(count, whole)).to_vec()
    });
    by_round("cost", &["by useful ticket", "by reported ticket"], &|seen| {
        [rate(seen.cost.0, admitted(seen)), rate(seen.cost.0, seen.cost.1)].to_vec()
    });
    let extent = |values: &[f64]| {
        let most = values.iter().copied().reduce(f64::max);
        [rate(values.iter().sum(), values.len() as f64), most].to_vec()
    };
    by_round("age-rounds", &["mean", "greatest"], &|seen| extent(&seen.ages));
    by_round("age-versions", &["mean", "greatest"], &|seen| extent(&seen.versions));
    by_round("difficulty", &["5 %", "25 %", "median", "75 %", "95 %"], &|seen| {
        let mut sorted = seen.successes.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = |part: f64| (part * sorted.len() as f64).ceil().max(1.0) as usize;
        [0.05, 0.25, 0.5, 0.75, 0.95].map(|part| sorted.get(rank(part) - 1).copied()).to_vec()
    });
    // By arm, over the run.
    let sum = |value: &dyn Fn(&Seen) -> f64| all.iter().map(value).sum::<f64>();
    let (head, arms) = rows("by-arm");
    assert_eq!(head[..6], ["arm", "requested share", "drawn share", "requested", "drawn", "admitted"]);
    for (arm, row) in (0u32..).zip(&arms) {
        let (asked, drawn) = (sum(&|it| it.shares[arm as usize]), sum(&|it| it.drawn[arm as usize]));
        let admitted = sum(&|it| it.admitted.get(&arm).copied().unwrap_or(0.0));
        let of =
            |it: &Seen| it.rejected.iter().filter(|((of, _), _)| *of == arm).map(|(_, it)| it).sum();
        let success = sum(&|it| it.success.get(&arm).map_or(0.0, |sum| sum.0));
        let expected = [
            asked / 60.0,
            drawn / 960.0,
            asked * 16.0,
            drawn,
            admitted,
            sum(&of),
            drawn - admitted - sum(&of) - f64::from(open(journal.curriculum(), arm)),
            success / (admitted + sum(&of)),
        ];
        for (cell, (value, what)) in row[1..].iter().zip(expected.iter().zip(&head[1..])) {
            is_near(cell, Some(*value), &format!("arm {arm}: {what}"));
        }
    }
    let (head, arms) = rows("admission-by-arm");
    assert_eq!(head, ["arm", "judged", "admitted", "too_easy", "too_hard", "admission rate"]);
    for (arm, row) in (0u32..).zip(&arms) {
        let of =
            |reason: &str| sum(&|it| it.rejected.get(&(arm, reason.into())).copied().unwrap_or(0.0));
        let admitted = sum(&|it| it.admitted.get(&arm).copied().unwrap_or(0.0));
        let (easy, hard) = (of("too_easy"), of("too_hard"));
        let judged = admitted + easy + hard;
        for (cell, value) in row[1..].iter().zip([judged, admitted, easy, hard, admitted / judged]) {
            is_near(cell, Some(value), &format!("arm {arm}"));
        }
    }
    let counts = journal.curriculum().counts();
    let now: Vec<String> = rows("tickets").1.into_iter().map(|row| row[2].clone()).collect();
    let expected =
        [counts.drawn, counts.admitted, counts.rejected, counts.banked, counts.lost, counts.open];
    assert_eq!(now, expected.map(|count| count.to_string()));
    assert!(page.contains("holds.</p>") && page.contains("seed = 3"));
}

fn open(curriculum: &AnyCurriculum, arm: u32) -> u32 {
    let batches = curriculum.unfinished();
    batches.iter().flat_map(|it| &it.draws).filter(|draw| draw.arm.0 == arm).count() as u32
}

/// A run of many rounds and arms: columns of several rounds, and a sum of the arms that have no colour.
#[test]
fn long_runs_of_many_arms() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut journal = start(&path, CONFIG, 20);
    let all = lived(&mut journal, 500, 20);
    let page = page_of(&path);
    let rows = table(&page, "requested");
    let mut order: Vec<u32> = (0..20).collect();
    let drawn = |arm: u32| all.iter().map(|seen| seen.drawn[arm as usize]).sum::<f64>() as u64;
    order.sort_by_key(|&arm| (u64::MAX - drawn(arm), arm));
    let (own, others) = order.split_at(12);
    let mut own = own.to_vec();
    own.sort_unstable();
    let names: Vec<String> = own.iter().map(|arm| format!("arm {arm}")).collect();
    assert_eq!(rows[0][1..13], names[..]);
    assert_eq!(rows[0][13], "8 others");
    assert_eq!(rows.len(), 1 + 500usize.div_ceil(4));
    for (column, row) in rows[1..].iter().enumerate() {
        let rounds = &all[4 * column..(4 * column + 4).min(500)];
        assert_eq!(row[0], format!("{}–{}", 4 * column, 4 * column + 3));
        let mean = |arm: &u32| {
            rounds.iter().map(|seen| seen.shares[*arm as usize]).sum::<f64>() / rounds.len() as f64
        };
        for (cell, arm) in row[1..].iter().zip(&own) {
            is_near(cell, Some(mean(arm)), "requested");
        }
        is_near(&row[13], Some(others.iter().map(mean).sum()), "others");
    }
    assert_eq!(table(&page, "by-arm").len(), 21);
    assert!(page.contains("a column is 4 rounds"));
}

/// A base in the midst of a run: what is told begins there, with the tickets that were open.
#[test]
fn after_a_compaction() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut journal = start(&path, CONFIG, 4);
    lived(&mut journal, 10, 4);
    journal.compact().unwrap();
    let position = journal.position();
    let open: Vec<_> = journal.curriculum().unfinished().into_iter().flat_map(|it| it.draws).collect();
    let feedback: Vec<_> =
        open.iter().map(|draw| Feedback::new(draw.ticket, outcome(draw.ticket.0))).collect();
    journal.observe(&feedback).unwrap();
    journal.draw(16).unwrap();
    let page = page_of(&path);
    assert!(page.contains(&format!("since position {position}, from round 10 on. 160 tickets")));
    let judged: u64 =
        table(&page, "admission-by-arm")[1..].iter().map(|row| row[1].parse::<u64>().unwrap()).sum();
    assert_eq!(judged, open.len() as u64);
    let tickets = table(&page, "tickets");
    assert_eq!(tickets[1], ["drawn", "160", "176"]);
}

/// What folding gives up, without an event that says so, is lost all the same.
#[test]
fn lost_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut journal = start(&path, CONFIG, 4);
    (0..10).for_each(|_| drop(journal.draw(8).unwrap()));
    let page = page_of(&path);
    let lost: u64 = table(&page, "by-arm")[1..].iter().map(|row| row[7].parse::<u64>().unwrap()).sum();
    assert_eq!((lost, journal.curriculum().counts().lost), (56, 56));
    assert!(page.contains("No feedback has come yet") && !page.contains("id=\"success"));
}

/// Feedback that is learned from as it comes: scores stand where it came, and what is too old is lost.
#[test]
fn in_the_pace_of_arrival() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let config =
        "pace.arrival.give_up = { rounds = 3 }\nsignal = 'mean_advantage'\npolicy = 'boltzmann'";
    let mut journal = start(&path, config, 2);
    let mut expected: Vec<[(f64, f64); 2]> = Vec::new();
    let mut late = Vec::new();
    for round in 0..30u64 {
        let batch = journal.draw(4).unwrap();
        expected.push(Default::default());
        // One comes at once, one two rounds later, and two never.
        late.push(batch.draws[1]);
        let now = late.iter().filter(|draw| draw.ticket.0 / 4 + 2 == round).chain([&batch.draws[0]]);
        for draw in now {
            let seen = outcome(draw.ticket.0);
            journal.observe(&[Feedback::new(draw.ticket, seen)]).unwrap();
            let sum = &mut expected[round as usize][draw.arm.index()];
            *sum = (sum.0 + f64::from(seen.abs_advantage.unwrap()), sum.1 + 1.0);
        }
    }
    let page = page_of(&path);
    for (round, (row, arms)) in table(&page, "score")[1..].iter().zip(&expected).enumerate() {
        for (cell, (sum, count)) in row[1..].iter().zip(arms) {
            is_near(cell, rate(*sum, *count), &format!("score {round}"));
        }
    }
    let ages = &table(&page, "age-rounds")[1..];
    assert_eq!([&ages[1][1], &ages[1][2], &ages[2][1], &ages[2][2]], ["0", "0", "1", "2"]);
    let sum = |column: usize| {
        table(&page, "by-arm")[1..].iter().map(|row| row[column].parse::<u64>().unwrap()).sum::<u64>()
    };
    let counts = journal.curriculum().counts();
    assert!(counts.lost > 40 && counts.is_conserved());
    assert_eq!([4, 5, 7].map(sum), [counts.drawn, counts.admitted, counts.lost]);
}

/// A picture of one colour says less than a sentence.
#[test]
fn what_never_happened_has_a_sentence_and_no_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut journal = start(&path, "signal = 'mean_advantage'\npolicy = 'boltzmann'", 3);
    for _ in 0..10 {
        let batch = journal.draw(6).unwrap();
        let seen = |draw: &Draw| Feedback::new(draw.ticket, outcome(draw.ticket.0));
        journal.observe(&batch.draws.iter().map(seen).collect::<Vec<_>>()).unwrap();
    }
    let page = page_of(&path);
    for said in [
        "<p>All 60 outcomes that came back were admitted.</p>",
        "<p>Each outcome came back before another round was drawn.</p>",
        "<p>No ticket was rejected or lost.</p>",
    ] {
        assert!(page.contains(said), "{said}");
    }
    for id in ["admission", "admission-by-arm", "age-rounds", "age-versions", "waste"] {
        assert!(!page.contains(&format!("id=\"{id}-")), "{id}");
    }
    assert_eq!(table(&page, "cost")[0], ["rounds", "by reported ticket"], "all of them were useful");
}

#[test]
fn steps_that_are_refilled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let config = "gate.band = { low = 0.2, high = 0.8 }\nrefill = {}\nsignal = 'mean_advantage'\npolicy = 'boltzmann'";
    let mut journal = start(&path, config, 3);
    let (mut ready, mut useful, mut judged) = (0, 0, 0u64);
    while ready < 20 {
        match journal.step(6).unwrap() {
            curricle::Step::Draw(batch) => {
                let feedback: Vec<_> = batch
                    .draws
                    .iter()
                    .map(|draw| Feedback::new(draw.ticket, outcome(draw.ticket.0)))
                    .collect();
                judged += journal.observe(&feedback).unwrap().len() as u64;
            }
            curricle::Step::Ready(tickets) => {
                ready += 1;
                useful += tickets.len();
            }
            other => panic!("{other:?}"),
        }
    }
    let page = page_of(&path);
    assert!(page.contains(&format!("20 training steps were ready, with {useful} useful tickets")));
    let rows = &table(&page, "admission-by-arm")[1..];
    assert_eq!(rows.iter().map(|row| row[1].parse::<u64>().unwrap()).sum::<u64>(), judged);
}

#[test]
fn an_empty_journal() {
    let folder = tempfile::tempdir().unwrap();
    // Whatever a file is called, it is text.
    let path = folder.path().join("<b>&'\"run");
    let journal = start(&path, CONFIG, 4);
    let page = page_of(&path);
    assert!(page.contains("<h1>&lt;b&gt;&amp;&#39;&quot;run</h1>"));
    assert!(page.contains("Nothing was drawn yet") && !page.contains("<article>"));
    assert_eq!(table(&page, "tickets")[1], ["drawn", "0", "0"]);
    drop(journal);
}

#[test]
fn what_cannot_be_told() {
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| folder.path().join(name).display().to_string();
    let refused = |arguments: &[&str], code: i32| {
        let output = run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        said
    };
    let page = name("page.html");
    assert!(refused(&["report", &name("none"), "--out", &page], 2).contains(&name("none")));
    let mut journal = start(&folder.path().join("run"), CONFIG, 4);
    journal.draw(4).unwrap();
    journal.draw(4).unwrap();
    let nowhere = name("nowhere/page.html");
    assert!(refused(&["report", &name("run"), "--out", &nowhere], 1).contains("nowhere"));
    let log = folder.path().join("run.log");
    let mut bytes = std::fs::read(&log).unwrap();
    bytes[60] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    let damaged = refused(&["report", &name("run"), "--out", &page], 2);
    assert!(damaged.contains(&name("run")) && damaged.contains("damaged"), "{damaged}");
    assert!(!Path::new(&page).exists());
    let plain = curricle::Curriculum::builder(3).build().unwrap();
    drop(Journal::open(folder.path().join("code"), plain).unwrap());
    let refused = refused(&["report", &name("code"), "--out", &page], 2);
    assert!(refused.contains("built in code") && refused.contains(&name("code")), "{refused}");
    // Standard output is no terminal here.
    let output = run(&["report", &name("run"), "--follow"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--follow draws on a terminal") && output.stdout.is_empty(), "{said}");
}
