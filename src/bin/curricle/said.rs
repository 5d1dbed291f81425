//! What a command says on its standard output.

use std::io::{ErrorKind, Write};

use crate::fault::Fault;

/// Says all of a text. A reader that has seen enough closes the pipe; whatever else is in the way is a fault.
pub fn say(text: &str) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Fault::Said(error)),
        _ => Ok(()),
    }
}
