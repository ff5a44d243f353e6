//! Tokens: what a client keeps instead of a password.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Body of `POST {base}/v2/token`. The request itself carries the login, by basic or bearer
/// authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRequest {
    /// How long the token is to be good for; the server may shorten it. As long as it allows when
    /// absent.
    #[serde(default)]
    pub days: Option<u32>,
}

/// Answer to [`TokenRequest`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenReply {
    /// The bearer token.
    pub token: String,
    /// When it expires, seconds since 1970-01-01 UTC by the server's clock.
    pub expires: i64,
    /// Whose it is.
    pub user: String,
}

/// The token is a secret and is left out.
impl fmt::Debug for TokenReply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TokenReply")
            .field("expires", &self.expires)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_printed() {
        let reply = TokenReply {
            token: "s3cret".to_owned(),
            expires: 1,
            user: "ada".to_owned(),
        };
        let text = format!("{reply:?}");
        assert!(text.contains("ada") && !text.contains("s3cret"), "{text}");
    }
}
