//! Global heaps, where texts of variable length are stored: read as a whole, because libhdf5 looks up each text by
//! itself. Whatever is unusual is answered with `None`, for libhdf5 to read.

use std::collections::HashMap;

use hdfstream::decode::heap::{LEAST, Objects, Reference, size};

pub(super) use hdfstream::decode::heap::REFERENCE;

use super::raw::RawFile;

/// Larger ones are left to libhdf5, bytes.
const LARGEST: u64 = 16 << 20;
/// Bytes of collections that are kept.
const KEPT: usize = 32 << 20;

/// The collections of a file that were read lately.
#[derive(Default)]
pub(super) struct Heaps {
    kept: HashMap<u64, Collection>,
    bytes: usize,
}

/// A part of the heap.
struct Collection {
    bytes: Vec<u8>,
    objects: Objects,
}

impl Heaps {
    /// The text to which a stored element refers.
    pub(super) fn text(&mut self, file: &RawFile, element: &[u8; REFERENCE]) -> Option<&[u8]> {
        let Reference {
            length,
            address,
            number,
        } = Reference::of(element);
        if length == 0 || address == 0 {
            return Some(&[]);
        }
        if !self.kept.contains_key(&address) {
            let collection = Collection::read(file, address)?;
            if self.bytes + collection.bytes.len() > KEPT {
                self.kept.clear();
                self.bytes = 0;
            }
            self.bytes += collection.bytes.len();
            self.kept.insert(address, collection);
        }
        let collection = self.kept.get(&address)?;
        let text = collection.objects.find(&collection.bytes, number)?;
        // As in C, where a text ends with the first NUL.
        (text.len() == length as usize).then(|| {
            let end = text.iter().position(|&byte| byte == 0);
            &text[..end.unwrap_or(text.len())]
        })
    }
}

impl Collection {
    fn read(file: &RawFile, address: u64) -> Option<Self> {
        let mut bytes = vec![0; LEAST as usize];
        file.read(address, &mut bytes)?;
        let size = size(&bytes).filter(|size| *size <= LARGEST)?;
        bytes.resize(size as usize, 0);
        file.read(address + LEAST, &mut bytes[LEAST as usize..])?;
        let mut objects = Objects::default();
        objects.list(&bytes)?;
        Some(Self { bytes, objects })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io::Write;
    use std::rc::Rc;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::worker::tracer::Tracer;

    /// Where the collection is.
    const ADDRESS: u64 = 104;

    /// A collection of these objects with their numbers, and free space behind them.
    fn collection(size: usize, objects: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; ADDRESS as usize];
        bytes.extend(b"GCOL\x01\0\0\0");
        bytes.extend((size as u64).to_le_bytes());
        for (number, object) in objects {
            bytes.extend(number.to_le_bytes());
            bytes.extend([1, 0, 0, 0, 0, 0]);
            bytes.extend((object.len() as u64).to_le_bytes());
            bytes.extend(*object);
            bytes.resize(bytes.len().next_multiple_of(8), 0);
        }
        let end = ADDRESS as usize + size;
        if let Some(free) = (end - bytes.len()).checked_sub(REFERENCE) {
            bytes.extend([0; 8]);
            bytes.extend((free as u64 + 16).to_le_bytes());
        }
        bytes.resize(end, 0xEE);
        bytes
    }

    fn reference(length: u32, address: u64, number: u32) -> [u8; REFERENCE] {
        let mut element = [0; REFERENCE];
        element[..4].copy_from_slice(&length.to_le_bytes());
        element[4..12].copy_from_slice(&address.to_le_bytes());
        element[12..].copy_from_slice(&number.to_le_bytes());
        element
    }

    fn text(bytes: &[u8], element: &[u8; REFERENCE]) -> Option<Vec<u8>> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let tracer = Rc::new(RefCell::new(Tracer::clock(Duration::from_secs(60))));
        let file = RawFile::new(&Rc::new(file), &tracer);
        Heaps::default().text(&file, element).map(<[u8]>::to_vec)
    }

    fn some() -> Vec<u8> {
        collection(4096, &[(1, b"first"), (7, b"with \0 end"), (3, b"eight by")])
    }

    #[test]
    fn texts_are_found_by_their_numbers() {
        let bytes = some();
        let found = |length, number| text(&bytes, &reference(length, ADDRESS, number));
        assert_eq!(found(5, 1).as_deref(), Some(&b"first"[..]));
        assert_eq!(found(8, 3).as_deref(), Some(&b"eight by"[..]));
        assert_eq!(found(10, 7).as_deref(), Some(&b"with "[..]));
        assert_eq!(found(0, 1).as_deref(), Some(&b""[..]));
        assert_eq!(text(&bytes, &reference(5, 0, 0)).as_deref(), Some(&b""[..]));
        let long = vec![b'x'; 100_000];
        let bytes = collection(100_032, &[(1, &long)]);
        assert_eq!(text(&bytes, &reference(100_000, ADDRESS, 1)), Some(long));
    }

    #[test]
    fn what_does_not_fit_is_left_to_libhdf5() {
        let bytes = some();
        for element in [
            reference(4, ADDRESS, 1),
            reference(5, ADDRESS, 2),
            reference(5, ADDRESS, 0),
            reference(5, ADDRESS, u32::MAX),
            reference(5, ADDRESS + 1, 1),
            reference(5, u64::MAX, 1),
            reference(5, u64::MAX - 4095, 1),
        ] {
            assert_eq!(text(&bytes, &element), None, "{element:?}");
        }
        assert_eq!(text(&bytes[..4000], &reference(5, ADDRESS, 1)), None);
    }

    proptest! {
        #[test]
        fn whatever_is_damaged_does_no_harm(
            changes in proptest::collection::vec((0..200usize, any::<u8>()), 1..6),
            length in 0..20u32,
            number in 0..9u32,
        ) {
            let mut bytes = some();
            for (at, byte) in changes {
                bytes[ADDRESS as usize + at] = byte;
            }
            let found = text(&bytes, &reference(length, ADDRESS, number));
            prop_assert!(found.is_none_or(|text| text.len() <= length as usize));
        }
    }
}
