//! Secrets distinguish calls, and are never revealed.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use flowkit::prelude::*;
use flowkit::store::{History as _, SqliteStore};
use flowkit::value::canonical::digest;
use flowkit::{FlowRunId, Runtime, Secret};

use crate::states;

/// What must not appear anywhere.
const CANARY: &str = "canary-9f2b71c4";

fn kept_in(folder: &tempfile::TempDir) -> Runtime {
    Runtime::builder().store(SqliteStore::open(folder.path().join("runs.db")).unwrap()).build()
}

#[flowkit::test]
async fn two_tenants_never_share_a_cached_result() {
    #[task(cache = "inputs")]
    async fn invoices(token: Secret, month: u32) -> String {
        format!("{} {month}", token.expose())
    }
    #[task(cache = |tokens: &HashMap<u32, Secret>| tokens.clone())]
    async fn all(tokens: HashMap<u32, Secret>) -> usize {
        tokens.len()
    }
    #[flow]
    async fn both() -> Result<Vec<String>> {
        let mut all_invoices = Vec::new();
        for tenant in ["a", "b", "a"] {
            all_invoices.push(invoices(tenant.into(), 7).await?);
            all((0..9).map(|n| (n, Secret::new(format!("{tenant}{n}")))).collect()).await?;
        }
        Ok(all_invoices)
    }

    let run = both().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &["a 7", "b 7", "a 7"]);
    use State::{Cached, Completed};
    assert_eq!(states(&run, "invoices"), [Completed, Completed, Cached]);
    assert_eq!(states(&run, "all"), [Completed, Completed, Cached]);
}

thread_local! {
    static OF_WHOM: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
}

#[flowkit::test]
async fn two_tenants_never_share_a_recorded_result_nor_what_was_made_with_it() {
    static IS_FIRST: AtomicBool = AtomicBool::new(true);

    #[task]
    async fn invoices(token: &Secret) -> String {
        token.expose().to_owned()
    }
    #[task]
    async fn sum(invoices: String) -> String {
        format!("sum {invoices}")
    }
    #[task]
    async fn page(number: u32) -> String {
        format!("{number} of {}", OF_WHOM.with(|whom| whom.borrow().clone()))
    }
    #[task]
    async fn book(token: Secret) -> Result<String> {
        // Only the caller determines whose page it is.
        OF_WHOM.with(|whom| *whom.borrow_mut() = token.expose().to_owned());
        let page = page(1).await?;
        // Its page was made, but it failed: it runs again, and its page does not.
        if IS_FIRST.swap(false, Ordering::SeqCst) { Err("no paper".into()) } else { Ok(page) }
    }
    #[flow(retries = 1)]
    async fn both() -> Result<Vec<String>> {
        let order = if ctx().attempt() == 1 { ["a", "b"] } else { ["b", "a"] };
        let mut all = Vec::new();
        for tenant in order {
            let invoices = invoices(&Secret::new(tenant)).await?;
            all.push(sum(invoices).await?);
            IS_FIRST.store(ctx().attempt() == 1, Ordering::SeqCst);
            all.extend(book(tenant.into()).await.ok());
        }
        all.sort();
        if ctx().attempt() == 1 { Err("again".into()) } else { Ok(all) }
    }

    let run = both().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &["1 of a", "1 of b", "sum a", "sum b"]);
    use State::{Cached, Completed};
    assert_eq!(states(&run, "invoices"), [Completed, Completed, Cached, Cached]);
    assert_eq!(states(&run, "sum"), [Completed, Completed, Cached, Cached]);
    assert_eq!(states(&run, "page"), [Completed, Completed, Cached, Cached]);
}

/// The secret for a resumed run, which no record has.
/// Held by each test that runs the shop: its input and output are shared by all.
static SHOP: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
static TOKEN: Mutex<&str> = Mutex::new("");
static CALLS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static FAILS: AtomicU32 = AtomicU32::new(0);

fn called(what: &str, token: &Secret) -> String {
    CALLS.lock().unwrap().push(what.to_owned());
    format!("{what} {}", token.expose().len())
}

#[task]
async fn load(token: Secret) -> String {
    called("load", &token)
}

#[task]
async fn count(loaded: String) -> usize {
    CALLS.lock().unwrap().push("count".to_owned());
    loaded.len()
}

#[task(at_most_once)]
async fn pay(token: Secret, amount: u32) -> String {
    let _ = amount;
    called("pay", &token)
}

