//! Files of people.

use super::*;

fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(temp.path()).unwrap().join("project");
    fs::create_dir_all(root.join("intents")).unwrap();
    for name in ["a", "b"] {
        fs::write(root.join(format!("intents/{name}.toml")), name).unwrap();
    }
    (temp, root)
}

fn change(name: &str) -> Rewrite {
    Rewrite { path: format!("intents/{name}.toml").into(), old: name.into(), new: "new".into() }
}

fn texts(root: &Utf8Path) -> Vec<String> {
    let tree = crate::source::list_tree(&root.join("intents"), false).unwrap();
    tree.iter().map(|entry| fs::read_to_string(root.join("intents").join(&entry.path)).unwrap()).collect()
}

#[test]
fn files_get_their_new_bytes_and_nothing_is_left_behind() {
    let (_temp, root) = folder();
    rewrite(&root, &[change("a"), change("b")]).unwrap();
    assert_eq!(texts(&root), ["new", "new"]);
}

#[test]
fn a_file_that_changed_or_vanished_keeps_all_from_being_written() {
    let (_temp, root) = folder();
    fs::write(root.join("intents/b.toml"), "edited").unwrap();
    assert!(matches!(rewrite(&root, &[change("a"), change("b")]), Err(OutputError::Changed { .. })));
    assert_eq!(texts(&root), ["a", "edited"]);
    fs::remove_file(root.join("intents/b.toml")).unwrap();
    assert!(matches!(rewrite(&root, &[change("a"), change("b")]), Err(OutputError::Write { .. })));
    fs::create_dir(root.join("intents/b.toml")).unwrap();
    assert!(matches!(rewrite(&root, &[change("a"), change("b")]), Err(OutputError::Changed { .. })));
    assert_eq!(fs::read_to_string(root.join("intents/a.toml")).unwrap(), "a");
}

#[cfg(unix)]
#[test]
fn nothing_outside_of_the_project_is_written() {
    use std::os::unix::fs::symlink;
    let (temp, root) = folder();
    let away = temp.path().join("away");
    fs::create_dir(&away).unwrap();
    fs::write(away.join("a.toml"), "a").unwrap();
    fs::remove_file(root.join("intents/a.toml")).unwrap();
    symlink(away.join("a.toml"), root.join("intents/a.toml")).unwrap();
    assert!(matches!(rewrite(&root, &[change("b"), change("a")]), Err(OutputError::Changed { .. })));
    fs::remove_dir_all(root.join("intents")).unwrap();
    symlink(&away, root.join("intents")).unwrap();
    assert!(matches!(rewrite(&root, &[change("a")]), Err(OutputError::Changed { .. })));
    assert_eq!(fs::read_to_string(away.join("a.toml")).unwrap(), "a");
    assert_eq!(fs::read_dir(&away).unwrap().count(), 1);
}

/// A rename would not ask for its permission.
#[test]
fn read_only_file_is_not_replaced() {
    let temp = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(temp.path()).unwrap();
    fs::write(root.join("a.toml"), "old").unwrap();
    let mut permissions = root.join("a.toml").metadata().unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(root.join("a.toml"), permissions).unwrap();
    let change = Rewrite { path: "a.toml".into(), old: b"old".to_vec(), new: b"new".to_vec() };
    let error = rewrite(root, &[change]).unwrap_err();
    assert_eq!(error.to_string(), "cannot write `a.toml`: permission denied");
    assert_eq!(fs::read_to_string(root.join("a.toml")).unwrap(), "old");
}
