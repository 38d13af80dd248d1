//! Printing that survives a closed pipe: a reader that goes away is no reason to panic.

use std::{
    fmt::Arguments,
    io::{Write, stderr, stdout},
};

/// One line on stdout.
pub(crate) fn out(line: Arguments<'_>) {
    let mut stdout = stdout().lock();
    let _gone = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// One line on stderr.
pub(crate) fn err(line: Arguments<'_>) {
    let _gone = writeln!(stderr().lock(), "{line}");
}
