//! Where the rows of one stream or journal lie: a run of places, packed into a byte or two each.

/// Places of a row of the index at most.
const CHUNK_PLACES: usize = 256;
/// Bytes of a row of the index, about: what is longer would spill out of SQLite's page.
const CHUNK_BYTES: usize = 700;

/// Bytes that need no memory of their own: the places of nearly every saga, and of streams that are short.
const FEW: usize = 15;

/// A few bytes in place, or more of them elsewhere.
#[derive(Clone, Debug)]
enum Bytes {
    Few(u8, [u8; FEW]),
    Many(Vec<u8>),
}

impl Bytes {
    fn from(bytes: &[u8]) -> Self {
        let mut few = [0; FEW];
        match (few.get_mut(..bytes.len()), u8::try_from(bytes.len())) {
            (Some(start), Ok(count)) => {
                start.copy_from_slice(bytes);
                Self::Few(count, few)
            }
            _ => Self::Many(bytes.to_vec()),
        }
    }

    fn push(&mut self, byte: u8) {
        match self {
            Self::Few(count, few) => match few.get_mut(usize::from(*count)) {
                Some(free) => (*free, *count) = (byte, *count + 1),
                None => {
                    let mut many = Vec::with_capacity(2 * FEW);
                    many.extend_from_slice(few);
                    many.push(byte);
                    *self = Self::Many(many);
                }
            },
            Self::Many(many) => many.push(byte),
        }
    }

    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Few(count, few) => few.get(..usize::from(*count)).unwrap_or(few),
            Self::Many(many) => many,
        }
    }
}

impl Default for Bytes {
    fn default() -> Self {
        Self::Few(0, [0; FEW])
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Bytes {}

/// Places of consecutive versions, ascending: their differences as LEB128, the first one against 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Run {
    first: u64,
    count: u64,
    last: u64,
    packed: Bytes,
}

impl Run {
    /// An empty run; its first place will be that of this version.
    pub(crate) fn from(first: u64) -> Self {
        Self { first, ..Self::default() }
    }

    /// The run that a row of the index holds.
    pub(crate) fn unpack(first: u64, packed: &[u8]) -> Self {
        let last = Unpacked { packed, last: 0 }.last().unwrap_or(0);
        Self { first, count: count(packed), last, packed: Bytes::from(packed) }
    }

    /// The next version lies here.
    pub(crate) fn push(&mut self, place: u64) {
        pack(&mut self.packed, place.wrapping_sub(self.last));
        self.last = place;
        self.count += 1;
    }

    /// Takes in the run that goes on where this one ends.
    pub(crate) fn extend(&mut self, next: &Self) {
        next.iter().for_each(|(_, place)| self.push(place));
    }

    /// This run without another one, with which it ends.
    pub(crate) fn without(&self, end: &Self) -> Self {
        self.until(self.end().saturating_sub(end.count))
    }

    /// This run, as far as it lies before a version.
    pub(crate) fn until(&self, version: u64) -> Self {
        if version >= self.end() {
            return self.clone();
        }
        let mut run = Self::from(self.first);
        self.iter().take_while(|(of, _)| *of < version).for_each(|(_, place)| run.push(place));
        run
    }

    /// Whether a row of the index that holds it takes no more.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= CHUNK_PLACES || self.packed.as_slice().len() > CHUNK_BYTES
    }

    /// The version of the first place.
    pub(crate) const fn first(&self) -> u64 {
        self.first
    }

    /// One more than the version of the last place.
    pub(crate) const fn end(&self) -> u64 {
        self.first + self.count
    }

