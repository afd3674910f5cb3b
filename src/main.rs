//! The `netpolc` binary: parses arguments, calls the library, maps the exit code.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    netpolc::cli::run(netpolc::cli::Cli::parse()).into()
}
