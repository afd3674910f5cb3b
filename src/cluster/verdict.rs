//! What policies say of every flow between some ends: a table, whole and in one order.

use super::Probe;
use crate::model::Sym;

/// What is said of a flow, or of one side of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Permitted.
    Yes,
    /// Refused.
    No,
    /// Targets disagree, or it hangs on an option that was not given.
    Ambiguous,
    /// No such flow: a pod to itself, outside to outside, no IP family in common.
    NotApplicable,
}

/// What policies say of one flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The source's side alone; what is no pod is not policed on its side.
    pub egress: Verdict,
    /// The destination's side alone.
    pub ingress: Verdict,
    /// Both, for one address of each.
    pub allowed: Verdict,
    /// The policies that decide it, as `namespace/name`.
    pub by: Vec<Sym>,
}

/// One flow and what policies say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow<'v> {
    /// Where it starts: index into [`Verdicts::ends`].
    pub src: usize,
    /// Where it leads.
    pub dst: usize,
    /// On which port of the destination.
    pub probe: Probe,
    /// What is said.
    pub cell: &'v Cell,
}

/// What policies say of every flow between some ends.
#[derive(Debug, Clone)]
pub struct Verdicts {
    ends: Vec<Sym>,
    probes: Vec<Probe>,
    /// By source, then destination, then probe.
    cells: Vec<Cell>,
}

impl Verdicts {
    /// Asks about every ordered pair of ends and every probe. `ends` are names; `judge` gets their indexes.
    pub fn new(ends: Vec<Sym>, probes: Vec<Probe>, mut judge: impl FnMut(usize, usize, Probe) -> Cell) -> Self {
        let mut cells = Vec::with_capacity(ends.len() * ends.len() * probes.len());
        for src in 0..ends.len() {
            for dst in 0..ends.len() {
                cells.extend(probes.iter().map(|probe| judge(src, dst, *probe)));
            }
        }
        Self { ends, probes, cells }
    }

    /// The ends by name: pods in the order of their texts, then endpoints as given.
    pub fn ends(&self) -> &[Sym] {
        &self.ends
    }

    /// The probes as given.
    pub fn probes(&self) -> &[Probe] {
        &self.probes
    }

    /// All flows: by source, then destination, then probe.
    pub fn flows(&self) -> impl Iterator<Item = Flow<'_>> {
        let (ends, probes) = (self.ends.len(), self.probes.len());
        let pairs = (0..ends).flat_map(move |src| (0..ends).map(move |dst| (src, dst)));
        let places = pairs.flat_map(move |(src, dst)| (0..probes).map(move |probe| (src, dst, probe)));
        let flow = |((src, dst, probe), cell)| Some(Flow { src, dst, probe: *self.probes.get(probe)?, cell });
        places.zip(&self.cells).filter_map(flow)
    }
}
