//! Tokens: a user's name and an expiry, signed. Nothing of them is stored.
//!
//! The signature covers the hash of the user's password and the count of revocations, so that a token
//! dies with either, and with the account.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::hmac;

use super::key::Key;
use super::users::Account;

/// Begins every token: tells it from others, and this form of it from later ones.
const MARK: &str = "hdfs1";
const DAY: i64 = 86_400;
/// Longest life, in days.
pub(crate) const MOST_DAYS: u32 = 3_650;

/// What a token says before its signature is looked at.
pub(crate) struct Claim<'a> {
    pub(crate) user: String,
    pub(crate) expires: i64,
    signature: Vec<u8>,
    signed: &'a str,
}

/// Seconds since 1970 by this machine's clock.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// When a token that is made now and lives for `days` expires.
pub(crate) fn expiry(days: u32) -> i64 {
    now() + DAY * i64::from(days)
}

/// A token for `user`.
pub(crate) fn issue(key: &Key, user: &str, account: &Account, expires: i64) -> String {
    let signed = format!("{MARK}.{}.{expires}", BASE64.encode(user));
    let signature = hmac::sign(key.hmac(), &message(&signed, account));
    format!("{signed}.{}", BASE64.encode(signature))
}

/// Takes a token apart; `None` if it is none of ours.
pub(crate) fn parse(token: &str) -> Option<Claim<'_>> {
    let (signed, signature) = token.rsplit_once('.')?;
    let mut parts = signed.split('.');
    let (mark, user, expires) = (parts.next()?, parts.next()?, parts.next()?);
    if mark != MARK || parts.next().is_some() || !expires.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Claim {
        user: String::from_utf8(BASE64.decode(user).ok()?).ok()?,
        expires: expires.parse().ok()?,
        signature: BASE64.decode(signature).ok()?,
        signed,
    })
}

impl Claim<'_> {
    /// Whether the signature is ours, and made for this state of the account. Compares in constant time.
    pub(crate) fn is_genuine(&self, key: &Key, account: &Account) -> bool {
        hmac::verify(key.hmac(), &message(self.signed, account), &self.signature).is_ok()
    }
}

fn message(signed: &str, account: &Account) -> Vec<u8> {
    // No part can hold a line break.
    format!("{signed}\n{}\n{}", account.hash.as_str(), account.tokens).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::password::tests::quick;
    use proptest::prelude::*;

    fn account() -> Account {
        Account {
            hash: quick("pass"),
            roles: Default::default(),
            tokens: 0,
        }
    }

    #[test]
    fn a_token_holds_for_one_state_of_one_account() {
        let key = Key::generate().unwrap();
        let account = account();
        let expires = expiry(7);
        let token = issue(&key, "ada", &account, expires);
        let claim = parse(&token).unwrap();
        assert_eq!((claim.user.as_str(), claim.expires), ("ada", expires));
        assert!(claim.is_genuine(&key, &account));
        assert!(!claim.is_genuine(&Key::generate().unwrap(), &account));
        let mut other = account.clone();
        other.tokens += 1;
        assert!(!claim.is_genuine(&key, &other));
        other = account.clone();
        other.hash = quick("pass");
        assert!(!claim.is_genuine(&key, &other));
        // Roles may change.
        other = account.clone();
        other.roles.insert("staff".to_owned());
        assert!(claim.is_genuine(&key, &other));
        // What HTTP calls a b64token.
        assert!(
            token
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        );
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(token in "(hdfs1)?[.a-zA-Z0-9_=-]{0,60}|\\PC{0,40}") {
            let _ = parse(&token);
        }

        /// No change to a token leaves it genuine.
        #[test]
        fn forgeries_are_found(at in 0..200usize, with in "[a-zA-Z0-9._-]") {
            let (key, account) = (Key::generate().unwrap(), account());
            let mut token = issue(&key, "ada", &account, 1_900_000_000);
            let at = at % token.len();
            prop_assume!(token[at..=at] != with);
            token.replace_range(at..=at, &with);
            prop_assert!(!parse(&token).is_some_and(|claim| claim.is_genuine(&key, &account)));
        }
    }
}
