//! Manifests as any bytes, through every reader there is: that of rendered files, and that of manifests whoever wrote them.
//! What is accepted is proved and evaluated, whatever comes of it.

use std::sync::OnceLock;

use netpolc::cluster::{self, Endpoint, Probe};
use netpolc::diag::Diagnostics;
use netpolc::dialects::{self, Assumed, Dialect};
use netpolc::model::{Model, Protocol};
use netpolc::pipeline::{evaluate, given, permitted};
use netpolc::source::{Files, Sources, load_manifests};
use netpolc::verify;
use netpolc::verify::normal::Policy;

use super::project::{check, tell};

const INTENT: &[u8] = include_bytes!("../../intents/app.toml");

pub fn run(data: &[u8]) {
    let mut sources = Sources::default();
    let mut diags = Diagnostics::default();
    let files = load_manifests(&["-".into()], &mut &data[..], &mut sources, &mut diags).unwrap();
    tell(&diags.into_sorted(&sources), &sources);
    let [file] = files.as_slice() else { return };
    let text = sources.get(*file).text.clone();
    for dialect in dialects::REGISTRY {
        rendered(*dialect, &text);
    }
    for only in dialects::REGISTRY.iter().copied().map(Some).chain([None]) {
        anybodys(&sources, &[*file], only);
    }
    if let Err(errors) = cluster::read_whole(&sources, &[*file]) {
        tell(&errors, &sources);
    }
}

/// As a file of the output, and as a list of files.
fn rendered(dialect: &'static dyn Dialect, text: &str) {
    for name in ["out/any/allow/any.yaml", "out/any/kustomization.yaml"] {
        let mut sources = Sources::default();
        let file = sources.add(name, text);
        match dialect.read(&sources, &[file]) {
            Ok(read) => {
                let policies: Vec<Policy> = read.into_iter().flat_map(|file| file.policies).collect();
                let permitted = permitted(model(), dialect);
                let proof = verify::prove(model(), dialect.capabilities(), &permitted, &policies);
                // One file may say all that the intents say, and mostly does not.
                for one in proof.err().iter().flatten() {
                    assert!(!one.diagnostic(model(), dialect.name()).message.is_empty());
                }
            }
            Err(errors) => tell(&errors, &sources),
        }
    }
}

fn anybodys(sources: &Sources, files: &[netpolc::source::FileId], only: Option<&'static dyn Dialect>) {
    let read = cluster::read(sources, files).and_then(|inventory| {
        Ok((inventory.cluster, given(inventory.policies, &inventory.namespaces, only, &Assumed::new())?))
    });
    let (cluster, given) = match read {
        Ok(read) => read,
        Err(errors) => return tell(&errors, sources),
    };
    let dialect = given.dialect;
    for reading in &given.readings {
        let (can, permitted) = (dialect.capabilities(), permitted(model(), dialect));
        if let Err(found) = verify::prove_as(reading.engine, model(), can, &permitted, &reading.policies) {
            found.iter().for_each(|one| drop(one.diagnostic_of_given(model(), dialect.name())));
        }
    }
    let probes = [(Protocol::Tcp, 80), (Protocol::Udp, 53)].map(|(protocol, port)| Probe { protocol, port });
    let endpoints = ["ip:203.0.113.7", "ip:2001:db8::1", "fqdn:api.example.com=198.51.100.1"];
    let endpoints: Vec<Endpoint> = endpoints.iter().map(|end| end.parse().unwrap()).collect();
    let verdicts = evaluate(&cluster, &endpoints, &probes, &given.readings, dialect.capabilities().entities);
    assert_eq!(verdicts.ends().len(), cluster.pods.len() + endpoints.len());
    verdicts.flows().for_each(drop);
}

/// The first example.
fn model() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| check(Files::from([("intents/app.toml".into(), INTENT.to_vec())])).models.remove(0))
}
