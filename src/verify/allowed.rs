//! What one group of pods may do: what may pass, by the other end. Union, lookup and comparison, exact.

use std::net::IpAddr;

use indexmap::{IndexMap, IndexSet};
use ipnet::IpNet;

use super::normal::{Entity, Namespaces, Peer};
use super::traffic::Traffic;
use crate::model::{Labels, NAMESPACE_NAME, Sym};

/// Ports by the other end, each end once. Maps are looked up, or sorted before use: their order never shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Allowed {
    anyone: Traffic,
    pods: IndexMap<(Namespaces, Labels), Traffic>,
    blocks: IndexMap<(IpNet, Vec<IpNet>), Traffic>,
    /// Entities and host names: each is matched by itself alone.
    symbols: IndexMap<Other, Traffic>,
}

/// A concrete other end, one of each class that rules can tell apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Other {
    /// What only a rule for everyone matches: a node, a load balancer.
    Elsewhere,
    /// A pod with exactly these labels, in a namespace of this name or with exactly these labels.
    Pod(Namespaces, Labels),
    /// An address outside of all pods.
    Address(IpAddr),
    /// Something of the cluster that is no pod.
    Entity(Entity),
    /// A destination by its host name.
    Name(Sym),
}

/// One difference: the other end and the ports.
pub(super) type Difference = (Other, Traffic);

