//! Global heaps, where a file keeps what varies in length: collections of objects, which elements refer to by the
//! address of the collection and a number. Whatever is unusual is answered with `None`, for libhdf5 to read.

/// Bytes by which an element of variable length refers to its object, in files with the usual sizes.
pub const REFERENCE: usize = 16;
/// Least bytes of a collection.
pub const LEAST: u64 = 4096;
/// Bytes before the first object.
const HEAD: usize = 16;
/// Bytes before an object's own.
const OBJECT: usize = 16;

/// What an element of variable length has in place of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// How many values it has: bytes of a text.
    pub length: u32,
    /// Of the collection; zero for no value at all.
    pub address: u64,
    /// Of the object.
    pub number: u32,
}

impl Reference {
    /// The reference that is stored like this.
    #[must_use]
    pub fn of(stored: &[u8; REFERENCE]) -> Self {
        let [a, b, c, d, address @ .., e, f, g, h] = *stored;
        Self {
            length: u32::from_le_bytes([a, b, c, d]),
            address: u64::from_le_bytes(address),
            number: u32::from_le_bytes([e, f, g, h]),
        }
    }
}

/// Bytes that the object of so many bytes takes in a collection.
#[must_use]
pub fn taken(length: u64) -> u64 {
    length.saturating_add(OBJECT as u64 + 7) / 8 * 8
}

/// Bytes of the collection that begins like this.
#[must_use]
pub fn size(head: &[u8]) -> Option<u64> {
    // Version 1, and three bytes without a meaning.
    let size = u64::from_le_bytes(*head.get(8..)?.first_chunk()?);
    (head.starts_with(b"GCOL\x01") && size >= LEAST).then_some(size)
}

/// Where the objects of a collection are, by their number: first byte, and one past the last.
#[derive(Debug, Default)]
pub struct Objects(Vec<(u32, u32)>);

impl Objects {
    /// Looks through a collection, given whole; forgets the one before.
    pub fn list(&mut self, collection: &[u8]) -> Option<()> {
        self.0.clear();
        if size(collection)? != collection.len() as u64 || u32::try_from(collection.len()).is_err() {
            return None;
        }
        let mut at = HEAD;
        while let Some(head) = collection.get(at..at + OBJECT) {
            let number = usize::from(u16::from_le_bytes(*head.first_chunk()?));
            let length = usize::try_from(u64::from_le_bytes(*head[8..].first_chunk()?)).ok()?;
            let left = collection.len() - at;
            if length > left {
                return None;
            }
            if number == 0 {
                // Free space, of which the head is part.
                if length < OBJECT {
                    return None;
                }
                at += length;
                continue;
            }
            let begin = at + OBJECT;
            at = begin + length.next_multiple_of(8);
            if at > collection.len() {
                return None;
            }
            if self.0.len() <= number {
                self.0.resize(number + 1, (0, 0));
            }
            // Within 32 bits, as is checked above.
            self.0[number] = (begin as u32, (begin + length) as u32);
        }
        Some(())
    }

    /// The object of that number of `collection`, which was listed.
    #[must_use]
    pub fn find<'c>(&self, collection: &'c [u8], number: u32) -> Option<&'c [u8]> {
        let &(begin, end) = self.0.get(number as usize)?;
        (begin > 0)
            .then(|| collection.get(begin as usize..end as usize))
            .flatten()
    }
}

#[cfg(test)]
pub(crate) mod tests;