#[task(at_most_once, ignore(token))]
async fn ship(token: Secret) -> String {
    called("ship", &token)
}

#[flow]
async fn shop() -> Result<String> {
    let token = || Secret::new(*TOKEN.lock().unwrap());
    let shipped = ship(token()).await?;
    let loaded = load(token()).submit();
    count::of(&loaded).await?;
    let paid = pay(token(), 7).await?;
    match FAILS.load(Ordering::SeqCst) {
        0 => Ok(format!("{shipped}, {}, {paid}", loaded.await?)),
        _ => Err("the disk is full".into()),
    }
}

/// Runs the shop with a token, or resumes its run, and returns what was called.
async fn attempt(
    folder: &tempfile::TempDir,
    run: Option<FlowRunId>,
    token: &'static str,
    fails: bool,
) -> (FlowRunId, Result<String, String>, Vec<String>) {
    *TOKEN.lock().unwrap() = token;
    FAILS.store(u32::from(fails), Ordering::SeqCst);
    CALLS.lock().unwrap().clear();
    let runtime = kept_in(folder);
    let run = match run {
        None => shop().on(&runtime).run().await,
        Some(id) => shop::resume(id).on(&runtime).run().await,
    };
    let refused =
        run.task_runs_of("pay").iter().filter_map(|pay| pay.error.as_deref()).map(ToString::to_string).next();
    let result = run.result().clone().map_err(|error| refused.unwrap_or(error.to_string()));
    (run.id().unwrap(), result, std::mem::take(&mut *CALLS.lock().unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_secret_makes_plain_calls_again_and_is_refused_by_one_that_may_run_at_most_once() {
    let _alone = SHOP.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let (id, _, calls) = attempt(&folder, None, "old", true).await;
    assert_eq!(calls, ["ship", "load", "count", "pay"]);

    let (_, result, calls) = attempt(&folder, Some(id), "changed", false).await;
    assert_eq!(calls, ["load", "count"], "what is ignored counts for nothing");
    let refused = result.unwrap_err();
    assert!(
        refused.contains("another value of a secret") && refused.contains("rerun --from pay"),
        "{refused}"
    );

    let (_, result, calls) = attempt(&folder, Some(id), "old", false).await;
    assert_eq!(result.unwrap(), "ship 3, load 3, pay 3");
    assert_eq!(calls, [""; 0], "with the old one, all of it is known");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_run_at_most_once_does_although_a_secret_that_was_changed_comes_back() {
    static PROCESS: AtomicU32 = AtomicU32::new(1);
    static PAID: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    static WAITS: AtomicBool = AtomicBool::new(false);
    static IS_HELD: AtomicBool = AtomicBool::new(false);

    #[task]
    async fn occupy(process: u32) {
        WAITS.store(true, Ordering::SeqCst);
        if process < 3 {
            std::future::pending::<()>().await;
        }
    }
    #[task(at_most_once, concurrency = "till")]
    async fn pay(token: Secret) -> usize {
        PAID.lock().unwrap().push(PROCESS.load(Ordering::SeqCst));
        token.expose().len()
    }
    #[task(concurrency = "till")]
    async fn hold() {
        IS_HELD.store(true, Ordering::SeqCst);
        std::future::pending::<()>().await;
    }
    #[flow]
    async fn shop() -> Result<usize> {
        let process = PROCESS.load(Ordering::SeqCst);
        // The first process pays nothing: another one has the till.
        if process == 1 {
            let _held = hold().submit();
            while !IS_HELD.load(Ordering::SeqCst) {
                tokio::task::yield_now().await;
            }
        }
        let paid = pay(["", "new", "newer"][(process % 2) as usize].into()).submit();
        if process == 2 {
            (&paid).await?;
        }
        occupy(process).await?;
        Ok(paid.await?)
    }

    let folder = tempfile::tempdir().unwrap();
    let store = || SqliteStore::open(folder.path().join("runs.db")).unwrap();
    let runtime = || Runtime::builder().store(store()).limit("till", 1).build();
    let mut id = None;
    for process in 1..=2 {
        PROCESS.store(process, Ordering::SeqCst);
        let runtime = runtime();
        let running = async {
            match id {
                None => shop().on(&runtime).run().await.id(),
                Some(id) => shop::resume(id).on(&runtime).run().await.id(),
            }
        };
        let stop = async {
            while !WAITS.load(Ordering::SeqCst) {
                tokio::task::yield_now().await;
            }
            runtime.suspend(std::time::Duration::ZERO).await.unwrap();
            WAITS.store(false, Ordering::SeqCst);
        };
        (id, ()) = tokio::join!(running, stop);
    }
    PROCESS.store(3, Ordering::SeqCst);
    let run = shop::resume(id.unwrap()).on(&runtime()).run().await;
    let refused = run.task_runs_of("pay").iter().find_map(|pay| pay.error.as_deref()).unwrap().to_string();
    assert!(refused.contains("another value of a secret"), "{refused}");
    assert_eq!(*PAID.lock().unwrap(), [2]);

    PROCESS.store(5, Ordering::SeqCst);
    let again = shop::resume(id.unwrap()).rerun_from("pay").on(&runtime()).await;
    assert_eq!((again.unwrap(), PAID.lock().unwrap().len()), (3, 2), "somebody has asked for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_secret_nor_a_digest_of_it_is_found_beside_the_key() {
    let _alone = SHOP.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let (id, _, _) = attempt(&folder, None, CANARY, true).await;
    attempt(&folder, Some(id), CANARY, false).await.1.unwrap();
    let canary = digest(CANARY).unwrap();
    let plain = blake3::hash(CANARY.as_bytes());
    let forbidden = [
        CANARY.as_bytes().to_vec(),
        canary.as_bytes()[..16].to_vec(),
        canary.to_string().into_bytes(),
        plain.as_bytes()[..16].to_vec(),
        plain.to_hex().as_bytes().to_vec(),
    ];
    let mut files = 0;
    for file in all_files(folder.path()) {
        let bytes = std::fs::read(&file).unwrap();
        files += 1;
        for (number, forbidden) in forbidden.iter().enumerate() {
            let found = bytes.windows(forbidden.len()).any(|window| window == forbidden);
            assert!(!found, "{} has form {number} of the secret", file.display());
        }
    }
    assert!(files >= 2, "the database and its key");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(folder.path().join("runs.db.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

fn all_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { all_files(&path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_key_a_run_with_secrets_is_read_and_not_resumed_until_there_is_another_one() {
    let _alone = SHOP.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let (id, _, _) = attempt(&folder, None, "old", true).await;
    let key = folder.path().join("runs.db.key");
    std::fs::remove_file(&key).unwrap();

    let store = SqliteStore::open(folder.path().join("runs.db")).unwrap();
    let before = store.flow_run(id).unwrap().unwrap();
    assert_eq!(before.state, State::Failed);
    drop(store);
    *TOKEN.lock().unwrap() = "old";
    let error = shop::resume(id).on(&kept_in(&folder)).await.unwrap_err();
    let words = std::error::Error::source(&error).unwrap().to_string();
    assert!(words.contains("runs.db.key` is missing") && words.contains("db new-key"), "{words}");
    // A run that is new is refused where it comes to a secret, before anything is done with it.
    let (_, result, calls) = attempt(&folder, None, "old", false).await;
    assert!(result.is_err());
    assert_eq!(calls, ["ship"]);

    let store = SqliteStore::open(folder.path().join("runs.db")).unwrap();
    assert_eq!(store.flow_run(id).unwrap().unwrap().state, State::Failed, "it stays as it was");
    assert!(store.new_seal_key().unwrap());
    assert!(key.exists());
    drop(store);
    let store = SqliteStore::open(folder.path().join("runs.db")).unwrap();
    assert!(!store.new_seal_key().unwrap(), "it is there");
    drop(store);
    let (_, result, calls) = attempt(&folder, Some(id), "old", false).await;
    assert_eq!(calls, ["load", "count"]);
    assert!(
        result.unwrap_err().contains("another value of a secret"),
        "nobody knows that it is the same one"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_gone_is_made_anew_where_nothing_was_sealed_with_it() {
    let _alone = SHOP.lock().await;
    #[flow]
    async fn plain() -> Result<u32> {
        Ok(1)
    }
    let folder = tempfile::tempdir().unwrap();
    plain().on(&kept_in(&folder)).await.unwrap();
    std::fs::write(folder.path().join("runs.db.key"), b"cut short").unwrap();
    let (_, result, _) = attempt(&folder, None, "old", false).await;
    assert_eq!(result.unwrap(), "ship 3, load 3, pay 3");
}
