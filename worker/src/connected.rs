//! Telling runs that an account is there that they wait for.

use longhaul_contract::approval::{Decide, Decision};
use longhaul_contract::interrupt::InterruptKind;
use longhaul_store::{InboxFilter, InboxItem, InboxOrder, MOST_INBOX_ITEMS, Store, StoreError};
use longhaul_vault::Connection;

use crate::client::Runs;

/// Lets the calls go on that wait for the connection; how many.
///
/// A run that cannot be told is no failure: whoever looks at its gate can let it go on, too. That
/// an account is there lets nothing run that was not allowed before.
///
/// # Errors
///
/// [`StoreError::Unavailable`] above all.
pub async fn tell(
    store: &Store,
    runs: &Runs,
    connection: &Connection,
    by: Option<&str>,
) -> Result<u32, StoreError> {
    let mut told = 0;
    for item in waiting(store, connection).await? {
        let mut decide = Decide::new(&item.waiting.request.id, Decision::Approve);
        decide.by = by.map(str::to_owned);
        decide.reason = Some(format!("{} is connected", connection.integration));
        match runs.run(&item.waiting.workflow_id).decide(decide).await {
            Ok(_) => told += 1,
            Err(error) => {
                let run = &item.waiting.workflow_id;
                tracing::warn!(run, %error, "a run was not told that an account is connected");
            }
        }
    }
    Ok(told)
}

/// The gates that wait for the connection.
async fn waiting(store: &Store, connection: &Connection) -> Result<Vec<InboxItem>, StoreError> {
    let (filter, mut cursor) = (InboxFilter::default(), None);
    let owner = connection.principal.to_string();
    let for_it = |item: &InboxItem| {
        let request = &item.waiting.request;
        request.kind == InterruptKind::Auth
            && request.connect.as_ref().is_some_and(|connect| {
                connect.integration == connection.integration
                    && connect.connection == connection.name
                    && connect.principal == owner
            })
    };
    let mut found = Vec::new();
    loop {
        let page = store.inbox(&filter, InboxOrder::Age, cursor.as_ref(), MOST_INBOX_ITEMS).await?;
        found.extend(page.items.into_iter().filter(for_it));
        cursor = page.next;
        if cursor.is_none() {
            return Ok(found);
        }
    }
}