impl Allowed {
    pub(super) fn add(&mut self, peer: &Peer, ports: &Traffic) {
        if ports.is_empty() {
            return;
        }
        match peer {
            Peer::Anyone => self.anyone.add(ports),
            Peer::Pods { namespaces, labels } => {
                self.pods.entry((canonical(namespaces), labels.clone())).or_default().add(ports);
            }
            // No sum has conditions other than equalities.
            Peer::Selected(_) => {}
            Peer::Block { cidr, except } => {
                let mut except = except.clone();
                except.sort_unstable();
                except.dedup();
                self.blocks.entry((*cidr, except)).or_default().add(ports);
            }
            Peer::Entity(entity) => self.symbols.entry(Other::Entity(*entity)).or_default().add(ports),
            Peer::Name(name) => self.symbols.entry(Other::Name(name.clone())).or_default().add(ports),
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.anyone.add(&other.anyone);
        for (key, ports) in &other.pods {
            self.pods.entry(key.clone()).or_default().add(ports);
        }
        for (key, ports) in &other.blocks {
            self.blocks.entry(key.clone()).or_default().add(ports);
        }
        for (key, ports) in &other.symbols {
            self.symbols.entry(key.clone()).or_default().add(ports);
        }
    }

    /// The ports towards one end.
    pub(super) fn towards(&self, other: &Other) -> Traffic {
        let mut ports = self.anyone.clone();
        match other {
            Other::Elsewhere => {}
            Other::Entity(_) | Other::Name(_) => {
                if let Some(of_symbol) = self.symbols.get(other) {
                    ports.add(of_symbol);
                }
            }
            Other::Pod(namespaces, labels) => self.add_pods(namespaces, labels, &mut ports),
            Other::Address(address) => {
                for ((cidr, except), of_block) in &self.blocks {
                    if cidr.contains(address) && !except.iter().any(|hole| hole.contains(address)) {
                        ports.add(of_block);
                    }
                }
            }
        }
        ports
    }

    /// The ports towards every end that a peer stands for: what may pass to all of them.
    pub(super) fn towards_all(&self, peer: &Peer) -> Traffic {
        match peer {
            Peer::Pods { namespaces, labels } => self.towards(&Other::Pod(namespaces.clone(), labels.clone())),
            Peer::Entity(entity) => self.towards(&Other::Entity(*entity)),
            Peer::Name(name) => self.towards(&Other::Name(name.clone())),
            Peer::Anyone | Peer::Selected(_) => self.anyone.clone(),
            Peer::Block { cidr, except } => {
                let mut ports = self.anyone.clone();
                let within = |hole: &IpNet| except.iter().any(|own| own.contains(hole));
                let apart = |hole: &IpNet| !hole.contains(cidr) && !cidr.contains(hole);
                for ((range, holes), of_block) in &self.blocks {
                    if range.contains(cidr) && holes.iter().all(|hole| apart(hole) || within(hole)) {
                        ports.add(of_block);
                    }
                }
                ports
            }
        }
    }

    /// Ports of all selectors that a pod with exactly these labels satisfies: the subsets of its labels.
    fn add_pods(&self, namespaces: &Namespaces, labels: &Labels, ports: &mut Traffic) {
        let parts = match namespaces {
            Namespaces::Named(_) => 1,
            Namespaces::Labelled(of) => of.len(),
        };
        if !enumerable(parts + labels.len(), self.pods.len()) {
            for ((n, l), of_pods) in &self.pods {
                if covers(n, namespaces) && l.is_subset_of(labels) {
                    ports.add(of_pods);
                }
            }
            return;
        }
        let subsets = subsets(labels);
        for n in namespace_subsets(namespaces) {
            for l in &subsets {
                if let Some(of_pods) = self.pods.get(&(n.clone(), l.clone())) {
                    ports.add(of_pods);
                }
            }
        }
    }

    /// What `self` allows and `than` does not: one difference, if there is any.
    pub(super) fn exceeds(&self, than: &Self) -> Option<Difference> {
        let at = |other: Other| {
            let more = self.towards(&other).minus(&than.towards(&other));
            (!more.is_empty()).then_some((other, more))
        };
        if let Some(difference) = at(Other::Elsewhere) {
            return Some(difference);
        }
        // Ends at which the two differ by themselves come first: the others may differ only in consequence.
        let mut ends: Vec<_> = self.pods.keys().collect();
        ends.sort_unstable_by_key(|end| (self.pods.get(*end) == than.pods.get(*end), *end));
        let mut symbols: Vec<&Other> = self.symbols.keys().collect();
        symbols.sort_unstable();
        let of_pods = ends.into_iter().find_map(|(n, l)| at(Other::Pod(n.clone(), l.clone())));
        of_pods
            .or_else(|| symbols.into_iter().find_map(|symbol| at(symbol.clone())))
            .or_else(|| self.addresses_exceed(than))
    }

    /// Cuts the address space at every boundary of both sides: within a piece all addresses are in the same blocks.
    fn addresses_exceed(&self, than: &Self) -> Option<Difference> {
        // A sweep over the boundaries: which blocks open or close where, on which side.
        let mut events: Vec<(bool, u128, bool, usize, &Traffic)> = vec![];
        for (mine, side) in [(true, self), (false, than)] {
            for (number, ((cidr, except), ports)) in side.blocks.iter().enumerate() {
                let six = matches!(cidr, IpNet::V6(_));
                for (first, last) in pieces(cidr, except) {
                    events.push((six, first, mine, number, ports));
                    // A piece that ends with the last address of all never closes.
                    events.extend(last.checked_add(1).map(|end| (six, end, mine, number, ports)));
                }
            }
        }
        events.sort_unstable_by_key(|(six, at, ..)| (*six, *at));
        let mut cuts: Vec<(bool, u128)> = events.iter().map(|(six, at, ..)| (*six, *at)).collect();
        cuts.dedup();
        let mut open: [IndexMap<usize, &Traffic>; 2] = [IndexMap::new(), IndexMap::new()];
        let mut events = events.into_iter().peekable();
        for (six, at) in cuts {
            while let Some((_, _, mine, number, ports)) = events.next_if(|(s, a, ..)| (*s, *a) == (six, at)) {
                let [ours, theirs] = &mut open;
                let side = if mine { ours } else { theirs };
                // A block's pieces are disjoint, so its events open and close in turn.
                if side.swap_remove(&number).is_none() {
                    side.insert(number, ports);
                }
            }
            let [ours, theirs] = &open;
            let union = |anyone: &Traffic, side: &IndexMap<usize, &Traffic>| {
                let mut ports = anyone.clone();
                side.values().for_each(|of_block| ports.add(of_block));
                ports
            };
            let more = union(&self.anyone, ours).minus(&union(&than.anyone, theirs));
            if !more.is_empty() {
                return Some((Other::Address(address(six, at)), more));
            }
        }
        None
    }

    /// Blocks that hold an address of `ranges`, with ports on which not every pod may be reached anyway.
    pub(super) fn blocks_over(&self, ranges: &[IpNet]) -> Option<(IpNet, Traffic)> {
        let all_pods = self.towards(&Other::Pod(Namespaces::Labelled(Labels::default()), Labels::default()));
        let mut blocks: Vec<_> = self.blocks.iter().collect();
        blocks.sort_unstable_by_key(|(block, _)| *block);
        blocks.into_iter().find_map(|((cidr, except), ports)| {
            let pieces: Vec<_> = pieces(cidr, except).collect();
            let over = ranges.iter().any(|range| {
                let (first, last) = bounds(range);
                matches!(range, IpNet::V6(_)) == matches!(cidr, IpNet::V6(_))
                    && pieces.iter().any(|(a, b)| *a <= last && first <= *b)
            });
            let rest = ports.minus(&all_pods);
            (over && !rest.is_empty()).then_some((*cidr, rest))
        })
    }

    /// Blocks, and the ports on which each of their addresses is open.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (&IpNet, &[IpNet], Traffic)> {
        self.blocks.iter().map(|((cidr, except), ports)| {
            let mut ports = ports.clone();
            ports.add(&self.anyone);
            (cidr, except.as_slice(), ports)
        })
    }

