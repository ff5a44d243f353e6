//! What is known of the groups of a replica: which are there, which are filled, and what the server calls them.
//!
//! No HDF5 and no network: paths are followed here to find out what has to be asked for before HDF5 follows them.

use std::collections::{HashMap, VecDeque};

/// Most soft links on one path. HDF5 itself follows 16.
const MOST_LINKS: usize = 64;

/// Number of a group in its tree.
pub(super) type GroupId = usize;

/// What the server has for a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A directory.
    Directory(String),
    /// A file with bytes, which HDF5 itself reads once it is mounted there.
    File(String),
    /// A group in a file.
    Object {
        /// Path of the file.
        file: String,
        /// Path of the group in it.
        object: String,
    },
    /// A group whose name is no text, so that the protocol cannot ask for it.
    Nameless,
}

impl Place {
    /// What stands behind the name `name` in a group.
    pub(super) fn member(&self, name: &[u8]) -> Self {
        let Ok(name) = std::str::from_utf8(name) else {
            return Self::Nameless;
        };
        match self {
            Self::Directory(path) => Self::Directory(join(path, name)),
            Self::Object { file, object } => Self::Object {
                file: file.clone(),
                object: join(object, name),
            },
            Self::File(_) | Self::Nameless => Self::Nameless,
        }
    }
}

fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path if path.ends_with('/') => format!("{path}{name}"),
        path => format!("{path}/{name}"),
    }
}

/// A group of the replica.
#[derive(Debug)]
pub(super) struct Group {
    /// Its path in the replica, without a slash at the end.
    pub(super) path: Vec<u8>,
    pub(super) place: Place,
    /// Path in the replica of the root group of the file that it is in.
    pub(super) root: Vec<u8>,
    /// Whether its attributes are there.
    pub(super) described: bool,
    /// Whether its links are there.
    pub(super) filled: bool,
    links: HashMap<Vec<u8>, Link>,
}

/// A link that is in the replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Link {
    Group(GroupId),
    Dataset,
    /// With its path as HDF5 follows it in the replica.
    Soft(Vec<u8>),
}

/// All groups of a replica; the first is its root.
#[derive(Debug)]
pub(super) struct Tree {
    groups: Vec<Group>,
    by_address: HashMap<u64, GroupId>,
}

impl Tree {
    pub(super) const ROOT: GroupId = 0;

    pub(super) fn new(place: Place, address: u64) -> Self {
        let root = Group {
            path: Vec::new(),
            place,
            root: Vec::new(),
            described: false,
            filled: false,
            links: HashMap::new(),
        };
        Self {
            groups: vec![root],
            by_address: HashMap::from([(address, Self::ROOT)]),
        }
    }

    pub(super) fn group(&self, id: GroupId) -> &Group {
        &self.groups[id]
    }

    /// Whether the group stands for a whole file.
    pub(super) fn is_file(&self, id: GroupId) -> bool {
        match &self.groups[id].place {
            Place::File(_) => true,
            Place::Object { object, .. } => object == "/",
            Place::Directory(_) | Place::Nameless => false,
        }
    }

    pub(super) fn set_described(&mut self, id: GroupId) {
        self.groups[id].described = true;
    }

    pub(super) fn set_filled(&mut self, id: GroupId) {
        self.groups[id].filled = true;
    }

    /// The group whose object header is at `address`.
    pub(super) fn at(&self, address: u64) -> Option<GroupId> {
        self.by_address.get(&address).copied()
    }

    pub(super) fn link(&self, id: GroupId, name: &[u8]) -> Option<&Link> {
        self.groups[id].links.get(name)
    }

    /// Enters a link of the group `id`.
    pub(super) fn add_link(&mut self, id: GroupId, name: &[u8], link: Link) {
        self.groups[id].links.insert(name.to_vec(), link);
    }

    /// Enters a group that is now in the replica.
    pub(super) fn add_group(&mut self, parent: GroupId, name: &[u8], place: Place, address: u64) -> GroupId {
        let id = self.groups.len();
        let above = &self.groups[parent];
        let path = [&above.path[..], b"/", name].concat();
        let is_file = matches!(
            (&above.place, &place),
            (Place::Directory(_), Place::Object { .. })
        );
        let root = if is_file { path.clone() } else { above.root.clone() };
        self.groups.push(Group {
            path,
            place,
            root,
            described: false,
            filled: false,
            links: HashMap::new(),
        });
        self.by_address.insert(address, id);
        self.add_link(parent, name, Link::Group(id));
        id
    }

