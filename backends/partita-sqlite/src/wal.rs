//! Reads the frames of a write-ahead log without SQLite: how much of it counts, and which pages it holds.
//!
//! Format and checksum: <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Result};
use std::path::Path;

pub(crate) const HEADER_BYTES: usize = 32;
const FRAME_BYTES: usize = 24;
/// Without its last bit, which tells the byte order of the checksums.
const MAGIC: u32 = 0x377f_0682;

/// What a log holds.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// Frames up to the last commit; these count.
    pub(crate) committed: u64,
    /// Whole frames behind the last commit, of a transaction that did not come to its end.
    pub(crate) unfinished: u64,
    /// Behind them a frame was begun and not written whole.
    pub(crate) torn: bool,
    /// The pages that the committed frames hold.
    pub(crate) pages: BTreeSet<u32>,
}

/// The frames of a log; `None` when there is no log, or nothing in it that SQLite would read.
pub(crate) fn read(path: &Path) -> Result<Option<Frames>> {
    let Some((mut reader, mut log)) = begin(path)? else { return Ok(None) };
    let mut frame = vec![0; FRAME_BYTES + log.page_bytes];
    let mut frames = Frames::default();
    let mut since_commit = vec![];
    loop {
        let read = fill(&mut reader, &mut frame)?;
        let ours = read >= FRAME_BYTES && frame[8..16] == log.salt;
        if read < frame.len() || !ours || !log.accepts(&frame) {
            // Frames of another salt are left over from an earlier round through the file.
            frames.torn = ours || (1..FRAME_BYTES).contains(&read);
            frames.unfinished = since_commit.len() as u64;
            return Ok(Some(frames));
        }
        since_commit.push(number_at(&frame, 0));
        if number_at(&frame, 4) != 0 {
            frames.committed += since_commit.len() as u64;
            frames.pages.extend(since_commit.drain(..));
        }
    }
}

/// Whether there is a log that SQLite would read.
pub(crate) fn begins(path: &Path) -> Result<bool> {
    Ok(begin(path)?.is_some())
}

fn begin(path: &Path) -> Result<Option<(BufReader<File>, Log)>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut reader = BufReader::new(file);
    let mut header = [0; HEADER_BYTES];
    let is_whole = fill(&mut reader, &mut header)? == HEADER_BYTES;
    Ok(is_whole.then(|| Log::begin(&header)).flatten().map(|log| (reader, log)))
}

/// A log as far as it was read.
struct Log {
    page_bytes: usize,
    salt: [u8; 8],
    big_endian: bool,
    sum: (u32, u32),
}

impl Log {
    fn begin(header: &[u8; HEADER_BYTES]) -> Option<Self> {
        let magic = number_at(header, 0);
        let page_bytes = usize::try_from(number_at(header, 8)).ok()?;
        let salt = header[16..24].try_into().ok()?;
        let known = magic & !1 == MAGIC && page_bytes.is_power_of_two() && (512..=65_536).contains(&page_bytes);
        let mut log = Self { page_bytes, salt, big_endian: magic & 1 == 1, sum: (0, 0) };
        log.add(&header[..24]);
        (known && log.sum == (number_at(header, 24), number_at(header, 28))).then_some(log)
    }

    /// Whether the frame is whole; its checksum covers all frames before it too.
    fn accepts(&mut self, frame: &[u8]) -> bool {
        self.add(&frame[..8]);
        self.add(&frame[FRAME_BYTES..]);
        self.sum == (number_at(frame, 16), number_at(frame, 20))
    }

    fn add(&mut self, bytes: &[u8]) {
        let (mut first, mut second) = self.sum;
        for pair in bytes.chunks_exact(8) {
            let [one, two] = [&pair[..4], &pair[4..]].map(|word| {
                let word = [word[0], word[1], word[2], word[3]];
                if self.big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
            });
            first = first.wrapping_add(one).wrapping_add(second);
            second = second.wrapping_add(two).wrapping_add(first);
        }
        self.sum = (first, second);
    }
}

/// A number as SQLite writes it, whatever the machine.
pub(crate) fn number_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// Reads until the buffer is full or the file ends.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of `rows` commits, as a process that was killed leaves it.
    fn log(rows: u32) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE t (a)").unwrap();
        for row in 0..rows {
            connection.execute("INSERT INTO t VALUES (?1)", [row]).unwrap();
        }
        std::fs::read(path.with_extension("db-wal")).unwrap()
    }

    fn read_bytes(bytes: &[u8]) -> Option<Frames> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        read(file.path()).unwrap()
    }

    #[test]
    fn every_committed_frame_counts_and_a_cut_one_is_torn() {
        let whole = log(3);
        let frames = read_bytes(&whole).unwrap();
        assert!(frames.committed >= 4 && !frames.torn && frames.unfinished == 0, "{frames:?}");
        assert!(frames.pages.contains(&2), "{frames:?}");
        for cut in [1, 100, 4_096, 4_119] {
            let less = read_bytes(&whole[..whole.len() - cut]).unwrap();
            assert_eq!((less.committed, less.torn), (frames.committed - 1, true), "cut by {cut}");
        }
        let less = read_bytes(&whole[..whole.len() - 4_120]).unwrap();
        assert_eq!((less.committed, less.torn), (frames.committed - 1, false), "a whole frame less");
    }

    #[test]
    fn a_changed_byte_ends_the_log_and_an_unreadable_header_is_none() {
        let mut bytes = log(3);
        let whole = read_bytes(&bytes).unwrap();
        let end = bytes.len();
        bytes[end - 4_120 - 50] ^= 1;
        let frames = read_bytes(&bytes).unwrap();
        assert_eq!((frames.committed, frames.torn), (whole.committed - 2, true));
        bytes[20] ^= 1;
        assert!(read_bytes(&bytes).is_none());
        assert!(read_bytes(&[0; 10_000]).is_none() && read_bytes(b"").is_none());
    }
}