    /// Every end, in order.
    pub(super) fn ends(&self) -> Vec<(Peer, &Traffic)> {
        let anyone = (!self.anyone.is_empty()).then_some((Peer::Anyone, &self.anyone));
        let pods = self.pods.iter().map(|((namespaces, labels), ports)| {
            (Peer::Pods { namespaces: namespaces.clone(), labels: labels.clone() }, ports)
        });
        let blocks = self
            .blocks
            .iter()
            .map(|((cidr, except), ports)| (Peer::Block { cidr: *cidr, except: except.clone() }, ports));
        let symbols = self.symbols.iter().filter_map(|(symbol, ports)| {
            let peer = match symbol {
                Other::Entity(entity) => Peer::Entity(*entity),
                Other::Name(name) => Peer::Name(name.clone()),
                Other::Elsewhere | Other::Pod(..) | Other::Address(_) => return None,
            };
            Some((peer, ports))
        });
        let mut ends: Vec<_> = anyone.into_iter().chain(pods).chain(blocks).chain(symbols).collect();
        ends.sort_unstable();
        ends
    }
}

/// Whether a peer matches a concrete end.
pub(super) fn matches(peer: &Peer, other: &Other) -> bool {
    match (peer, other) {
        (Peer::Anyone, _) => true,
        (Peer::Pods { namespaces, labels }, Other::Pod(n, l)) => {
            covers(&canonical(namespaces), n) && labels.is_subset_of(l)
        }
        (Peer::Block { cidr, except }, Other::Address(address)) => {
            cidr.contains(address) && !except.iter().any(|hole| hole.contains(address))
        }
        (Peer::Entity(entity), Other::Entity(e)) => entity == e,
        (Peer::Name(name), Other::Name(n)) => name == n,
        _ => false,
    }
}

/// One form for one meaning: a namespace asked for by its name's label alone is named.
fn canonical(namespaces: &Namespaces) -> Namespaces {
    match namespaces {
        Namespaces::Labelled(labels) if labels.len() == 1 => match labels.get(NAMESPACE_NAME) {
            Some(name) => Namespaces::Named(name.clone()),
            None => namespaces.clone(),
        },
        _ => namespaces.clone(),
    }
}

/// Whether a namespace with exactly the labels of `namespace` satisfies `selector`.
fn covers(selector: &Namespaces, namespace: &Namespaces) -> bool {
    match (selector, namespace) {
        (Namespaces::Named(a), Namespaces::Named(b)) => a == b,
        (Namespaces::Named(a), Namespaces::Labelled(b)) => b.get(NAMESPACE_NAME) == Some(a),
        (Namespaces::Labelled(a), Namespaces::Named(b)) => {
            a.iter().all(|(key, value)| &**key == NAMESPACE_NAME && value == b)
        }
        (Namespaces::Labelled(a), Namespaces::Labelled(b)) => a.is_subset_of(b),
    }
}

