use std::fs;

use super::*;
use crate::diag::{concise, render};
use crate::source::find_root;

struct Project {
    _temp: tempfile::TempDir,
    dir: Utf8PathBuf,
    sources: Sources,
    diags: Diagnostics,
}

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let above = Utf8PathBuf::from_path_buf(temp.path().canonicalize().unwrap()).unwrap();
        let dir = above.join("project");
        fs::create_dir(&dir).unwrap();
        fs::write(above.join("secret.toml"), "secret = 1\n").unwrap();
        for (path, text) in files {
            fs::create_dir_all(dir.join(path).parent().unwrap()).unwrap();
            fs::write(dir.join(path), text).unwrap();
        }
        Self { _temp: temp, dir, sources: Sources::default(), diags: Diagnostics::default() }
    }

    fn root(&self) -> Root {
        find_root(&[], &self.dir).unwrap()
    }

    fn intents(&mut self) -> Vec<String> {
        let root = self.root();
        let files = load_intents(&root, "intents".into(), &mut self.sources, &mut self.diags).unwrap();
        files.into_iter().map(|file| self.sources.path(file).to_string()).collect()
    }

    fn templates(&mut self) -> Vec<String> {
        let root = self.root();
        let files = load_templates(&root, "templates".into(), &mut self.sources, &mut self.diags).unwrap();
        files.into_iter().map(|(path, file)| format!("{path} {}", self.sources.get(file).text)).collect()
    }

    fn messages(&self) -> Vec<String> {
        self.diags.iter().map(|d| concise(d, &self.sources)).collect()
    }
}

#[test]
fn loads_intents_below_the_folder_in_the_order_of_their_paths() {
    let mut project = Project::new(&[
        ("intents/b.toml", "b"),
        ("intents/a/z.toml", "z"),
        ("intents/a.toml", "a"),
        ("intents/README.md", "no"),
        ("intents/.hidden.toml", "no"),
        ("intents/.git/x.toml", "no"),
        ("intents/C.TOML", "c"),
        ("elsewhere.toml", "no"),
    ]);
    assert_eq!(project.intents(), ["intents/C.TOML", "intents/a/z.toml", "intents/a.toml", "intents/b.toml"]);
    assert!(project.messages().is_empty());
}

#[test]
fn missing_folders_are_empty() {
    let mut project = Project::new(&[]);
    assert!(project.intents().is_empty());
    assert!(project.templates().is_empty());
    let root = project.root();
    let file = load_project_file(&root, &mut project.sources, &mut project.diags).unwrap();
    assert!(file.is_none() && project.messages().is_empty());
}

#[test]
fn loads_the_project_file() {
    let mut project = Project::new(&[("netpolc.toml", "dialects = []\n")]);
    let root = project.root();
    let file = load_project_file(&root, &mut project.sources, &mut project.diags).unwrap().unwrap();
    assert_eq!(project.sources.path(file), "netpolc.toml");
    assert_eq!(&*project.sources.get(file).text, "dialects = []\n");
}

#[test]
fn folder_outside_of_the_project_is_refused() {
    let mut project = Project::new(&[]);
    let root = project.root();
    for dir in ["..", "intents/../..", "/etc"] {
        assert!(load_intents(&root, dir.into(), &mut project.sources, &mut project.diags).unwrap().is_empty());
    }
    assert_eq!(project.messages().len(), 3);
    assert_eq!(project.messages()[0], "error[NP007]: `..` leads outside of the project");
}

