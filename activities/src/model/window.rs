//! What of a conversation a model reads: all of it, or the last summary and what it leaves.

use longhaul_contract::message::Item;

/// What a model reads of the whole conversation `items`.
///
/// From the last summary on, that is the summary and the items that it does not cover; those stand
/// before it, from `upto` on, as well as after it. Older summaries are covered by the last. Items
/// that already begin with a summary have been through here, and stay as they are: positions in
/// them mean nothing any more.
pub fn window(items: &[Item]) -> Vec<&Item> {
    let beginning = beginning(items);
    let Some((summary, upto)) = beginning.and_then(|index| items.get(index)).and_then(summary)
    else {
        return items.iter().collect();
    };
    let upto = usize::try_from(upto).unwrap_or(usize::MAX);
    let left = items.get(upto..).unwrap_or_default();
    let rest = left.iter().filter(|item| summary_of(item).is_none());
    std::iter::once(summary).chain(rest).collect()
}

/// Where the summary stands that a model reads first, if it does not read everything. As long as
/// it is the same, the window of a conversation that has grown has only grown at its end.
pub fn beginning(items: &[Item]) -> Option<usize> {
    if matches!(items.first(), Some(Item::Summary { .. })) {
        return None;
    }
    items.iter().rposition(|item| summary_of(item).is_some())
}

fn summary(item: &Item) -> Option<(&Item, u64)> {
    summary_of(item).map(|upto| (item, upto))
}

fn summary_of(item: &Item) -> Option<u64> {
    match item {
        Item::Summary { upto, text: _ } => Some(*upto),
        Item::User { .. }
        | Item::Assistant { .. }
        | Item::ToolResult { .. }
        | Item::Notice { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> Item {
        Item::User { text: text.to_owned() }
    }

    fn summary(text: &str, upto: u64) -> Item {
        Item::Summary { text: text.to_owned(), upto }
    }

    fn read(items: &[Item]) -> Vec<Item> {
        window(items).into_iter().cloned().collect()
    }

    #[test]
    fn without_a_summary_it_is_everything() {
        let items = [user("a"), user("b")];
        assert_eq!(window(&items), [&items[0], &items[1]]);
        assert!(window(&[]).is_empty());
    }

    #[test]
    fn the_last_summary_comes_first() {
        let items = [user("a"), user("b"), summary("A", 1), user("c"), summary("AB", 2), user("d")];
        assert_eq!(read(&items), [summary("AB", 2), user("c"), user("d")]);
        assert_eq!(read(&items[..4]), [summary("A", 1), user("b"), user("c")]);
    }

    #[test]
    fn twice_is_once() {
        let items = [user("a"), user("b"), summary("A", 1), user("c")];
        assert_eq!(read(&read(&items)), read(&items));
        let all = [user("a"), summary("A", 9)];
        assert_eq!(read(&all), [summary("A", 9)]);
    }
}
