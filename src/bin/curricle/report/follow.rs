//! A run that goes on, looked at in a terminal.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use curricle::{Error, JournalError};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::told::Told;
use super::view::{View, draw};
use super::{AnyHistory, name_of};
use crate::fault::Fault;
use crate::snapshots::fault;

/// How long to wait for a key, at the end of the log, until it is looked at again.
const WAIT: Duration = Duration::from_millis(250);

/// How many events happen between two looks at the keys.
const EVENTS: usize = 500;

pub fn run(journal: &Path) -> Result<(), Fault> {
    if !std::io::stdout().is_terminal() {
        return Err(Fault::NoTerminal);
    }
    // What is no journal is said before the screen is taken.
    let watched = Watched::open(journal)?;
    let terminal = ratatui::try_init();
    // It is given back after a panic, too, by the hook of `try_init`.
    let done = terminal.map_err(screen).and_then(|mut terminal| watched.watch(&mut terminal, journal));
    ratatui::restore();
    done
}

struct Watched {
    history: AnyHistory,
    told: Told,
}

impl Watched {
    fn open(journal: &Path) -> Result<Self, Fault> {
        let history = AnyHistory::of_files(journal).map_err(|error| fault(journal, error))?;
        let told = Told::new(history.curriculum(), history.position(), 1);
        Ok(Self { history, told })
    }

    fn watch(mut self, terminal: &mut DefaultTerminal, journal: &Path) -> Result<(), Fault> {
        let name = name_of(journal);
        loop {
            let is_at_end = match self.go_on() {
                Ok(is_at_end) => is_at_end,
                // The run was resumed at an earlier moment.
                Err(Error::Journal(JournalError::TakenBack { .. })) => {
                    self = Self::open(journal)?;
                    false
                }
                Err(error) => return Err(fault(journal, error)),
            };
            let Self { history, told } = &self;
            let view = View::of(&name, told, history.curriculum(), history.position());
            terminal.draw(|frame| draw(frame, &view)).map_err(screen)?;
            let wait = if is_at_end { WAIT } else { Duration::ZERO };
            if event::poll(wait).map_err(screen)? && is_end(&event::read().map_err(screen)?) {
                return Ok(());
            }
        }
    }

    /// Lets some events happen; says whether that was all.
    fn go_on(&mut self) -> curricle::Result<bool> {
        for _ in 0..EVENTS {
            let Some(happened) = self.history.next()? else { return Ok(true) };
            self.told.tell(&happened, self.history.curriculum());
        }
        Ok(false)
    }
}

/// Whether a key ends the view.
fn is_end(event: &Event) -> bool {
    let Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press, .. }) = event else {
        return false;
    };
    match code {
        KeyCode::Char('q') | KeyCode::Esc => true,
        KeyCode::Char('c') => modifiers.contains(KeyModifiers::CONTROL),
        _ => false,
    }
}

fn screen(error: std::io::Error) -> Fault {
    Fault::Input(format!("the terminal: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_end_it() {
        let key = |code, modifiers| is_end(&Event::Key(KeyEvent::new(code, modifiers)));
        assert!(key(KeyCode::Char('q'), KeyModifiers::NONE) && key(KeyCode::Esc, KeyModifiers::NONE));
        assert!(key(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert!(!key(KeyCode::Char('c'), KeyModifiers::NONE) && !is_end(&Event::Resize(3, 4)));
    }
}
