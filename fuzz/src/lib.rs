//! What is done with the bytes that a fuzzer, or a checked-in seed, gives: a module a target, each with a `run`.
//!
//! In: any bytes. Out: nothing. A body panics where netpolc broke a promise: that is what the fuzzer looks for, and what
//! `tests/fuzz_seeds.rs` includes these modules for, to run the seeds on the stable toolchain. They use netpolc's public
//! functions alone, and the crates that both have.

pub mod alike;
pub mod calico_selector;
pub mod cidr_port;
pub mod intent;
pub mod pipeline;
pub mod plain;
mod project;
pub mod template;
pub mod yaml_reader;

/// A target's body.
pub type Body = fn(&[u8]);

/// Every target: its name, as cargo-fuzz and the folder of its seeds have it, and its body.
pub const TARGETS: [(&str, Body); 8] = [
    ("alike", alike::run),
    ("calico_selector", calico_selector::run),
    ("cidr_port", cidr_port::run),
    ("intent", intent::run),
    ("pipeline", pipeline::run),
    ("plain", plain::run),
    ("template", template::run),
    ("yaml_reader", yaml_reader::run),
];
