//! The command line: one file a subcommand, one definition for parser, help, completions and man page.
//!
//! In: arguments. Out: text on standard output and standard error, and an [`Exit`]. Diagnostics go to standard error;
//! what a command is asked for goes to standard output.

mod build;
mod check;
mod diff;
pub mod eval;
mod explain;
mod fix;
mod generate;
mod init;
mod inventory;
mod owners;
mod report;
mod rule;
mod run;
mod select;
mod terminal;
mod verify;

use camino::Utf8PathBuf;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use jiff::civil::Date;

use crate::diag::Format;

pub use terminal::Terminal;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All is fine.
    Fine = 0,
    /// The intents or the output are not fine: errors, findings, stale files, differences.
    NotFine = 1,
    /// netpolc could not do its work: usage, or what the system refused.
    Failed = 2,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Compiles who may talk to whom into network policies, and proves that they say exactly that.
#[derive(Debug, Parser)]
#[command(name = "netpolc", version, arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,

    /// When to use colours
    #[arg(long, value_enum, default_value_t = ColorWhen::Auto, global = true, value_name = "WHEN")]
    color: ColorWhen,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set; also where CLICOLOR_FORCE is set
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compile, check, prove, show what changes, and write it
    Build(BuildArgs),
    /// Report findings; write nothing
    Check(CheckArgs),
    /// Show what a build would open, close and write
    Diff(DiffArgs),
    /// Prove policies against the intents: what is in out/, what somebody wrote, what a cluster holds
    Verify(verify::VerifyArgs),
    /// Say what any policies, of any dialect, let through between some pods
    Eval(eval::EvalArgs),
    /// Say whether one end may talk to another, by which policies, who asked for it, and what would allow it
    Explain(explain::ExplainArgs),
    /// Write who is asked for a review of what into CODEOWNERS
    Owners(OwnersArgs),
    /// Explain a code: what it means, why it matters, how to mend it
    Rule(RuleArgs),
    /// Write a first intent and the schema that editors use
    Init(InitArgs),
    /// Print the JSON schema of intents, of the project file, or of findings
    Schema(SchemaArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man,
}

/// What most commands take.
#[derive(Debug, Args)]
struct Common {
    /// Intents whose findings and changes are shown; the whole project is always compiled [default: all]
    paths: Vec<Utf8PathBuf>,

    /// The day on which waivers are judged, as 2027-03-01 [default: today]
    #[arg(long, value_name = "DATE")]
    today: Option<Date>,
}

#[derive(Debug, Args)]
struct Target {
    /// Only these dialects, comma separated
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    dialect: Vec<String>,

    /// Only this cluster of the project file
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
}

#[derive(Debug, Args)]
struct BuildArgs {
    #[command(flatten)]
    common: Common,

    #[command(flatten)]
    target: Target,

    /// Write nothing; fail if the output is missing, stale, edited or has files that do not belong there
    #[arg(long, conflicts_with_all = ["stdout", "overwrite", "exit_nonzero_on_change"])]
    check: bool,

    /// Write nothing; print the manifests of one dialect, and nothing else, on standard output
    #[arg(long, conflicts_with_all = ["overwrite", "exit_nonzero_on_change"])]
    stdout: bool,

    /// Regenerate generated files that someone edited
    #[arg(long)]
    overwrite: bool,

    /// Exit with 1 when anything was written or removed
    #[arg(long)]
    exit_nonzero_on_change: bool,
}

#[derive(Debug, Args)]
struct CheckArgs {
    #[command(flatten)]
    common: Common,

    /// How findings are printed
    #[arg(long, value_enum, default_value_t = Format::Full)]
    format: Format,

    /// Only findings of these rules, comma separated: codes, starts of codes, names or groups. Rules that the project
    /// allows to be broken are looked for as well, as warnings
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    select: Vec<String>,

    /// Leave out findings of these rules, written in the same way
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    ignore: Vec<String>,

    /// Also tell what waivers accept, with the reasons; that fails nothing
    #[arg(long)]
    waived: bool,

    /// Fail on warnings too
    #[arg(long)]
    strict: bool,

    #[command(flatten)]
    inventory: inventory::InventoryArgs,

    /// Only this cluster of the project file
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,

    /// Mend the findings that have exactly one right mend, in the intents and netpolc.toml, then check again
    #[arg(long)]
    fix: bool,

    /// Write nothing; show what --fix would change, and nothing else
    #[arg(long)]
    diff: bool,
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.name()).help(self.about()))
    }
}

#[derive(Debug, Args)]
struct DiffArgs {
    #[command(flatten)]
    common: Common,

    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
struct OwnersArgs {
    /// Write nothing; fail if the section is missing or stale, and show what would change
    #[arg(long, conflicts_with = "stdout")]
    check: bool,

    /// Write nothing; print the section alone
    #[arg(long)]
    stdout: bool,
}

#[derive(Debug, Args)]
struct RuleArgs {
    /// The code, as NP201
    #[arg(required_unless_present = "all")]
    code: Option<String>,

    /// Every code
    #[arg(long, conflicts_with = "code")]
    all: bool,

    /// How it is printed [default: markdown for one code, a list for all]
    #[arg(long, value_enum)]
    format: Option<RuleFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RuleFormat {
    /// A line for each code
    List,
    /// The explanation; of all codes, one page
    Markdown,
    /// One JSON document
    Json,
}

#[derive(Debug, Args)]
struct InitArgs {
    /// The folder of the project [default: the current one]
    dir: Option<Utf8PathBuf>,
}

#[derive(Debug, Args)]
struct SchemaArgs {
    /// Of what
    #[arg(value_enum, default_value_t = SchemaOf::Intent)]
    of: SchemaOf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SchemaOf {
    /// An intent
    Intent,
    /// netpolc.toml
    Project,
    /// What `netpolc check --format json` prints
    Findings,
}

#[derive(Debug, Args)]
struct CompletionsArgs {
    /// The shell
    shell: clap_complete::Shell,
}

/// The definition of the command line.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs a command.
pub fn run(cli: Cli) -> Exit {
    match cli.color {
        ColorWhen::Auto => {}
        ColorWhen::Always => anstream::ColorChoice::Always.write_global(),
        ColorWhen::Never => anstream::ColorChoice::Never.write_global(),
    }
    let mut terminal = Terminal::new();
    let exit = match cli.command {
        Command::Build(args) => build::run(&args, &mut terminal),
        Command::Check(args) => check::run(&args, &mut terminal),
        Command::Diff(args) => diff::run(&args, &mut terminal),
        Command::Verify(args) => verify::run(&args, &mut terminal),
        Command::Eval(args) => eval::run(&args, &mut terminal),
        Command::Explain(args) => explain::run(&args, &mut terminal),
        Command::Owners(args) => owners::run(&args, &mut terminal),
        Command::Rule(args) => rule::run(&args, &mut terminal),
        Command::Init(args) => init::run(&args, &mut terminal),
        Command::Schema(args) => generate::schema(args.of, &mut terminal),
        Command::Completions(args) => generate::completions(args.shell, &mut terminal),
        Command::Man => generate::man(&mut terminal),
    };
    terminal.finish(exit)
}
