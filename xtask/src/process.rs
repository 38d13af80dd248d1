//! Children with a time bound: each leads a process group of its own, which ends as a whole.

use rustix::process::Pid;
use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::Duration,
};

use crate::{
    failure::{Failure, Result},
    interrupt, say,
    stopwatch::Stopwatch,
};

/// How long the last lines may take to arrive after the child itself has ended.
const LAST_LINES: Duration = Duration::from_secs(5);

/// Lines in flight between the readers and the caller.
const LINES: usize = 1_024;

/// A command, what to call it, and how long it may take.
#[derive(Debug)]
pub(crate) struct Job {
    name: String,
    command: Command,
    bound: Duration,
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By itself, with this exit code; a signal is 128 and its number.
    Exited(i32),
    /// At its bound, by us.
    OutOfTime(Duration),
}

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pipe {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

enum Event {
    Line(Pipe, String),
    Exit(std::io::Result<ExitStatus>),
}

impl Ending {
    pub(crate) fn good(self) -> bool {
        self == Self::Exited(0)
    }

    /// The exit code to pass on; 1 for a child that ran out of time.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Exited(code) => u8::try_from(code).unwrap_or(1),
            Self::OutOfTime(_) => 1,
        }
    }

    /// In words, for a report.
    pub(crate) fn words(self) -> String {
        match self {
            Self::Exited(code) => format!("exit code {code}"),
            Self::OutOfTime(bound) => format!("stopped at its bound of {} s", bound.as_secs()),
        }
    }
}

impl Job {
    pub(crate) fn new(name: impl Into<String>, command: Command, bound: Duration) -> Self {
        Self { name: name.into(), command, bound }
    }

    /// Runs with our own stdout and stderr.
    pub(crate) fn run(mut self) -> Result<Ending> {
        self.command.stdout(Stdio::inherit()).stderr(Stdio::inherit());
        self.follow(&mut |_, _| {})
    }

    /// Runs with both outputs in `log`.
    pub(crate) fn run_logged(mut self, log: &File) -> Result<Ending> {
        let copy = || log.try_clone().map_err(Failure::of("the log file"));
        self.command.stdout(copy()?).stderr(copy()?);
        self.follow(&mut |_, _| {})
    }

    /// Runs and hands on each line as it comes.
    pub(crate) fn run_lines(mut self, on_line: &mut dyn FnMut(Pipe, &str)) -> Result<Ending> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.follow(on_line)
    }

    /// Runs and answers stdout; stderr is ours. A child that fails is an error.
    pub(crate) fn capture(mut self) -> Result<String> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::inherit());
        let name = self.name.clone();
        let mut text = String::new();
        let ending = self.follow(&mut |_, line| {
            text.push_str(line);
            text.push('\n');
        })?;
        if ending.good() {
            return Ok(text);
        }
        Err(Failure::new(format!("{name}: {}", ending.words())))
    }

    fn follow(mut self, on_line: &mut dyn FnMut(Pipe, &str)) -> Result<Ending> {
        self.command.stdin(Stdio::null()).process_group(0);
        let mut child = self.command.spawn().map_err(Failure::of(format_args!("{}: cannot start", self.name)))?;
        // The builder holds our ends of the pipes and files; without it, the end of the child is the end of the stream.
        drop(self.command);
        let group = Pid::from_child(&child);
        interrupt::runs(group);
        let (sender, events) = sync_channel(LINES);
        if let Some(pipe) = child.stdout.take() {
            read_lines(pipe, Pipe::Out, sender.clone());
        }
        if let Some(pipe) = child.stderr.take() {
            read_lines(pipe, Pipe::Err, sender.clone());
        }
        wait(child, sender);
        let ending = until_end(group, &events, self.bound, on_line);
        interrupt::ended();
        if let Ok(Ending::OutOfTime(bound)) = ending {
            let seconds = bound.as_secs();
            say::err(format_args!("{}: stopped at its bound of {seconds} s", self.name));
        }
        ending
    }
}

