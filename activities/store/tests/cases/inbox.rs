//! The inbox.

use std::collections::BTreeSet;

use longhaul_contract::identity::Person;
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::Effect;
use longhaul_store::{
    GateId, InboxCursor, InboxFilter, InboxItem, InboxOrder, Store, StoreError, Waiting,
};

use super::{World, approvers, request, vote, waiting};

async fn gates(store: &Store, filter: &InboxFilter, order: InboxOrder) -> Vec<String> {
    let page = store.inbox(filter, order, None, 100).await.unwrap();
    assert_eq!(store.count_inbox(filter).await.unwrap(), page.items.len() as u64);
    page.items.into_iter().map(|item| item.waiting.request.id).collect()
}

async fn all(store: &Store) -> Vec<InboxItem> {
    store.inbox(&InboxFilter::default(), InboxOrder::Age, None, 100).await.unwrap().items
}

fn gate(of: &Waiting) -> GateId {
    GateId {
        workflow_id: of.workflow_id.clone(),
        chain: of.chain.clone(),
        gate: of.request.id.clone(),
    }
}

fn person(name: &str, groups: &[&str]) -> InboxFilter {
    let groups = groups.iter().map(|&group| group.to_owned()).collect();
    let me = Person { name: name.to_owned(), groups };
    InboxFilter { waits_for: Some(me), ..InboxFilter::default() }
}

pub(crate) async fn a_gate_is_in_the_inbox_until_it_closes(world: &World) {
    let store = world.store();
    let mut asked = waiting("w", "c", 3, request("apr_1_1", 10));
    asked.request.summary = "mail.send \0 to ada".to_owned();
    assert!(store.put_waiting(&asked).await.unwrap());
    assert_eq!(all(&store).await[0].waiting, asked);
    // Told again, and told what was said before.
    assert!(!store.put_waiting(&asked).await.unwrap());
    let older = Waiting { number: 2, agent: "old".to_owned(), ..asked.clone() };
    assert!(!store.put_waiting(&older).await.unwrap());
    assert_eq!(all(&store).await[0].waiting, asked);
    let newer = Waiting { number: 5, agent: "new".to_owned(), ..asked.clone() };
    assert!(store.put_waiting(&newer).await.unwrap());
    assert_eq!(all(&store).await[0].waiting, newer);

    assert!(!store.close_waiting(&gate(&asked), 4).await.unwrap());
    assert_eq!(all(&store).await.len(), 1);
    assert!(store.close_waiting(&gate(&asked), 7).await.unwrap());
    assert!(!store.close_waiting(&gate(&asked), 7).await.unwrap());
    for late in [&asked, &newer] {
        assert!(!store.put_waiting(late).await.unwrap());
    }
    assert!(all(&store).await.is_empty());
    assert_eq!(world.scalar("SELECT COUNT(*) FROM inbox_audience").await, 0);
    // What is over leaves no text behind.
    let texts = "SELECT COUNT(*) FROM inbox WHERE request <> '' OR summary <> ''";
    assert_eq!(world.scalar(texts).await, 0);

    // The notice that it is over may come before the one that it is asked.
    let early = waiting("w", "c", 8, request("apr_2_1", 20));
    assert!(store.close_waiting(&gate(&early), 9).await.unwrap());
    assert!(!store.put_waiting(&early).await.unwrap());
    assert!(all(&store).await.is_empty());
}

