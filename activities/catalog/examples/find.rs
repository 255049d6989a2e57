//! How well a search finds what people ask for: `cargo run --example find -- TASKS [FOLDER]`, where
//! TASKS has a line `- {text: …, operation: …}` for each of them. Without a folder, in what is
//! compiled in.
#![expect(clippy::print_stdout, reason = "that is what it is for")]

use std::path::PathBuf;

use longhaul_catalog::{Catalog, Filter, Search};
use serde::Deserialize;

/// How many are looked at.
const FIRST: usize = 5;

#[derive(Deserialize)]
struct Task {
    text: String,
    operation: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let tasks = std::fs::read_to_string(arguments.next().ok_or("say the file of tasks")?)?;
    let tasks: Vec<Task> = serde_saphyr::from_str(&tasks)?;
    let catalog = match arguments.next() {
        Some(folder) => Catalog::default().with_folder(&folder).map_err(|problems| {
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        })?,
        None => Catalog::builtin(),
    };
    let search = Search::of(&catalog);
    let mut ranks = Vec::new();
    for task in &tasks {
        let found = search.search(&task.text, 1000, &Filter::default());
        let rank = found.iter().position(|found| found.name == task.operation).map(|at| at + 1);
        if rank.is_none_or(|rank| rank > FIRST) {
            let best: Vec<_> = found.iter().take(FIRST).map(|it| it.name.as_str()).collect();
            let rank = rank.map_or_else(|| "nowhere".to_owned(), |rank| rank.to_string());
            println!(
                "{}\n  wants {} ({rank}), finds {}",
                task.text,
                task.operation,
                best.join(", ")
            );
        }
        ranks.extend(rank);
    }
    let among = |most: usize| ranks.iter().filter(|rank| **rank <= most).count();
    let all = tasks.len();
    println!(
        "{all} tasks: {} first, {} among the first {FIRST}, {} among 20",
        among(1),
        among(FIRST),
        among(20)
    );
    Ok(())
}
