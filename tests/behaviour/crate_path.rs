//! `crate = …`: the attributes where flowkit has another name, because a crate renames it or a prelude re-exports it.

mod my_prelude {
    pub(crate) use ::flowkit;

    /// Defines a task from another crate, whose users need not depend on flowkit.
    macro_rules! doubling {
        ($name:ident) => {
            #[$crate::crate_path::my_prelude::flowkit::task(crate = $crate::crate_path::my_prelude::flowkit, retries = 1)]
            async fn $name(n: u32) -> u32 {
                n * 2
            }
        };
    }
    pub(crate) use doubling;
}

mod wf {
    pub(crate) use ::flowkit::*;
}

/// Nothing here is named `flowkit`.
mod renamed {
    use super::{my_prelude, wf};

    #[wf::task(crate = wf, retries = 2, retry_delay = "1s", run_name = "load {table}", on_success = |_run| {})]
    async fn load(table: &str) -> Result<usize, wf::BoxError> {
        Ok(table.len())
    }

    #[my_prelude::flowkit::task(crate = crate::crate_path::my_prelude::flowkit, cache = "inputs")]
    fn sum(counts: Vec<u32>) -> u32 {
        counts.iter().sum()
    }

    my_prelude::doubling!(double);

    #[wf::flow(crate = wf, task_defaults(retries = 1))]
    pub(super) async fn etl(#[param(default = "rows")] table: String) -> Result<u32, wf::BoxError> {
        let length = u32::try_from(load(&table).await?)?;
        Ok(sum::of(double::map(vec![length, 1])).await?)
    }

    #[wf::test(crate = wf, seed = 7)]
    async fn attributes_find_flowkit_under_the_path_that_they_are_told() {
        assert_eq!(etl("rows".to_owned()).await.unwrap(), 10);
    }
}

#[flowkit::test]
async fn a_flow_under_another_path_is_the_same_kind_of_flow() {
    let run = renamed::etl("orders".to_owned()).run().await;
    assert!(matches!(run.result(), Ok(14)));
    assert_eq!(run.task_runs().len(), 4);
}
