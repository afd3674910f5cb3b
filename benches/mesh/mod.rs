//! Generated meshes: intents as a large organisation would write them.
//!
//! In: how many services and edges, and a seed. Out: intent files by name, the same for the same input on every
//! machine: the generator has its own random numbers, uses integers alone and keeps everything in order. The files of
//! one mesh belong together (edges cross apps), have no cycle and no finding.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// One namespace, hence one app and one file: services `first..end`.
struct App {
    first: usize,
    end: usize,
}

/// Intents of a mesh: a file name (to put below `intents/`) and its text each, sorted by name.
///
/// Apps have 1 to 10 services in one namespace. An edge leads from a service to one of higher number, so that there is
/// no cycle; how many edges a service has follows a power law. Every service is scraped; one in twenty calls out.
///
/// At most half of all possible pairs become edges: more are not drawn.
pub fn mesh(services: usize, edges: usize, seed: u64) -> Vec<(String, String)> {
    let mut random = SplitMix64(seed);
    let apps = apps(services, &mut random);
    let home: Vec<usize> =
        apps.iter().enumerate().flat_map(|(number, app)| std::iter::repeat_n(number, app.end - app.first)).collect();
    let edges = edges_of(services, edges, &mut random);
    let ports: Vec<u16> = (0..services).map(|_| 8000 + random.below(16) as u16).collect();
    let outside: Vec<bool> = (0..services).map(|_| random.below(20) == 0).collect();
    let write = |(number, app): (usize, &App)| {
        (format!("app-{number:05}.toml"), intent(number, app, &edges, &home, &ports, &outside))
    };
    apps.iter().enumerate().map(write).collect()
}

fn apps(services: usize, random: &mut SplitMix64) -> Vec<App> {
    let mut apps = vec![];
    let mut first = 0;
    while first < services {
        let end = (first + 1 + random.below(10)).min(services);
        apps.push(App { first, end });
        first = end;
    }
    apps
}

/// Pairs `(caller, callee)`, caller < callee.
fn edges_of(services: usize, wanted: usize, random: &mut SplitMix64) -> BTreeSet<(usize, usize)> {
    // Popular services shall not all have low numbers, or none would be called: popularity is dealt out.
    let mut by_rank: Vec<usize> = (0..services).collect();
    for i in (1..services).rev() {
        by_rank.swap(i, random.below(i + 1));
    }
    let possible = services * services.saturating_sub(1) / 2;
    let wanted = wanted.min(possible / 2);
    let mut edges = BTreeSet::new();
    while edges.len() < wanted {
        let popular = by_rank.get(random.skewed(services)).copied().unwrap_or_default();
        let pair = |other: usize| (popular.min(other), popular.max(other));
        let (from, to) = pair(random.below(services));
        // A hub that calls or is called by nearly all makes draws fail; a pair of any two then keeps the loop short.
        let (from, to) = match from != to && !edges.contains(&(from, to)) {
            true => (from, to),
            false => {
                let (a, b) = (random.below(services), random.below(services));
                (a.min(b), a.max(b))
            }
        };
        if from != to {
            edges.insert((from, to));
        }
    }
    edges
}

