//! Changes as text.

use super::*;

#[test]
fn diff_shows_creation_update_and_deletion() {
    let change = |path: &str, kind| Change { path: path.into(), shown: Utf8Path::new("out").join(path), kind };
    let lines = |range: std::ops::Range<u32>| range.map(|n| format!("{n}\n")).collect::<String>();
    let changes = [
        change("c", ChangeKind::Create { new: "x\ny\n".into() }),
        change("d", ChangeKind::Delete { old: "z".into() }),
        change("e", ChangeKind::Create { new: "".into() }),
        change("u", ChangeKind::Update { old: lines(1..20), new: lines(1..20).replace("10\n", "ten\n").into() }),
    ];
    let expected = "\
--- /dev/null\n+++ b/out/c\n@@ -0,0 +1,2 @@\n+x\n+y\n\
--- a/out/d\n+++ /dev/null\n@@ -1 +0,0 @@\n-z\n\\ No newline at end of file\n\
--- /dev/null\n+++ b/out/e\n\
--- a/out/u\n+++ b/out/u\n@@ -7,7 +7,7 @@\n 7\n 8\n 9\n-10\n+ten\n 11\n 12\n 13\n";
    assert_eq!(unified_diff(&changes, false), expected);
    let coloured = unified_diff(&changes, true);
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), expected);
    assert!(coloured.contains("\u{1b}[32m+x\u{1b}[0m"));
}

#[test]
fn diff_escapes_what_could_move_a_terminal() {
    let kind = ChangeKind::Update { old: "a\u{1b}[2Jb\r\n\tc\n".into(), new: "\tc\u{202e}\n".into() };
    let diff = unified_diff(&[Change { path: "x".into(), shown: "out/x".into(), kind }], false);
    assert!(diff.contains("-a\\u{1b}[2Jb\\u{d}\n"));
    assert!(diff.contains("+\tc\\u{202e}\n"));
    assert!(!diff.contains('\u{1b}'));
}
