//! A flow of effects that may happen at most once, distinguished by everything that distinguishes calls; and races that one of
//! them depends on.
//!
//! The run draws its values from a seed, which is its argument. Each process draws from its own number what must not matter:
//! the order of the calls, which tasks are fast, how long each is waited for; and has its own hashers.
//!
//! A task that may run at most once notes `effect <key> <what>`, any other notes `plain <key> <what>`. A process notes
//! `process <number>` when it begins, and `ended <what>: <outcome>` for each call when the flow has ended.

mod races;

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use flowkit::prelude::*;
use flowkit::{BoxError, Error, Runtime, Secret};
use serde::{Deserialize, Serialize};

use self::races::{Way, decide, race};
use crate::{Said, folder, note, open, runs, told};

/// So many calls of each kind.
const OF_EACH: u64 = 2;

/// Chance may kill a task more often than usual.
const MAX_CRASHES: u32 = 1000;

/// What each process draws from.
static PROCESS: OnceLock<u64> = OnceLock::new();

/// Draws a number below `below` for `what` from a seed: of the same, the same.
fn drawn(seed: u64, what: impl Hash, below: u64) -> u64 {
    // Its keys are fixed, unlike those of the hashers of maps.
    let mut hasher = DefaultHasher::new();
    (seed, what).hash(&mut hasher);
    hasher.finish() % below
}

/// The same for what each process draws anew.
fn drawn_here(what: impl Hash, below: u64) -> u64 {
    drawn(*PROCESS.get().unwrap_or(&0), what, below)
}

/// Takes up to 2 ms, at a speed that this process has drawn.
fn pace(what: &str, part: &str) -> Duration {
    Duration::from_micros(500 * drawn_here((what, part), 5))
}

/// Has the effect `what`.
async fn happens(what: impl Display) -> io::Result<String> {
    let what = what.to_string();
    tokio::time::sleep(pace(&what, "before")).await;
    note(&format!("effect {} {what}", ctx().idempotency_key().unwrap_or_default()))?;
    tokio::time::sleep(pace(&what, "after")).await;
    Ok(what)
}

/// How a call has ended.
#[derive(Clone, Serialize, Deserialize)]
struct Ended {
    what: String,
    outcome: String,
}

impl Ended {
    /// The result of each call says whose it is.
    fn new(what: impl Display, result: std::result::Result<String, Error<io::Error>>) -> Self {
        let what = what.to_string();
        let outcome = match result {
            Ok(of) if of == what => "done".to_owned(),
            Ok(of) => format!("given what belongs to {of}"),
            Err(error) => told(&error),
        };
        Self { what, outcome }
    }
}

/// A map that is written as a list of pairs, in the order of its hasher.
mod pairs {
    use super::HashMap;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    type Prices = HashMap<String, u64>;

