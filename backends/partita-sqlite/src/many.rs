//! Many rows in one statement: what a statement costs by itself is as much as a short row.

use std::sync::LazyLock;

/// Rows of a statement: the most first.
pub(crate) const SIZES: [usize; 6] = [32, 16, 8, 4, 2, 1];

/// The statement `INSERT .. VALUES (..) ..` of one row, for as many rows as there are sizes.
#[derive(Debug)]
pub(crate) struct Many {
    /// Places of a row.
    pub(crate) columns: usize,
    texts: [String; SIZES.len()],
}

/// One that is made when it is first used.
pub(crate) type Lazy = LazyLock<Many>;

impl Many {
    pub(crate) fn of(one: &str) -> Self {
        let (head, rest) = one.split_once("VALUES ").unwrap_or((one, ""));
        let (row, tail) = rest.split_once(')').unwrap_or_default();
        let columns = row.matches('?').count();
        let rows = |rows: usize| (0..rows).map(|at| behind(row, at * columns) + ")").collect::<Vec<_>>().join(", ");
        Self { columns, texts: SIZES.map(|size| format!("{head}VALUES {}{}", rows(size), tail.trim_end())) }
    }

    /// The statement of one row, and the place of its size.
    pub(crate) fn one(&self) -> (usize, &str) {
        let last = SIZES.len() - 1;
        (last, &self.texts[last])
    }

    /// Rows for one statement each, with the place of its size; all of them, or those that fill the largest.
    pub(crate) fn pieces<'r, R>(&self, rows: &'r [R], all: bool) -> impl Iterator<Item = (usize, &str, &'r [R])> {
        let mut rest = rows;
        let sizes = if all { SIZES.len() } else { 1 };
        let mut texts = SIZES.into_iter().zip(&self.texts).enumerate().take(sizes).peekable();
        std::iter::from_fn(move || {
            loop {
                let (place, (size, text)) = *texts.peek()?;
                if let Some((piece, behind)) = rest.split_at_checked(size) {
                    rest = behind;
                    return Some((place, text.as_str(), piece));
                }
                texts.next();
            }
        })
    }
}

/// A row whose places have so many before them.
fn behind(row: &str, before: usize) -> String {
    let mut parts = row.split('?');
    let head = parts.next().unwrap_or_default().to_owned();
    parts.fold(head, |text, part| {
        let (number, rest) = part.split_at(part.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(part.len()));
        text + &format!("?{}{rest}", number.parse::<usize>().unwrap_or(0) + before)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_of_many_rows_numbers_its_places_and_keeps_what_stands_behind_them() {
        let many = Many::of("INSERT INTO t (a, b, c) VALUES (?1, 1, ?2)\nON CONFLICT DO NOTHING\n");
        assert_eq!(many.columns, 2);
        assert_eq!(many.texts[4], "INSERT INTO t (a, b, c) VALUES (?1, 1, ?2), (?3, 1, ?4)\nON CONFLICT DO NOTHING");
        assert_eq!(Many::of("INSERT INTO t (a) VALUES (?1)\n").one(), (5, "INSERT INTO t (a) VALUES (?1)"));
    }

    #[test]
    fn rows_go_into_as_few_statements_as_there_are_sizes_for() {
        let many = Many::of("INSERT INTO t (a) VALUES (?1)");
        let rows: Vec<usize> = (0..75).collect();
        let sizes = |all| many.pieces(&rows, all).map(|(_, _, piece)| piece.len()).collect::<Vec<_>>();
        assert_eq!((sizes(true), sizes(false)), (vec![32, 32, 8, 2, 1], vec![32, 32]));
        let written: Vec<usize> = many.pieces(&rows, true).flat_map(|(_, _, piece)| piece.to_vec()).collect();
        assert_eq!(written, rows);
        assert!(
            many.pieces(&rows, true).all(|(place, text, piece)| {
                SIZES[place] == piece.len() && text.matches('?').count() == piece.len()
            })
        );
    }
}
