//! Groups and what is below them, as far as a reply goes.

use std::collections::VecDeque;
use std::ffi::CStr;

use super::attributes;
use super::dataset::{self, Described};
use crate::worker::hdf5::{Kind, Leads, Member, Object, OpenFile};
use crate::worker::msgpack::Writer;
use crate::worker::question::{Failure, LeftOut, OpenGroup, Part, Rest, Scope, Source};

/// After so many bytes a piece of a reply ends.
const PIECE: usize = 512 << 10;
/// Subgroups with more links show none of them.
const MANY: u64 = 20;
/// After so many members of subgroups no more subgroups are shown: links can make a small file endless.
const MAX_MEMBERS: u64 = 1_000_000;
/// Links that are looked up together.
const BATCH: usize = 512;

/// A reply in the making.
pub(super) struct Writing<'a> {
    file: &'a OpenFile,
    scope: Scope,
    parts: Vec<Part>,
    out: Writer,
    open: Vec<Open>,
    /// Bytes in `parts`.
    flushed: usize,
    members: u64,
    left_out: Vec<LeftOut>,
}

/// A reply or a piece of it.
pub(super) struct Written {
    pub(super) parts: Vec<Part>,
    pub(super) rest: Option<Rest>,
    pub(super) left_out: Vec<LeftOut>,
}

/// A group whose map has begun.
struct Open {
    group: Object,
    state: OpenGroup,
    /// Members that were looked up but not written.
    waiting: VecDeque<Member>,
}

impl<'a> Writing<'a> {
    /// Begins with an object.
    pub(super) fn object(file: &'a OpenFile, object: Object, scope: Scope) -> Result<Self, Failure> {
        let mut this = Self {
            file,
            scope,
            parts: Vec::new(),
            out: Writer::default(),
            open: Vec::new(),
            flushed: 0,
            members: 0,
            left_out: Vec::new(),
        };
        match object.kind() {
            Kind::Group => this.group(object)?,
            Kind::Dataset(dataset) => {
                let described = Described::of(&object, &dataset)?;
                let limit = scope.data_size_limit;
                let (out, left_out) = (&mut this.out, &mut this.left_out);
                let later = dataset::write(&object, &dataset, &described, limit, out, left_out)?;
                this.later(later);
            }
            Kind::Other => {
                this.out.map(1).str("hdf5_object").str("unknown");
            }
        }
        Ok(this)
    }

    /// Takes up where a piece ended.
    pub(super) fn resume(file: &'a OpenFile, rest: Rest, scope: Scope) -> Result<Self, Failure> {
        let open = rest.open.into_iter().map(|state| {
            Some(Open {
                group: file.object_at(state.address)?,
                state,
                waiting: VecDeque::new(),
            })
        });
        Ok(Self {
            file,
            scope,
            parts: Vec::new(),
            out: Writer::default(),
            open: open.collect::<Option<_>>().ok_or(Failure::Unreadable)?,
            flushed: 0,
            members: rest.members,
            left_out: Vec::new(),
        })
    }

    /// Writes until the reply or a piece of it is complete.
    pub(super) fn run(mut self) -> Result<Written, Failure> {
        while let Some(group) = self.open.last_mut() {
            if group.state.next == group.state.count {
                self.open.pop();
                continue;
            }
            let member = group.next_member()?;
            self.member(&member)?;
            if self.flushed + self.out.len() >= PIECE
                || self.parts.len() >= BATCH
                || self.left_out.len() >= BATCH
            {
                break;
            }
        }
        self.flush();
        let open: Vec<OpenGroup> = self.open.iter().map(|open| open.state).collect();
        let rest = (!open.is_empty()).then_some(Rest {
            open,
            members: self.members,
        });
        Ok(Written {
            parts: self.parts,
            rest,
            left_out: self.left_out,
        })
    }

