//! The flow graph: who may open connections to whom, over all apps.

use std::collections::HashMap;

use petgraph::graph::{DiGraph, NodeIndex};

use super::{Edge, EdgeId, Endpoint};

/// Endpoints and the edges between them.
#[derive(Debug, Clone, Default)]
pub struct FlowGraph {
    /// Endpoints as nodes, edges of the model as edges.
    pub graph: DiGraph<Endpoint, EdgeId>,
    nodes: HashMap<Endpoint, NodeIndex>,
}

impl FlowGraph {
    /// Nodes for all of `endpoints` (so that unconnected ones are there too), then one edge each.
    pub fn new<'a>(
        endpoints: impl IntoIterator<Item = Endpoint>,
        edges: impl IntoIterator<Item = (EdgeId, &'a Edge)>,
    ) -> Self {
        let mut this = Self::default();
        for endpoint in endpoints {
            this.node(endpoint);
        }
        for (id, edge) in edges {
            let (from, to) = (this.node(edge.from), this.node(edge.to));
            this.graph.add_edge(from, to, id);
        }
        this
    }

    fn node(&mut self, endpoint: Endpoint) -> NodeIndex {
        *self.nodes.entry(endpoint).or_insert_with(|| self.graph.add_node(endpoint))
    }

    /// The node of an endpoint, if it is in the graph.
    pub fn index(&self, endpoint: Endpoint) -> Option<NodeIndex> {
        self.nodes.get(&endpoint).copied()
    }
}
