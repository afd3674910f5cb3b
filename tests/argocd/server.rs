//! What argocd-cmp-server does with an Application, as far as a plugin can notice.
//!
//! Each step names what it follows in argoproj/argo-cd.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{documents, shipped};
use crate::support::tree;

/// A plugin has 60 seconds (`server.repo.server.timeout.seconds`) and 90 (`ARGOCD_EXEC_TIMEOUT`); this is far less.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The shipped plugin.yaml.
pub struct Plugin(pub Value);

/// What became of a rendering.
#[derive(Debug)]
pub struct Rendered {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    /// The command, for the message.
    args: String,
}

impl Rendered {
    /// The message that the Application gets, as its user interface shows it (cmpserver/plugin/plugin.go, `CmdError.Error`;
    /// ui/src/app/applications/components/application-conditions, `white-space: normal`).
    pub fn shown(&self) -> String {
        let message = format!("`{}` failed exit status {}: {}", self.args, self.code, self.stderr.trim());
        message.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Plugin {
    pub fn read() -> Self {
        let mut documents = documents(&shipped("plugin.yaml"));
        assert_eq!(documents.len(), 1);
        Self(documents.remove(0))
    }

    /// `command` and `args` of a step (cmpserver/plugin/plugin.go, `runCommand`).
    pub fn command(&self) -> Vec<String> {
        let generate = &self.0["spec"]["generate"];
        let words = [&generate["command"], &generate["args"]].into_iter().filter_map(Value::as_array).flatten();
        words.map(|word| word.as_str().unwrap().to_owned()).collect()
    }

    /// Whether the plugin is taken for an Application at a path: by name, or because nothing else was said of the source
    /// (util/app/discovery/discovery.go, `DetectConfigManagementPlugin` and `cmpSupports` since #20196; cmpserver/plugin/plugin.go,
    /// `matchRepository`: the first rule that there is decides, also about those that name the plugin).
    pub fn is_taken(&self, checkout: &Path, path: &str, named: bool) -> bool {
        let discover = &self.0["spec"]["discover"];
        let patterns = [&discover["fileName"], &discover["find"]["glob"]];
        assert!(discover["find"]["command"].is_null(), "there is no shell to find anything with");
        let Some(pattern) = patterns.into_iter().find_map(Value::as_str) else { return named };
        let pattern: Vec<&str> = pattern.split('/').filter(|part| *part != ".").collect();
        let below = tree(&checkout.join(path));
        below.keys().any(|file| is_match(&pattern, &file.to_str().unwrap().split('/').collect::<Vec<_>>()))
    }

    /// Renders an Application's `source` from a checkout.
    pub fn render(&self, checkout: &Path, source: &Value) -> Rendered {
        self.render_with(checkout, source, |_| ())
    }

    /// The same, with a last word on the environment.
    pub fn render_with(
        &self,
        checkout: &Path,
        source: &Value,
        change: impl FnOnce(&mut BTreeMap<String, OsString>),
    ) -> Rendered {
        let received = tempfile::tempdir().unwrap();
        // The server's own folder (common/common.go, `GetCMPWorkDir`; one for each request).
        let root = received.path().join("tmp/_cmp_server/2f0e8a52");
        transfer(checkout, &root);
        let before = state(&root);
        let bin = received.path().join("usr/local/bin");
        fs::create_dir_all(&bin).unwrap();
        symlink(env!("CARGO_BIN_EXE_netpolc"), bin.join("netpolc")).unwrap();

        let mut environment = of_container(&bin);
        environment.extend(of_application(source).into_iter().map(|(name, value)| (name, value.into())));
        change(&mut environment);
        let (command, place) = (self.command(), root.join(source["path"].as_str().unwrap()));
        let (program, args) = command.split_first().unwrap();
        let streams = ["stdout", "stderr"].map(|name| received.path().join(name));
        let mut child = Command::new(program)
            .args(args)
            .current_dir(place)
            .env_clear()
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(fs::File::create(&streams[0]).unwrap())
            .stderr(fs::File::create(&streams[1]).unwrap())
            .spawn()
            .unwrap();
        let start = Instant::now();
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if start.elapsed() > TIMEOUT => {
                    child.kill().unwrap();
                    panic!("{command:?} does not end");
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        assert_eq!(state(&root), before, "something was written");
        let [stdout, stderr] = streams.map(|path| fs::read_to_string(path).unwrap());
        Rendered { code: status.code().unwrap_or(-1), stdout, stderr, args: command.join(" ") }
    }
}

/// The whole checkout is sent, and modes are reset (util/io/files/tar.go, `Untgz` without `preserveFileMode`): 0755 and 0644, links
/// as absolute ones. `.git` is what installations leave out (`reposerver.plugin.tar.exclusions`).
fn transfer(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o755)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if entry.file_name() == ".git" {
            continue;
        }
        if kind.is_symlink() {
            symlink(to.join(fs::read_link(&path).unwrap()), target).unwrap();
        } else if kind.is_dir() {
            transfer(&path, &target);
        } else {
            fs::write(&target, fs::read(&path).unwrap()).unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).unwrap();
        }
    }
}

