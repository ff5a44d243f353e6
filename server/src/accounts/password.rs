//! Passwords: argon2id hashes, made and checked. Both block, on purpose.

use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params};

/// Longest password, bytes; more would only be work for the server.
pub(crate) const LONGEST: usize = 1024;
/// Most memory that a check may take, KiB, and most passes: a file with more would stop the server.
const MOST_MEMORY: u32 = 256 << 10;
const MOST_PASSES: u32 = 64;
const MOST_LANES: u32 = 16;

/// The hash of a password, in PHC form.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hash(String);

/// What is checked when there is no account at all: an argon2id hash of no password that is known, with
/// the parameters of new hashes.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why a hash is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HashError {
    #[error("it is not an argon2id hash; set it with `hdfstream-server user password`")]
    Malformed,
    #[error("its hash asks for more work than a server should do; set it anew")]
    Work,
    #[error("a password has 1 to {LONGEST} bytes")]
    Length,
    #[error("it cannot be hashed: {0}")]
    Failed(argon2::password_hash::Error),
}

impl Hash {
    pub(crate) fn parse(text: &str) -> Result<Self, HashError> {
        let hash = PasswordHash::new(text).map_err(|_| HashError::Malformed)?;
        let params = Params::try_from(&hash).map_err(|_| HashError::Malformed)?;
        // The text is written back as it is.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"$=,+/.-".contains(&byte);
        let whole = hash.salt.is_some() && hash.hash.is_some() && text.bytes().all(plain);
        if hash.algorithm != Algorithm::Argon2id.ident() || !whole {
            return Err(HashError::Malformed);
        }
        if params.m_cost() > MOST_MEMORY || params.t_cost() > MOST_PASSES || params.p_cost() > MOST_LANES {
            return Err(HashError::Work);
        }
        Ok(Self(text.to_owned()))
    }

    /// Hashes a new password. Takes some 20 ms and 19 MiB.
    pub(crate) fn of(password: &str) -> Result<Self, HashError> {
        Self::with(&Argon2::default(), password)
    }

    fn with(argon2: &Argon2<'_>, password: &str) -> Result<Self, HashError> {
        if password.is_empty() || password.len() > LONGEST {
            return Err(HashError::Length);
        }
        let hash = argon2
            .hash_password(password.as_bytes())
            .map_err(HashError::Failed)?;
        Ok(Self(hash.to_string()))
    }

    /// A hash that fits no password.
    pub(crate) fn nobody() -> Self {
        Self(NOBODY.to_owned())
    }

    /// Whether this is the password, in a time that does not depend on it.
    pub(crate) fn fits(&self, password: &str) -> bool {
        PasswordHash::new(&self.0).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Hash")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A hash that is made and checked in no time.
    pub(crate) fn quick(password: &str) -> Hash {
        let params = Params::new(8, 1, 1, None).unwrap();
        let argon2 = Argon2::new(Algorithm::Argon2id, argon2::Version::default(), params);
        Hash::with(&argon2, password).unwrap()
    }

    #[test]
    fn the_right_password_fits() {
        let hash = Hash::of("correct horse").unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(hash.fits("correct horse") && !hash.fits("wrong") && !hash.fits(""));
        assert_ne!(hash, Hash::of("correct horse").unwrap());
        assert!(quick("x").fits("x"));
        assert!(!format!("{hash:?}").contains('$'));
    }

    #[test]
    fn a_hash_for_nobody_can_be_checked() {
        let hash = PasswordHash::new(NOBODY).unwrap();
        let params = Params::try_from(&hash).unwrap();
        assert_eq!(
            (params.m_cost(), params.t_cost()),
            (Params::DEFAULT_M_COST, Params::DEFAULT_T_COST)
        );
        assert!(Hash::parse(NOBODY).is_ok() && !Hash::nobody().fits(""));
    }

    #[test]
    fn other_hashes_are_refused() {
        for text in [
            "",
            "secret",
            "$argon2i$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz",
            "$2b$12$abcdefghijklmnopqrstuv",
        ] {
            assert!(matches!(Hash::parse(text), Err(HashError::Malformed)), "{text}");
        }
        let greedy = NOBODY.replace("m=19456", "m=4194304");
        assert!(matches!(Hash::parse(&greedy), Err(HashError::Work)));
        assert!(matches!(Hash::of(""), Err(HashError::Length)));
        assert!(matches!(Hash::of(&"x".repeat(1025)), Err(HashError::Length)));
    }
}
