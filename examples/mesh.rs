//! Writes a generated mesh into a folder: `cargo run --release --example mesh -- FOLDER SERVICES EDGES [SEED]`.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a helper of benchmarks, for people who read its source")]

#[allow(dead_code, unused_imports, reason = "its tests run in `tests/mesh.rs`")]
#[path = "../benches/mesh/mod.rs"]
mod mesh;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, numbers @ ..] = arguments.as_slice() else {
        eprintln!("usage: mesh FOLDER SERVICES EDGES [SEED]");
        std::process::exit(2);
    };
    let number = |at: usize, default: usize| numbers.get(at).map_or(default, |text| text.parse().unwrap());
    let intents = std::path::Path::new(folder).join("intents");
    std::fs::create_dir_all(&intents).unwrap();
    for (name, text) in mesh::mesh(number(0, 1_500), number(1, 9_300), number(2, 1) as u64) {
        std::fs::write(intents.join(name), text).unwrap();
    }
    // A mesh has metrics, and a project says who scrapes them.
    let scrapers = "scrapers = { namespace = \"monitoring\", pods = { app = \"prometheus\" } }";
    std::fs::write(intents.with_file_name("netpolc.toml"), format!("[cluster]\n{scrapers}\n")).unwrap();
}
