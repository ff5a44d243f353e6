//! The user of one request, or nobody in particular, and what is visible to them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Rules;

/// For whom a request is answered.
#[derive(Debug, Clone, Default)]
pub struct Viewer {
    rules: Arc<Rules>,
    user: Option<Arc<str>>,
    roles: Arc<BTreeSet<String>>,
    /// Whether there are no accounts, so that nobody can log in.
    anybody: bool,
}

impl Viewer {
    /// Somebody without a login.
    #[must_use]
    pub fn anonymous(rules: Arc<Rules>) -> Self {
        Self {
            rules,
            ..Self::default()
        }
    }

    /// Somebody on a server without accounts.
    #[must_use]
    pub fn anybody() -> Self {
        Self {
            anybody: true,
            ..Self::default()
        }
    }

    /// A user with these roles.
    #[must_use]
    pub fn user(rules: Arc<Rules>, user: Arc<str>, roles: Arc<BTreeSet<String>>) -> Self {
        Self {
            rules,
            user: Some(user),
            roles,
            anybody: false,
        }
    }

    /// The login name; none without a login.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Whether this user has all these roles.
    pub(crate) fn has(&self, roles: &BTreeSet<String>) -> bool {
        roles.is_subset(&self.roles)
    }

    /// Whether there is nothing that could be hidden.
    pub(crate) fn sees_everything(&self) -> bool {
        self.rules.is_empty()
    }

    /// How many components of `path`, relative to the root, are visible before the first hidden one;
    /// `None` if even the root is hidden.
    pub(crate) fn visible(&self, path: &Path) -> Option<usize> {
        self.rules.visible(&self.roles, path.iter())
    }

    /// Whether this user may see `path`: has all the roles of every directory on the way.
    #[must_use]
    pub fn may_read(&self, path: &Path) -> bool {
        self.visible(path) == Some(path.iter().count())
    }

    /// Whether this user may change what is at `path`: has a login if there are any, sees it, and has all the
    /// roles that the directories on the way ask of those who write.
    #[must_use]
    pub fn may_write(&self, path: &Path) -> bool {
        self.is_somebody() && self.may_read(path) && self.rules.writable(&self.roles, path)
    }

    /// Whether this is a user with a login, or there are no accounts.
    pub(crate) fn is_somebody(&self) -> bool {
        self.anybody || self.user.is_some()
    }

    /// The directories with a rule at or below `path`.
    pub(crate) fn ruled_below(&self, path: &Path) -> Vec<PathBuf> {
        let mut paths = self.rules.paths();
        paths.retain(|ruled| ruled.starts_with(path));
        paths
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::rules;
    use super::*;
    use crate::access::Directory;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn viewer(rules: &Rules, roles: &[&str]) -> Viewer {
        Viewer::user(
            Arc::new(rules.clone()),
            "ada".into(),
            Arc::new(roles.iter().map(|&role| role.to_owned()).collect()),
        )
    }

    #[test]
    fn all_roles_of_all_directories_above_are_needed() {
        let rules = rules("[private]\nread = ['a']\n['private/x']\nread = ['b', 'c']\nwrite = ['w']\n");
        let sees = |roles: &[&str], path: &str| viewer(&rules, roles).may_read(Path::new(path));
        for path in ["", "public", "privat", "private2/x", "public/private/x"] {
            assert!(sees(&[], path), "{path}");
        }
        assert!(!sees(&[], "private") && !sees(&["b", "c"], "private"));
        assert!(sees(&["a"], "private/y/z.h5"));
        assert!(!sees(&["a", "b"], "private/x"));
        assert!(!sees(&["b", "c"], "private/x/y"));
        assert!(sees(&["a", "b", "c"], "private/x/y"));
        assert_eq!(viewer(&rules, &["a"]).visible(Path::new("private/x/y")), Some(1));
    }

    #[test]
    fn writing_needs_a_login_and_reading() {
        let rules = rules("[d]\nread = ['r']\nwrite = ['w']\n");
        let writes = |roles: &[&str], path: &str| viewer(&rules, roles).may_write(Path::new(path));
        assert!(writes(&[], "other"));
        assert!(!Viewer::anonymous(Arc::new(rules.clone())).may_write(Path::new("other")));
        assert!(!writes(&["w"], "d/x") && !writes(&["r"], "d/x") && writes(&["r", "w"], "d/x"));
    }

    #[test]
    fn the_root_can_have_a_rule() {
        let rules = rules("['']\nread = ['r']\n");
        assert!(!viewer(&rules, &[]).may_read(Path::new("")));
        assert!(!viewer(&rules, &[]).may_read(Path::new("a")));
        assert!(viewer(&rules, &["r"]).may_read(Path::new("a")));
    }

    fn directories() -> impl Strategy<Value = BTreeMap<String, Directory>> {
        let roles = || prop::collection::btree_set("[a-c]", 0..3);
        let directory = (roles(), roles()).prop_map(|(read, write)| Directory { read, write });
        prop::collection::btree_map("([a-c](/[a-c]){0,3})?", directory, 0..6)
    }

    proptest! {
        /// What the tree answers is what the definition says: the union of the roles on the way.
        #[test]
        fn rules_only_narrow(
            directories in directories(),
            path in "[a-d](/[a-d]){0,4}",
            roles in prop::collection::btree_set("[a-c]", 0..4),
        ) {
            let rules = Arc::new(Rules::new(directories.clone()).unwrap());
            let viewer = Viewer::user(Arc::clone(&rules), "ada".into(), Arc::new(roles.clone()));
            let above = |rule: &str| rule.is_empty() || path == rule || path.starts_with(&format!("{rule}/"));
            let needed = |of: fn(&Directory) -> &BTreeSet<String>| -> BTreeSet<String> {
                let chain = directories.iter().filter(|(rule, _)| above(rule));
                chain.flat_map(|(_, directory)| of(directory).clone()).collect()
            };
            let read = needed(|directory| &directory.read).is_subset(&roles);
            let write = read && needed(|directory| &directory.write).is_subset(&roles);
            let path = Path::new(&path);
            prop_assert_eq!(viewer.may_read(path), read);
            prop_assert_eq!(viewer.may_write(path), write);
            // Whoever sees something sees all directories above it.
            if read {
                prop_assert!(path.ancestors().all(|above| viewer.may_read(above)));
            }
        }
    }
}
