//! The worker's own rules, which may change while it works.

use std::sync::{Arc, PoisonError, RwLock};

use longhaul_contract::digest::Digest;
use longhaul_contract::policy::Policy;

/// The rules of a worker as they are now. Cheap to clone; all clones see a change.
#[derive(Clone, Debug, Default)]
pub struct WorkerPolicy(Arc<RwLock<Arc<Known>>>);

/// Rules, and what tells them from others.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) policy: Policy,
    pub(crate) digest: Digest,
}

impl WorkerPolicy {
    /// These rules.
    pub fn new(policy: Policy) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(Known::from(policy)))))
    }

    /// Puts other rules in their place: the next call is judged by them. The digests of the rules
    /// before and of these, if they differ.
    pub fn set(&self, policy: Policy) -> Option<(Digest, Digest)> {
        let new = Arc::new(Known::from(policy));
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.digest == new.digest {
            return None;
        }
        let before = std::mem::replace(&mut *known, new.clone());
        Some((before.digest.clone(), new.digest.clone()))
    }

    /// The digest of the rules.
    pub fn digest(&self) -> Digest {
        self.now().digest.clone()
    }

    pub(crate) fn now(&self) -> Arc<Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl From<Policy> for Known {
    fn from(policy: Policy) -> Self {
        Self { digest: policy.digest(), policy }
    }
}

impl Default for Known {
    fn default() -> Self {
        Self::from(Policy::default())
    }
}

#[cfg(test)]
mod tests {
    use longhaul_contract::definition::Action;
    use longhaul_contract::policy::Rule;

    use super::*;

    #[test]
    fn a_change_is_seen_by_all_and_told_once() {
        let rules = WorkerPolicy::default();
        let elsewhere = rules.clone();
        let new = Policy::new(vec![Rule::new("a", Action::Ask)]);
        let (before, after) = rules.set(new.clone()).unwrap();
        assert_eq!((before, &after), (Policy::default().digest(), &new.digest()));
        assert_eq!(elsewhere.digest(), after);
        assert_eq!(elsewhere.set(new), None);
    }
}