    fn member(&mut self, member: &Member) -> Result<(), Failure> {
        self.out.str(&member.name.to_string_lossy());
        if self.open.len() > 1 {
            self.members += 1;
        }
        let Some(open) = self.open.last() else {
            return Ok(());
        };
        if !open.state.shown {
            self.out.nil();
            return Ok(());
        }
        match member.leads {
            Leads::To(address) => self.hard(&member.name, address)?,
            Leads::Soft(size) => {
                let target = open.group.soft_target(&member.name, size);
                match target.and_then(|target| String::from_utf8(target).ok()) {
                    Some(target) => {
                        self.out.map(2).str("hdf5_object").str("soft_link");
                        self.out.str("target").str(&target);
                    }
                    None => {
                        self.out.nil();
                    }
                }
            }
            Leads::Elsewhere => {
                self.out.nil();
            }
        }
        Ok(())
    }

    /// Writes what is at `address`, or nil for what cannot be shown: the client asks for it by name if it
    /// must, and its group is readable.
    fn hard(&mut self, name: &CStr, address: u64) -> Result<(), Failure> {
        let begin = self.out.len();
        let before = self.left_out.len();
        let written = match self.file.object_at(address) {
            None => Err(Failure::Unreadable),
            Some(object) => match object.kind() {
                Kind::Group if self.descends(address) => self.group(object).map(|()| None),
                Kind::Dataset(dataset) => Described::of(&object, &dataset).and_then(|described| {
                    if !described.kind.form.common() {
                        return Err(Failure::Type);
                    }
                    let limit = self.scope.data_size_limit;
                    let (out, left_out) = (&mut self.out, &mut self.left_out);
                    dataset::write(&object, &dataset, &described, limit, out, left_out)
                }),
                _ => Err(Failure::Missing),
            },
        };
        match written {
            Ok(later) => {
                for left_out in &mut self.left_out[before..] {
                    left_out.object = attributes::told(name);
                }
                self.later(later);
            }
            Err(_) => {
                self.left_out.truncate(before);
                self.out.truncate(begin);
                self.out.nil();
            }
        }
        Ok(())
    }

    fn descends(&self, address: u64) -> bool {
        let depth = self.open.len() as u64;
        depth <= u64::from(self.scope.max_depth)
            && self.members < MAX_MEMBERS
            && self.open.iter().all(|open| open.state.address != address)
    }

    /// Begins the map of a group.
    fn group(&mut self, group: Object) -> Result<(), Failure> {
        let count = group.link_count().ok_or(Failure::Unreadable)?;
        let address = group.address().ok_or(Failure::Unreadable)?;
        let depth = self.open.len() as u64;
        let shown = depth == 0 || (count <= MANY && depth < u64::from(self.scope.max_depth));
        // The first link must be there before the map says so.
        if count > 0 && group.members(0, 1).is_none_or(|found| found.is_empty()) {
            return Err(Failure::Unreadable);
        }
        self.out.map(3).str("hdf5_object").str("group");
        attributes::write(&group, &mut self.out, &mut self.left_out)?;
        let entries = usize::try_from(count).map_err(|_| Failure::TooLarge)?;
        self.out.str("members").map(entries);
        self.open.push(Open {
            group,
            state: OpenGroup {
                address,
                next: 0,
                count,
                shown,
            },
            waiting: VecDeque::new(),
        });
        Ok(())
    }

    fn later(&mut self, elements: Option<Source>) {
        if let Some(source) = elements {
            self.flush();
            self.parts.push(Part::Elements(source));
        }
    }

    fn flush(&mut self) {
        let written = std::mem::take(&mut self.out).into_bytes();
        self.flushed += written.len();
        if !written.is_empty() {
            self.parts.push(Part::Encoded(written));
        }
    }
}

impl Open {
    fn next_member(&mut self) -> Result<Member, Failure> {
        if self.waiting.is_empty() {
            let left = usize::try_from(self.state.count - self.state.next).unwrap_or(BATCH);
            let found = self.group.members(self.state.next, left.min(BATCH));
            self.waiting = found.ok_or(Failure::Unreadable)?.into();
        }
        // A group that has fewer members than it says is damaged.
        let member = self.waiting.pop_front().ok_or(Failure::Unreadable)?;
        self.state.next += 1;
        Ok(member)
    }
}
