//! `netpolc owners`: what it writes where, and what it leaves alone. Whether forges read it as it is meant is the business of
//! `tests/codeowners.rs`.

use std::fs;

use super::{Run, run};
use crate::support::{Project, netpolc, tree};

const SHOP: &str = "app = \"shop\"\nowner = \"storefront\"\n[tiers]\nweb = { namespace = \"front\", pods = { app = \"web\" } }\n\
                    [[allow]]\nfrom = \"web\"\nto = \"ledger/api\"\nwhy = \"orders are booked\"\n";
const LEDGER: &str = "app = \"ledger\"\nowner = \"@acme/books\"\n[tiers]\n\
                      api = { namespace = \"books\", pods = { app = \"api\" }, ports = [80] }\n";
const SETTINGS: &str = "[codeowners]\nplatform = \"@acme/platform\"\nteams = { storefront = [\"@acme/storefront\", \"ann@example.com\"] }\n";

const SECTION: &str = "\
# netpolc:begin /
# Written by `netpolc owners` from the owners of the apps. DO NOT EDIT.
# the platform team: what belongs to no app, and what is new
/CODEOWNERS @acme/platform
/netpolc.toml @acme/platform
/templates/ @acme/platform
/intents/ @acme/platform
/out/*/*/*.yaml @acme/platform
/out/*/baseline/guards/ @acme/platform
/out/*/allow/tiers/ @acme/platform
/out/*/allow/externals/netpolc--*.yaml @acme/platform
# apps: their intents, and the externals that they declare
/intents/ledger.toml @acme/books
/out/*/allow/externals/ledger--*.yaml @acme/books
/intents/shop.toml @acme/storefront ann@example.com
/out/*/allow/externals/shop--*.yaml @acme/storefront ann@example.com
# namespaces: what their pods may send and receive
/out/*/*/books.yaml @acme/books
/out/*/*/front.yaml @acme/storefront ann@example.com
# netpolc:end /
";

/// Two apps of two teams, in the folder of a repository.
fn project_in(folder: &str) -> Project {
    let project = Project::new();
    project.write(".git/HEAD", "");
    project.write(&format!("{folder}netpolc.toml"), SETTINGS);
    project.write(&format!("{folder}intents/shop.toml"), SHOP);
    project.write(&format!("{folder}intents/ledger.toml"), LEDGER);
    project
}

fn project() -> Project {
    project_in("")
}

/// A project in which the file of code owners is there.
fn with_file(text: impl AsRef<[u8]>) -> Project {
    let project = project();
    project.write("CODEOWNERS", text);
    project
}

/// A run that must find something wrong, and leave everything as it was.
fn refused(project: &Project, line: &str) -> Run {
    let before = tree(project.dir());
    let refused = run(project, line);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{}", refused.stderr);
    assert_eq!(tree(project.dir()), before);
    refused
}

#[test]
fn a_new_file_is_where_both_forges_look() {
    let project = project();
    let first = run(&project, "owners");
    assert_eq!((first.code, first.stderr.as_str()), (0, ""));
    assert_eq!(first.stdout, "created CODEOWNERS: 14 lines for 2 intents\n");
    assert_eq!(project.read("CODEOWNERS"), SECTION);
    let before = tree(project.dir());
    let second = run(&project, "owners");
    assert_eq!((second.code, second.stdout.as_str()), (0, "CODEOWNERS is up to date: 14 lines for 2 intents\n"));
    assert_eq!(run(&project, "owners --check").code, 0);
    assert_eq!(tree(project.dir()), before);
}

#[test]
fn the_section_alone_is_printed_where_it_is_asked_for() {
    let project = project();
    let before = tree(project.dir());
    let printed = run(&project, "owners --stdout");
    assert_eq!((printed.code, printed.stdout.as_str(), printed.stderr.as_str()), (0, SECTION, ""));
    assert_eq!(tree(project.dir()), before);
    assert_eq!(run(&project, "owners --stdout --check").code, 2);
}

