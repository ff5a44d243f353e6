//! The header that carries a login.

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Longest header that is looked at.
const LONGEST: usize = 8 << 10;

/// What a request says about its user. Has no `Debug`: it holds secrets.
#[derive(PartialEq, Eq)]
pub(crate) enum Authorization {
    /// Nothing.
    None,
    /// A name and a password.
    Basic { user: String, password: String },
    /// A token.
    Bearer(String),
    /// Something that is no login.
    Malformed,
}

/// Reads the header of a request.
pub(crate) fn of(headers: &HeaderMap) -> Authorization {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Authorization::None,
        (Some(value), None) => value
            .to_str()
            .ok()
            .and_then(parse)
            .unwrap_or(Authorization::Malformed),
        (Some(_), Some(_)) => Authorization::Malformed,
    }
}

fn parse(value: &str) -> Option<Authorization> {
    if value.len() > LONGEST {
        return None;
    }
    let (scheme, rest) = value.trim().split_once(' ')?;
    let rest = rest.trim_start();
    if scheme.eq_ignore_ascii_case("basic") {
        let text = String::from_utf8(BASE64.decode(rest).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        Some(Authorization::Basic {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    } else if scheme.eq_ignore_ascii_case("bearer") && !rest.is_empty() && !rest.contains(' ') {
        Some(Authorization::Bearer(rest.to_owned()))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    fn read(values: &[&str]) -> Authorization {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        of(&headers)
    }

    fn basic(user: &str, password: &str) -> Authorization {
        Authorization::Basic {
            user: user.to_owned(),
            password: password.to_owned(),
        }
    }

    #[test]
    fn logins_are_read() {
        assert!(read(&[]) == Authorization::None);
        // ada:a:b, and ü with an empty password
        assert!(read(&["Basic YWRhOmE6Yg=="]) == basic("ada", "a:b"));
        assert!(read(&["bASIC  w7w6"]) == basic("ü", ""));
        assert!(read(&["Bearer a.b-c"]) == Authorization::Bearer("a.b-c".to_owned()));
        for bad in [
            "",
            "Basic",
            "Basic ",
            "Basic !",
            "Basic YWRh",
            "Basic /zph",
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Digest x",
        ] {
            assert!(read(&[bad]) == Authorization::Malformed, "{bad}");
        }
        assert!(read(&["Bearer a", "Bearer a"]) == Authorization::Malformed);
        let long = format!("Bearer {}", "x".repeat(LONGEST));
        assert!(read(&[&long]) == Authorization::Malformed);
    }

    proptest! {
        #[test]
        fn any_header_is_read_or_refused(bytes in prop::collection::vec(32u8..=255, 0..80), scheme in "(basic |bearer )?") {
            let mut value = scheme.into_bytes();
            value.extend(bytes);
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::new();
                headers.insert(header::AUTHORIZATION, value);
                prop_assert!(of(&headers) != Authorization::None);
            }
        }

        #[test]
        fn every_login_comes_through(user in "[^:]{0,20}", password in "\\PC{0,20}") {
            let value = format!("Basic {}", BASE64.encode(format!("{user}:{password}")));
            prop_assert!(read(&[&value]) == basic(&user, &password));
        }
    }
}
