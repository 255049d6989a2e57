//! Every auth method of the catalogue can be connected, as far as that goes without its service.

use std::collections::BTreeMap;
use std::sync::Arc;

use longhaul_catalog::auth::AuthMethod;
use longhaul_catalog::credentials::MaskedRequest;
use longhaul_catalog::integration::Field;
use longhaul_catalog::{Catalog, Credentials, Integration};
use longhaul_store::{Store, StoreSettings};
use reqwest::Method;
use serde_json::json;

use crate::subject::{Origin, origin};
use crate::testing::{acme, ada, consent, method, query, request};
use crate::{LocalKeys, NewConnection, OauthApp, Secret, Vault, VaultSettings};

/// The catalogue, and one entry that is there whatever the catalogue has. Patterns are left out:
/// nobody can make values that fit them.
fn integrations() -> BTreeMap<String, Arc<Integration>> {
    let oauth = json!({"authorize_url": "https://acme.example.com/authorize",
                       "token_url": "https://acme.example.com/token"});
    let key = json!({"fields": {"api_key": {"secret": true}}});
    let ours = [method("bearer", key), method("oauth2", json!({"oauth": oauth}))];
    let ours = acme(json!(ours), json!({}));
    let catalog = Catalog::builtin();
    let all = catalog.integrations().chain([ours]).map(|integration| {
        let mut integration = (*integration).clone();
        let methods = integration.auth.iter_mut().flat_map(|method| method.fields.values_mut());
        methods.chain(integration.config.values_mut()).for_each(|field| field.pattern = None);
        (integration.slug.clone(), Arc::new(integration))
    });
    all.collect()
}

fn value(field: &Field) -> String {
    match (field.secret, &field.example) {
        (true, _) => "canary".to_owned(),
        (false, Some(example)) => example.clone(),
        (false, None) => "x".to_owned(),
    }
}

fn connection(integration: &Integration, method: &AuthMethod) -> NewConnection {
    let mut new = NewConnection::new(ada(), &integration.slug);
    new.name = Some(method.id.clone());
    new.method = Some(method.id.clone());
    let config = integration.config.iter();
    new.config = config.map(|(name, field)| (name.clone(), value(field))).collect();
    let fields = method.fields.iter();
    new.fields = fields.map(|(name, field)| (name.clone(), value(field).into())).collect();
    new
}

#[tokio::test]
async fn every_method_of_the_catalogue_can_be_connected() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(StoreSettings::in_folder(folder.path())).unwrap();
    let keys = LocalKeys::parse(LocalKeys::generate().unwrap().expose()).unwrap();
    let all = integrations();
    let mut settings = VaultSettings::new();
    for slug in all.keys() {
        let app = OauthApp {
            client_id: "longhaul".to_owned(),
            client_secret: Some(Secret::new("canary-client")),
            private_key: None,
            key_id: None,
        };
        settings.apps.insert((slug.clone(), "default".to_owned()), app);
    }
    let vault = Vault::new(store, Arc::new(keys), Arc::new(all.clone()), settings).unwrap();
    for (slug, integration) in &all {
        for method in &integration.auth {
            let name = format!("{slug} {}", method.id);
            let new = connection(integration, method);
            match origin(method.kind) {
                // It asks its service as soon as it is made.
                Origin::Machine => continue,
                Origin::Static => {
                    let made = vault.connect(new).await.unwrap_or_else(|it| panic!("{name}: {it}"));
                    let credentials = vault.credentials_of(&made.id).await.unwrap();
                    let mut call = request(Method::GET, "https://api.example.com/x?y=1");
                    credentials.prove(&mut call).await.unwrap_or_else(|it| panic!("{name}: {it}"));
                    let mut shown = MaskedRequest {
                        method: "GET".to_owned(),
                        url: "https://api.example.com/x?y=1".to_owned(),
                        headers: Vec::new(),
                    };
                    credentials.masked(&mut shown);
                    assert!(!format!("{shown:?}").contains("canary"), "{name}: {shown:?}");
                    // What is shown is what is sent.
                    let sent = call.headers().keys().map(ToString::to_string);
                    let mut sent: Vec<String> = sent.collect();
                    let mut names: Vec<String> = shown.headers.into_iter().map(|it| it.0).collect();
                    sent.sort();
                    names.sort();
                    assert_eq!(sent, names, "{name}");
                }
                Origin::Person => {
                    let made = vault.connect(new).await.unwrap_or_else(|it| panic!("{name}: {it}"));
                    let link = vault.begin(&made.id, consent(&["one", "two"])).await;
                    let link = link.unwrap_or_else(|it| panic!("{name}: {it}")).url;
                    assert!(link.starts_with("https://"), "{name}: {link}");
                    assert_eq!(query(&link)["client_id"], "longhaul", "{name}");
                    assert!(!link.contains("canary"), "{name}: {link}");
                }
            }
        }
    }
}
