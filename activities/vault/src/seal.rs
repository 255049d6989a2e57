//! Fields sealed by a data key, each bound to what it is of, its name and a version.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longhaul_store::Sealed;

use crate::Secret;
use crate::error::VaultError;
use crate::keys::{DataKey, KeyProvider, Wrapped, bound};

/// Secrets by their names.
pub(crate) type Fields = BTreeMap<String, Secret>;

/// What secrets are of, such as `connection con_…`, and which writing of them.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) about: &'a str,
    pub(crate) version: u64,
}

impl Place<'_> {
    fn of(&self, field: &str) -> Vec<u8> {
        bound(&["longhaul field 1", self.about, field, &self.version.to_string()])
    }
}

/// Seals all fields with the data key.
pub(crate) fn seal_fields(
    key: &DataKey,
    place: Place<'_>,
    fields: &Fields,
) -> Result<String, VaultError> {
    let mut sealed = BTreeMap::new();
    for (name, secret) in fields {
        let bytes = key.encrypt(secret.expose().as_bytes(), &place.of(name))?;
        sealed.insert(name, STANDARD.encode(bytes));
    }
    serde_json::to_string(&sealed).map_err(|error| VaultError::Request(error.to_string()))
}

/// Opens all fields again.
pub(crate) fn open_fields(
    key: &DataKey,
    place: Place<'_>,
    sealed: &str,
) -> Result<Fields, VaultError> {
    let corrupt = || VaultError::Corrupt(place.about.to_owned());
    let sealed: BTreeMap<String, String> = serde_json::from_str(sealed).map_err(|_| corrupt())?;
    let mut fields = Fields::new();
    for (name, text) in sealed {
        let bytes = STANDARD.decode(text).map_err(|_| corrupt())?;
        let bytes = key.decrypt(&bytes, &place.of(&name)).ok_or_else(corrupt)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| corrupt())?;
        fields.insert(name, Secret::new(text));
    }
    Ok(fields)
}

/// Seals fields with a new data key, and that with the provider's key.
pub(crate) async fn seal(
    keys: &dyn KeyProvider,
    place: Place<'_>,
    fields: &Fields,
) -> Result<Sealed, VaultError> {
    let key = DataKey::random()?;
    let sealed = seal_fields(&key, place, fields)?;
    let wrapped = keys.seal(&key, place.about).await?;
    Ok(Sealed { key_id: wrapped.key_id, wrapped: wrapped.text, sealed })
}

/// Opens the data key.
pub(crate) async fn open_key(
    keys: &dyn KeyProvider,
    about: &str,
    sealed: &Sealed,
) -> Result<DataKey, VaultError> {
    let wrapped = Wrapped { key_id: sealed.key_id.clone(), text: sealed.wrapped.clone() };
    keys.open(&wrapped, about).await
}

/// Opens the data key and with it the fields.
pub(crate) async fn open(
    keys: &dyn KeyProvider,
    place: Place<'_>,
    sealed: &Sealed,
) -> Result<Fields, VaultError> {
    let key = open_key(keys, place.about, sealed).await?;
    open_fields(&key, place, &sealed.sealed)
}

#[cfg(test)]
mod tests {
    use super::{Fields, Place, open, seal};
    use crate::Secret;
    use crate::error::VaultError;
    use crate::keys::LocalKeys;

    fn keys() -> LocalKeys {
        LocalKeys::parse(LocalKeys::generate().unwrap().expose()).unwrap()
    }

    #[tokio::test]
    async fn fields_open_only_where_they_were_sealed() {
        let keys = keys();
        let place = Place { about: "connection con_1", version: 3 };
        let fields = Fields::from([
            ("a".to_owned(), Secret::new("canary-a")),
            ("b".to_owned(), Secret::new("canary-b")),
        ]);
        let sealed = seal(&keys, place, &fields).await.unwrap();
        assert!(!format!("{sealed:?}").contains("canary"));
        let again = open(&keys, place, &sealed).await.unwrap();
        assert_eq!(again["a"].expose(), "canary-a");
        assert_eq!(again["b"].expose(), "canary-b");

        for elsewhere in [
            Place { about: "connection con_2", version: 3 },
            Place { about: "connection con_1", version: 4 },
        ] {
            let error = open(&keys, elsewhere, &sealed).await.unwrap_err();
            assert!(matches!(error, VaultError::Corrupt(_)), "{error}");
        }
        // Two fields that change places.
        let mut swapped = sealed.clone();
        let mut map: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&sealed.sealed).unwrap();
        let (a, b) = (map["a"].clone(), map["b"].clone());
        map.insert("a".to_owned(), b);
        map.insert("b".to_owned(), a);
        swapped.sealed = serde_json::to_string(&map).unwrap();
        assert!(matches!(open(&keys, place, &swapped).await, Err(VaultError::Corrupt(_))));
    }

    #[tokio::test]
    async fn the_same_text_is_sealed_differently_each_time() {
        let keys = keys();
        let place = Place { about: "x", version: 1 };
        let fields = Fields::from([("a".to_owned(), Secret::new("same"))]);
        let first = seal(&keys, place, &fields).await.unwrap();
        let second = seal(&keys, place, &fields).await.unwrap();
        assert_ne!(first.sealed, second.sealed);
        assert_ne!(first.wrapped, second.wrapped);
    }
}