/// Whether it is cheaper to look up all subsets of so many labels than to scan so many selectors.
fn enumerable(labels: usize, selectors: usize) -> bool {
    labels <= 8 && (1 << labels) <= selectors.max(4)
}

fn subsets(labels: &Labels) -> Vec<Labels> {
    let pairs: Vec<(&Sym, &Sym)> = labels.iter().collect();
    let chosen = |mask: usize| {
        let pairs = pairs.iter().enumerate().filter(move |(i, _)| mask & (1 << i) != 0);
        Labels::new(pairs.map(|(_, (key, value))| (Sym::clone(key), Sym::clone(value))))
    };
    (0..1usize << pairs.len()).map(chosen).collect()
}

fn namespace_subsets(namespaces: &Namespaces) -> Vec<Namespaces> {
    match namespaces {
        Namespaces::Named(_) => vec![Namespaces::Labelled(Labels::default()), namespaces.clone()],
        Namespaces::Labelled(labels) => {
            subsets(labels).into_iter().map(|l| canonical(&Namespaces::Labelled(l))).collect()
        }
    }
}

/// The values whose keys are subsets of some labels: of all selectors, those that a pod with these labels satisfies.
pub(super) fn satisfied<'m, V>(map: &'m IndexMap<Labels, V>, labels: &Labels) -> Vec<&'m V> {
    if enumerable(labels.len(), map.len()) {
        return subsets(labels).iter().filter_map(|subset| map.get(subset)).collect();
    }
    map.iter().filter(|(selector, _)| selector.is_subset_of(labels)).map(|(_, value)| value).collect()
}

/// The same for a set of selectors.
pub(super) fn any_satisfied(set: &IndexSet<Labels>, labels: &Labels) -> bool {
    match enumerable(labels.len(), set.len()) {
        true => subsets(labels).iter().any(|subset| set.contains(subset)),
        false => set.iter().any(|selector| selector.is_subset_of(labels)),
    }
}

/// First and last address as a number.
fn bounds(range: &IpNet) -> (u128, u128) {
    match range {
        IpNet::V4(net) => (u128::from(u32::from(net.network())), u128::from(u32::from(net.broadcast()))),
        IpNet::V6(net) => (net.network().into(), net.broadcast().into()),
    }
}

fn address(six: bool, number: u128) -> IpAddr {
    match u32::try_from(number) {
        Ok(number) if !six => IpAddr::V4(number.into()),
        _ => IpAddr::V6(number.into()),
    }
}

/// Whether some address is in both blocks.
pub(super) fn blocks_meet(a: &Peer, b: &Peer) -> bool {
    let (Peer::Block { cidr: a, except: of_a }, Peer::Block { cidr: b, except: of_b }) = (a, b) else { return false };
    let same_family = matches!(a, IpNet::V6(_)) == matches!(b, IpNet::V6(_));
    let theirs: Vec<_> = pieces(b, of_b).collect();
    same_family && pieces(a, of_a).any(|(first, last)| theirs.iter().any(|(x, y)| *x <= last && first <= *y))
}

/// The intervals of a block that its exceptions leave over.
fn pieces(cidr: &IpNet, except: &[IpNet]) -> impl Iterator<Item = (u128, u128)> {
    let (first, last) = bounds(cidr);
    let mut holes: Vec<_> = except.iter().map(bounds).collect();
    holes.sort_unstable();
    let mut left = vec![];
    let mut from = Some(first);
    for (a, b) in holes {
        if let Some(start) = from
            && start < a
        {
            left.push((start, a - 1));
        }
        from = from.and_then(|start| b.checked_add(1).map(|next| next.max(start)));
    }
    if let Some(start) = from
        && start <= last
    {
        left.push((start, last));
    }
    left.into_iter()
}