pub(crate) async fn the_inbox_knows_for_whom_a_gate_waits(world: &World) {
    let store = world.store();
    let anybody = request("anybody", 1);
    let mut finance = request("finance", 2);
    finance.approvers = vec![approvers(&["finance"])];
    finance.delegates = vec!["eve".to_owned()];
    let mut both = request("both", 3);
    both.approvers = vec![approvers(&["finance"]), approvers(&["legal"])];
    both.approvers[0].quorum = 2;
    both.votes = vec![vote("bob")];
    let mut escalated = request("escalated", 4);
    escalated.approvers = vec![approvers(&["finance"])];
    escalated.asked = vec!["board".to_owned()];
    let mut not_own = request("not_own", 5);
    not_own.approvers = vec![approvers(&[])];
    not_own.approvers[0].no_self = true;
    for (number, request) in (1..).zip([anybody, finance, both, escalated, not_own]) {
        store.put_waiting(&waiting("w", "c", number, request)).await.unwrap();
    }

    let order = InboxOrder::Age;
    let everything = ["anybody", "finance", "both", "escalated", "not_own"];
    assert_eq!(gates(&store, &InboxFilter::default(), order).await, everything);
    // `waiting` is started by ada.
    assert_eq!(gates(&store, &person("ada", &[]), order).await, ["anybody"]);
    assert_eq!(gates(&store, &person("kim", &[]), order).await, ["anybody", "not_own"]);
    let bob = person("bob", &["finance"]);
    assert_eq!(gates(&store, &bob, order).await, ["anybody", "finance", "escalated", "not_own"]);
    let eve = person("eve", &["board", "legal"]);
    assert_eq!(gates(&store, &eve, order).await, everything);
    // A name is no group, and no pattern either.
    let odd = person("*", &["eve", "person:eve", "%"]);
    assert_eq!(gates(&store, &odd, order).await, ["anybody", "not_own"]);

    // A vote, and a late copy of what was asked before it.
    store.put_vote("c", "finance", 9, "bob").await.unwrap();
    let expected = ["anybody", "escalated", "not_own"];
    assert_eq!(gates(&store, &bob, order).await, expected);
    let mut again = request("finance", 2);
    again.approvers = vec![approvers(&["finance"])];
    store.put_waiting(&waiting("w", "c", 8, again.clone())).await.unwrap();
    assert_eq!(gates(&store, &bob, order).await, expected);
    // Asked anew, nobody has voted.
    store.put_waiting(&waiting("w", "c", 10, again)).await.unwrap();
    assert_eq!(gates(&store, &bob, order).await.len(), 4);

    let groups = ["legal", "board"].map(str::to_owned).to_vec();
    let filter = InboxFilter { groups, ..InboxFilter::default() };
    assert_eq!(gates(&store, &filter, order).await, ["both", "escalated"]);
}

pub(crate) async fn the_inbox_has_orders_and_filters(world: &World) {
    let store = world.store();
    for (id, asked, deadline, effect) in [
        ("a", 30, 400, Effect::Read),
        ("b", 20, 500, Effect::Money),
        ("c", 10, 600, Effect::Send),
        ("d", 40, 100, Effect::Send),
    ] {
        let mut request = request(id, asked);
        request.deadline = Timestamp::from_millis(deadline);
        request.effect = effect;
        request.batch = (asked > 20).then(|| "bat_1".to_owned());
        let mut waiting = waiting(&format!("w-{id}"), &format!("chain-{id}"), 1, request);
        if id == "a" {
            waiting.agent = "other".to_owned();
        }
        store.put_waiting(&waiting).await.unwrap();
    }
    let every = InboxFilter::default();
    for (order, expected) in [
        (InboxOrder::Age, ["c", "b", "a", "d"]),
        (InboxOrder::Deadline, ["d", "a", "b", "c"]),
        (InboxOrder::Effect, ["b", "c", "d", "a"]),
    ] {
        assert_eq!(gates(&store, &every, order).await, expected);
    }
    let filters = [
        (InboxFilter { effects: vec![Effect::Send], ..every.clone() }, vec!["c", "d"]),
        (
            InboxFilter { effects: vec![Effect::Read, Effect::Money], ..every.clone() },
            vec!["b", "a"],
        ),
        (InboxFilter { agent: Some("other".to_owned()), ..every.clone() }, vec!["a"]),
        (InboxFilter { workflow_id: Some("w-d".to_owned()), ..every.clone() }, vec!["d"]),
        (InboxFilter { batch: Some("bat_1".to_owned()), ..every.clone() }, vec!["a", "d"]),
    ];
    for (filter, expected) in filters {
        assert_eq!(gates(&store, &filter, InboxOrder::Age).await, expected);
    }
}