#[test]
fn check_writes_nothing_and_shows_what_would_change() {
    let project = project();
    let check = |project: &Project| {
        let before = tree(project.dir());
        let check = run(project, "owners --check");
        assert_eq!(tree(project.dir()), before);
        check
    };
    let missing = check(&project);
    assert_eq!(missing.code, 1);
    assert!(missing.stdout.starts_with("--- /dev/null\n+++ b/CODEOWNERS\n"), "{}", missing.stdout);
    assert!(missing.stderr.contains("run `netpolc owners`"), "{}", missing.stderr);
    run(&project, "owners");
    assert_eq!(check(&project).code, 0);
    project.write("intents/ledger.toml", LEDGER.replace("\"books\"", "\"accounts\""));
    let stale = check(&project);
    assert_eq!(stale.code, 1);
    let changed: Vec<&str> = stale.stdout.lines().filter(|line| line.starts_with(['+', '-'])).skip(2).collect();
    assert_eq!(changed, ["-/out/*/*/books.yaml @acme/books", "+/out/*/*/accounts.yaml @acme/books"]);
    assert_eq!(run(&project, "owners").stdout, "updated CODEOWNERS: 14 lines for 2 intents\n");
    assert_eq!(check(&project).code, 0);
}

/// Byte for byte, whatever the rest of the file is.
#[test]
fn nothing_else_in_the_file_changes() {
    let odd = b"# caf\xe9, not UTF-8\r\n*\t@acme/all  \n\n";
    let project = with_file(odd);
    assert_eq!(run(&project, "owners").code, 0);
    let read = || fs::read(project.dir().join("CODEOWNERS")).unwrap();
    let written = read();
    assert!(written.starts_with(odd));
    // The first line ends as on Windows, so the section does.
    let section = SECTION.replace('\n', "\r\n");
    assert_eq!(written.strip_prefix(odd).unwrap(), format!("\r\n{section}").as_bytes());

    // Moved to the top, between others and without a last line end.
    for (before, after) in [("", "\n/docs/ @acme/docs"), ("* @acme/all\n", ""), ("", ""), ("\u{feff}# x\n", "#y\r\n")] {
        let stale = SECTION.replace("@acme/books", "@acme/nobody");
        project.write("CODEOWNERS", format!("{before}{stale}{after}"));
        let updated = run(&project, "owners");
        assert_eq!((updated.code, updated.stderr.as_str()), (0, ""));
        assert_eq!(String::from_utf8(read()).unwrap(), format!("{before}{SECTION}{after}"));
    }
    project.write("CODEOWNERS", SECTION.trim_end().replace("@acme/books", "@acme/nobody"));
    assert_eq!(run(&project, "owners").code, 0);
    assert_eq!(project.read("CODEOWNERS"), SECTION.trim_end());
    project.write("CODEOWNERS", "* @acme/all");
    assert_eq!(run(&project, "owners").code, 0);
    assert_eq!(project.read("CODEOWNERS"), format!("* @acme/all\n\n{SECTION}"));
}

#[test]
fn broken_markers_are_told_at_their_line_and_nothing_is_written() {
    let (begin, end) = ("# netpolc:begin /\n", "# netpolc:end /\n");
    for (text, line, message) in [
        (format!("* @a\n{begin}x @b\n"), 2, "this section has no `# netpolc:end /`"),
        (format!("* @a\n\n{end}"), 3, "a section ends here, and no `# netpolc:begin /` stands before it"),
        (format!("{end}{begin}"), 1, "a section ends here"),
        (format!("{begin}{end}{end}"), 3, "a section ends here"),
        (format!("{begin}{end}{begin}{end}"), 3, "a second section of `/` begins here"),
        (format!("{begin}{begin}{end}"), 2, "the section of `/` begins inside of itself"),
        ("#netpolc:begin\n".to_owned(), 1, "this section has no `# netpolc:end /`"),
        (
            format!("{begin}# netpolc:begin /net/\n# netpolc:end /net/\n{end}"),
            2,
            "the section of `/net/` stands inside",
        ),
    ] {
        let refused = refused(&with_file(&text), "owners");
        let place = format!(" --> CODEOWNERS:{line}:1\n");
        assert!(refused.stderr.contains("error[NP810]"), "{text}: {}", refused.stderr);
        assert!(refused.stderr.contains(message), "{text}: {}", refused.stderr);
        assert!(refused.stderr.contains(&place), "{text}: {}", refused.stderr);
        assert!(refused.stderr.ends_with("; nothing was written\n"), "{}", refused.stderr);
    }
    let refused = refused(&with_file("*\0@\0a\0\n\0"), "owners");
    assert!(refused.stderr.contains("not UTF-8"), "{}", refused.stderr);
}

