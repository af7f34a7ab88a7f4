//! `wait_for_file`, on the paused clock: it checks at 0 s, 60 s, 120 s, … and gives up after an hour.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flowkit::prelude::*;
use tokio::time::Instant;

/// A unique path in the temporary folder; removed at the end.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("flowkit-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }

    /// Creates the file after so many seconds.
    fn create_after(&self, seconds: u64) {
        let path = self.0.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            std::fs::write(path, "x").expect("the temporary folder can be written to");
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // It may never have been created.
        let _ = std::fs::remove_file(&self.0);
    }
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[flowkit::test]
async fn s43_a_file_is_looked_for_at_once() {
    let (place, begun) = (Place::new(), Instant::now());
    std::fs::write(&place.0, "x").unwrap();
    assert_eq!(wait_for_file(&place.0).await.unwrap(), place.0);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[flowkit::test]
async fn s43_a_file_is_found_at_the_first_look_after_it_appears() {
    for (appears, found) in [(1, 60), (59, 60), (61, 120), (119, 120), (121, 180), (3599, 3600)] {
        let (place, begun) = (Place::new(), Instant::now());
        place.create_after(appears);
        wait_for_file(&place.0).await.unwrap();
        assert_eq!(begun.elapsed(), secs(found), "it appeared after {appears} s");
    }
}

#[flowkit::test]
async fn s43_a_file_that_does_not_appear_is_an_error_after_an_hour() {
    let (place, begun) = (Place::new(), Instant::now());
    let error = wait_for_file(&place.0).await.unwrap_err();
    assert_eq!(begun.elapsed(), secs(3600));
    assert_eq!((error.path.as_path(), error.waited), (place.0.as_path(), secs(3600)));
    assert!(error.to_string().ends_with("did not appear within 3600s"), "{error}");
}

#[flowkit::test]
async fn s43_how_often_and_how_long_to_look_can_be_said() {
    let (place, begun) = (Place::new(), Instant::now());
    place.create_after(8);
    wait_for_file(&place.0).every(secs(5)).timeout(secs(12)).await.unwrap();
    assert_eq!(begun.elapsed(), secs(10));

    let (place, begun) = (Place::new(), Instant::now());
    wait_for_file(&place.0).every(secs(5)).timeout(secs(12)).await.unwrap_err();
    assert_eq!(begun.elapsed(), secs(12), "the last wait is cut short");

    let (place, begun) = (Place::new(), Instant::now());
    place.create_after(11);
    wait_for_file(&place.0).every(secs(5)).timeout(secs(12)).await.unwrap();
    assert_eq!(begun.elapsed(), secs(12), "it is looked for once more at the end");

    let begun = Instant::now();
    wait_for_file(Place::new().0.clone()).timeout(Duration::ZERO).await.unwrap_err();
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[task(concurrency = "sensor")]
async fn sense(path: PathBuf) -> Result<u64, flowkit::FileTimeout> {
    let begun = Instant::now();
    wait_for_file(path).await?;
    Ok(begun.elapsed().as_secs())
}

#[flow]
async fn many_sensors(paths: Vec<PathBuf>) -> Result<Vec<u64>> {
    flowkit::limits::set("sensor", 1);
    Ok(sense::map(paths).await?)
}

#[flowkit::test]
async fn s43_a_task_that_waits_for_a_file_holds_no_slot() {
    let places: Vec<_> = (0..10).map(|_| Place::new()).collect();
    for place in &places {
        place.create_after(100);
    }
    let paths = places.iter().map(|place| place.0.clone()).collect();
    assert_eq!(many_sensors(paths).await.unwrap(), [120; 10]);
}
