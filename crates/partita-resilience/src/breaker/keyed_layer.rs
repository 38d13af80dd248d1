//! Keyed breakers as a tower layer.

use super::{Breaker, Lasts, ResponseFuture, UntilHead};
use crate::keyed::Keyed;
use crate::layered::{PolicyLayer, Serve, With};
use crate::{ByResult, Classify, ErrorShape, Plain};
use std::hash::Hash;
use std::marker::PhantomData;
use tower_service::Service;

/// What a layer of keyed breakers asks: the key of a request, and how a call ended.
#[derive(Debug)]
pub struct ByKey<F, C = ByResult, L = UntilHead> {
    key: F,
    classify: C,
    lasts: PhantomData<fn() -> L>,
}

impl<F, C, L> ByKey<F, C, L> {
    pub(crate) const fn new(key: F, classify: C) -> Self {
        Self { key, classify, lasts: PhantomData }
    }
}

impl<F: Clone, C: Clone, L> Clone for ByKey<F, C, L> {
    fn clone(&self) -> Self {
        Self::new(self.key.clone(), self.classify.clone())
    }
}

/// Keyed breakers as a layer.
type Layered<K, F, C, M = Plain, L = UntilHead> = PolicyLayer<With<Keyed<K, Breaker>, ByKey<F, C, L>>, M>;

impl<K> Keyed<K, Breaker> {
    /// A tower layer with a breaker for each key, which `key` finds in the request. Unlike a single breaker's, its services
    /// are ready only when the service beneath is: until a request comes, it is not known which breaker is asked.
    pub fn layer<F>(&self, key: F) -> Layered<K, F, ByResult> {
        PolicyLayer::new(With { policy: self.clone(), ask: ByKey::new(key, ByResult) })
    }
}

impl<K, F, C, M, L> Layered<K, F, C, M, L> {
    /// With a judgement of one's own.
    #[must_use]
    pub fn classify<D>(self, classify: D) -> Layered<K, F, D, M, L> {
        self.map(|ask| ByKey::new(ask.key, classify))
    }
}

impl<S, Q, K, F, C, M, L> Serve<S, Q, M> for With<Keyed<K, Breaker>, ByKey<F, C, L>>
where
    S: Service<Q>,
    K: Hash + Eq + Clone,
    F: Fn(&Q) -> K,
    M: ErrorShape<S::Error>,
    C: Classify<S::Response, M::Inner> + Clone,
    L: Lasts<S::Response>,
{
    type Response = L::Answer;
    type Future = ResponseFuture<S::Future, C, M, L>;

    fn serve(&self, inner: &mut S, request: Q) -> Self::Future {
        let ByKey { key, classify, .. } = &self.ask;
        let breaker = self.policy.get(&key(&request));
        ResponseFuture::begin(&breaker, breaker.admit_owned(), classify.clone(), || inner.call(request))
    }
}

#[cfg(test)]
mod tests {
    use crate::breaker::{Breaker, State};
    use crate::keyed::Bounds;
    use crate::testing::{ms, run};
    use crate::{Error, Outcome, Reason, Timing};
    use partita_time::ManualClock;
    use std::future::ready;
    use tower::{Layer, ServiceExt, service_fn};

    #[test]
    fn each_key_of_a_layer_has_a_breaker_and_keys_without_room_share_one() {
        let clock = ManualClock::new();
        let bounds = Bounds { capacity: 2, ttl: ms(60_000) };
        let builder = Breaker::builder("b").min_calls(3).timing(Timing::manual(&clock, 1));
        let breakers = builder.build_keyed::<&'static str>(bounds).unwrap();
        let inner = service_fn(|(_, good): (&'static str, bool)| ready(if good { Ok(7) } else { Err("down") }));
        let service = breakers.layer(|request: &(&'static str, bool)| request.0).layer(inner);
        let ask = |key, good| run(&clock, service.clone().oneshot((key, good)));
        assert_eq!([ask("a", true), ask("b", true)], [const { Ok(7) }; 2]);
        let failed = ["a", "a", "c", "d", "c"].map(|key| ask(key, false));
        assert_eq!(failed, [const { Err(Error::Inner("down")) }; 5]);
        let open = |key| ask(key, true).unwrap_err().rejected().map(|refused| refused.reason) == Some(Reason::Open);
        assert!(open("a") && open("c") && open("e"), "those without room share one");
        assert_eq!(ask("b", true), Ok(7));
    }

    #[test]
    fn a_judgement_of_ones_own_decides() {
        let clock = ManualClock::new();
        let breakers = Breaker::builder("b").min_calls(3).timing(Timing::manual(&clock, 1));
        let breakers = breakers.build_keyed::<u8>(Bounds::default()).unwrap();
        let judge = |end: Result<&u32, &()>| if end == Ok(&7) { Outcome::Success } else { Outcome::Failure };
        let service = breakers.layer(|_: &u32| 1).classify(judge).layer(service_fn(|n: u32| ready(Ok::<_, ()>(n))));
        for n in [7, 500, 500] {
            assert_eq!(run(&clock, service.clone().oneshot(n)), Ok(n));
        }
        assert_eq!(breakers.get(&1).state(), State::Open);
    }
}
