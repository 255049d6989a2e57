//! Turns that workers take of one another.

use std::time::Duration;

use super::World;

const MINUTE: Duration = Duration::from_secs(60);

pub(crate) async fn turns_are_shared_by_all_workers(world: &World) {
    let (one, other) = (world.store(), world.store());
    let take = |most| one.take_turn("acme/turns", MINUTE, 3, most);
    // Three at once, whoever asks.
    assert_eq!(take(Duration::ZERO).await.unwrap(), Duration::ZERO);
    let elsewhere = other.take_turn("acme/turns", MINUTE, 3, Duration::ZERO);
    assert_eq!(elsewhere.await.unwrap(), Duration::ZERO);
    assert_eq!(take(Duration::ZERO).await.unwrap(), Duration::ZERO);
    // The fourth comes a minute later, and asking for it in vain takes nothing.
    for _ in 0..3 {
        let wait = take(Duration::ZERO).await.unwrap();
        assert!(wait > Duration::from_secs(50) && wait <= MINUTE, "{wait:?}");
    }
    let taken = take(MINUTE).await.unwrap();
    assert!(taken <= MINUTE, "{taken:?}");
    let fifth = other.take_turn("acme/turns", MINUTE, 3, Duration::ZERO).await.unwrap();
    assert!(fifth > MINUTE && fifth <= 2 * MINUTE, "{fifth:?}");
    let free = other.take_turn("acme/others", MINUTE, 1, Duration::ZERO).await.unwrap();
    assert_eq!(free, Duration::ZERO);
}

pub(crate) async fn no_two_workers_take_the_same_turn(world: &World) {
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let store = world.store();
        running.spawn(async move {
            store.take_turn("acme/race", MINUTE, 4, Duration::ZERO).await.unwrap()
        });
    }
    let waits = running.join_all().await;
    assert_eq!(waits.iter().filter(|wait| wait.is_zero()).count(), 4, "{waits:?}");
}

pub(crate) async fn a_pause_of_one_is_a_pause_of_all(world: &World) {
    let (one, other) = (world.store(), world.store());
    one.pause_turns("acme/paused", 2 * MINUTE).await.unwrap();
    one.pause_turns("acme/paused", MINUTE).await.unwrap();
    let wait = other.take_turn("acme/paused", Duration::from_millis(1), 1, MINUTE).await.unwrap();
    assert!(wait > MINUTE && wait <= 2 * MINUTE, "{wait:?}");
    // What is over is forgotten, and nothing else.
    one.take_turn("acme/over", Duration::from_millis(1), 1, Duration::ZERO).await.unwrap();
    world.run("UPDATE turns SET next_at = 0 WHERE key = 'acme/over'").await;
    assert_eq!(other.forget_turns().await.unwrap(), 1);
    let wait = other.take_turn("acme/paused", Duration::from_millis(1), 1, MINUTE).await.unwrap();
    assert!(wait > MINUTE, "{wait:?}");
}
