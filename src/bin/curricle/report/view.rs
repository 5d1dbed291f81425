//! What is seen of a run that goes on, and how it is drawn in a terminal.

use curricle::AnyCurriculum;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Sparkline};

use super::columns::Column;
use super::shown::arm_name;
use super::sums::{Sums, part};
use super::told::Told;

/// From how many characters on the arms and the rest stand side by side.
const WIDE: u16 = 90;

/// How wide the name of an arm may be.
const NAME: usize = 16;

/// All that is drawn.
#[derive(Debug, Clone, Default)]
pub struct View {
    pub title: String,
    /// In the order of their numbers.
    pub arms: Vec<Arm>,
    pub counts: [(&'static str, u64); 6],
    pub lines: Vec<Curve>,
    /// Something to be known.
    pub note: String,
}

/// An arm in the last draws.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    pub name: String,
    /// Its probability in the last draw, if the policy gives any to arms.
    pub share: Option<f64>,
    /// Its part of the tickets in the last column of time.
    pub drawn: f64,
    pub success: Option<f64>,
}

impl Arm {
    /// What its bar shows.
    fn size(&self) -> f64 {
        self.share.unwrap_or(self.drawn)
    }
}

/// A number over time, of which the last is written out.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    pub name: &'static str,
    pub values: Vec<Option<f64>>,
    /// The top of the curve; the greatest value, if there is none.
    pub most: Option<f64>,
}

impl View {
    pub fn of(name: &str, told: &Told, curriculum: &AnyCurriculum, position: u64) -> Self {
        let empty = Column::default();
        let last = told.columns.all.last().unwrap_or(&empty);
        let none = Sums::default();
        let shares = curriculum.shares();
        let arms = (0u32..).zip(&told.arms).map(|(arm, _)| {
            let sums = last.arms.get(&arm).unwrap_or(&none);
            Arm {
                name: arm_name(curriculum, arm),
                share: shares.get(arm as usize).copied(),
                drawn: part(sums.drawn as f64, last.all.drawn as f64).unwrap_or(0.0),
                success: sums.success.mean(),
            }
        });
        let counts = curriculum.counts();
        let curve = |name, most, value: &dyn Fn(&Sums) -> Option<f64>| {
            let values = told.columns.all.iter().map(|column| value(&column.all)).collect();
            Curve { name, values, most }
        };
        let missed = match told.missed {
            0 => String::new(),
            missed => format!("{missed} events were compacted away before they were read"),
        };
        Self {
            title: format!(
                "{name}: round {}, version {}, position {position}",
                curriculum.round().0,
                curriculum.version()
            ),
            arms: arms.collect(),
            counts: [
                ("drawn", counts.drawn),
                ("admitted", counts.admitted),
                ("rejected", counts.rejected),
                ("banked", counts.banked),
                ("lost", counts.lost),
                ("open", counts.open),
            ],
            lines: vec![
                curve("success", Some(1.0), &|sums| sums.success.mean()),
                curve("admission", Some(1.0), &Sums::admission),
                curve("age in rounds", None, &|sums| sums.age_rounds.mean()),
                curve("age in versions", None, &|sums| sums.age_versions.mean()),
            ],
            note: missed,
        }
    }
}

impl View {
    /// The arms with the greatest shares, in the order of their numbers.
    fn greatest(&self, count: usize) -> Vec<&Arm> {
        let mut arms: Vec<(usize, &Arm)> = self.arms.iter().enumerate().collect();
        arms.sort_by(|(_, a), (_, b)| b.size().total_cmp(&a.size()));
        arms.truncate(count);
        arms.sort_by_key(|(place, _)| *place);
        arms.into_iter().map(|(_, arm)| arm).collect()
    }
}

/// Draws a view.
pub fn draw(frame: &mut Frame<'_>, view: &View) {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)])
            .areas(frame.area());
    frame.render_widget(Line::from(view.title.as_str()).bold(), head);
    let [arms, rest] = if body.width >= WIDE {
        Layout::horizontal([Constraint::Percentage(60), Constraint::Percentage(40)]).areas(body)
    } else {
        let rest = 4 + 2 * view.lines.len() as u16;
        Layout::vertical([Constraint::Min(4), Constraint::Max(rest)]).areas(body)
    };
    draw_arms(frame, arms, view);
    draw_rest(frame, rest, view);
    let help = Line::from(vec![
        "q ".bold(),
        "ends the view, not the run  ".dim(),
        view.note.as_str().yellow(),
    ]);
    frame.render_widget(help, foot);
}

fn draw_arms(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let block = Block::bordered().title(" arms: requested, drawn of late, success ");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let rows = usize::from(inner.height);
    let fits = if view.arms.len() > rows { rows.saturating_sub(1) } else { view.arms.len() };
    let shown = view.greatest(fits);
    let width = shown.iter().map(|arm| arm.name.chars().count()).max().unwrap_or(0).min(NAME);
    let numbers = 24;
    let bar = usize::from(inner.width).saturating_sub(width + numbers + 1);
    let longest = shown.iter().map(|arm| arm.size()).fold(0.0, f64::max);
    let percent = |share: Option<f64>| match share {
        Some(share) => format!("{:>6.1} %", 100.0 * share),
        None => format!("{:>8}", "–"),
    };
    let line = |arm: &&Arm| {
        let name: String = arm.name.chars().take(width).collect();
        let size = part(arm.size(), longest).unwrap_or(0.0);
        let numbers = [arm.share, Some(arm.drawn), arm.success].map(percent).concat();
        Line::from(vec![
            Span::raw(format!("{name:<width$} ")),
            Span::styled(bar_of(size, bar), Style::new().fg(Color::Blue)),
            Span::raw(numbers),
        ])
    };
    let mut lines: Vec<Line<'_>> = shown.iter().map(line).collect();
    if view.arms.len() > fits && rows > 0 {
        lines.push(Line::from(format!("and {} arms more", view.arms.len() - fits)).dim());
    }
    frame.render_widget(Paragraph::new(lines), inner);
}

