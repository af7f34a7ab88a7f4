//! What every store must do. Each function is one sentence; [`store_contract!`](crate::testing::store_contract) makes
//! them the tests of a store. Does not test what only one kind of store can do wrong, such as a damaged file.

// These are tests, although other crates call them: a panic is a failure.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
#![allow(missing_docs, reason = "the names of tests are sentences")]

pub mod caching;
pub mod logging;
pub mod owning;
pub mod pruning;
pub mod reading;
pub mod replay;
pub mod reserving;
pub(crate) mod script;
pub mod telling;
pub mod writing;

use super::Store;

/// A store under test, together with the file or server behind it: the process that owns its runs can die, and another one can
/// open the store afterwards.
///
/// [`store_contract!`](crate::testing::store_contract) tests it. Each test makes one of its own.
pub trait StorePlace {
    /// How many random histories are played. 200 suit a store with a disk; thousands, for one in memory, find what takes three
    /// certain events in a row.
    const HISTORIES: u32 = 200;

    /// Sets up an empty store.
    fn new() -> Self;

    /// Returns the store as a living process sees it.
    fn store(&self) -> &dyn Store;

    /// Returns the store as another living process sees it. Default: `None`, for a store of one process.
    fn elsewhere(&self) -> Option<Box<dyn Store>> {
        None
    }

    /// Simulates the death of the process that owns all runs; afterwards, [`store`](Self::store) is that of a new process.
    /// Everything that was acknowledged or flushed is still there.
    fn crash(&mut self);
}

