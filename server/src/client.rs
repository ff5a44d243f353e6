//! Which machine a request comes from, behind proxies that are trusted to say so.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use axum::http::HeaderMap;
use ipnet::IpNet;
use serde::Deserialize;

/// The other end of a request's connection; put into its extensions where it is accepted.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// A machine, or a network that is one customer's: IPv6 addresses count by their first 64 bits, since
/// everybody has that many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Client(IpAddr);

impl Client {
    pub(crate) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
            address => address,
        })
    }
}

impl fmt::Display for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)?;
        formatter.write_str(if self.0.is_ipv6() { "/64" } else { "" })
    }
}

/// An address or network of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Proxy(IpNet);

impl FromStr for Proxy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = text.parse::<IpAddr>().map(IpNet::from);
        address.or_else(|_| text.parse()).map(Self).map_err(|_| {
            format!("`{text}` is no IP address, such as 127.0.0.1, or network, such as 10.0.0.0/8")
        })
    }
}

impl TryFrom<String> for Proxy {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The client of a request: the peer, or whom a trusted peer names in `X-Forwarded-For`. Read from its
/// end, where the proxies write: what a client put there itself is never reached.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[Proxy]) -> Client {
    let trusted = |address: IpAddr| proxies.iter().any(|proxy| proxy.0.contains(&address));
    let mut client = peer.to_canonical();
    let values: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
    let named = values.iter().rev().flat_map(|value| {
        let text = value.to_str().unwrap_or("?");
        text.rsplit(',').map(str::trim)
    });
    for name in named {
        let Some(address) = address(name).filter(|_| trusted(client)) else {
            break;
        };
        client = address;
    }
    Client::of(client)
}

/// With or without a port.
fn address(name: &str) -> Option<IpAddr> {
    let plain = name.parse().ok();
    let address = plain.or_else(|| name.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    fn seen(peer: &str, named: &[&str], proxies: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in named {
            headers.append("x-forwarded-for", HeaderValue::from_str(value).unwrap());
        }
        let proxies: Vec<Proxy> = proxies.iter().map(|proxy| proxy.parse().unwrap()).collect();
        client(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn only_trusted_proxies_name_clients() {
        let proxies = ["127.0.0.1", "10.0.0.0/8"];
        assert_eq!(seen("1.2.3.4", &["5.6.7.8"], &proxies), "1.2.3.4");
        assert_eq!(seen("127.0.0.1", &["5.6.7.8"], &[]), "127.0.0.1");
        assert_eq!(seen("127.0.0.1", &["5.6.7.8"], &proxies), "5.6.7.8");
        assert_eq!(seen("127.0.0.1", &["9.9.9.9, 5.6.7.8"], &proxies), "5.6.7.8");
        assert_eq!(
            seen("127.0.0.1", &["9.9.9.9", "5.6.7.8,10.1.1.1"], &proxies),
            "5.6.7.8"
        );
        assert_eq!(seen("127.0.0.1", &["5.6.7.8, nonsense"], &proxies), "127.0.0.1");
        assert_eq!(seen("::ffff:127.0.0.1", &["5.6.7.8:99"], &proxies), "5.6.7.8");
        assert_eq!(
            seen("127.0.0.1", &["[2001:db8:1:2:3:4:5:6]:80"], &proxies),
            "2001:db8:1:2::/64"
        );
        assert_eq!(seen("127.0.0.1", &[], &proxies), "127.0.0.1");
        assert!("localhost".parse::<Proxy>().unwrap_err().contains("localhost"));
    }

    proptest! {
        #[test]
        fn any_header_gives_a_client(value in "[ -~]{0,60}") {
            seen("127.0.0.1", &[&value], &["127.0.0.1"]);
        }
    }
}