#[cfg(unix)]
#[test]
fn links_are_followed_inside_of_the_project_only() {
    use std::os::unix::fs::symlink;
    let mut project = Project::new(&[("intents/a.toml", "a"), ("common/b.toml", "b")]);
    let at = |name: &str| project.dir.join("intents").join(name);
    symlink("../common/b.toml", at("b.toml")).unwrap();
    symlink("../../secret.toml", at("c.toml")).unwrap();
    symlink("nowhere", at("d.toml")).unwrap();
    symlink("../common", at("e")).unwrap();
    symlink("..", at("loop")).unwrap();
    assert_eq!(project.intents(), ["intents/a.toml", "intents/b.toml"]);
    let expected = [
        "error[NP007]: `intents/e` is a link to a folder",
        "error[NP007]: `intents/loop` is a link to a folder",
        "error[NP007]: `intents/c.toml` leads outside of the project",
        "error[NP007]: `intents/d.toml` is a link that leads nowhere",
    ];
    assert_eq!(project.messages(), expected);
}

#[cfg(unix)]
#[test]
fn linked_intents_folder_may_not_lead_outside() {
    let mut project = Project::new(&[]);
    std::os::unix::fs::symlink("..", project.dir.join("intents")).unwrap();
    assert!(project.intents().is_empty());
    assert_eq!(project.messages(), ["error[NP007]: `intents` leads outside of the project"]);
}

#[cfg(unix)]
#[test]
fn templates_are_read_through_no_link() {
    use std::os::unix::fs::symlink;
    let mut project = Project::new(&[
        ("templates/kubernetes/allow.yaml.j2", "x"),
        ("templates/README.md", "no"),
        ("templates/kubernetes/.swp", "no"),
    ]);
    symlink("allow.yaml.j2", project.dir.join("templates/kubernetes/dns.yaml.j2")).unwrap();
    symlink("kubernetes", project.dir.join("templates/calico")).unwrap();
    assert_eq!(project.templates(), ["kubernetes/allow.yaml.j2 x"]);
    let expected = [
        "error[NP007]: `templates/calico` is a symbolic link",
        "error[NP007]: `templates/kubernetes/dns.yaml.j2` is a symbolic link",
    ];
    assert_eq!(project.messages(), expected);
}

#[cfg(unix)]
#[test]
fn what_is_no_file_or_has_an_unusable_name_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let mut project = Project::new(&[("intents/a\u{202e}.toml", "a")]);
    let odd = std::ffi::OsStr::from_bytes(b"b\xff.toml");
    fs::write(project.dir.join("intents").as_std_path().join(odd), "").unwrap();
    let made = std::process::Command::new("mkfifo").arg(project.dir.join("intents/c.toml")).status();
    assert!(project.intents().is_empty());
    let mut expected = vec![
        "error[NP007]: the name `intents/b\u{fffd}.toml` is not UTF-8".to_owned(),
        "error[NP007]: the name `intents/a\\u{202e}.toml` has an invisible or control character".to_owned(),
    ];
    if made.is_ok_and(|status| status.success()) {
        expected.push("error[NP007]: `intents/c.toml` is not a regular file".to_owned());
    }
    assert_eq!(project.messages(), expected);
}

#[test]
fn errors_of_one_file_do_not_hide_those_of_another() {
    let mut project =
        Project::new(&[("intents/a.toml", "\u{200b}"), ("intents/b.toml", "\0"), ("intents/c.toml", "c")]);
    assert_eq!(project.intents(), ["intents/a.toml", "intents/c.toml"]);
    assert_eq!(project.messages().len(), 2);
}

#[test]
fn too_large_a_file_is_named_and_not_read() {
    let mut project = Project::new(&[("intents/a.toml", "")]);
    let file = fs::File::options().write(true).open(project.dir.join("intents/a.toml")).unwrap();
    file.set_len(MAX_FILE_BYTES + 1).unwrap();
    assert!(project.intents().is_empty());
    assert_eq!(project.messages(), ["intents/a.toml:1:1: error[NP002]: `intents/a.toml` is larger than 8 MiB"]);
    let diagnostic = project.diags.iter().next().unwrap();
    assert!(render(diagnostic, &project.sources, false).contains("intents/a.toml"));
}

