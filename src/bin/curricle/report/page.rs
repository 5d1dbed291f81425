//! The page: what it says at its head, its sections, and how it looks.

use std::fmt::Write;

use curricle::{AnyCurriculum, Config};

use super::figures::{Figure, sections};
use super::html::{Table, document, escaped};
use super::told::Told;
use crate::fault::Fault;
use crate::inspect::number;

/// A whole report, in one file that asks for no other.
pub fn page(
    name: &str,
    (config, curriculum): (&Config, &AnyCurriculum),
    told: &Told,
) -> Result<String, Fault> {
    let config = config.to_toml().map_err(|error| Fault::Input(error.to_string()))?;
    let state = state(told, curriculum);
    let mut out = format!("<header><h1>{}</h1>\n<p>{}</p>\n", escaped(name), escaped(&state));
    if let Some(note) = note(told) {
        let _ = writeln!(out, "<p class=\"note\">{}</p>", escaped(&note));
    }
    out.push_str(&tiles(told, curriculum));
    out.push_str("</header>\n");
    let sections = sections(told, curriculum);
    if sections.is_empty() {
        out.push_str("<p class=\"note\">Nothing was drawn yet.</p>\n");
    } else if told.all.judged() == 0 {
        out.push_str("<p class=\"note\">No feedback has come yet.</p>\n");
    }
    for section in sections {
        let _ = writeln!(out, "<section><h2>{}</h2>", section.title);
        if !section.text.is_empty() {
            let _ = writeln!(out, "<p>{}</p>", escaped(&section.text));
        }
        out.push_str("<div class=\"figures\">\n");
        section.figures.iter().for_each(|figure| out.push_str(&article(figure)));
        out.push_str("</div></section>\n");
    }
    let _ = write!(
        out,
        "<section><h2>Where the tickets are</h2>\n{}</section>\n",
        tickets(told, curriculum)
    );
    let _ = write!(
        out,
        "<section><h2>Configuration</h2>\n<pre tabindex=\"0\"><code>{}</code></pre></section>\n",
        escaped(&config)
    );
    Ok(document(&format!("{name} – curricle report"), "", &out))
}

fn state(told: &Told, curriculum: &AnyCurriculum) -> String {
    let arms = curriculum.population().arms();
    let columns = match told.columns.width {
        0 | 1 => String::new(),
        width => format!(" In the pictures a column is {width} rounds."),
    };
    format!(
        "{} rounds drawn, version {} of the model. {} samples, of which {} can be drawn, in {} arms. \
         Digest of all decisions {:016x}.{columns}",
        curriculum.round().0,
        curriculum.version(),
        arms.samples(),
        curriculum.population().drawable_total(),
        arms.count(),
        curriculum.digest()
    )
}

/// What is not told.
fn note(told: &Told) -> Option<String> {
    let mut notes = Vec::new();
    if told.from.position > 0 {
        notes.push(format!(
            "The journal was compacted: this tells of the {} events since position {}, from round {} on. \
             {} tickets had been drawn before.",
            told.events, told.from.position, told.from.round, told.from.counts.drawn
        ));
    }
    if told.missed > 0 {
        notes.push(format!("{} events were compacted away before they were read.", told.missed));
    }
    (!notes.is_empty()).then(|| notes.join(" "))
}

fn tiles(told: &Told, curriculum: &AnyCurriculum) -> String {
    let percent =
        |part: Option<f64>| part.map_or("–".into(), |part| format!("{:.1} %", 100.0 * part));
    let or_none = |value: Option<f64>| match value {
        None => "–".into(),
        Some(0.0) => "0".into(),
        Some(value) => format!("{value:.3}"),
    };
    let metrics = curriculum.metrics();
    let tiles = [
        ("tickets drawn", told.all.drawn.to_string()),
        ("admitted", percent(told.all.admission())),
        ("mean success", or_none(told.all.success.mean())),
        ("lost", told.all.lost.to_string()),
        ("mean age, rounds", or_none(told.all.age_rounds.mean())),
        ("effective arms now", or_none(metrics.get("policy/effective_arms"))),
    ];
    let mut out = String::from("<dl class=\"tiles\">");
    for (what, value) in tiles {
        let _ = write!(out, "<div><dt>{what}</dt><dd>{value}</dd></div>");
    }
    out.push_str("</dl>\n");
    out
}

fn article(Figure { id, title, text, picture, table }: &Figure) -> String {
    let (text, table) = (escaped(text), table.html(&format!("{id}-table"), title));
    format!(
        "<article><h3>{title}</h3>\n<p>{text}</p>\n{picture}\n\
         <details><summary>{title}: the numbers</summary>\n{table}</details></article>\n"
    )
}

fn tickets(told: &Told, curriculum: &AnyCurriculum) -> String {
    let (before, now) = (told.from.counts, curriculum.counts());
    let mut table = Table::new(["tickets", "at the beginning", "now"]);
    let rows = [
        ("drawn", before.drawn, now.drawn),
        ("admitted", before.admitted, now.admitted),
        ("rejected", before.rejected, now.rejected),
        ("banked", before.banked, now.banked),
        ("lost", before.lost, now.lost),
        ("open", before.open, now.open),
    ];
    for (name, before, now) in rows {
        table.row([name.to_owned(), before.to_string(), now.to_string()]);
    }
    let is_conserved = if now.is_conserved() { "holds" } else { "does not hold" };
    let mut out = format!(
        "<p>drawn = admitted + rejected + banked + lost + open: {is_conserved}.</p>\n{}\n",
        table.html("tickets-table", "Tickets of the whole run")
    );
    let steps = told.steps;
    if steps.ready + steps.starved > 0 {
        let each = number((steps.ready > 0).then(|| now.drawn as f64 / steps.ready as f64));
        let _ = writeln!(
            out,
            "<p>{} training steps were ready, with {} useful tickets, and {} starved; \
             {each} tickets drawn a step.</p>",
            steps.ready, steps.useful, steps.starved
        );
    }
    let changes = told.changes;
    if changes.inserted + changes.removed + changes.retagged + changes.weights > 0 {
        let _ = writeln!(
            out,
            "<p>Samples: {} inserted, {} removed, {} moved to another arm, {} weights set.</p>",
            changes.inserted, changes.removed, changes.retagged, changes.weights
        );
    }
    out
}