    /// How many places.
    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.count).unwrap_or(usize::MAX)
    }

    /// Versions and places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        (self.first..).zip(Unpacked { packed: self.packed.as_slice(), last: 0 })
    }

    /// Rows of the index. Where one ends follows from its beginning alone, so that a longer run has the same rows and more.
    pub(crate) fn chunks(&self) -> Vec<(u64, Vec<u8>)> {
        if self.len() <= CHUNK_PLACES && self.packed.as_slice().len() <= CHUNK_BYTES {
            return vec![(self.first, self.packed.as_slice().to_vec())];
        }
        let mut chunks = vec![];
        let mut chunk = Self::from(self.first);
        for (version, place) in self.iter() {
            if chunk.is_full() {
                let full = std::mem::replace(&mut chunk, Self::from(version));
                chunks.push((full.first, full.packed.as_slice().to_vec()));
            }
            chunk.push(place);
        }
        chunks.push((chunk.first, chunk.packed.as_slice().to_vec()));
        chunks
    }
}

/// How many places are packed into these bytes.
pub(crate) fn count(packed: &[u8]) -> u64 {
    packed.iter().filter(|byte| **byte < 0x80).count() as u64
}

fn pack(packed: &mut Bytes, mut difference: u64) {
    loop {
        let low = (difference & 0x7f) as u8;
        difference >>= 7;
        if difference == 0 {
            return packed.push(low);
        }
        packed.push(low | 0x80);
    }
}

struct Unpacked<'a> {
    packed: &'a [u8],
    last: u64,
}

impl Iterator for Unpacked<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let end = self.packed.iter().position(|byte| *byte < 0x80)?;
        let (one, rest) = self.packed.split_at(end + 1);
        let difference = one.iter().rev().fold(0_u64, |sum, byte| sum << 7 | u64::from(byte & 0x7f));
        self.packed = rest;
        self.last = self.last.wrapping_add(difference);
        Some(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(first: u64, places: impl IntoIterator<Item = u64>) -> Run {
        let mut run = Run::from(first);
        places.into_iter().for_each(|place| run.push(place));
        run
    }

    #[test]
    fn places_are_read_back_and_neighbours_take_a_byte() {
        let places = [1, 2, 3, 200, 100_000, u64::from(u32::MAX), u64::MAX >> 1];
        let packed = run(7, places);
        assert_eq!(packed.iter().collect::<Vec<_>>(), (7..).zip(places).collect::<Vec<_>>());
        assert_eq!((packed.first(), packed.end(), packed.len()), (7, 14, 7));
        assert_eq!(run(0, 1..=100).packed.as_slice().len(), 100);
        assert_eq!(Run::unpack(7, packed.packed.as_slice()), packed);
    }

    #[test]
    fn a_longer_run_has_the_same_rows_and_more() {
        let steps = |n: u64| (1..=n).map(|at| at * 150);
        let (short, long) = (run(5, steps(1_000)), run(5, steps(3_000)));
        let (of_short, of_long) = (short.chunks(), long.chunks());
        let whole = of_short.len() - 1;
        assert_eq!(of_short[..whole], of_long[..whole]);
        assert_eq!(of_short[whole].0, of_long[whole].0);
        let joined: Vec<_> =
            of_long.iter().flat_map(|(first, packed)| Run::unpack(*first, packed).iter().collect::<Vec<_>>()).collect();
        assert_eq!(joined, long.iter().collect::<Vec<_>>());
        assert!(of_long.iter().all(|(_, packed)| packed.len() < CHUNK_BYTES + 10));
    }

    #[test]
    fn a_few_places_lie_in_the_run_itself() {
        assert_eq!(size_of::<Run>(), 48);
        for count in [0, 1, 14, 15, 16, 17, 40] {
            let places: Vec<u64> = (1..=count).collect();
            let run = run(0, places.iter().copied());
            assert_eq!(matches!(run.packed, Bytes::Few(..)), count <= 15, "{count}");
            assert_eq!(run.iter().map(|(_, place)| place).collect::<Vec<_>>(), places);
            assert_eq!(Run::unpack(0, run.packed.as_slice()), run);
        }
    }

    #[test]
    fn a_run_goes_on_where_another_ends() {
        let (mut front, back) = (run(0, [3, 4]), run(2, [9, 11]));
        front.extend(&back);
        assert_eq!(front, run(0, [3, 4, 9, 11]));
        assert_eq!((front.without(&back), front.until(3)), (run(0, [3, 4]), run(0, [3, 4, 9])));
        assert_eq!(front.until(9), front);
    }
}
