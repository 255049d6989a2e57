//! Downloads the pinned Temporal command line from where the Temporal SDKs get theirs.
//!
//! The SDK's own downloader comes with a second archive library in C, so this asks the same
//! address for the same archive.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use longhaul_activities::http::{self, ClientSettings};
use reqwest::header::LOCATION;
use reqwest::{Client, Response};
use serde::Deserialize;
use url::Url;

use super::cache::{self, Claim};
use super::progress::Progress;
use super::version;

/// The host that is asked.
pub(super) const HOST: &str = "temporal.download";

/// How many redirects are followed.
const MOST_REDIRECTS: usize = 5;
/// How long the first answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// How long the whole archive may take.
const ARCHIVE_WITHIN: Duration = Duration::from_secs(600);
/// The largest archive that is taken.
const MOST_BYTES: u64 = 300 * 1024 * 1024;

/// Where the archive is, and what to take from it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Archive {
    archive_url: String,
    file_to_extract: PathBuf,
}

/// Downloads the command line into the folder `cache` and gives the program's path.
pub(super) async fn fetch(cache: &Path, progress: &dyn Progress) -> Result<PathBuf, String> {
    let slot = match cache::claim(cache, progress).await? {
        Claim::Filled(program) => return Ok(program),
        Claim::Fill(slot) => slot,
    };
    let what = format!("downloading Temporal {}", version::CLI);
    progress.busy(&what, "");
    let client = http::client(&ClientSettings::default()).map_err(|error| error.to_string())?;
    let answer = get(&client, address()?, ANSWER_WITHIN).await?;
    let archive: Archive = answer.json().await.map_err(|error| plainly(&error))?;

    let from = Url::parse(&archive.archive_url)
        .map_err(|error| format!("`{}` is no address: {error}", archive.archive_url))?;
    let mut response = get(&client, from, ARCHIVE_WITHIN).await?;
    let total = response
        .content_length()
        .map_or(String::new(), |bytes| format!(" of {}", mebibytes(bytes)));
    let packed = slot.scratch.path().join("archive.tar.gz");
    let mut file = File::create(&packed).map_err(|error| error.to_string())?;
    let mut bytes = 0;
    while let Some(chunk) = response.chunk().await.map_err(|error| plainly(&error))? {
        file.write_all(&chunk).map_err(|error| error.to_string())?;
        bytes += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        if bytes > MOST_BYTES {
            return Err("the archive is far too large".to_owned());
        }
        progress.busy(&what, &format!("{}{total}", mebibytes(bytes)));
    }
    drop(file);

    progress.busy(&what, "unpacking");
    let made = slot.scratch.path().join("temporal");
    let (from, to) = (packed.clone(), made.clone());
    tokio::task::spawn_blocking(move || unpack(&from, &archive.file_to_extract, &to))
        .await
        .map_err(|error| error.to_string())??;
    slot.keep(&made)
}

fn address() -> Result<Url, String> {
    let platform = match std::env::consts::OS {
        "linux" => "linux",
        "macos" => "darwin",
        other => return Err(format!("there is none for `{other}`")),
    };
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => return Err(format!("there is none for `{other}`")),
    };
    Url::parse_with_params(
        &format!("https://{HOST}/cli/v{}", version::CLI),
        [("arch", architecture), ("platform", platform), ("format", "tar.gz")],
    )
    .map_err(|error| error.to_string())
}

/// Gets `url`, following redirects to `https` only.
async fn get(client: &Client, url: Url, within: Duration) -> Result<Response, String> {
    let mut url = url;
    for _ in 0..=MOST_REDIRECTS {
        if url.scheme() != "https" {
            return Err(format!("`{url}` is not https"));
        }
        let response = client.get(url.clone()).timeout(within).send().await;
        let response = response.map_err(|error| plainly(&error))?;
        if !response.status().is_redirection() {
            return response.error_for_status().map_err(|error| plainly(&error));
        }
        let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        let to = to.ok_or_else(|| format!("`{url}` redirects nowhere"))?;
        url = url.join(to).map_err(|error| format!("`{url}` redirects to `{to}`: {error}"))?;
    }
    Err(format!("more than {MOST_REDIRECTS} redirects"))
}

/// Takes the one file `wanted` out of a `.tar.gz` and makes it executable.
fn unpack(archive: &Path, wanted: &Path, to: &Path) -> Result<(), String> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let failed = |error: std::io::Error| format!("cannot unpack the archive: {error}");
    let packed = File::open(archive).map_err(failed)?;
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed));
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        if entry.path().map_err(failed)? == wanted {
            let mut file = std::fs::OpenOptions::new()
                .create_new(true)
                .write(true)
                .mode(0o755)
                .open(to)
                .map_err(failed)?;
            std::io::copy(&mut entry, &mut file).map_err(failed)?;
            return Ok(());
        }
    }
    Err(format!("the archive holds no `{}`", wanted.display()))
}

/// The innermost reason: what reqwest adds around it names only the address again.
fn plainly(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes / (1024 * 1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_taken_out_of_the_archive() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let packed = folder.path().join("archive.tar.gz");
        let encoder = flate2::write::GzEncoder::new(
            File::create(&packed).unwrap(),
            flate2::Compression::fast(),
        );
        let mut builder = tar::Builder::new(encoder);
        for (name, text) in [("LICENSE", "free"), ("temporal", "#!/bin/sh\n")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o600);
            builder.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap();

        let made = folder.path().join("made");
        unpack(&packed, Path::new("temporal"), &made).unwrap();
        assert_eq!(std::fs::read_to_string(&made).unwrap(), "#!/bin/sh\n");
        assert_eq!(made.metadata().unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(
            unpack(&packed, Path::new("other"), &made),
            Err("the archive holds no `other`".to_owned())
        );
    }

    #[test]
    fn the_address_names_version_and_platform() {
        let address = address().unwrap();
        assert_eq!(address.path(), "/cli/v1.5.1");
        assert!(address.query().unwrap().ends_with("format=tar.gz"), "{address}");
    }

    #[test]
    fn the_answer_of_the_download_host_is_read() {
        let archive: Archive = serde_json::from_str(
            r#"{"archiveUrl":"https://temporal.download/x.tar.gz","fileToExtract":"temporal"}"#,
        )
        .unwrap();
        assert_eq!(archive.file_to_extract, Path::new("temporal"));
    }
}