    /// Groups directly in `id`.
    pub(super) fn subgroups(&self, id: GroupId) -> Vec<GroupId> {
        let group = |link: &Link| match link {
            Link::Group(id) => Some(*id),
            Link::Dataset | Link::Soft(_) => None,
        };
        self.groups[id].links.values().filter_map(group).collect()
    }

    /// Follows `path` from `start` as HDF5 does, up to where something is unknown. A soft link at its end is
    /// followed only if `follow`.
    pub(super) fn walk(&self, start: GroupId, path: &[u8], follow: bool) -> Walk {
        let split = |path: &[u8]| -> Vec<Vec<u8>> {
            path.split(|&byte| byte == b'/')
                .filter(|name| !name.is_empty() && *name != b".")
                .map(<[u8]>::to_vec)
                .collect()
        };
        let mut left: VecDeque<Vec<u8>> = split(path).into();
        let mut now = if path.starts_with(b"/") { Self::ROOT } else { start };
        let mut links = 0;
        while let Some(name) = left.pop_front() {
            if !self.groups[now].filled {
                return Walk::Unknown(now);
            }
            match self.link(now, &name) {
                Some(Link::Group(id)) => now = *id,
                Some(Link::Soft(target)) if follow || !left.is_empty() => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Walk::Elsewhere;
                    }
                    if target.starts_with(b"/") {
                        now = Self::ROOT;
                    }
                    for name in split(target).into_iter().rev() {
                        left.push_front(name);
                    }
                }
                _ => return Walk::Elsewhere,
            }
        }
        Walk::Group(now)
    }
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Walk {
    /// To this group.
    Group(GroupId),
    /// Through this group, whose links have to be asked for.
    Unknown(GroupId),
    /// To something that is no group, or to nothing: HDF5 can tell.
    Elsewhere,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(object: &str) -> Place {
        Place::Object {
            file: "run/snap.h5".to_owned(),
            object: object.to_owned(),
        }
    }

    #[test]
    fn paths_lead_through_groups_and_links() {
        let mut tree = Tree::new(file("/"), 1);
        assert_eq!(tree.walk(0, b"a/b", true), Walk::Unknown(0));
        assert_eq!(tree.walk(0, b".", true), Walk::Group(0));
        let a = tree.add_group(0, b"a", tree.group(0).place.member(b"a"), 2);
        tree.add_link(0, b"x", Link::Dataset);
        tree.add_link(0, b"to_a", Link::Soft(b"/a".to_vec()));
        tree.add_link(0, b"loop", Link::Soft(b"loop/loop".to_vec()));
        tree.set_filled(0);
        assert_eq!(tree.group(a).place, file("/a"));
        assert_eq!(tree.at(2), Some(a));
        assert_eq!(tree.walk(0, b"a", true), Walk::Group(a));
        assert_eq!(tree.walk(0, b"a/b", true), Walk::Unknown(a));
        assert_eq!(tree.walk(0, b"to_a", true), Walk::Group(a));
        assert_eq!(tree.walk(0, b"to_a", false), Walk::Elsewhere);
        assert_eq!(tree.walk(0, b"to_a/b", false), Walk::Unknown(a));
        assert_eq!(tree.walk(a, b"/a/", false), Walk::Group(a));
        for nowhere in [&b"x"[..], b"x/y", b"absent", b"loop"] {
            assert_eq!(tree.walk(0, nowhere, true), Walk::Elsewhere);
        }
        let b = tree.add_group(a, b"b", tree.group(a).place.member(b"b"), 3);
        assert_eq!(tree.group(b).place, file("/a/b"));
        assert_eq!(tree.group(b).path, b"/a/b");
        assert_eq!(tree.group(a).place.member(b"\xFF"), Place::Nameless);
    }

    #[test]
    fn files_in_directories_have_roots_of_their_own() {
        let mut tree = Tree::new(Place::Directory("run".to_owned()), 1);
        let snap = tree.add_group(0, b"snap.h5", file("/"), 2);
        let group = tree.add_group(snap, b"g", tree.group(snap).place.member(b"g"), 3);
        assert_eq!(tree.group(group).root, b"/snap.h5");
        assert_eq!(
            tree.group(0).place.member(b"more"),
            Place::Directory("run/more".to_owned())
        );
    }
}