pub(crate) async fn pages_of_the_inbox_follow_one_another(world: &World) {
    let store = world.store();
    for number in 0..25_i64 {
        // Several of the same age, deadline and effect.
        let mut request = request(&format!("apr_{number}"), number / 4);
        request.deadline = Timestamp::from_millis(100 - number / 3);
        request.effect = if number % 2 == 0 { Effect::Read } else { Effect::Money };
        let chain = format!("chain-{}", number % 5);
        store.put_waiting(&waiting("w", &chain, 1, request)).await.unwrap();
    }
    for order in [InboxOrder::Age, InboxOrder::Deadline, InboxOrder::Effect] {
        let whole = store.inbox(&InboxFilter::default(), order, None, 100).await.unwrap();
        assert_eq!((whole.items.len(), whole.next), (25, None));
        let mut paged = Vec::new();
        let mut cursor = None;
        loop {
            let page =
                store.inbox(&InboxFilter::default(), order, cursor.as_ref(), 6).await.unwrap();
            assert!(page.items.len() <= 6);
            paged.extend(page.items);
            let Some(next) = page.next else { break };
            // As it goes through a URL.
            cursor = Some(InboxCursor::new(next.as_str()));
        }
        assert_eq!(paged, whole.items);
    }
    let page =
        store.inbox(&InboxFilter::default(), InboxOrder::Age, None, 6).await.unwrap().next.unwrap();
    for (cursor, order) in [
        (page.clone(), InboxOrder::Effect),
        (InboxCursor::new(&page.as_str()[1..]), InboxOrder::Age),
        (InboxCursor::new("ü"), InboxOrder::Age),
        (InboxCursor::new(""), InboxOrder::Age),
    ] {
        let error =
            store.inbox(&InboxFilter::default(), order, Some(&cursor), 6).await.unwrap_err();
        assert!(matches!(error, StoreError::Request(_)), "{error}");
    }
}

pub(crate) async fn the_inbox_is_repaired(world: &World) {
    let store = world.store();
    let [open, lost, stale, closed] = ["open", "lost", "stale", "closed"]
        .map(|id| waiting(&format!("w-{id}"), &format!("chain-{id}"), 4, request(id, 10)));
    for it in [&open, &stale, &closed] {
        store.put_waiting(it).await.unwrap();
    }
    // The inbox was told that it is over, but the run was reset, and it waits again.
    store.close_waiting(&gate(&closed), 6).await.unwrap();
    let truth: BTreeSet<GateId> = [&open, &lost, &closed].map(gate).into();

    // All was written after what is known, except what was never written.
    let report = store.repair_inbox(&truth, Timestamp::from_millis(0)).await.unwrap();
    assert_eq!((report.closed, report.missing), (vec![], vec![gate(&lost)]));
    assert_eq!(all(&store).await.len(), 2);

    let later = Timestamp::from_millis(i64::MAX);
    let report = store.repair_inbox(&truth, later).await.unwrap();
    assert_eq!(report.closed, [gate(&stale)]);
    assert_eq!(report.missing, [gate(&closed), gate(&lost)]);
    for found in [&closed, &lost] {
        assert!(store.put_waiting(&Waiting { number: 0, ..found.clone() }).await.unwrap());
    }
    // No late notice opens what the repair closed; a newer one may.
    assert!(!store.put_waiting(&stale).await.unwrap());
    let report = store.repair_inbox(&truth, later).await.unwrap();
    assert_eq!((report.closed, report.missing), (vec![], vec![]));
    assert_eq!(
        gates(&store, &InboxFilter::default(), InboxOrder::Age).await,
        ["closed", "lost", "open"]
    );
    assert!(store.put_waiting(&Waiting { number: 5, ..stale }).await.unwrap());
}
