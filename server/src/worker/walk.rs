//! The order in which a file is looked at: what programs ask for first comes first.

use std::cell::RefCell;
use std::collections::{HashSet, VecDeque};
use std::ffi::CString;
use std::fs::File;
use std::rc::Rc;

use hdfstream::protocol::Intent;

use super::hdf5::{Attribute, Index, Kind, Library, Object, OpenFile};
use super::tracer::Tracer;
use super::wire::JobOutcome;

/// Does what `intent` says with a file of `size` bytes, so that `tracer` sees what that touches.
pub(super) fn look(
    library: &Library,
    file: &Rc<File>,
    size: u64,
    intent: &Intent,
    tracer: &Rc<RefCell<Tracer>>,
) -> JobOutcome {
    let mut walk = Walk {
        tracer,
        met: HashSet::new(),
        waiting: VecDeque::new(),
        objects: 0,
        raw_files: false,
        unreadable: false,
    };
    if let Some(opened) = library.open(file, size, tracer) {
        match intent {
            Intent::File => walk.whole(&opened),
            Intent::Object { address, name } => walk.one(&opened, *address, name),
        }
    }
    let complete = !tracer.borrow_mut().is_exhausted();
    // A file that libhdf5 refuses here may be read by another version of it.
    let all = complete && walk.objects > 0 && !walk.unreadable;
    JobOutcome {
        complete,
        objects: walk.objects,
        raw_files: (walk.raw_files || all).then_some(walk.raw_files),
    }
}

struct Walk<'a> {
    tracer: &'a Rc<RefCell<Tracer>>,
    /// Addresses of all objects seen, so that cycles of links end.
    met: HashSet<u64>,
    /// Those of them that are still to be looked at, nearest to the root first.
    waiting: VecDeque<u64>,
    objects: u64,
    /// Whether one of them keeps its elements in raw files.
    raw_files: bool,
    /// Whether some object could not be opened.
    unreadable: bool,
}

impl Walk<'_> {
    fn whole(&mut self, file: &OpenFile) {
        file.touch_properties();
        let Some(root) = file.root() else {
            return;
        };
        self.object(&root);
        // Half the clients want no more than this.
        self.tracer.borrow_mut().report();
        drop(root);
        self.rest(file);
        // Few programs ask, and damaged managers are best met last.
        file.touch_free_space();
    }

    fn one(&mut self, file: &OpenFile, address: u64, name: &str) {
        let Some(start) = file.object_at(address) else {
            return;
        };
        let found = match name {
            "" | "." => Some(start),
            _ => CString::new(name).ok().and_then(|name| start.open(&name)),
        };
        let Some(object) = found else {
            return;
        };
        self.object(&object);
        drop(object);
        let members: Vec<u64> = self.waiting.drain(..).collect();
        for address in members {
            self.member(file, address);
            self.waiting.clear();
        }
    }

    fn rest(&mut self, file: &OpenFile) {
        while let Some(address) = self.waiting.pop_front() {
            self.member(file, address);
        }
    }

    fn member(&mut self, file: &OpenFile, address: u64) {
        if self.exhausted() {
            self.waiting.clear();
        } else if let Some(object) = file.object_at(address) {
            self.object(&object);
        } else {
            self.unreadable = true;
        }
    }

    fn object(&mut self, object: &Object) {
        self.objects += 1;
        // The header is read as a whole, so comment, times and the like are had with it.
        let info = object.info();
        if info.attributes > 0 {
            self.attributes(object, info.dense_attributes);
        }
        match object.kind() {
            Kind::Group => self.links(object),
            Kind::Dataset(dataset) => {
                let tracer = self.tracer;
                match dataset.touch(&mut |offset, length| tracer.borrow_mut().touch(offset, length)) {
                    Some(raw_files) => self.raw_files |= raw_files,
                    None => self.unreadable = true,
                }
            }
            Kind::Other => {}
        }
    }

    fn attributes(&self, object: &Object, dense: bool) {
        let mut ordered = false;
        object.each_attribute(Index::Name, &mut |attribute: Attribute<'_>| {
            ordered = attribute.ordered;
            attribute.touch_value();
            !self.exhausted()
        });
        // Only then is there another index to read.
        if dense && ordered {
            object.each_attribute(Index::CreationOrder, &mut |_| !self.exhausted());
        }
    }

    fn links(&mut self, group: &Object) {
        let mut ordered = false;
        let tracer = self.tracer;
        let (met, waiting) = (&mut self.met, &mut self.waiting);
        group.each_link(Index::Name, &mut |link| {
            ordered = link.ordered;
            if let Some(address) = link.address
                && met.insert(address)
            {
                waiting.push_back(address);
            }
            !tracer.borrow_mut().is_exhausted()
        });
        if ordered && group.has_dense_links() {
            group.each_link(Index::CreationOrder, &mut |_| !tracer.borrow_mut().is_exhausted());
        }
    }

    fn exhausted(&self) -> bool {
        self.tracer.borrow_mut().is_exhausted()
    }
}
