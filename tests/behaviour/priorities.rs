//! Who gets the slots of a limit: the higher priority, then the earlier submission.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use flowkit::prelude::*;
use flowkit::{Runtime, policy::TaskPolicy};
use tokio::time::{Instant, sleep};

use crate::support::Bodies;

const SECOND: Duration = Duration::from_secs(1);

type Order = Arc<Mutex<Vec<u32>>>;

#[task(concurrency = "printer")]
async fn print(number: u32, order: Order) -> u32 {
    order.lock().unwrap().push(number);
    sleep(SECOND).await;
    number
}

#[task(concurrency = "printer", priority = 3)]
async fn print_first(number: u32, order: Order) -> u32 {
    order.lock().unwrap().push(number);
    number
}

fn printer(slots: u32) -> Runtime {
    Runtime::builder().limit("printer", slots).build()
}

#[flowkit::test]
async fn slots_are_granted_in_the_order_of_submission() {
    #[flow]
    async fn prints(order: Order) -> Result<()> {
        settle_all((0..500).map(|number| print(number, order.clone()).submit())).await;
        Ok(())
    }

    for slots in [1, 3, 64] {
        let order = Order::default();
        prints(order.clone()).on(&printer(slots)).await.unwrap();
        // Those that get slots at the same moment begin in any order.
        let mut order = order.lock().unwrap();
        order.chunks_mut(slots as usize).for_each(<[_]>::sort_unstable);
        assert_eq!(*order, (0..500).collect::<Vec<_>>(), "{slots} slots");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_one_slot_the_order_of_submission_holds_on_several_threads_too() {
    #[task(concurrency = "printer")]
    async fn quick(number: u32, order: Order) {
        order.lock().unwrap().push(number);
    }
    #[flow]
    async fn prints(order: Order) -> Result<()> {
        settle_all((0..2_000).map(|number| quick(number, order.clone()).submit())).await;
        Ok(())
    }

    let order = Order::default();
    prints(order.clone()).on(&printer(1)).await.unwrap();
    assert_eq!(*order.lock().unwrap(), (0..2_000).collect::<Vec<_>>());
}

#[flowkit::test]
async fn what_one_result_makes_ready_is_served_in_the_order_of_submission() {
    #[task]
    async fn page() -> u32 {
        sleep(SECOND).await;
        0
    }
    #[task(concurrency = "printer")]
    async fn copy(page: u32, number: u32, order: Order) -> u32 {
        order.lock().unwrap().push(number);
        sleep(SECOND).await;
        page
    }
    #[flow]
    async fn copies(order: Order) -> Result<()> {
        let page = page().submit();
        settle_all((0..100).map(|number| copy::submit(&page, number, order.clone()))).await;
        Ok(())
    }

    let order = Order::default();
    copies(order.clone()).on(&printer(1)).await.unwrap();
    assert_eq!(*order.lock().unwrap(), (0..100).collect::<Vec<_>>());
}

#[flowkit::test]
async fn a_higher_priority_of_the_call_or_the_attribute_goes_first() {
    #[flow]
    async fn prints(order: Order) -> Result<()> {
        let print = |number| print(number, order.clone());
        let mut pages: Vec<_> = (0..3).map(|number| print(number).submit()).collect();
        pages.push(print(10).priority(-1).submit());
        pages.push(print(11).priority(5).submit());
        pages.push(print_first(12, order.clone()).submit());
        pages.push(print_first(13, order.clone()).priority(9).submit());
        pages.push(print(14).priority(5).submit());
        settle_all(pages).await;
        Ok(())
    }

    let order = Order::default();
    prints(order.clone()).on(&printer(1)).await.unwrap();
    assert_eq!(*order.lock().unwrap(), [0, 13, 11, 14, 12, 1, 2, 10]);
}

#[flowkit::test]
async fn the_runtime_may_set_the_priority_of_tasks_that_set_none() {
    #[flow]
    async fn prints(order: Order) -> Result<()> {
        let pages = [print(0, order.clone()), print(1, order.clone())].map(|page| page.submit());
        let first = print_first(2, order.clone()).submit();
        settle_all(pages).await;
        first.await?;
        Ok(())
    }

    let defaults = TaskPolicy::EMPTY.priority(4);
    let order = Order::default();
    prints(order.clone())
        .on(&Runtime::builder().limit("printer", 1).task_defaults(defaults).build())
        .await
        .unwrap();
    assert_eq!(*order.lock().unwrap(), [0, 1, 2]);
}

/// A task that has queued must not hold slots while it waits for something that needs them.
#[flowkit::test]
async fn slots_are_not_held_for_what_waits_for_other_runs() {
    #[task(concurrency = "printer")]
    async fn pages() -> Vec<u32> {
        vec![1, 2, 3]
    }
    #[task(concurrency = "printer")]
    async fn one(page: u32) -> u32 {
        page
    }
    #[task(concurrency = "printer")]
    async fn bind(pages: Vec<u32>) -> u32 {
        pages.iter().sum()
    }
    #[task(concurrency = "printer", cache = "inputs")]
    async fn cover(title: u32) -> u32 {
        sleep(SECOND).await;
        title
    }
    #[flow]
    async fn book() -> Result<(u32, u32)> {
        let pages = pages().submit();
        let bound = bind::of(one::map(&pages)).submit();
        let covers: Vec<_> = (0..20).map(|number| cover(number % 2).submit()).collect();
        let mut sum = 0;
        for cover in covers {
            sum += cover.await?;
        }
        Ok((bound.await?, sum))
    }

    assert_eq!(book().on(&printer(1)).await.unwrap(), (6, 10));
}

#[flowkit::test]
async fn slots_of_calls_that_end_without_running_go_to_the_next() {
    #[task]
    async fn broken() -> Result<u32, String> {
        Err("no".into())
    }
    #[flow]
    async fn prints(order: Order) -> Result<()> {
        let first = print(0, order.clone()).submit();
        let cancelled: Vec<_> = (1..50).map(|number| print(number, order.clone()).submit()).collect();
        let never = print::submit(broken().submit(), order.clone());
        let last = print(99, order.clone()).submit();
        cancelled.iter().for_each(Handle::cancel);
        first.await?;
        last.await?;
        assert!(never.await.is_err());
        Ok(())
    }

    let (order, runtime) = (Order::default(), printer(1));
    prints(order.clone()).on(&runtime).await.unwrap();
    assert_eq!(*order.lock().unwrap(), [0, 99]);
    assert_eq!(runtime.scope(async { flowkit::limits::free("printer") }).await, Some(1));
}

#[task]
async fn trains(bodies: Bodies) {
    let _inside = bodies.enter();
    sleep(SECOND).await;
}

#[flow(max_concurrency = 5)]
async fn trains_many(bodies: Bodies) -> Result<()> {
    settle_all((0..10).map(|_| trains(bodies.clone()).submit())).await;
    Ok(())
}

#[flow]
async fn trains_inside(bodies: Bodies) -> Result<()> {
    Ok(trains_many(bodies).max_concurrency(2).await?)
}

#[flowkit::test]
async fn a_call_of_a_flow_sets_how_many_of_its_tasks_run_at_the_same_time() {
    for (at_most, seconds) in [(None, 2), (Some(2), 5), (Some(0), 10)] {
        let (bodies, begun) = (Bodies::default(), Instant::now());
        let call = trains_many(bodies.clone());
        let call = match at_most {
            Some(at_most) => call.max_concurrency(at_most),
            None => call,
        };
        call.await.unwrap();
        assert_eq!(bodies.most(), at_most.map_or(5, |most| most.max(1)) as usize);
        assert_eq!(begun.elapsed(), seconds * SECOND);
    }
    let bodies = Bodies::default();
    trains_inside(bodies.clone()).await.unwrap();
    assert_eq!(bodies.most(), 2, "a sub-flow");
}
