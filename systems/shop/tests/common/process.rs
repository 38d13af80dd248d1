//! Processes with bounded waits, which end with their owner.

use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;

/// A process. Dropping it kills it and waits until it is gone.
pub(crate) struct Process {
    pid: Pid,
    lines: Mutex<Receiver<String>>,
    ended: Mutex<Receiver<ExitStatus>>,
    status: Option<ExitStatus>,
    log: TempDir,
}

/// What a process that ended has said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Process {
    /// The shop with arguments.
    pub(crate) fn shop(arguments: &[&str]) -> Self {
        Self::spawn(Self::shop_command(arguments))
    }

    /// The shop with arguments, not yet started.
    pub(crate) fn shop_command(arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
        command.args(arguments).env_remove("RUST_LOG").env_remove("NO_COLOR");
        command
    }

    /// The shop with arguments, held to what files allow. Root is not, and gives that up.
    pub(crate) fn shop_held_to_rights(arguments: &[&str]) -> Self {
        if !rustix::process::getuid().is_root() {
            return Self::shop(arguments);
        }
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-dac_override,-dac_read_search", env!("CARGO_BIN_EXE_shop")]).args(arguments);
        Self::spawn(command)
    }

    pub(crate) fn spawn(command: Command) -> Self {
        Self::logging_in(tempfile::tempdir().unwrap(), command)
    }

    /// Starts it with a file in `log` for its stderr.
    pub(crate) fn logging_in(log: TempDir, mut command: Command) -> Self {
        let errors = File::create(log.path().join("stderr")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().unwrap();
        let pid = Pid::from_child(&child);
        let (line, lines) = channel();
        let (end, ended) = channel();
        let stdout = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for text in BufReader::new(stdout).lines().map_while(Result::ok) {
                if line.send(text).is_err() {
                    return;
                }
            }
        });
        std::thread::spawn(move || end.send(child.wait().unwrap()));
        Self { pid, lines: Mutex::new(lines), ended: Mutex::new(ended), status: None, log }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// The next line on stdout; `None` when it has ended, or says nothing for so long.
    pub(crate) fn line(&self, within: Duration) -> Option<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(within).ok()
    }

    /// What it said on stderr so far.
    pub(crate) fn errors(&self) -> String {
        let bytes = std::fs::read(self.log.path().join("stderr")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap();
    }

    /// Kills it where it stands, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        if self.status.is_none() {
            let _ = kill_process(self.pid, Signal::KILL);
            self.wait(Duration::from_secs(10));
        }
    }

    /// Waits for its end; `None` when it goes on.
    pub(crate) fn wait(&mut self, within: Duration) -> Option<ExitStatus> {
        if self.status.is_none() {
            let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            self.status = ended.recv_timeout(within).ok();
        }
        self.status
    }

    /// Waits for its end and takes what it said.
    #[track_caller]
    pub(crate) fn said(mut self, within: Duration) -> Said {
        let status = self.wait(within).unwrap_or_else(|| panic!("it goes on after {within:?}: {}", self.errors()));
        let mut out = String::new();
        while let Some(line) = self.line(Duration::from_secs(5)) {
            out.push_str(&line);
            out.push('\n');
        }
        Said { code: status.code(), out, err: self.errors() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