#[test]
fn words_that_only_look_like_markers_are_none() {
    let text =
        "# netpolc:beginning /\n# see netpolc:end /\n# netpolc:begin /net/\n# netpolc:end /net/\nnetpolc:end / @a\n";
    let project = with_file(text);
    assert_eq!(run(&project, "owners").code, 0);
    assert_eq!(project.read("CODEOWNERS"), format!("{text}\n{SECTION}"));
}

#[test]
fn every_app_must_belong_to_somebody() {
    let project = project();
    project.write("intents/shop.toml", SHOP.replace("owner = \"storefront\"\n", ""));
    project.write("intents/ledger.toml", LEDGER.replace("@acme/books", "storefronts"));
    let refused = refused(&project, "owners");
    assert!(refused.stderr.contains("app `shop` does not say who owns it"), "{}", refused.stderr);
    assert!(refused.stderr.contains("nobody is known for `storefronts`, who owns app `ledger`"), "{}", refused.stderr);
    assert!(refused.stderr.contains(" --> intents/ledger.toml:2:9\n"), "{}", refused.stderr);
    assert!(refused.stderr.contains("did you mean `storefront`"), "{}", refused.stderr);
    // Together with what is wrong in the file itself.
    project.write("CODEOWNERS", "# netpolc:begin /\n");
    let all = run(&project, "owners");
    assert!(all.stderr.ends_with("3 errors; nothing was written\n"), "{}", all.stderr);
}

#[test]
fn without_a_platform_team_nothing_is_written() {
    for settings in ["", "[lints]\n"] {
        let project = project();
        project.write("netpolc.toml", settings);
        let refused = refused(&project, "owners");
        assert!(refused.stderr.contains("netpolc.toml does not say whom to ask"), "{}", refused.stderr);
        fs::remove_file(project.dir().join("netpolc.toml")).unwrap();
        let refused = self::refused(&project, "owners --stdout");
        assert!(refused.stderr.ends_with("1 error; nothing was printed\n"), "{}", refused.stderr);
    }
}

#[test]
fn broken_intents_stop_it_and_findings_do_not() {
    let project = project();
    project.write("intents/shop.toml", SHOP.replace("ledger/api", "ledger/nobody"));
    let refused = refused(&project, "owners");
    assert!(refused.stderr.contains("error[NP013]"), "{}", refused.stderr);
    // An edge on every port is an error of `check`, and no matter of owners.
    project.write("intents/shop.toml", SHOP.replace("why", "ports = \"all\"\nwhy"));
    project.write("netpolc.toml", format!("{SETTINGS}[lints]\nNP201 = \"error\"\n"));
    assert_eq!(run(&project, "check").code, 1);
    assert_eq!(run(&project, "owners").code, 0);
}

#[test]
fn the_order_of_files_and_tables_leaves_no_trace() {
    let project = project();
    fs::rename(project.dir().join("intents/shop.toml"), project.dir().join("intents/a.toml")).unwrap();
    let renamed = run(&project, "owners --stdout").stdout;
    assert_eq!(renamed, SECTION.replace("/intents/shop.toml", "/intents/a.toml"));
}