#[test]
fn files_that_are_not_on_disk_are_a_project_like_those_that_are() {
    let files = [
        ("netpolc.toml", "[cluster]\n"),
        ("intents/b.toml", "b"),
        ("intents/a/z.toml", "z"),
        ("intents/.hidden/x.toml", "no"),
        ("intents/README.md", "no"),
        ("intents/odd\u{7f}.toml", "app = 1"),
        ("intents/nul.toml", "a = \"\0\""),
        ("templates/kubernetes/allow.yaml.j2", "{{ x }}"),
        ("templates/notes.txt", "no"),
        ("out/kubernetes/a.yaml", "no"),
    ];
    let mut disk = Project::new(&files);
    let loaded = |project: &mut Project, root: Root| {
        let Project { sources, diags, .. } = project;
        let own = load_project_file(&root, sources, diags).unwrap();
        let intents = load_intents(&root, "intents".into(), sources, diags).unwrap();
        let templates = load_templates(&root, "templates".into(), sources, diags).unwrap();
        let all = own.into_iter().chain(intents).chain(templates.into_iter().map(|(_, file)| file));
        all.map(|file| (sources.path(file).to_string(), sources.get(file).text.to_string())).collect::<Vec<_>>()
    };
    let root = disk.root();
    let on_disk = loaded(&mut disk, root);
    assert_eq!(on_disk.len(), 4, "{on_disk:?}");
    let mut other = Project::new(&[]);
    let given: Files = files.iter().map(|(path, text)| (Utf8PathBuf::from(*path), text.as_bytes().to_vec())).collect();
    assert_eq!(loaded(&mut other, Root::of_files("HEAD", given)), on_disk);
    assert_eq!(other.messages(), disk.messages());
    assert_eq!(disk.messages().len(), 2, "{:?}", disk.messages());
}

#[test]
fn file_of_the_limit_that_is_not_on_disk_is_read() {
    let mut project = Project::new(&[]);
    let whole = vec![b' '; MAX_FILE_BYTES as usize];
    let root = Root::of_files("HEAD", Files::from([("intents/a.toml".into(), whole)]));
    load_intents(&root, "intents".into(), &mut project.sources, &mut project.diags).unwrap();
    assert!(project.messages().is_empty());
}

#[test]
fn files_that_are_not_on_disk_have_the_same_limit() {
    let mut project = Project::new(&[]);
    let large = vec![b' '; MAX_FILE_BYTES as usize + 1];
    let root = Root::of_files("HEAD", Files::from([("intents/a.toml".into(), large), ("templates".into(), vec![])]));
    load_intents(&root, "intents".into(), &mut project.sources, &mut project.diags).unwrap();
    load_templates(&root, "templates".into(), &mut project.sources, &mut project.diags).unwrap();
    assert_eq!(
        project.messages(),
        [
            "intents/a.toml:1:1: error[NP002]: `intents/a.toml` is larger than 8 MiB",
            "error[NP007]: `templates` is not a folder"
        ]
    );
}

#[cfg(unix)]
#[test]
fn linked_templates_folder_is_refused() {
    let mut project = Project::new(&[("other/kubernetes/allow.yaml.j2", "x")]);
    std::os::unix::fs::symlink("other", project.dir.join("templates")).unwrap();
    assert!(project.templates().is_empty());
    assert_eq!(project.messages(), ["error[NP007]: `templates` is a symbolic link"]);
}

#[cfg(unix)]
#[test]
fn project_file_that_is_a_loop_is_told_in_the_words_of_the_system() {
    let mut project = Project::new(&[]);
    std::os::unix::fs::symlink("netpolc.toml", project.dir.join("netpolc.toml")).unwrap();
    let root = project.root();
    let error = load_project_file(&root, &mut project.sources, &mut project.diags).unwrap_err();
    assert_eq!(error.path, "netpolc.toml");
    assert_ne!(error.error.kind(), std::io::ErrorKind::NotFound);
}