/// Every entry with its bytes, and when it was changed.
fn state(root: &Path) -> BTreeMap<PathBuf, (Option<Vec<u8>>, std::time::SystemTime)> {
    let mut seen = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let bytes = metadata.is_file().then(|| fs::read(&path).unwrap());
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            seen.insert(path, (bytes, metadata.modified().unwrap()));
        }
    }
    seen
}

/// What the sidecar has of itself: its image's `PATH`, what Kubernetes sets, and what somebody set for all containers. No `HOME`.
fn of_container(bin: &Path) -> BTreeMap<String, OsString> {
    let variables = [
        ("HOSTNAME", "argocd-repo-server-6d5f"),
        ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
        ("KUBERNETES_SERVICE_PORT", "443"),
        ("ARGOCD_REPO_SERVER_PORT", "tcp://10.96.12.7:8081"),
        ("CLICOLOR_FORCE", "1"),
    ];
    let mut all: BTreeMap<String, OsString> =
        variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    all.insert("PATH".to_owned(), bin.into());
    all
}

/// What the repo-server sends along (reposerver/repository/repository.go, `newEnv`, `getPluginEnvs` and `getPluginParamEnvs`),
/// less what has no text (cmpserver/plugin/plugin.go, `environ`).
fn of_application(source: &Value) -> BTreeMap<String, String> {
    let text = |name: &str| source[name].as_str().unwrap_or_default().to_owned();
    let mut all: BTreeMap<String, String> = [
        ("ARGOCD_APP_NAME", "network-policies".to_owned()),
        ("ARGOCD_APP_NAMESPACE", String::new()),
        ("ARGOCD_APP_REVISION", "3f1c2a9d5b7e8f60112233445566778899aabbcc".to_owned()),
        ("ARGOCD_APP_SOURCE_REPO_URL", text("repoURL")),
        ("ARGOCD_APP_SOURCE_PATH", text("path")),
        ("ARGOCD_APP_SOURCE_TARGET_REVISION", text("targetRevision")),
        ("KUBE_VERSION", "1.34.0".to_owned()),
        ("KUBE_API_VERSIONS", "v1,apps/v1,networking.k8s.io/v1,networking.k8s.io/v1/NetworkPolicy".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let plugin = &source["plugin"];
    if plugin.is_object() {
        for entry in plugin["env"].as_array().into_iter().flatten() {
            let name = format!("ARGOCD_ENV_{}", entry["name"].as_str().unwrap());
            all.insert(name, entry["value"].as_str().unwrap().to_owned());
        }
        // A list that was never set is `null` (pkg/apis/application/v1alpha1/types.go, `ApplicationSourcePluginParameters.Environ`).
        all.insert("ARGOCD_APP_PARAMETERS".to_owned(), plugin["parameters"].to_string());
        for parameter in plugin["parameters"].as_array().into_iter().flatten() {
            let base = format!("PARAM_{}", escaped(parameter["name"].as_str().unwrap()));
            if let Some(text) = parameter["string"].as_str() {
                all.insert(base.clone(), text.to_owned());
            }
            for (position, text) in parameter["array"].as_array().into_iter().flatten().enumerate() {
                all.insert(format!("{base}_{position}"), text.as_str().unwrap().to_owned());
            }
            for (key, text) in parameter["map"].as_object().into_iter().flatten() {
                all.insert(format!("{base}_{}", escaped(key)), text.as_str().unwrap().to_owned());
            }
        }
    }
    all.retain(|_, value| !value.is_empty());
    all
}

fn escaped(name: &str) -> String {
    let upper = name.to_uppercase();
    upper.chars().map(|c| if c.is_ascii_uppercase() || c.is_ascii_digit() { c } else { '_' }).collect()
}

/// Whether a path fits a pattern, part by part: `**` is any number of parts, `*` any text within one.
fn is_match(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        (["**", rest @ ..], _) => (0..=path.len()).any(|skipped| is_match(rest, &path[skipped..])),
        ([part, rest @ ..], [name, below @ ..]) => {
            let fits = match part.split_once('*') {
                None => part == name,
                Some((start, end)) => {
                    name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
                }
            };
            fits && is_match(rest, below)
        }
        _ => false,
    }
}
