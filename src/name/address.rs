//! The server part of a URL: scheme, host and port.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// A server: host in lower case (IPv6 without brackets), port when it is not the scheme's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Authority {
    /// Whether connections are encrypted.
    pub(crate) secure: bool,
    host: String,
    port: Option<u16>,
}

impl Authority {
    /// Reads `host`, `host:port`, `[ipv6]` or `[ipv6]:port`; the error says what is wrong.
    pub(super) fn parse(secure: bool, text: &str) -> Result<Self, String> {
        if text.contains('@') {
            return Err(
                "a URL must not hold a user name or password, as URLs end up in logs; \
                        set HDFSTREAM_USER and HDFSTREAM_PASSWORD, or HDFSTREAM_TOKEN"
                    .to_owned(),
            );
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (inside, after) = rest
                    .split_once(']')
                    .ok_or("the bracket of an IPv6 address is not closed")?;
                let address: Ipv6Addr = inside
                    .parse()
                    .map_err(|_| format!("[{inside}] is no IPv6 address"))?;
                let port = match after.strip_prefix(':') {
                    Some(port) => port,
                    None if after.is_empty() => "",
                    None => return Err("after an IPv6 address only a port may follow".to_owned()),
                };
                (address.to_string(), port)
            }
            None => {
                let (host, port) = text.split_once(':').unwrap_or((text, ""));
                (host.to_ascii_lowercase(), check_host(host).map(|()| port)?)
            }
        };
        let port = match port {
            "" => None,
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => match digits.parse::<u16>() {
                Ok(number) if number > 0 => Some(number),
                _ => return Err(format!("{digits} is no port; ports are 1 to 65535")),
            },
            other => return Err(format!("{other:?} is no port; ports are 1 to 65535")),
        };
        let default = if secure { 443 } else { 80 };
        Ok(Self {
            secure,
            host,
            port: port.filter(|&port| port != default),
        })
    }

    /// Host name or number, without brackets and port.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Whether this is the very machine that the program runs on, by name.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self
                .host
                .parse()
                .is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

/// Host names and IPv4 addresses.
fn check_host(host: &str) -> Result<(), String> {
    if host.is_empty() {
        return Err("the host name is missing; write https://HOST/PATH".to_owned());
    }
    if !host.is_ascii() {
        return Err(format!("write the host {host:?} in its ASCII form (xn--…)"));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    // Beginning with a dot or dash is how `.`, `..` and options look, never a host.
    if !host.bytes().all(plain) || host.starts_with(['.', '-']) || host.len() > 253 {
        return Err(format!("{host:?} is no host name"));
    }
    Ok(())
}

impl fmt::Display for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        if self.host.contains(':') {
            write!(formatter, "{scheme}://[{}]", self.host)?;
        } else {
            write!(formatter, "{scheme}://{}", self.host)?;
        }
        self.port.map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

/// `text` without what stands before an `@` in any place where a user name could be.
pub(super) fn without_user(text: &str) -> String {
    let Some(at) = text.rfind('@') else {
        return text.to_owned();
    };
    // A password may hold slashes, so everything from the scheme to the last `@` goes.
    let start = text.find(":/").map_or(0, |colon| {
        let rest = &text[colon + 1..];
        colon + 1 + (rest.len() - rest.trim_start_matches('/').len())
    });
    if start > at {
        return text.to_owned();
    }
    format!("{}***{}", &text[..start], &text[at..])
}
