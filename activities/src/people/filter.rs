//! Which notices go through a channel.

use longhaul_contract::approval::ApprovalRequest;
use longhaul_contract::glob;
use longhaul_contract::notice::{Notice, NoticeEvent};
use longhaul_contract::tool::Effect;

use super::settings::{EventKind, Filter};

/// What channels tell of a notice.
#[derive(Clone, Debug)]
pub(crate) struct Told<'a> {
    /// What happened.
    pub(crate) kind: EventKind,
    /// What waits; absent once it is over.
    pub(crate) request: Option<&'a ApprovalRequest>,
    effect: Option<Effect>,
    groups: Vec<String>,
}

impl<'a> Told<'a> {
    /// What channels tell of `notice`; most is for the audit log alone.
    pub(crate) fn of(notice: &'a Notice) -> Option<Self> {
        let asking = |kind, request: &'a ApprovalRequest| {
            let (effect, groups) = (Some(request.effect), request.groups());
            Some(Self { kind, request: Some(request), effect, groups })
        };
        match &notice.event {
            NoticeEvent::Asked { request } => asking(EventKind::Asked, request),
            NoticeEvent::Reminded { request } => asking(EventKind::Reminded, request),
            NoticeEvent::Escalated { request } => asking(EventKind::Escalated, request),
            NoticeEvent::Delegated { request, .. } => asking(EventKind::Delegated, request),
            NoticeEvent::Closed { effect, groups, .. } => Some(Self {
                kind: EventKind::Closed,
                request: None,
                effect: *effect,
                groups: groups.clone(),
            }),
            NoticeEvent::Voted { .. }
            | NoticeEvent::Refused { .. }
            | NoticeEvent::Remembered { .. }
            | NoticeEvent::Judged { .. }
            | NoticeEvent::Steered { .. } => None,
        }
    }
}

impl Filter {
    /// Whether what `agent` tells goes through.
    pub(crate) fn lets_through(&self, agent: &str, told: &Told<'_>) -> bool {
        let effect = |effect| self.effects.contains(&effect);
        (self.events.is_empty() || self.events.contains(&told.kind))
            && glob::any_or_none(&self.agents, agent)
            && (self.effects.is_empty() || told.effect.is_some_and(effect))
            && (self.groups.is_empty()
                || told.groups.iter().any(|group| self.groups.contains(group)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    fn lets(change: impl Fn(&mut Filter), notice: &Notice) -> bool {
        let mut filter = Filter::default();
        change(&mut filter);
        filter.lets_through("brief", &Told::of(notice).unwrap())
    }

    #[test]
    fn what_asks_goes_through_unless_something_is_named() {
        let (asked, closed) = (testing::asked(1), testing::closed(2));
        assert!(lets(|_| {}, &asked) && !lets(|_| {}, &closed));
        assert!(lets(|filter| filter.events.clear(), &closed));
        assert!(!lets(|filter| filter.events = vec![EventKind::Reminded], &asked));
    }

    #[test]
    fn each_list_narrows() {
        for notice in [testing::asked(1), testing::closed(2)] {
            let all = |filter: &mut Filter| filter.events.clear();
            let of = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
            let group = |names: &[&str]| {
                lets(
                    |filter| {
                        all(filter);
                        filter.groups = of(names);
                    },
                    &notice,
                )
            };
            assert!(group(&["finance"]) && group(&["others", "leads"]) && !group(&["others"]));
            let agent = |names: &[&str]| {
                lets(
                    |filter| {
                        all(filter);
                        filter.agents = of(names);
                    },
                    &notice,
                )
            };
            assert!(agent(&["br*"]) && agent(&["x", "brief"]) && !agent(&["brie"]));
            let effect = |effects: &[Effect]| {
                lets(
                    |filter| {
                        all(filter);
                        filter.effects = effects.to_vec();
                    },
                    &notice,
                )
            };
            assert!(effect(&[Effect::Money, Effect::Send]) && !effect(&[Effect::Create]));
        }
    }

    #[test]
    fn what_only_the_log_is_told_goes_nowhere() {
        let event = NoticeEvent::Voted { gate: "apr_1_1".into(), by: testing::ada(), have: 1 };
        let notice = Notice { number: 1, at: testing::now(), event };
        assert!(Told::of(&notice).is_none());
    }
}
