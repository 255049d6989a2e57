//! Says what is wrong with the catalogue files of a folder: `cargo run --example check -- FOLDER`.
#![expect(clippy::print_stdout, reason = "that is what it is for")]

use std::path::PathBuf;
use std::process::ExitCode;

use longhaul_catalog::Catalog;

fn main() -> ExitCode {
    let folder = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    match Catalog::default().with_folder(&folder) {
        Ok(catalog) => {
            let operations: usize =
                catalog.integrations().map(|integration| integration.operations.len()).sum();
            println!("{} integrations, {operations} operations", catalog.slugs().count());
            ExitCode::SUCCESS
        }
        Err(problems) => {
            for problem in &problems {
                println!("{problem}\n");
            }
            println!("{} problems", problems.len());
            ExitCode::FAILURE
        }
    }
}
