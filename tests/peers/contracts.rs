//! Entries of the catalogue beside the vendors' own descriptions of their APIs.
//!
//! The descriptions are in the folder that `LONGHAUL_VENDOR_SPECS` names, by default
//! `../shared/vendor-specs` beside the checkout; they are not ours to keep here.

pub(crate) mod known;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use longhaul_catalog::{Catalog, Integration};
use longhaul_tests::vendor::contract::folder;
use longhaul_tests::vendor::mutate::{Fault, is_found, mutants};
use longhaul_tests::vendor::{Contract, Finding, check};

/// An entry and its vendor's description.
pub(crate) struct Pilot {
    pub(crate) entry: Arc<Integration>,
    pub(crate) contract: Contract,
}

/// Entries with a description by the vendor: slug, file, and what its GraphQL schema does not say.
const DESCRIBED: [(&str, &str, &str); 13] = [
    ("aws-s3", "aws", ""),
    ("aws-sqs", "aws", ""),
    ("github", "github", ""),
    ("gmail", "gmail", ""),
    ("google-calendar", "google-calendar", ""),
    ("hubspot", "hubspot", ""),
    ("linear", "linear", ""),
    ("notion", "notion", ""),
    ("resend", "resend", ""),
    // Introspection lists no directives; this one is needed by some mutations since 2026-04.
    ("shopify", "shopify-admin", "directive @idempotent(key: String!) on FIELD"),
    ("slack", "slack", ""),
    ("stripe", "stripe", ""),
    ("twilio", "twilio", ""),
];

/// Every described entry, read once.
pub(crate) static PILOTS: LazyLock<BTreeMap<&'static str, Pilot>> = LazyLock::new(|| {
    let (catalog, folder) = (Catalog::builtin(), folder());
    let pilot = |(slug, file, more): &(&'static str, &str, &str)| {
        let entry = catalog.integration(slug).unwrap_or_else(|| panic!("no entry `{slug}`"));
        (*slug, Pilot { entry, contract: Contract::load(&folder, file, more) })
    };
    DESCRIBED.iter().map(pilot).collect()
});

/// What an entry gets wrong, but for what is known.
fn unknown(slug: &str, findings: Vec<Finding>, used: &mut BTreeSet<usize>) -> Vec<String> {
    let mut unknown = Vec::new();
    for finding in findings {
        match known::KNOWN.iter().position(|it| it.covers(slug, &finding)) {
            Some(index) => {
                used.insert(index);
            }
            None => unknown.push(format!("{slug}.{finding}")),
        }
    }
    unknown
}

#[test]
fn entries_agree_with_what_vendors_publish() {
    let (mut wrong, mut used, mut operations) = (Vec::new(), BTreeSet::new(), 0);
    for (slug, pilot) in PILOTS.iter() {
        for name in pilot.entry.operations.keys() {
            operations += 1;
            let findings = check(&pilot.contract, &pilot.entry, name);
            wrong.extend(unknown(slug, findings, &mut used));
        }
    }
    assert!(wrong.is_empty(), "{} disagreements:\n{}", wrong.len(), wrong.join("\n"));
    let stale: Vec<_> = known::KNOWN
        .iter()
        .enumerate()
        .filter(|(index, _)| !used.contains(index))
        .map(|(_, it)| format!("{}.{} {}", it.slug, it.operation, it.subject))
        .collect();
    assert!(stale.is_empty(), "no longer disagreements: {}", stale.join(", "));
    println!(
        "{operations} operations of {} entries agree, but for {} known points",
        PILOTS.len(),
        known::KNOWN.len()
    );
}

#[test]
fn an_entry_names_the_description_that_it_was_checked_against() {
    for (slug, file, _) in DESCRIBED {
        let packed = std::fs::read(folder().join(format!("{file}.json.gz"))).unwrap();
        let digest = ring::digest::digest(&ring::digest::SHA256, &packed);
        let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let evidence = &PILOTS[slug].entry.evidence;
        assert_eq!(evidence.sha256.as_deref(), Some(hex.as_str()), "{slug}");
        let origin = &PILOTS[slug].contract.value["origin"];
        let said = evidence.origin.as_deref().unwrap_or_default();
        let version = origin["commit_or_version"].as_str().unwrap();
        assert!(said.contains(version), "{slug}: `{said}` is not of {version}");
        assert_eq!(u64::from(evidence.tier), origin["tier"].as_u64().unwrap(), "{slug}");
    }
}

#[test]
fn spoiled_entries_are_found() {
    let mut counts: BTreeMap<Fault, (usize, usize)> = BTreeMap::new();
    let mut survivors = BTreeSet::new();
    for (slug, pilot) in PILOTS.iter() {
        for name in pilot.entry.operations.keys() {
            let mutants = mutants(&pilot.contract, &pilot.entry, name);
            assert!(mutants.len() >= 3, "{slug}.{name} can be spoiled in {} ways", mutants.len());
            for mutant in mutants {
                let (all, found) = counts.entry(mutant.fault).or_default();
                *all += 1;
                if is_found(&pilot.contract, &pilot.entry, name, &mutant) {
                    *found += 1;
                } else {
                    survivors.insert(format!("{slug}.{name}: {:?} {}", mutant.fault, mutant.done));
                }
            }
        }
    }
    for (fault, (all, found)) in &counts {
        println!("{fault:?}: {found} of {all} found");
    }
    let all: usize = counts.values().map(|(all, _)| all).sum();
    let found: usize = counts.values().map(|(_, found)| found).sum();
    println!("{found} of {all} faults found ({:.2} %)", found as f64 * 100.0 / all as f64);
    // The vendor's description has no body there, so that nothing can be said of one.
    let blind = "resend.emails.reschedule: ";
    let missed: Vec<_> = survivors.iter().filter(|it| !it.starts_with(blind)).collect();
    assert!(missed.is_empty(), "not found: {missed:#?}");
    assert_eq!(counts.len(), 10, "each kind of fault: {counts:?}");
}