/// Makes one `#[test]` of each sentence of the contract that every [`Store`](crate::store::Store) keeps, for the store of a
/// [`StorePlace`](crate::testing::StorePlace). Call it once, in a file or module of its own: it declares modules.
///
/// ```
/// use flowkit::store::{MemoryStore, Store};
/// use flowkit::testing::{StorePlace, store_contract};
///
/// /// A store without a disk is its own place.
/// struct Memory(MemoryStore);
///
/// impl StorePlace for Memory {
///     fn new() -> Self {
///         Self(MemoryStore::new())
///     }
///
///     fn store(&self) -> &dyn Store {
///         &self.0
///     }
///
///     fn crash(&mut self) {
///         self.0.crash();
///     }
/// }
///
/// store_contract!(Memory); // in a file below `tests/`: one test per sentence
/// # fn main() {}
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __store_contract {
    ($place:ty) => {
        $crate::__store_contract! { @tests $place;
            writing: {
                a_run_that_begins_can_be_read,
                an_entry_changes_its_row_and_adds_its_event,
                events_are_numbered_from_one_without_gaps,
                the_last_of_many_entries_is_what_stands,
                an_acknowledged_entry_can_be_read_at_once,
                an_attempt_that_failed_is_kept_with_its_error_and_its_wait,
                a_result_reads_as_it_was_written,
                what_is_done_again_has_neither_its_old_result_nor_its_old_provenance,
                a_result_of_a_megabyte_reads_as_it_was_written,
                a_task_run_without_a_result_has_none,
                what_has_ended_stays_as_it_is,
                reopening_leads_on_from_an_end,
                an_attempt_of_what_is_done_again_reads_as_it_ended,
                odd_names_read_as_they_were_written,
                an_entry_of_an_unknown_run_is_refused,
            }
            owning: {
                a_run_that_is_under_way_cannot_be_taken_over,
                a_run_is_owned_once_among_processes,
                an_unknown_run_cannot_be_taken_over,
                a_run_that_ended_can_be_taken_over,
                taking_over_raises_the_epoch_and_shuts_the_old_owner_out,
                taking_over_gives_everything_back,
                what_is_to_be_done_again_stays_with_a_run_until_something_else_is_asked,
                taking_over_tells_the_last_number_of_a_run_and_of_its_sub_flows,
                a_dead_owner_leaves_crashed_runs,
                what_only_waited_when_its_owner_died_still_waits,
                a_run_that_was_told_to_stop_is_cancelled_when_its_owner_dies,
                the_death_of_the_owner_changes_nothing_that_has_ended,
                a_crashed_attempt_is_kept_when_the_run_goes_on,
                a_suspended_run_can_go_on,
                suspending_puts_aside_what_is_under_way,
                a_run_that_is_under_way_can_be_asked_to_stop_once,
                a_run_that_nobody_runs_cannot_be_asked_to_stop,
            }
            caching: {
                a_cached_value_appears_with_its_result,
                a_cache_entry_without_a_result_is_not_kept,
                the_latest_result_stands_for_its_key,
                a_miss_is_explained_by_the_nearest_earlier_result,
                a_miss_is_explained_however_many_results_have_come_since,
                a_result_that_only_its_run_shares_is_explained_so,
                a_lease_is_exclusive_until_it_is_released,
                keeping_a_result_gives_the_lease_back,
                a_lease_ends_with_its_owner,
                a_lease_whose_caller_is_gone_is_free,
                a_lease_comes_with_the_time_of_the_latest_result,
            }
            reserving: {
                a_key_is_reserved_for_one_run_until_that_begins,
                a_key_that_is_given_back_or_whose_process_dies_can_be_reserved_again,
                a_run_whose_key_is_not_reserved_for_it_any_more_does_not_begin,
                a_key_stays_with_a_run_that_has_begun_and_goes_with_it,
            }
            logging: {
                lines_read_in_the_order_of_their_arrival,
                lines_are_chosen_by_task_run_level_and_words,
                a_search_finds_words_by_their_beginning_in_any_order_and_case,
                a_search_is_never_a_query_language,
                a_task_run_that_logs_too_much_loses_lines_and_the_loss_is_counted,
            }
            telling: {
                artifacts_read_in_order_with_who_made_them_and_what_they_are,
                a_later_artifact_of_the_same_key_is_a_new_version,
                the_content_of_an_artifact_reads_as_it_was_written_however_long_it_is,
                every_kind_of_artifact_reads_as_it_was_written,
                metrics_read_as_they_were_measured,
                a_number_that_is_none_is_kept,
                a_file_knows_who_made_it_and_who_used_it_in_all_runs,
                a_former_owner_says_nothing_of_the_run_any_more,
                what_was_said_before_a_death_is_there_when_the_run_goes_on,
                what_a_run_has_said_goes_with_it,
                of_an_unknown_run_nothing_was_said,
            }
            reading: {
                a_run_is_found_by_the_beginning_of_either_id,
                pages_have_no_gaps_and_no_repeats,
                the_newest_run_is_the_one_that_came_last_whatever_its_clock_said,
                runs_are_chosen_by_state,
                runs_are_chosen_by_flow,
                runs_are_chosen_by_tag,
                runs_are_chosen_by_the_owner_of_their_flow,
                a_run_knows_the_owner_of_its_flow_and_the_revision_of_the_code,
                runs_are_chosen_by_time,
                runs_are_chosen_by_text,
                failures_are_counted_and_runs_chosen_by_their_number,
                all_kinds_of_a_filter_must_hold,
                runs_of_sub_flows_are_left_out_unless_asked_for,
                children_are_the_runs_that_a_task_run_started,
                task_runs_are_chosen_by_state_and_task_and_read_in_pages,
                task_runs_are_counted_by_state,
                of_an_unknown_run_there_is_nothing_to_read,
            }
            pruning: {
                nothing_is_forgotten_where_nothing_is_said,
                old_runs_are_forgotten_with_all_that_belongs_to_them,
                the_newest_runs_are_kept,
                both_age_and_number_must_allow_pruning,
                runs_that_have_not_ended_are_kept,
                a_sub_flow_stays_with_the_run_that_started_it,
                a_result_that_the_cache_offers_spares_its_run_if_that_is_wanted,
            }
            replay: {
                any_history_reads_as_the_model_says,
            }
        }
    };
    (@tests $place:ty; $($chapter:ident: { $($sentence:ident,)* })*) => {
        $(mod $chapter {
            use super::*;
            $(#[test]
            fn $sentence() {
                $crate::store::contract::$chapter::$sentence::<$place>();
            })*
        })*
    };
}
#[cfg(test)]
pub(crate) use __store_contract as store_contract;
