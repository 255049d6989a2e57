//! A vault that several processes share: what each has to know of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use longhaul_catalog::Integration;
use longhaul_net::egress::Egress;
use longhaul_store::{Store, StoreSettings};
use longhaul_vault::{LocalKeys, OauthApp, Principal, Secret, Vault, VaultSettings};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Where a vault is, and what it knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VaultSetup {
    /// The store's database.
    pub database: String,
    /// Where its files are.
    pub folder: PathBuf,
    /// The vault's key, in base64.
    pub key: String,
    /// Integrations, as files of the catalogue have them.
    pub integrations: Vec<Value>,
    /// The operator's app at each of them: client id and secret.
    pub app: Option<(String, String)>,
    /// By how many seconds its clock is ahead.
    pub ahead: u64,
}

impl VaultSetup {
    /// A vault in that folder, with a new key and one integration `acme`.
    ///
    /// # Panics
    /// If the system gives no random numbers.
    pub fn new(folder: PathBuf, auth: &Value) -> Self {
        let settings = StoreSettings::in_folder(&folder);
        let key = LocalKeys::generate().expect("a key").expose().to_owned();
        let integrations = vec![integration("acme", auth)];
        Self { database: settings.database, folder, key, integrations, app: None, ahead: 0 }
    }

    /// The vault, as one process has it.
    ///
    /// # Panics
    /// If anything of it does not work.
    pub fn vault(&self) -> Vault {
        let mut settings = StoreSettings::in_folder(&self.folder);
        settings.database.clone_from(&self.database);
        let store = Store::new(settings).expect("a store");
        let integrations: BTreeMap<String, Arc<Integration>> = self
            .integrations
            .iter()
            .map(|value| {
                let integration: Integration =
                    serde_json::from_value(value.clone()).expect("an integration");
                (integration.slug.clone(), Arc::new(integration))
            })
            .collect();
        let ahead = Duration::from_secs(self.ahead);
        let mut settings = VaultSettings::new().with_clock(move || SystemTime::now() + ahead);
        settings.egress = Egress::new(&["127.0.0.1".to_owned()]).expect("a host");
        if let Some((id, secret)) = &self.app {
            for slug in integrations.keys() {
                let app = OauthApp {
                    client_id: id.clone(),
                    client_secret: Some(Secret::new(secret.as_str())),
                    private_key: None,
                    key_id: None,
                };
                settings.apps.insert((slug.clone(), "default".to_owned()), app);
            }
        }
        let keys = LocalKeys::parse(&self.key).expect("a key");
        Vault::new(store, Arc::new(keys), Arc::new(integrations), settings).expect("a vault")
    }
}

/// Whose all connections of tests are.
pub fn ada() -> Principal {
    Principal::User("ada".to_owned())
}

/// An integration of that name with these auth methods, and no operations.
pub fn integration(slug: &str, auth: &Value) -> Value {
    json!({
        "schema": 1, "slug": slug, "name": slug, "category": "test",
        "homepage": "https://acme.example.com",
        "evidence": {"tier": 3, "docs": "https://acme.example.com/docs"},
        "servers": [{"url": "https://api.acme.example.com"}],
        "auth": auth, "operations": {},
    })
}
