//! The normal form: what any dialect's policies say, without the words of the dialect.
//!
//! A dialect's reader makes it from text alone. Allow-only for now, as Kubernetes NetworkPolicy is: policies add up,
//! and no policy takes away what another allows.

use ipnet::IpNet;

use crate::model::{Direction, Labels, Protocol, Sym};
use crate::source::Span;

/// One rendered file, read back.
#[derive(Debug, Clone, Default)]
pub struct File {
    /// What its policies say.
    pub policies: Vec<Policy>,
    /// The list of files and folders that are applied with it, when the file is such a list and nothing else.
    pub base: Option<Base>,
}

/// A list of what belongs together: a kustomization.
#[derive(Debug, Clone)]
pub struct Base {
    /// The entries, each where it is written.
    pub resources: Vec<(String, Span)>,
    /// Where the list starts.
    pub span: Span,
}

/// One policy object.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Name of the object.
    pub name: String,
    /// Whose pods it governs.
    pub namespace: Sym,
    /// Labels of the governed pods; empty: every pod of the namespace.
    pub subject: Labels,
    /// Directions in which its pods are isolated, rules or not.
    pub isolates: Vec<Direction>,
    /// What it allows.
    pub rules: Vec<Rule>,
    /// Where the object starts.
    pub span: Span,
}

/// One permission.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Of which side.
    pub direction: Direction,
    /// The other ends: any of them. Never empty: a reader writes [`Peer::Anyone`] where the dialect means everyone.
    pub peers: Vec<Peer>,
    /// On which ports: any of them. Never empty: a reader writes [`Ports::every`] where the dialect means all.
    pub ports: Vec<Ports>,
    /// Where the rule starts.
    pub span: Span,
}

/// Who may be at the other end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// Everyone: pods, nodes, addresses.
    Anyone,
    /// Pods of some namespaces that carry some labels.
    Pods {
        /// The namespaces.
        namespaces: Namespaces,
        /// Labels; empty: every pod.
        labels: Labels,
    },
    /// Addresses of a range, less those of some ranges inside it.
    Block {
        /// The range.
        cidr: IpNet,
        /// Exceptions.
        except: Vec<IpNet>,
    },
}

/// Namespaces of a peer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Namespaces {
    /// The one of this name.
    Named(Sym),
    /// Those that carry these labels (the name's own label among them, if it was asked for); empty: every namespace.
    Labelled(Labels),
}

/// Ports `first` to `last` of a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ports {
    /// The protocol.
    pub protocol: Protocol,
    /// Lowest port; 1 for "all".
    pub first: u16,
    /// Highest port; 65535 for "all".
    pub last: u16,
}

impl Ports {
    /// Every port of every protocol.
    pub fn every() -> Vec<Self> {
        Protocol::ALL.into_iter().map(|protocol| Self { protocol, first: 1, last: u16::MAX }).collect()
    }
}
