//! Lines for people and for programs. A reader that went away is no reason to panic.

use std::fmt::Display;
use std::io::{ErrorKind, Write, stderr, stdout};
use std::process::ExitCode;

/// One line on stdout, which is what a command was called for: `FAILURE` where it could not be written, else `code`. A
/// reader that went away knows it already; anything else is told on stderr.
pub(crate) fn out(line: impl Display, code: ExitCode) -> ExitCode {
    let mut stdout = stdout().lock();
    match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        Ok(()) => code,
        Err(error) => {
            if error.kind() != ErrorKind::BrokenPipe {
                err(format_args!("error: stdout cannot be written: {error}"));
            }
            ExitCode::FAILURE
        }
    }
}

/// One line on stderr.
pub(crate) fn err(line: impl Display) {
    let _gone = writeln!(stderr().lock(), "{line}");
}