fn intent(
    number: usize,
    app: &App,
    edges: &BTreeSet<(usize, usize)>,
    home: &[usize],
    ports: &[u16],
    outside: &[bool],
) -> String {
    let callees = |from: usize| edges.range((from, 0)..=(from, usize::MAX)).map(|(_, to)| *to);
    let calls_out = |service: usize| outside.get(service).copied().unwrap_or_default();
    let mut out = format!(
        "#:schema ../schema/intent.schema.json\napp   = \"app-{number:05}\"\nowner = \"team-{:03}\"\n\n[tiers]\n",
        number % 200
    );
    for service in app.first..app.end {
        let port = ports.get(service).copied().unwrap_or(8000);
        let pods = format!("{{ app = \"svc-{service:06}\" }}");
        line(
            &mut out,
            format_args!(
                "svc-{service:06} = {{ namespace = \"mesh-{number:05}\", pods = {pods}, ports = [{port}], metrics = [9090] }}"
            ),
        );
    }
    if (app.first..app.end).any(calls_out) {
        let host = number % 254 + 1;
        line(&mut out, format_args!("\n[external]\npartner = {{ cidrs = [\"203.0.113.{host}/32\"], ports = [443] }}"));
    }
    for service in app.first..app.end {
        let mut to: Vec<String> = callees(service)
            .map(|callee| match home.get(callee).copied().unwrap_or_default() {
                own if own == number => format!("\"svc-{callee:06}\""),
                other => format!("\"app-{other:05}/svc-{callee:06}\""),
            })
            .collect();
        if calls_out(service) {
            to.push("\"partner\"".to_owned());
        }
        if !to.is_empty() {
            let to = to.join(", ");
            line(
                &mut out,
                format_args!(
                    "\n[[allow]]\nfrom = \"svc-{service:06}\"\nto   = [{to}]\nwhy  = \"what service {service} needs\""
                ),
            );
        }
    }
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{text}");
}

/// The generator of Steele, Lea and Flood (OOPSLA 2014), with its published constants.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 when there is none.
    fn below(&mut self, limit: usize) -> usize {
        scale(self.next(), limit)
    }

    /// A number below `limit`, `n` with a probability that falls as 1/√n: degrees then follow a power law.
    fn skewed(&mut self, limit: usize) -> usize {
        let uniform = u128::from(self.next());
        scale(((uniform * uniform) >> 64) as u64, limit)
    }
}

/// The share of `limit` that `fraction` is of 2⁶⁴.
fn scale(fraction: u64, limit: usize) -> usize {
    ((u128::from(fraction) * limit as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn edges(services: usize, wanted: usize) -> BTreeSet<(usize, usize)> {
        edges_of(services, wanted, &mut SplitMix64(7))
    }

    #[test]
    fn the_same_seed_gives_the_same_files_and_another_seed_others() {
        assert_eq!(mesh(200, 900, 1), mesh(200, 900, 1));
        assert_ne!(mesh(200, 900, 1), mesh(200, 900, 2));
    }

    #[test]
    fn every_service_is_declared_once_and_every_edge_written_once() {
        let files = mesh(1500, 9300, 3);
        let text: String = files.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(text.matches("metrics = [9090]").count(), 1500);
        let callees: usize = text.lines().filter(|l| l.starts_with("to ")).map(|l| l.matches("svc-").count()).sum();
        assert_eq!(callees, 9300);
        let names: Vec<&String> = files.iter().map(|(name, _)| name).collect();
        assert!(names.is_sorted());
    }

    #[test]
    fn edges_lead_to_higher_numbers_so_there_is_no_cycle() {
        let edges = edges(1500, 9300);
        assert_eq!(edges.len(), 9300);
        assert!(edges.iter().all(|(from, to)| from < to));
    }

    #[test]
    fn few_services_have_many_edges_and_most_have_few() {
        let mut degree = BTreeMap::<usize, usize>::new();
        for (from, to) in edges(10_000, 60_000) {
            *degree.entry(from).or_default() += 1;
            *degree.entry(to).or_default() += 1;
        }
        let mut degrees: Vec<usize> = degree.into_values().collect();
        degrees.sort_unstable();
        let median = degrees[degrees.len() / 2];
        assert!(median <= 12, "{median}");
        assert!(*degrees.last().unwrap() > 20 * median, "{:?}", degrees.last());
    }

    #[test]
    fn tiny_and_dense_meshes_come_to_an_end() {
        assert!(mesh(0, 10, 1).is_empty());
        assert_eq!(mesh(1, 10, 1).len(), 1);
        assert_eq!(edges(5, 1000).len(), 5);
    }

    #[test]
    fn the_random_numbers_are_those_of_the_published_generator() {
        let mut random = SplitMix64(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }
}