/// A bar of this part of a width, to an eighth of a character.
fn bar_of(part: f64, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (part.clamp(0.0, 1.0) * 8.0 * width as f64).round() as usize;
    let bar = "█".repeat(eighths / 8) + EIGHTHS[eighths % 8];
    format!("{bar:<width$}")
}

fn draw_rest(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let block = Block::bordered().title(" tickets and feedback ");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let counts: Vec<String> =
        view.counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let [tickets, curves] = Layout::vertical([Constraint::Length(2), Constraint::Min(0)]).areas(inner);
    let paragraph = Paragraph::new(counts.join("  ")).wrap(ratatui::widgets::Wrap { trim: true });
    frame.render_widget(paragraph, tickets);
    let heights = view.lines.iter().map(|_| Constraint::Fill(1));
    for (curve, area) in view.lines.iter().zip(Layout::vertical(heights).split(curves).iter()) {
        draw_curve(frame, *area, curve);
    }
}

fn draw_curve(frame: &mut Frame<'_>, area: Rect, curve: &Curve) {
    let [label, plot] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let last = curve.values.iter().rev().find_map(|value| *value);
    let last = last.map_or("–".into(), |last| format!("{last:.3}"));
    frame.render_widget(Line::from(vec![curve.name.into(), " ".into(), last.bold()]), label);
    let seen = usize::from(plot.width).min(curve.values.len());
    let shown = &curve.values[curve.values.len() - seen..];
    let greatest = shown.iter().flatten().copied().fold(0.0, f64::max);
    let most = curve.most.unwrap_or(greatest);
    let level = |value: &Option<f64>| {
        value.and_then(|it| part(it, most)).map(|it| (1000.0 * it).round() as u64)
    };
    let sparkline = Sparkline::default().data(shown.iter().map(level)).max(1000);
    frame.render_widget(sparkline.style(Style::new().fg(Color::Cyan)), plot);
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    fn view(arms: usize) -> View {
        let share = |arm: usize| 2.0 * (arms - arm) as f64 / (arms * (arms + 1)) as f64;
        let arm = |arm: usize| Arm {
            name: format!("arm {arm}"),
            share: Some(share(arm)),
            drawn: share(arm) / 2.0,
            success: (arm > 0).then_some(0.25),
        };
        let values = vec![Some(0.0), None, Some(1.0), Some(0.5)];
        View {
            title: "run: round 7".into(),
            arms: (0..arms).map(arm).collect(),
            counts: [
                ("drawn", 64),
                ("admitted", 30),
                ("rejected", 20),
                ("banked", 0),
                ("lost", 4),
                ("open", 10),
            ],
            lines: vec![Curve { name: "success", values, most: Some(1.0) }],
            note: "3 events were missed".into(),
        }
    }

    /// The lines of a terminal of this size.
    fn drawn(view: &View, (width, height): (u16, u16)) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, view)).unwrap();
        let buffer = terminal.backend().buffer();
        let line = |row: u16| (0..width).map(|column| buffer[(column, row)].symbol()).collect();
        (0..height).map(line).collect()
    }

    #[test]
    fn side_by_side() {
        let lines = drawn(&view(2), (100, 12));
        assert_eq!(lines[0].trim_end(), "run: round 7");
        assert!(lines[1].starts_with("┌ arms: requested, drawn of late, success ─"));
        // 60 characters, of which 2 are the frame, 6 the name and 24 the numbers: 28 for the longest bar.
        let row = |bar: usize, numbers: &str| {
            let name = if bar == 28 { "arm 0" } else { "arm 1" };
            format!("│{name} {}{}{numbers}│", "█".repeat(bar), " ".repeat(28 - bar))
        };
        assert!(lines[2].starts_with(&row(28, "  66.7 %  33.3 %       –")), "{}", lines[2]);
        assert!(lines[3].starts_with(&row(14, "  33.3 %  16.7 %  25.0 %")), "{}", lines[3]);
        assert!(lines[2].contains("drawn 64  admitted 30  rejected 20"), "{}", lines[2]);
        assert!(lines[4].contains("success 0.500"));
        let curve: String = lines[9].chars().skip(61).take(4).collect();
        assert_eq!(curve.replace(' ', "."), "..██");
        assert!(lines[11].starts_with("q ends the view, not the run  3 events were missed"));
    }

    #[test]
    fn one_below_the_other_with_arms_that_do_not_fit() {
        let lines = drawn(&view(40), (60, 20));
        let more = lines.iter().find(|line| line.contains("arms more")).unwrap();
        let rows = lines.iter().filter(|line| line.starts_with("│arm ")).count();
        assert!(more.contains(&format!("and {} arms more", 40 - rows)) && rows > 5);
        assert!(lines.iter().any(|line| line.contains("tickets and feedback")));
    }

    /// However small it is, and whatever is not known.
    #[test]
    fn of_any_size() {
        for width in [1, 2, 5, 20, 89, 90, 300] {
            for height in [1, 2, 3, 7, 50] {
                for view in [View::default(), view(1), view(500)] {
                    drawn(&view, (width, height));
                }
            }
        }
    }

    #[test]
    fn bars_grow_by_eighths() {
        assert_eq!(
            [0.0, 0.5, 0.25, 1.0, 7.0].map(|part| bar_of(part, 3)),
            ["   ", "█▌ ", "▊  ", "███", "███"]
        );
    }
}
