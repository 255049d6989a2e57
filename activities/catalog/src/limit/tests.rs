//! Tests of limits.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

fn limits(rps: Option<f64>, concurrent: Option<u32>) -> Limits {
    Limits { rps, concurrent, source: String::new() }
}

const NONE: Duration = Duration::ZERO;

#[tokio::test]
async fn a_second_has_so_many_turns() {
    let limiter = Limiter::default();
    let limits = limits(Some(3.0), None);
    for _ in 0..3 {
        limiter.acquire("a", Some(&limits), NONE).await.unwrap();
    }
    let wait = limiter.acquire("a", Some(&limits), NONE).await.unwrap_err();
    assert!(wait > Duration::from_millis(200) && wait < Duration::from_millis(334), "{wait:?}");
    limiter.acquire("b", Some(&limits), NONE).await.unwrap();
}

#[tokio::test]
async fn a_turn_that_is_waited_for_is_taken() {
    let limiter = Limiter::default();
    let limits = limits(Some(50.0), None);
    let begun = Instant::now();
    for _ in 0..53 {
        limiter.acquire("a", Some(&limits), Duration::from_secs(5)).await.unwrap();
    }
    // Fifty at once, and then one in 20 ms.
    assert!(begun.elapsed() >= Duration::from_millis(55), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn so_many_are_under_way_at_once() {
    let limiter = Limiter::default();
    let limits = limits(None, Some(2));
    let first = limiter.acquire("a", Some(&limits), NONE).await.unwrap();
    let _second = limiter.acquire("a", Some(&limits), NONE).await.unwrap();
    assert_eq!(limiter.acquire("a", Some(&limits), NONE).await.unwrap_err(), BUSY);
    drop(first);
    limiter.acquire("a", Some(&limits), NONE).await.unwrap();
}

#[tokio::test]
async fn a_pause_is_kept_and_the_longest_counts() {
    let limiter = Limiter::default();
    limiter.pause("a", Duration::from_secs(60)).await;
    limiter.pause("a", Duration::from_secs(5)).await;
    let wait = limiter.acquire("a", None, NONE).await.unwrap_err();
    assert!(wait > Duration::from_secs(55), "{wait:?}");
    limiter.acquire("b", None, NONE).await.unwrap();
}

/// A place that other workers have used.
#[derive(Default)]
struct Elsewhere {
    wait: Duration,
    is_down: bool,
    paused: AtomicU32,
}

#[async_trait]
impl SharedLimiter for Elsewhere {
    async fn turn(
        &self,
        key: &str,
        interval: Duration,
        burst: u32,
        _most: Duration,
    ) -> Result<Duration, SharedLimitError> {
        assert_eq!((key, interval, burst), ("a", Duration::from_millis(250), 4));
        if self.is_down { Err(SharedLimitError("down".to_owned())) } else { Ok(self.wait) }
    }

    async fn pause(&self, _key: &str, _wait: Duration) -> Result<(), SharedLimitError> {
        self.paused.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[tokio::test]
async fn other_workers_count_and_a_lost_place_does_not() {
    let limits = limits(Some(4.0), None);
    let wait = Duration::from_secs(9);
    let busy = Arc::new(Elsewhere { wait, ..Elsewhere::default() });
    let limiter = Limiter::shared(busy.clone());
    assert_eq!(limiter.acquire("a", Some(&limits), NONE).await.unwrap_err(), wait);
    limiter.pause("a", wait).await;
    assert_eq!(busy.paused.load(Ordering::Relaxed), 1);
    let down = Arc::new(Elsewhere { is_down: true, ..Elsewhere::default() });
    Limiter::shared(down).acquire("a", Some(&limits), NONE).await.unwrap();
}
