//! Ranges and ports as any text: what is accepted is written in the one way that there is, and reads as what it says; what
//! is proposed instead of what is refused is accepted.

use netpolc::intent::PortText;
use netpolc::model::{PortRange, WrittenPort, parse_cidr, parse_port};

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    cidr(text);
    port(&PortText::Text(text.to_owned()));
    if let Ok(number) = text.parse() {
        port(&PortText::Number(number));
    }
}

fn cidr(text: &str) {
    match parse_cidr(text) {
        Ok(net) => {
            assert_eq!(net.to_string(), text);
            assert_eq!(net, net.trunc(), "bits beyond the mask");
            let (address, mask) = text.split_once('/').unwrap();
            assert_eq!(net.addr(), address.parse::<std::net::IpAddr>().unwrap());
            assert_eq!(net.prefix_len(), mask.parse::<u8>().unwrap());
        }
        Err(refusal) => {
            if let Some(instead) = refusal.instead {
                assert!(parse_cidr(&instead).is_ok(), "{text:?}: {instead:?} is refused too");
            }
        }
    }
}

fn port(text: &PortText) {
    match parse_port(text) {
        Ok(WrittenPort::Range(range)) => {
            assert!(0 < range.first && range.first <= range.last);
            let again = parse_port(&PortText::Text(range.to_string()));
            assert_eq!(again.ok(), Some(WrittenPort::Range(range)), "{text:?}");
        }
        Ok(WrittenPort::All) => assert!(matches!(text, PortText::Text(text) if text == "all")),
        Ok(WrittenPort::Name(name)) => {
            assert!(matches!(text, PortText::Text(text) if *text == name));
            // A name that could be read as anything else would change its meaning with the callee.
            assert!(name.parse::<u32>().is_err() && name.len() <= 15 && !name.contains('/'), "{name}");
        }
        Err(refusal) => {
            if let Some(instead) = refusal.instead {
                let meant = parse_port(&PortText::Text(instead.clone()));
                assert!(matches!(meant, Ok(WrittenPort::Range(PortRange { .. }))), "{text:?}: {instead:?}");
            }
        }
    }
}
