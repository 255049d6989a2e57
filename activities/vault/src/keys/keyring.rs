//! The key in the system's keyring, for one person's machine: by the system's own programs,
//! `secret-tool` (Secret Service) or `security` (macOS).
//!
//! A library for it would bring a D-Bus client and one of each system; these programs are there
//! where the keyring is.

use std::ffi::OsString;
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use zeroize::Zeroizing;

use super::LocalKeys;
use crate::error::VaultError;

const SERVICE: &str = "longhaul";

/// An entry of the system's keyring that holds the vault's keys.
#[derive(Clone, Debug)]
pub struct OsKeyring {
    account: String,
    program: OsString,
    macos: bool,
}

impl OsKeyring {
    /// The entry of that name, such as `vault`.
    pub fn new(account: &str) -> Self {
        let macos = cfg!(target_os = "macos");
        let program = if macos { "security" } else { "secret-tool" };
        Self { account: account.to_owned(), program: program.into(), macos }
    }

    /// Another program that takes the same arguments as `secret-tool`.
    #[must_use]
    pub fn with_program(mut self, program: impl Into<OsString>) -> Self {
        self.program = program.into();
        self.macos = false;
        self
    }

    /// The keys of the entry.
    ///
    /// # Errors
    ///
    /// [`VaultError::Key`] if there is no keyring, no entry, or no key in it.
    pub async fn read(&self) -> Result<LocalKeys, VaultError> {
        let account = self.account.as_str();
        let arguments: &[&str] = if self.macos {
            &["find-generic-password", "-s", SERVICE, "-a", account, "-w"]
        } else {
            &["lookup", "service", SERVICE, "account", account]
        };
        let text = self.run(arguments, None).await?;
        LocalKeys::parse(&text)
    }

    /// Makes the entry, with a new key, or puts a new key in front of those that are there.
    ///
    /// # Errors
    ///
    /// [`VaultError::Key`] if there is no keyring.
    pub async fn rotate(&self) -> Result<LocalKeys, VaultError> {
        let new = LocalKeys::generate()?;
        let account = self.account.as_str();
        let lookup: &[&str] = if self.macos {
            &["find-generic-password", "-s", SERVICE, "-a", account, "-w"]
        } else {
            &["lookup", "service", SERVICE, "account", account]
        };
        // An entry that is not there is an error of the program's, as is a keyring that is not;
        // the latter shows when the entry is written.
        let old = self.run(lookup, None).await.unwrap_or_default();
        let text = Zeroizing::new(format!("{} {}", new.expose(), old.trim()));
        if self.macos {
            // By the program's own command line on its input: arguments are seen by everybody.
            let command = Zeroizing::new(format!(
                "add-generic-password -U -s {SERVICE} -a \"{account}\" -w \"{}\"\n",
                text.trim()
            ));
            self.run(&["-i"], Some(&command)).await?;
        } else {
            let label = format!("Longhaul {account}");
            let store = ["store", "--label", &label, "service", SERVICE, "account", account];
            self.run(&store, Some(text.trim())).await?;
        }
        self.read().await
    }

    async fn run(
        &self,
        arguments: &[&str],
        input: Option<&str>,
    ) -> Result<Zeroizing<String>, VaultError> {
        let name = self.program.to_string_lossy().into_owned();
        let trouble = |problem: String| VaultError::Key(format!("`{name}`: {problem}"));
        let mut child = Command::new(&self.program)
            .args(arguments)
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| trouble(error.to_string()))?;
        if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
            stdin.write_all(input.as_bytes()).await.map_err(|error| trouble(error.to_string()))?;
        }
        let output = child.wait_with_output().await.map_err(|error| trouble(error.to_string()))?;
        let text = Zeroizing::new(String::from_utf8_lossy(&output.stdout).into_owned());
        if output.status.success() {
            return Ok(text);
        }
        Err(trouble(format!("{} (no keyring, or no entry in it)", output.status)))
    }
}