fn read_lines(pipe: impl Read + Send + 'static, from: Pipe, to: SyncSender<Event>) {
    thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while matches!(reader.read_until(b'\n', &mut bytes), Ok(read) if read > 0) {
            let line = String::from_utf8_lossy(&bytes);
            let line = line.trim_end_matches(['\n', '\r']).to_owned();
            if to.send(Event::Line(from, line)).is_err() {
                return;
            }
            bytes.clear();
        }
    });
}

fn wait(mut child: Child, to: SyncSender<Event>) {
    thread::spawn(move || to.send(Event::Exit(child.wait())));
}

/// Hands on lines until the child and its pipes have ended. What the child leaves running in its group ends with it.
fn until_end(
    group: Pid,
    events: &Receiver<Event>,
    bound: Duration,
    on_line: &mut dyn FnMut(Pipe, &str),
) -> Result<Ending> {
    let mut watch = Stopwatch::start();
    let mut left = bound;
    let mut ending = None;
    loop {
        match events.recv_timeout(watch.left(left)) {
            Ok(Event::Line(pipe, line)) => on_line(pipe, &line),
            Ok(Event::Exit(status)) => {
                let status = status.map_err(Failure::of("cannot wait for the child"))?;
                ending = ending.or(Some(Ending::Exited(exit_code(status))));
                interrupt::end_group(group);
                (watch, left) = (Stopwatch::start(), LAST_LINES);
            }
            Err(RecvTimeoutError::Timeout) if ending.is_none() => {
                ending = Some(Ending::OutOfTime(bound));
                interrupt::end_group(group);
                (watch, left) = (Stopwatch::start(), LAST_LINES);
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                return ending.ok_or_else(|| Failure::new("the child's end was never seen"));
            }
        }
    }
}

fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, bound: Duration) -> Job {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Job::new("script", command, bound)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn an_exit_code_and_every_line_are_handed_on() {
        let mut lines = Vec::new();
        let ending = shell("echo one; echo two >&2; printf three; exit 7", LONG)
            .run_lines(&mut |pipe, line| lines.push((pipe, line.to_owned())))
            .unwrap();
        assert_eq!(ending, Ending::Exited(7));
        let of = |pipe| lines.iter().filter(move |line| line.0 == pipe).map(|line| line.1.as_str());
        assert_eq!(of(Pipe::Out).collect::<Vec<_>>(), ["one", "three"]);
        assert_eq!(of(Pipe::Err).collect::<Vec<_>>(), ["two"]);
    }

    #[test]
    fn a_child_over_its_bound_ends_with_its_own_children() {
        let watch = Stopwatch::start();
        let bound = Duration::from_millis(200);
        let ending = shell("sleep 50 & sleep 50", bound).run_lines(&mut |_, _| {}).unwrap();
        assert_eq!(ending, Ending::OutOfTime(bound));
        assert!(watch.elapsed() < LAST_LINES, "the grandchild held the pipe open");
    }

    #[test]
    fn what_a_child_leaves_running_ends_with_it() {
        let watch = Stopwatch::start();
        let ending = shell("sleep 50 & exit 0", LONG).run_lines(&mut |_, _| {}).unwrap();
        assert_eq!(ending, Ending::Exited(0));
        assert!(watch.elapsed() < LAST_LINES, "the grandchild held the pipe open");
    }

    #[test]
    fn a_signal_is_128_and_its_number() {
        let ending = shell("kill -9 $$", LONG).run_lines(&mut |_, _| {}).unwrap();
        assert_eq!(ending, Ending::Exited(137));
    }

    #[test]
    fn a_failing_child_gives_no_captured_text() {
        assert!(shell("echo half; exit 1", LONG).capture().is_err());
        assert_eq!(shell("echo whole", LONG).capture().unwrap(), "whole\n");
    }
}
