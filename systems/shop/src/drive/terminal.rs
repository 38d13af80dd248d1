//! Lines for people and for programs. A reader that went away is no reason to panic.

use std::fmt::Display;
use std::io::{Write, stderr, stdout};

/// One line on stdout.
pub(crate) fn out(line: impl Display) {
    let mut stdout = stdout().lock();
    let _gone = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// One line on stderr.
pub(crate) fn err(line: impl Display) {
    let _gone = writeln!(stderr().lock(), "{line}");
}
