//! What commands write to standard output. It can be closed under them, as by `| head`: then a command has done its work all the
//! same, and says that nobody heard of it.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write as _};

/// Writes one line.
pub fn line(text: Arguments<'_>) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{text}")?;
    output.flush()
}

/// Writes one line that nothing is lost without.
pub fn progress(text: Arguments<'_>) {
    // Whoever closed the output does not want to read on.
    let _ = line(text);
}

/// Writes one line of a list; false when whoever read it has seen enough.
pub fn is_wanted(text: Arguments<'_>) -> io::Result<bool> {
    match line(text) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}