#[test]
fn a_project_below_the_repository_has_its_paths_and_its_own_section() {
    let project = project_in("net/my shop/");
    let other = |name: &str| project_in("").read(name);
    for file in ["netpolc.toml", "intents/shop.toml", "intents/ledger.toml"] {
        project.write(&format!("net/two/{file}"), other(file));
    }
    for folder in ["net/my shop", "net/two", "net/my shop/intents"] {
        let run = netpolc(&project.dir().join(folder), &["owners"]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{folder}");
    }
    let of = |folder: &str, name: &str| {
        let moved =
            SECTION.replace("\n/", &format!("\n/{folder}/")).replace(&format!("/{folder}/CODEOWNERS"), "/CODEOWNERS");
        moved.replace("begin /", &format!("begin /{name}/")).replace("end /", &format!("end /{name}/"))
    };
    let expected = format!("{}\n{}", of("net/my\\ shop", "net/my shop"), of("net/two", "net/two"));
    assert_eq!(project.read("CODEOWNERS"), expected);
    assert!(!project.dir().join("net/two/CODEOWNERS").exists());
}

#[test]
fn clusters_folders_and_shared_namespaces_are_those_of_the_project_file() {
    let project = project();
    let settings = SETTINGS.replace("[codeowners]", "[codeowners]\nfile = \".gitlab/CODEOWNERS\"");
    project.write(
        "netpolc.toml",
        format!(
            "{settings}[paths]\nintents = \"apps/in\"\nout = \"gen\"\ntemplates = \"tpl\"\n[cluster]\nshared-namespaces = [\"front\"]\n\
             [clusters.eu]\n[clusters.us]\n"
        ),
    );
    project.write("apps/in/shop.toml", SHOP);
    project.write("apps/in/ledger.toml", LEDGER.replace("\"books\"", "[\"front\", \"kustomization\"]"));
    assert_eq!(run(&project, "owners").code, 0);
    let text = project.read(".gitlab/CODEOWNERS");
    for line in [
        "/.gitlab/CODEOWNERS @acme/platform",
        "/tpl/ @acme/platform",
        "/apps/in/ @acme/platform",
        "/gen/*/*/*/*.yaml @acme/platform",
        "/gen/*/*/baseline/guards/ @acme/platform",
        "/gen/*/*/allow/tiers/ @acme/platform",
        "/apps/in/shop.toml @acme/storefront ann@example.com",
        "/gen/*/*/allow/externals/shop--*.yaml @acme/storefront ann@example.com",
        "/gen/*/*/*/front.yaml @acme/books @acme/storefront ann@example.com",
        "/gen/*/*/*/_kustomization.yaml @acme/books",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn paths_that_no_pattern_stands_for_are_refused() {
    for name in ["a*b", "a?", "[a]", "a#b", "a\\b"] {
        let project = project();
        fs::rename(project.dir().join("intents/shop.toml"), project.dir().join(format!("intents/{name}.toml")))
            .unwrap();
        let refused = refused(&project, "owners");
        assert!(refused.stderr.contains("no pattern of CODEOWNERS stands for"), "{name}: {}", refused.stderr);
        assert!(refused.stderr.contains(&format!(" --> intents/{name}.toml:1:7\n")), "{name}: {}", refused.stderr);
    }
    let project = project_in("net[1]/");
    let run = netpolc(&project.dir().join("net[1]"), &["owners"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("`net[1]/netpolc.toml`, because of its `[`"), "{}", run.stderr);
    assert!(run.stderr.ends_with("\n1 error; nothing was written\n"), "a folder is told once: {}", run.stderr);
}

#[test]
fn lines_that_count_instead_of_the_section_are_named() {
    let warned = |text: String, line: usize| {
        let project = with_file(&text);
        let run = run(&project, "owners");
        assert_eq!(run.code, 0, "{}", run.stderr);
        let place = format!(" --> CODEOWNERS:{line}:1\n");
        let told = run.stderr.contains("warning[NP811]") && run.stderr.contains(&place);
        assert!(told, "{text}: {}", run.stderr);
        assert!(run.stderr.ends_with("1 warning\n"), "{text}: {}", run.stderr);
    };
    let quiet = |text: String| {
        let run = run(&with_file(&text), "owners");
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{text}");
    };
    for line in
        ["* @acme/all", "*.yaml @x", "/out/", "out/**/books.yaml @x", "/out/cilium/ @x", "intents @x", "*.toml @x"]
    {
        warned(format!("{SECTION}{line}\n"), SECTION.lines().count() + 1);
        quiet(format!("{line}\n{SECTION}"));
    }
    for line in ["/docs/ @x", "*.rs @x", "/out/* @x", "# * @x", "/CODEOWNERS @acme/security"] {
        quiet(format!("{SECTION}{line}\n"));
    }
    // GitLab asks nobody for what one line of its section excludes, wherever that stands.
    warned(format!("!/out/\n{SECTION}"), 1);
    warned(format!("{SECTION}!*.yaml\n"), SECTION.lines().count() + 1);
    quiet(format!("!/docs/\n{SECTION}"));
    // And it keeps the first place of a pattern that is written twice.
    warned(format!("/netpolc.toml @x\n* @y\n{SECTION}"), 1);
}

/// Sections of GitLab count each by itself, and some ask nobody.
#[test]
fn in_a_file_with_headings_the_section_has_one_of_its_own() {
    let project = with_file("* @acme/all\n\n^[Docs][2] @acme/docs\n/docs/\n!/out/\n");
    let first = run(&project, "owners");
    assert_eq!((first.code, first.stderr.as_str()), (0, ""), "an exclusion holds in its own section");
    let headed = SECTION.replace("# the platform", "[netpolc]\n# the platform");
    assert!(project.read("CODEOWNERS").ends_with(&format!("\n\n{headed}")));
    assert_eq!(run(&project, "owners --check").code, 0);
    // What follows is in it too, up to the next heading.
    let text = project.read("CODEOWNERS");
    project.write("CODEOWNERS", format!("{text}*.yaml @x\n[Docs]\n* @acme/docs\n[NETPOLC]\n/intents/ @x\n"));
    let later = run(&project, "owners --check");
    assert_eq!(later.code, 0);
    assert!(later.stderr.contains("`*.yaml` comes after") && later.stderr.contains("`/intents/` comes after"));
    assert!(later.stderr.ends_with("2 warnings\n"), "{}", later.stderr);
    // Before all headings none is needed.
    let project = with_file(format!("{SECTION}[Docs]\n* @acme/docs\n"));
    let run = run(&project, "owners --check");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

#[test]
fn the_file_that_is_there_is_used_and_a_second_one_is_told() {
    let project = project();
    project.write("docs/CODEOWNERS", "* @acme/all\n");
    assert_eq!(run(&project, "owners").stdout, "updated docs/CODEOWNERS: 14 lines for 2 intents\n");
    project.write(".github/CODEOWNERS", "* @acme/all\n");
    let two = run(&project, "owners");
    assert_eq!(two.code, 0);
    assert!(two.stdout.starts_with("updated .github/CODEOWNERS"), "{}", two.stdout);
    assert!(two.stderr.contains("GitHub reads `.github/CODEOWNERS`, GitLab reads `docs/CODEOWNERS`"), "{}", two.stderr);
    project.write("netpolc.toml", SETTINGS.replace("[codeowners]", "[codeowners]\nfile = \".github/CODEOWNERS\""));
    assert_eq!(run(&project, "owners").stderr, "");
}

#[test]
fn a_file_that_github_would_not_read_is_refused() {
    let project = with_file(format!("# {}\n", "x".repeat(3_000_000)));
    let refused = refused(&project, "owners");
    assert!(refused.stderr.contains("GitHub reads no more than 3 MB"), "{}", refused.stderr);
}

#[cfg(unix)]
#[test]
fn links_are_followed_inside_of_the_repository_only() {
    use std::os::unix::fs::symlink;
    let project = project();
    project.write("real/owners", "* @acme/all\n");
    symlink("real/owners", project.dir().join("CODEOWNERS")).unwrap();
    assert_eq!(run(&project, "owners").code, 0);
    assert!(project.dir().join("CODEOWNERS").is_symlink());
    assert_eq!(project.read("real/owners"), format!("* @acme/all\n\n{SECTION}"));

    let elsewhere = Project::new();
    elsewhere.write("owners", "* @acme/all\n");
    fs::remove_file(project.dir().join("CODEOWNERS")).unwrap();
    symlink(elsewhere.dir().join("owners"), project.dir().join("CODEOWNERS")).unwrap();
    symlink(elsewhere.dir(), project.dir().join(".github")).unwrap();
    for settings in
        [SETTINGS.to_owned(), SETTINGS.replace("[codeowners]", "[codeowners]\nfile = \".github/CODEOWNERS\"")]
    {
        project.write("netpolc.toml", settings);
        let run = run(&project, "owners");
        assert_eq!(run.code, 1, "{}", run.stdout);
        assert!(run.stderr.contains("leads outside of the repository"), "{}", run.stderr);
    }
    assert_eq!(tree(elsewhere.dir()).len(), 1);
    assert_eq!(elsewhere.read("owners"), "* @acme/all\n");
}

#[test]
fn what_cannot_be_written_exits_with_two() {
    let project = project();
    project.write("netpolc.toml", SETTINGS.replace("[codeowners]", "[codeowners]\nfile = \"netpolc.toml/CODEOWNERS\""));
    let run = run(&project, "owners");
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
}
