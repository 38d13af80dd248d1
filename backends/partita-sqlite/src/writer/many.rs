//! Many rows in one statement: what a statement costs by itself is as much as a short row.

use std::sync::LazyLock;

/// Rows of a statement: the most first.
pub(super) const SIZES: [usize; 6] = [32, 16, 8, 4, 2, 1];

/// The statement `INSERT .. VALUES (..) ..` of one row, for as many rows as there are sizes.
#[derive(Debug)]
pub(super) struct Many {
    /// Places of a row.
    pub(super) columns: usize,
    texts: [String; SIZES.len()],
}

/// One that is made when it is first used.
pub(super) type Lazy = LazyLock<Many>;

impl Many {
    pub(super) fn of(one: &str) -> Self {
        let (head, rest) = one.split_once("VALUES ").unwrap_or((one, ""));
        let (places, tail) = rest.split_once(')').unwrap_or_default();
        let columns = places.matches('?').count();
        let row = |at: usize| {
            let places: Vec<String> = (1..=columns).map(|column| format!("?{}", at * columns + column)).collect();
            format!("({})", places.join(", "))
        };
        let rows = |rows: usize| (0..rows).map(row).collect::<Vec<_>>().join(", ");
        Self { columns, texts: SIZES.map(|size| format!("{head}VALUES {}{}", rows(size), tail.trim_end())) }
    }

    /// Rows for one statement each, with the place of its size; all of them, or those that fill the largest.
    pub(super) fn pieces<'r, R>(&self, rows: &'r [R], all: bool) -> impl Iterator<Item = (usize, &str, &'r [R])> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_of_many_rows_numbers_its_places_and_keeps_what_stands_behind_them() {
        let many = Many::of("INSERT INTO t (a, b) VALUES (?1, ?2)\nON CONFLICT DO NOTHING\n");
        assert_eq!(many.columns, 2);
        assert_eq!(many.texts[4], "INSERT INTO t (a, b) VALUES (?1, ?2), (?3, ?4)\nON CONFLICT DO NOTHING");
        assert_eq!(Many::of("INSERT INTO t (a) VALUES (?1)\n").texts[5], "INSERT INTO t (a) VALUES (?1)");
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
