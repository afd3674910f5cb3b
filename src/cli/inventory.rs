//! Inventories on the command line: which are asked for, and what is said of those that were read.

use std::collections::BTreeSet;

use clap::Args;

use super::report::plural;
use super::{Exit, Terminal};
use crate::checks::running::{Running, listed};
use crate::diag::{Diagnostic, codes, quote};
use crate::model::{Sym, check_namespace};
use crate::pipeline::Taken;
use camino::Utf8PathBuf;

/// How many namespaces a line names at most.
const NAMED: usize = 5;

#[derive(Debug, Clone, Args)]
pub(super) struct InventoryArgs {
    /// What runs in the cluster, to be held against the intents: rendered manifests or a dump of `kubectl get -o yaml`; files,
    /// folders, or - for standard input [default: what netpolc.toml says]
    #[arg(long, value_name = "PATH")]
    pub(super) inventory: Vec<Utf8PathBuf>,

    /// The namespace of objects of the inventory that name none [default: what netpolc.toml says, else the managed one that
    /// fits them best]
    #[arg(long, value_name = "NAME")]
    pub(super) inventory_namespace: Option<String>,
}

impl InventoryArgs {
    /// Refuses a namespace that cannot be one.
    pub(super) fn check(&self, terminal: &mut Terminal) -> Result<(), Exit> {
        match self.inventory_namespace.as_deref().map(check_namespace) {
            Some(Err(refusal)) => {
                Err(terminal.fail(format!("--inventory-namespace: {}; {}", refusal.message, refusal.help)))
            }
            _ => Ok(()),
        }
    }
}

/// How much of a project an inventory shows.
pub(super) struct Looked {
    workloads: usize,
    services: usize,
    /// Where objects that name no namespace are taken to be, when nobody said so.
    assumed: Option<Sym>,
    /// Managed namespaces of which it shows nothing, so that nothing can be said of them.
    unseen: Vec<Sym>,
}

impl Looked {
    pub(super) fn of(running: &Running<'_>, taken: &Taken) -> Self {
        let workloads: BTreeSet<_> = running.pods().map(|(_, pod)| pod.made_by()).collect();
        let unseen = running.model.namespaces.keys().filter(|name| !running.sees(name) && !running.knows_namespaces());
        Self {
            workloads: workloads.len(),
            services: running.cluster.services.len(),
            assumed: taken.assumed.clone(),
            unseen: unseen.cloned().collect(),
        }
    }

    /// What the findings rest on, and what the inventory does not show.
    pub(super) fn tell(&self, terminal: &mut Terminal) {
        let Self { workloads, services, assumed, unseen } = self;
        terminal.tell(format!("inventory: {}, {}", plural(*workloads, "workload"), plural(*services, "Service")));
        if let Some(namespace) = assumed {
            terminal.tell(format!(
                "assumed: objects that name no namespace are in {} (--inventory-namespace says where they are)",
                quote(namespace)
            ));
        }
        if !unseen.is_empty() {
            let names = listed(unseen.iter().map(|name| &**name), NAMED);
            let what = if unseen.len() == 1 { "the namespace" } else { "the namespaces" };
            terminal.tell(format!("not looked at, as the inventory shows nothing of {what}: {names}"));
        }
    }
}

/// An error where an inventory shows nothing that the intents manage: of a wrong file, or one that is placed wrongly, every rule
/// would be silent.
pub(super) fn unrelated(running: &Running<'_>) -> Option<Diagnostic> {
    if running.is_about_the_model() {
        return None;
    }
    let managed = listed(running.model.namespaces.keys().map(|name| &**name), NAMED);
    let message = format!("the inventory shows nothing of the managed namespaces: {managed}");
    let shown = listed(running.seen(), NAMED);
    Some(
        Diagnostic::placeless(codes::MANIFEST, message).note(format!("it shows {shown}")).help(
            "give the manifests of these namespaces; `--inventory-namespace` says where objects are that name none",
        ),
    )
}