    pub(super) fn serialize<S: Serializer>(prices: &Prices, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Pair<'p>(&'p str, u64);
        serializer.collect_seq(prices.iter().map(|(what, price)| Pair(what, *price)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Prices, D::Error> {
        Vec::<(String, u64)>::deserialize(deserializer).map(Prices::from_iter)
    }
}

/// Full of what has the order of a hasher.
#[derive(Clone, Serialize, Deserialize)]
struct Parcel {
    number: u64,
    labels: HashSet<u64>,
    layers: Vec<Option<HashSet<String>>>,
    #[serde(with = "pairs")]
    prices: HashMap<String, u64>,
}

impl Parcel {
    fn new(seed: u64, number: u64) -> Self {
        let size = |of: &str| drawn(seed, (of, number), 9);
        let layer = |layer| Some((0..size("layer") * layer).map(|item| format!("item {item}")).collect());
        Self {
            number,
            labels: (0..size("labels")).collect(),
            layers: vec![layer(1), None, layer(3)],
            prices: (0..size("prices")).map(|item| (format!("item {item}"), item * number)).collect(),
        }
    }
}

impl Display for Parcel {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

/// Each process makes a new one, and serde does not support it.
#[derive(Clone)]
struct Client;

/// A number beside something that has no digest.
struct Order {
    number: u64,
    client: Client,
}

#[task(at_most_once, concurrency = "slots", run_name = "ship {parcel}")]
async fn ship(parcel: Parcel) -> io::Result<String> {
    happens(format!("ship {parcel}")).await
}

#[task(at_most_once, concurrency = "slots", run_name = "deliver {parcel}")]
async fn deliver(parcel: Parcel, _by: Option<HashSet<u64>>) -> io::Result<String> {
    happens(format!("deliver {parcel}")).await
}

#[task(at_most_once, concurrency = "slots", run_name = "mail {to}")]
async fn mail(to: Arc<str>) -> io::Result<String> {
    happens(format!("mail {to}")).await
}

/// Blocks its thread.
#[task(at_most_once, concurrency = "slots")]
fn print(file: PathBuf) -> io::Result<String> {
    let what = format!("print {}", file.as_os_str().len());
    std::thread::sleep(pace(&what, "before"));
    note(&format!("effect {} {what}", ctx().idempotency_key().unwrap_or_default()))?;
    std::thread::sleep(pace(&what, "after"));
    Ok(what)
}

#[task(at_most_once, concurrency = "slots")]
async fn log_in(token: Secret, number: u64) -> io::Result<String> {
    let _ = token;
    happens(format!("log in {number}")).await
}

/// Nothing else distinguishes the two tenants.
#[task(at_most_once, concurrency = "slots")]
async fn bill(token: &Secret) -> io::Result<String> {
    happens(format!("bill {}", token.expose().len())).await
}

#[task(at_most_once, concurrency = "slots", ignore(client), run_name = "notify {number}")]
async fn notify(client: &Client, number: u64) -> io::Result<String> {
    let _ = client;
    happens(format!("notify {number}")).await
}

#[task(at_most_once, concurrency = "slots", key = |order: &Order| order.number)]
async fn charge(order: Order) -> io::Result<String> {
    let _ = order.client;
    happens(format!("charge {}", order.number)).await
}

/// Its argument can be changed from outside at any time, so only a name distinguishes its calls.
#[task(at_most_once, concurrency = "slots")]
async fn stamp(ink: Arc<Mutex<u64>>) -> io::Result<String> {
    let number = *ink.lock().map_err(|_| io::Error::other("spilt"))?;
    happens(format!("stamp {number}")).await
}

/// Its result is a set, and is read back into another order.
#[task(concurrency = "slots", run_name = "pick {number}")]
async fn pick(number: u64, size: u64) -> io::Result<HashSet<u64>> {
    note(&format!("plain {} pick {number}", ctx().idempotency_key().unwrap_or_default()))?;
    Ok((0..size).map(|item| item * 10 + number).collect())
}

/// The same for a result that each process computes anew.
#[task(persist = "never", concurrency = "slots", run_name = "pick anew {number}")]
async fn pick_anew(number: u64, size: u64) -> io::Result<HashSet<u64>> {
    note(&format!("plain {} pick anew {number}", ctx().idempotency_key().unwrap_or_default()))?;
    Ok((0..size).map(|item| item * 10 + number).collect())
}

#[task(at_most_once, concurrency = "slots", run_name = "pack {number}")]
async fn pack(items: &HashSet<u64>, number: u64) -> io::Result<String> {
    let _ = items;
    happens(format!("pack {number}")).await
}

/// Another value in each process, at times.
#[task(persist = "never")]
async fn quote() -> u64 {
    drawn_here("quote", 3)
}

#[task(at_most_once, concurrency = "slots")]
async fn sign(quote: u64) -> io::Result<String> {
    let _ = quote;
    happens("sign").await
}

type Work = Pin<Box<dyn Future<Output = Result<Vec<Ended>>> + Send>>;

/// Adds a call, made when it is its turn.
fn add(
    all: &mut Vec<Work>,
    what: String,
    call: impl Future<Output = std::result::Result<String, Error<io::Error>>> + Send + 'static,
) {
    all.push(Box::pin(async move { Ok(vec![Ended::new(what, call.await)]) }));
}

/// What a run does, in no order.
fn work(seed: u64) -> Vec<Work> {
    let mut all: Vec<Work> = Vec::new();
    for n in 0..OF_EACH {
        let parcel = Parcel::new(seed, n);
        add(&mut all, format!("ship {n}"), async move { ship(parcel).await });
        add(&mut all, format!("mail {n}"), async move { mail(n.to_string().into()).await });
        let length = n as usize + 1;
        let file = PathBuf::from(OsString::from_vec(vec![0xff; length]));
        let what = format!("print {length}");
        add(&mut all, what.clone(), async move { print(file).named(what).await });
        let (token, what) = (Secret::new(format!("{seed} {n}")), format!("log in {n}"));
        add(&mut all, what.clone(), async move { log_in(token, n).named(what).await });
        let (tenant, what) = (Secret::new("?".repeat(length)), format!("bill {length}"));
        add(&mut all, what.clone(), async move { bill(&tenant).named(what).await });
        add(&mut all, format!("notify {n}"), async move { notify(&Client, n).await });
        let (order, what) = (Order { number: n, client: Client }, format!("charge {n}"));
        add(&mut all, what.clone(), async move { charge(order).named(what).await });
        let what = format!("stamp {n}");
        add(&mut all, what.clone(), async move { stamp(Arc::new(Mutex::new(n))).named(what).await });
        let size = drawn(seed, ("pick", n), 9);
        add(&mut all, format!("pack {n}"), async move {
            let items = pick(n, size).submit();
            pack::of(&items, n).await
        });
        let n = n + OF_EACH;
        add(&mut all, format!("pack {n}"), async move {
            let items = pick_anew(n, size).submit();
            pack::of(&items, n).await
        });
    }
    add(&mut all, "sign".to_owned(), async {
        let quote = quote().submit();
        sign::of(&quote).await
    });
    // Rotated by some process; it was the same call before.
    let (number, what) = (10, "log in 10".to_owned());
    let token = Secret::new(format!("password {}", drawn_here("password", 3)));
    add(&mut all, what.clone(), async move { log_in(token, number).named(what).await });
    // Nothing identifies it.
    add(&mut all, "stamp 9".to_owned(), async { stamp(Arc::new(Mutex::new(9))).await });
    all.push(Box::pin(deliveries(seed)));
    for way in Way::ALL {
        let is_part = drawn(seed, ("part", way), 2) == 1;
        all.push(match is_part {
            true => Box::pin(async move { Ok(race(way, seed).await?) }),
            false => Box::pin(decide(way, seed)),
        });
    }
    all
}

/// A list, in an order of this process.
async fn deliveries(seed: u64) -> Result<Vec<Ended>> {
    let mut numbers: Vec<u64> = (100..103).collect();
    numbers.sort_by_key(|number| drawn_here(("deliver", number), u64::MAX));
    let parcels: Vec<_> = numbers.iter().map(|number| Parcel::new(seed, *number)).collect();
    let by: HashSet<u64> = (0..drawn(seed, "by", 9)).collect();
    let delivered = settle_all(deliver::map(parcels, Some(by))).await;
    let ended = numbers.iter().zip(delivered);
    Ok(ended.map(|(number, result)| Ended::new(format!("deliver {number}"), result)).collect())
}

#[flow(retries = 1)]
async fn orders(seed: u64) -> Result<Vec<Ended>> {
    let mut work: Vec<_> = work(seed).into_iter().enumerate().collect();
    work.sort_by_key(|(number, _)| drawn_here(("turn", number), u64::MAX));
    let (mut ended, mut spawned) = (Vec::new(), Vec::new());
    for (number, work) in work {
        match drawn_here(("waits", number), 6) {
            0 => ended.extend(work.await?),
            _ => spawned.push(flowkit::spawn(work)),
        }
    }
    for work in spawned {
        ended.extend(work.await??);
    }
    let has_failed = folder().join("failed");
    if drawn(seed, "fails", 3) == 0 && !has_failed.exists() {
        fs::write(has_failed, "")?;
        return Err("the network is gone".into());
    }
    ended.sort_by(|a, b| a.what.cmp(&b.what));
    Ok(ended)
}

/// `<seed> <number of the process> <milliseconds to stop>`: resumes the newest run, or begins one.
pub(crate) async fn run(said: &Said) -> Result<(), BoxError> {
    let (seed, process) = (said.number(0)?, said.number(1)?);
    PROCESS.get_or_init(|| process);
    let store = open()?;
    let earlier = runs(&store)?.into_iter().next();
    let runtime = Runtime::builder()
        .store(store)
        .limit("slots", 4)
        .max_crashes(MAX_CRASHES)
        .stop_grace(Duration::from_millis(said.number(2)?))
        .build();
    note(&format!("process {process}"))?;
    let job = async {
        match earlier {
            Some(run) => orders::resume(run.id).on(&runtime).await,
            None => orders(seed).on(&runtime).await,
        }
    };
    match runtime.until_signal(job).await {
        Ok(ended) => {
            for Ended { what, outcome } in ended? {
                note(&format!("ended {what}: {outcome}"))?;
            }
            Ok(())
        }
        Err(interrupted) => {
            drop(runtime);
            std::process::exit(interrupted.code().into());
        }
    }
}
