//! The program that Terraform and OpenTofu start; see the library for what it does.

use std::path::Path;
use std::process::ExitCode;

use terraform_provider_dram::{docs, handshake, log};

const HELP: &str = "\
The Terraform and OpenTofu provider for DRAM, disaster recovery as code.

Terraform and OpenTofu start this program themselves. Write

    terraform {
      required_providers {
        dram = { source = \"dram-dev/dram\" }
      }
    }
    provider \"dram\" {
      catalog = \"file:///var/lib/dram/catalog\"
    }

and run `terraform init`.

Usage: terraform-provider-dram [OPTION]

Options:
  --debug    serve until interrupted, and print the variable by which a host finds this process
  --version  print the version
  --help     print this text
";

fn main() -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    log::start(variable);
    let result: Result<(), Box<dyn std::error::Error>> = match arguments.as_slice() {
        [] => {
            log::report_panics();
            handshake::talk(variable).map_err(Into::into)
        }
        ["--debug"] => handshake::debug().map_err(Into::into),
        // For whoever builds the project: not in the help, because no user needs it.
        ["docs", project] => docs::write(Path::new(project)).map_err(Into::into),
        ["--version" | "-V"] => return print(&format!("terraform-provider-dram {}\n", env!("CARGO_PKG_VERSION"))),
        ["--help" | "-h"] => return print(HELP),
        others => {
            eprintln!(
                "error: `{}` is not an option\nhelp: `--help` lists the options",
                others.join(" ")
            );
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print(text: &str) -> ExitCode {
    use std::io::Write as _;
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
