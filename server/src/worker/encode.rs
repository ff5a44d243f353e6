//! Objects of a file as replies of protocol v1, a piece at a time.

mod attributes;
mod dataset;
mod elements;
mod form;
mod group;
mod value;

use std::cell::RefCell;
use std::ffi::CString;
use std::fs::File;
use std::os::fd::AsFd;
use std::rc::Rc;

use dataset::Described;
use elements::Reader;

use super::hdf5::{self, Library, Object, OpenFile};
use super::heap::Heaps;
use super::question::{Answer, Ask, Failure, Question};
use super::raw::RawFile;
use super::tracer::Tracer;
use crate::store::version;

/// A file that stays open after a question, because the next one is often about it, too.
pub(super) struct Kept {
    path: String,
    version: Option<String>,
    /// The dataset that was read last, before the file that it is in: they are closed in this order.
    dataset: Option<(u64, Object, Reader)>,
    /// None where only libhdf5 is to look.
    heaps: Option<Heaps>,
    opened: OpenFile,
    tracer: Rc<RefCell<Tracer>>,
    file: Rc<File>,
}

/// An answer and the bytes that follow it.
pub(super) type Answered = (Answer, Vec<u8>);

/// Answers a question about `file`, which was just opened by the question's path.
pub(super) fn answer(
    library: &Library,
    kept: &mut Option<Kept>,
    file: File,
    question: &Question,
) -> Answered {
    match try_answer(library, kept, file, question) {
        Ok(answered) => answered,
        Err(failure) => {
            // After a failure libhdf5 may be in the middle of things.
            let slow = kept
                .as_ref()
                .is_some_and(|kept| kept.tracer.borrow_mut().is_exhausted());
            *kept = None;
            (
                Answer::Failed(if slow { Failure::TooSlow } else { failure }),
                Vec::new(),
            )
        }
    }
}

fn try_answer(
    library: &Library,
    kept: &mut Option<Kept>,
    file: File,
    question: &Question,
) -> Result<Answered, Failure> {
    check(&file, question)?;
    let same = |kept: &Kept| {
        kept.path == question.path && kept.version == question.version && question.version.is_some()
    };
    let at_hand = match kept.take().filter(same) {
        Some(kept) => kept,
        None => open(library, file, question)?,
    };
    at_hand.tracer.borrow_mut().restart(question.limit);
    let at_hand = kept.insert(at_hand);
    let answered = at_hand.answer(&question.ask)?;
    check(at_hand.file.as_fd(), question)?;
    Ok(answered)
}

/// Whether the file is the version that the question is about.
fn check(file: impl AsFd, question: &Question) -> Result<(), Failure> {
    let Some(version) = &question.version else {
        return Ok(());
    };
    let file = file
        .as_fd()
        .try_clone_to_owned()
        .map_err(|_| Failure::Unreadable)?;
    let metadata = File::from(file).metadata().map_err(|_| Failure::Unreadable)?;
    if version::tag(&metadata) == *version {
        Ok(())
    } else {
        Err(Failure::Changed)
    }
}

fn open(library: &Library, file: File, question: &Question) -> Result<Kept, Failure> {
    let size = file.metadata().map_err(|_| Failure::Unreadable)?.len();
    let file = Rc::new(file);
    let tracer = Rc::new(RefCell::new(Tracer::clock(question.limit)));
    let opened = library.open(&file, size, &tracer).ok_or(Failure::NotHdf5)?;
    Ok(Kept {
        path: question.path.clone(),
        version: question.version.clone(),
        dataset: None,
        heaps: opened.has_usual_addresses().then(Heaps::default),
        opened,
        tracer,
        file,
    })
}

impl Kept {
    fn answer(&mut self, ask: &Ask) -> Result<Answered, Failure> {
        let writing = match ask {
            Ask::Object { name, scope } => group::Writing::object(&self.opened, self.find(name)?, *scope)?,
            Ask::More { rest, scope } => group::Writing::resume(&self.opened, rest.clone(), *scope)?,
            Ask::Dataset { name } => return self.describe(name),
            Ask::Read { address, rows, rest } => return self.read(*address, rows, rest),
        };
        let group::Written {
            parts,
            rest,
            left_out,
        } = writing.run()?;
        let answer = Answer::Parts {
            parts,
            rest,
            left_out,
        };
        Ok((answer, Vec::new()))
    }

    /// The object at a path of links from the root group; an empty one is the root group itself.
    fn find(&self, name: &str) -> Result<Object, Failure> {
        let root = self.opened.root().ok_or(Failure::NotHdf5)?;
        if name.split('/').all(|component| matches!(component, "" | ".")) {
            return Ok(root);
        }
        let name = CString::new(name).map_err(|_| Failure::Missing)?;
        root.open(&name).ok_or(Failure::Missing)
    }

    fn describe(&self, name: &str) -> Result<Answered, Failure> {
        let object = self.find(name)?;
        let hdf5::Kind::Dataset(dataset) = object.kind() else {
            return Err(Failure::NotDataset);
        };
        let described = Described::of(&object, &dataset)?;
        if described.storage == hdf5::Storage::Outside {
            return Err(Failure::Outside);
        }
        Ok((Answer::Dataset(described.source()?), Vec::new()))
    }

    fn read(&mut self, address: u64, rows: &[(u64, u64)], rest: &[(u64, u64)]) -> Result<Answered, Failure> {
        if self.dataset.as_ref().is_none_or(|(kept, ..)| *kept != address) {
            self.dataset = None;
            let object = self.opened.object_at(address).ok_or(Failure::Unreadable)?;
            let hdf5::Kind::Dataset(dataset) = object.kind() else {
                return Err(Failure::NotDataset);
            };
            let described = Described::of(&object, &dataset)?;
            if described.storage == hdf5::Storage::Outside {
                return Err(Failure::Outside);
            }
            let raw = RawFile::new(&self.file, &self.tracer);
            let reader = Reader::new(&dataset, described, raw);
            self.dataset = Some((address, object, reader));
        }
        let Some((_, object, reader)) = &mut self.dataset else {
            return Err(Failure::Unreadable);
        };
        let hdf5::Kind::Dataset(dataset) = object.kind() else {
            return Err(Failure::NotDataset);
        };
        let (elements, bytes) = reader.read(&dataset, self.heaps.as_mut(), rows, rest)?;
        let answer = Answer::Elements {
            elements,
            bytes: bytes.len() as u64,
        };
        Ok((answer, bytes))
    }
}
