//! Codes of what is not a rule of `src/checks`: the language, the project, templates, the proof and the output.
//!
//! A code never changes its meaning. `netpolc rule CODE` prints the text given here.

use std::fmt;

/// A stable code, as `NP013`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub &'static str);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A code with its explanation.
#[derive(Debug, Clone, Copy)]
pub struct CodeDoc {
    /// The code.
    pub code: Code,
    /// A few words.
    pub title: &'static str,
    /// What it means, why it is an error, and how to mend it.
    pub doc: &'static str,
}

impl CodeDoc {
    /// What it is about, in a word.
    pub fn group(&self) -> &'static str {
        match self.code.0.get(..3) {
            Some("NP7") => "proof",
            Some("NP8") => "output",
            _ => "language",
        }
    }
}

/// All that `netpolc rule CODE` prints.
impl fmt::Display for CodeDoc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: Vec<&str> = self.doc.lines().map(str::trim).collect();
        writeln!(f, "# {} {}\n\n{}", self.code, self.title, text.join("\n").trim())
    }
}

macro_rules! codes {
    ($( $(#[doc = $doc:literal])+ $name:ident = $id:literal, $title:literal; )*) => {
        $( $(#[doc = $doc])+ pub const $name: Code = Code($id); )*
        /// Every code of this file, in order.
        pub const ALL: &[CodeDoc] = &[
            $( CodeDoc { code: $name, title: $title, doc: concat!($($doc, "\n"),+) }, )*
        ];
    };
}

codes! {
    /// The file is not valid TOML. netpolc reads TOML 1.1; every syntax error of a file is reported.
    SYNTAX = "NP001", "TOML syntax";
    /// A file must be UTF-8 text without NUL, control, bidirectional or invisible characters, and no larger than
    /// 8 MiB. Such characters make a policy read differently from what it says.
    ENCODING = "NP002", "unreadable text";
    /// The key is not part of the language here. A misspelt key would silently leave a rule out.
    UNKNOWN_KEY = "NP003", "unknown key";
    /// A key that must be written is missing.
    MISSING_KEY = "NP004", "missing key";
    /// The value has another type than the key takes.
    WRONG_TYPE = "NP005", "wrong type";
    /// The intent language version is not one that this netpolc knows. Leave `version` out or write `version = 1`.
    VERSION = "NP006", "unknown language version";
    /// A path cannot be used: it is not UTF-8, is not an intent of this project, or leads outside of it.
    PATH = "NP007", "unusable path";
    /// Something is larger than netpolc takes: so many files, edges, namespaces or values that memory and time would have no
    /// end, or that nobody could review it. All limits stand in docs/limits.md, many times above the largest meshes that are
    /// publicly described.
    LIMIT = "NP008", "larger than netpolc takes";
    /// Names of apps, tiers, peers and externals become parts of Kubernetes object names: lower-case letters, digits
    /// and single hyphens, starting with a letter or digit and ending with one, at most 63 characters. Namespaces follow
    /// Kubernetes: a DNS-1123 label; names that a file system reserves are refused, as each namespace becomes a file.
    NAME = "NP010", "invalid name";
    /// The name has a meaning of its own in the language or in generated names.
    RESERVED = "NP011", "reserved name";
    /// A name stands for one thing only: tiers, peers and externals of an app share one space of names, and an app is
    /// one file.
    DUPLICATE_NAME = "NP012", "name used twice";
    /// The name after `from`, `to`, `scrapers`, in `accepts` or in an exception is not declared.
    UNKNOWN_NAME = "NP013", "unknown name";
    /// Free text becomes an annotation of every policy: one line, no control characters, at most 1,000 characters, and
    /// no `${`, which Flux would replace by nothing.
    TEXT = "NP014", "unsafe text";
    /// The built-in or group cannot stand here: externals send nothing, and a name must stand for pods where pods are
    /// needed.
    ENDPOINT = "NP015", "endpoint in the wrong place";
    /// A list that must hold something is empty. An empty list is never read as "everything".
    EMPTY = "NP016", "empty list";
    /// The label is not one that the API server accepts: a key is `[prefix/]name` with a DNS prefix of at most 253
    /// characters and a name of at most 63; a value has at most 63 characters of `[A-Za-z0-9._-]`, starts and ends
    /// with a letter or digit, or is empty.
    LABEL = "NP020", "invalid label";
    /// An empty selector would select every pod. Write `pods = "all"` where that is meant.
    EMPTY_SELECTOR = "NP021", "empty selector";
    /// The address range is not a canonical CIDR: prefix and mask written out, no host bits, no leading zeros,
    /// no IPv4-mapped IPv6, IPv6 in its shortest lower-case form.
    CIDR = "NP030", "invalid CIDR";
    /// An exception must lie inside one of the ranges, be narrower than it, and leave something over.
    EXCEPT = "NP031", "invalid exception";
    /// Loopback, multicast, broadcast and unspecified ranges are no destinations of pod traffic.
    SPECIAL_RANGE = "NP032", "range that is no destination";
    /// The range lies in private address space, where the cluster's own addresses lie too. An external is what is
    /// outside the cluster, so the project file must say which ranges are the cluster's.
    CLUSTER_RANGE = "NP033", "cluster ranges unknown";
    /// A port is a number from 1 to 65535, a range `first-last`, either with `/TCP`, `/UDP` or `/SCTP`, the name of a
    /// port that the callee declares, or the word `all`.
    PORT = "NP040", "invalid port";
    /// Neither the edge nor its callee says which ports are meant. Every port must be written as `ports = "all"`.
    NO_PORTS = "NP041", "no ports";
    /// A port is listed twice, or two ranges overlap. The policies are the same without one of them.
    REDUNDANT_PORT = "NP042", "redundant port";
    /// A host name is a DNS name of at least two labels, lower case; a wildcard stands alone as its first label.
    HOST = "NP050", "invalid host name";
    /// Host names are resolved through the cluster's DNS, which the tier has switched off.
    HOST_WITHOUT_DNS = "NP051", "host names without DNS";
    /// An HTTP rule needs an upper-case method, a path that starts with `/` and is a regular expression without anchors
    /// that every engine reads alike, headers with exact values, or some of these, and a TCP port.
    HTTP = "NP052", "invalid HTTP rule";
    /// Two apps manage one namespace. Each could open the other's pods, so the project file must list the namespace
    /// as shared.
    SHARED_NAMESPACE = "NP060", "namespace managed twice";
    /// One pod could belong to tiers of two apps at once. A team could then open another team's pods by naming their
    /// labels; give the tiers labels that exclude each other.
    FOREIGN_OVERLAP = "NP061", "tiers of two apps share pods";
    /// A pod in two tiers gets what both may do, so the two must agree whether it may use DNS.
    DNS_DISAGREES = "NP062", "overlapping tiers disagree on DNS";
    /// The same edge is written twice.
    DUPLICATE_EDGE = "NP063", "duplicate edge";
    /// The cluster's profile does not say what the built-in stands for, or says it cannot be enforced.
    PROFILE = "NP064", "missing in the cluster's profile";
    /// A guard of the project file denies for the whole cluster, and nothing can allow what it denies: an edge that asks
    /// for it could never work, and the cluster's own DNS must not be behind it.
    GUARD = "NP065", "denied by a guard";
    /// A `[[forbid]]` is violated: some pod or address could open a connection that it rules out. A forbid cannot be
    /// waived; change the edge or the forbid.
    FORBID = "NP070", "forbidden flow is possible";
    /// A forbid between two groups that netpolc does not manage cannot be enforced.
    FORBID_UNMANAGED = "NP071", "forbid between unmanaged groups";
    /// A range in a forbid stands for addresses outside the cluster, as the targets police pods by their labels. One that
    /// holds addresses of pods or Services would miss them.
    FORBID_PODS = "NP072", "forbidden range holds pods";
    /// A waiver silences one finding. It names a rule, one edge, tier, peer or external of its own intent, or a workload, and
    /// a reason. Findings whose mend costs no more than a waiver, or that somebody else has to answer for, cannot be waived.
    WAIVER = "NP080", "invalid waiver";
    /// The waiver's last day is over. Mend the finding, or renew the waiver with a reason.
    WAIVER_EXPIRED = "NP081", "expired waiver";
    /// `netpolc owners` must know whom to ask for a review of each app: `[codeowners]` in `netpolc.toml` names the platform
    /// team, each app an `owner`, and `teams` who stands behind it. Names are those of the forge: `@user`, `@org/team`, or an
    /// e-mail address. An app without anybody would be opened to others without a review.
    CODE_OWNER = "NP085", "nobody to ask for a review";
    /// The target's policies cannot say this. The project file may permit an approximation by name; every build
    /// prints it.
    INEXPRESSIBLE = "NP090", "not expressible in this dialect";
    /// The template does not parse, uses what is not there, runs too long or writes too much.
    TEMPLATE = "NP700", "template error";
    /// A template's output is not what the target accepts: no YAML, another kind of object, an unknown field, or a
    /// value outside the target's limits.
    RENDERED = "NP701", "rendered output is invalid";
    /// The rendered policies allow a flow that the intent does not, or deny one that it allows. Nothing is written.
    /// No option turns this off.
    PROOF = "NP702", "rendered output does not match the intent";
    /// A manifest that was given to `verify`, `eval` or `explain` (a policy, a Namespace, a Pod, a workload, a ServiceAccount)
    /// is not what the API server or its target accepts, is there twice, or is of a kind that nobody here knows the
    /// meaning of. What policies say, and what they select, must be known exactly: nothing is guessed, nothing passed over.
    MANIFEST = "NP710", "invalid manifest";
    /// `netpolc krm` was given a function config that it cannot use, or a list in which it cannot write: an object that netpolc
    /// did not make has the name of a policy. What the function config may say is in `netpolc schema krm`.
    FUNCTION = "NP720", "invalid function input";
    /// A generated file was edited by hand, or a merge left it in conflict. Move the change into the intent, then
    /// run `netpolc build --overwrite`.
    EDITED = "NP800", "generated file was edited";
    /// A file that netpolc did not write stands where one must be written. Move it away.
    FOREIGN = "NP801", "foreign file in the way";
    /// `out/` is not what the intents say: run `netpolc build` and commit the result.
    STALE = "NP802", "out of date";
    /// A path below `out/` is a symbolic link or another thing that netpolc will not write through.
    UNSAFE_PATH = "NP803", "unsafe output path";
    /// Git does not know an intent, a template, the project file or a generated file, so a commit leaves it out, and whoever
    /// checks that commit out has intents and policies that do not belong together. `git add` it.
    UNTRACKED = "NP804", "not known to git";
    /// Between `# netpolc:begin` and `# netpolc:end` the file CODEOWNERS belongs to netpolc, and nothing outside of them.
    /// Where the two are not there once each, in this order, nothing is written.
    MARKERS = "NP810", "broken section of CODEOWNERS";
    /// The forge would not do what the section of CODEOWNERS says: another line counts instead, or the whole file is not
    /// read.
    NO_EFFECT = "NP811", "code owners that do not count";
}
