//! Call chains of a profile, added up to a tree.

use crate::Result;
use std::collections::BTreeMap;
use std::io::BufRead;

/// Characters of a frame's name at most.
const LONGEST_NAME: usize = 90;

/// A function as called from the frames above it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Frame {
    /// Samples in the function itself and in what it called.
    pub(super) samples: u64,
    /// What it called.
    pub(super) calls: BTreeMap<String, Self>,
}

impl Frame {
    /// Reads what `perf script -F comm,ip,sym` prints: for each sample the thread's name, then a line for each frame,
    /// the innermost first, then an empty line. A chain that has a frame for which `left_out` holds is not counted.
    pub(super) fn read(script: impl BufRead, left_out: impl Fn(&str) -> bool) -> Result<Self> {
        let (mut root, mut chain, mut thread) = (Self::default(), vec![], None);
        for line in script.lines().chain([Ok(String::new())]) {
            let line = line?;
            if line.trim().is_empty() {
                let outwards = chain.drain(..).chain(thread.take()).collect::<Vec<String>>();
                if !outwards.is_empty() && !outwards.iter().any(|name| left_out(name)) {
                    root.add(outwards.into_iter().rev());
                }
            } else if thread.is_none() {
                thread = Some(line.trim().to_owned());
            } else {
                let name = line.trim().split_once(' ').map_or("[unknown]", |(_, name)| name);
                chain.push(shortened(name));
            }
        }
        Ok(root)
    }

    fn add(&mut self, inwards: impl Iterator<Item = String>) {
        self.samples += 1;
        let mut frame = self;
        for name in inwards {
            frame = frame.calls.entry(name).or_default();
            frame.samples += 1;
        }
    }
}

/// A name without its type arguments.
fn shortened(name: &str) -> String {
    let (mut short, mut depth) = (String::new(), 0_u32);
    let mut before = ' ';
    for c in name.chars() {
        match c {
            '<' if !short.is_empty() => depth += 1,
            '>' if before != '-' => depth = depth.saturating_sub(1),
            _ if depth == 0 && c != '<' => short.push(c),
            _ => {}
        }
        before = c;
    }
    short.chars().take(LONGEST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "writer \n\t 7f1 inner<u8>\n\t 7f0 outer\n\nwriter \n\t 7f2 inner<u16>\n\t 7f0 outer\n\n\
                          bench \n\t 7f3 raw::limit\n\t 7f0 outer\n\nmain \n\t 7f9\n";

    #[test]
    fn names_lose_their_type_arguments() {
        assert_eq!(shortened("core::ptr::drop_in_place<alloc::vec::Vec<u8>>"), "core::ptr::drop_in_place");
        assert_eq!(shortened("<partita_saga::Engine as Sagas>::counts"), "partita_saga::Engine as Sagas::counts");
    }

    #[test]
    fn equal_chains_become_one_and_those_left_out_are_not_counted() {
        let root = Frame::read(SCRIPT.as_bytes(), |name| name.starts_with("raw::")).unwrap();
        let inner = &root.calls["writer"].calls["outer"].calls["inner"];
        assert_eq!((root.samples, inner.samples), (3, 2));
        assert_eq!(root.calls["main"].calls["[unknown]"].samples, 1);
        assert!(!root.calls.contains_key("bench"));
    }
}
