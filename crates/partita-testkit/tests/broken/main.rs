//! A kit that passes everything is worth nothing: stores that break one promise each must be caught.

#![allow(clippy::unwrap_used, reason = "all of it is test code")]

mod sabotage;
mod store;

use partita_core::memory::{MemoryDisk, MemoryStore};
use partita_core::{Result, Space, Store};
use partita_testkit::conformance::{Backend, Capabilities, Objection, Rule, judge, rules};
use partita_time::{BoxFuture, Host};
use sabotage::Sabotage;
use std::sync::Arc;
use store::Broken;

struct Saboteur {
    disk: MemoryDisk,
    behind: MemoryDisk,
    sabotage: Sabotage,
}

impl Saboteur {
    fn new(sabotage: Sabotage) -> Self {
        Self { disk: MemoryDisk::new(), behind: MemoryDisk::new(), sabotage }
    }
}

impl Backend for Saboteur {
    fn open<'a>(&'a self, spaces: Vec<Space>, host: &'a Host) -> BoxFuture<'a, Result<Arc<dyn Store>>> {
        let truth = MemoryStore::open(&self.disk, spaces.clone(), host);
        let view = MemoryStore::open(&self.behind, spaces, host);
        let store: Arc<dyn Store> = Arc::new(Broken::new(truth, view, self.sabotage, host));
        Box::pin(std::future::ready(Ok(store)))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none().restart().concurrent_open().fills_at(5_000)
    }
}

fn rule(name: &str) -> Rule {
    let found = rules().into_iter().find(|rule| rule.name == name);
    found.unwrap_or_else(|| panic!("no rule {name}"))
}

fn catches(name: &str, sabotage: Sabotage) {
    match judge(&rule(name), || Saboteur::new(sabotage)) {
        Err(Objection::Broken(text)) => assert!(!text.contains("a panic"), "{name} fell over {sabotage:?}"),
        other => panic!("{name} says {other:?} of a store that {sabotage:?}"),
    }
}

macro_rules! caught {
    ($($test:ident: $sabotage:ident by $($rule:ident),+;)+) => {
        $(
            #[test]
            fn $test() {
                $(catches(stringify!($rule), Sabotage::$sabotage);)+
            }
        )+

        #[test]
        fn every_sabotage_has_a_test() {
            let tried = [$(Sabotage::$sabotage),+];
            assert!(Sabotage::ALL.iter().all(|sabotage| tried.contains(sabotage)));
        }
    };
}

caught! {
    a_store_that_answers_before_it_applies_is_caught: AnswersBeforeItApplies
        by a_read_begun_after_a_receipt_sees_the_commit, readers_elsewhere_see_it_too;
    a_store_that_swaps_commits_is_caught: SwapsCommits
        by commits_of_one_handle_apply_in_the_order_of_submission, random_commits_are_answered_as_by_a_naive_model;
    a_store_that_drops_absent_checks_is_caught: DropsAbsentChecks
        by a_put_at_absent_writes_only_what_is_not_there, the_same_guarded_value_handed_in_twice_takes_effect_once,
        random_commits_are_answered_as_by_a_naive_model;
    a_store_that_leaks_half_a_refused_commit_is_caught: LeaksHalfARefusedCommit
        by a_refused_commit_changes_nothing, a_refused_commit_between_others_leaves_them_whole,
        random_commits_are_answered_as_by_a_naive_model;
    a_store_that_skips_a_position_is_caught: SkipsAPosition
        by positions_are_dense_in_commit_order, a_reader_that_follows_skips_nothing_and_never_goes_back;
    a_store_that_keeps_counters_of_refused_commits_is_caught: KeepsCountersOfRefusedCommits
        by a_refused_commit_moves_no_counter, random_commits_are_answered_as_by_a_naive_model;
    a_store_that_ignores_fences_is_caught: IgnoresFences
        by an_older_epoch_is_fenced_and_nothing_applied, an_earlier_opening_is_fenced_by_a_later_one;
    a_store_that_polls_for_growth_is_caught: PollsForGrowth
        by grown_waits_without_polling;
    a_store_that_forgets_the_queue_when_closed_is_caught: ForgetsTheQueueWhenClosed
        by closing_applies_what_is_queued;
    a_store_that_skips_equal_values_between_pages_is_caught: SkipsEqualValuesBetweenPages
        by pages_go_on_between_equal_values;
    a_store_that_rewrites_data_is_caught: RewritesData
        by an_envelope_reads_back_as_it_was_written;
    a_store_that_takes_any_checkpoint_is_caught: TakesAnyCheckpoint
        by a_checkpoint_of_another_log_is_a_mismatch, a_checkpoint_ahead_of_the_log_is_a_mismatch;
    a_store_that_changes_its_identity_is_caught: ChangesItsIdentity
        by the_log_goes_on_after_opening_again;
    a_store_that_hides_what_conflicted_is_caught: HidesWhatConflicted
        by an_append_that_conflicts_hands_back_the_newest_version, a_put_that_conflicts_hands_back_the_record;
    a_store_that_tries_again_by_itself_is_caught: TriesAgainByItself
        by the_same_guarded_value_handed_in_twice_takes_effect_once;
    a_store_that_prunes_too_much_is_caught: PrunesTooMuch
        by a_prune_forgets_at_most_so_many;
}

#[test]
fn the_store_under_sabotage_is_good_without_it() {
    for rule in rules() {
        assert_eq!(judge(&rule, || Saboteur::new(Sabotage::Nothing)), Ok(()), "{rule:?}");
    }
}

#[test]
fn a_store_that_never_answers_and_one_that_panics_are_objections() {
    let mut rule = rule("an_unknown_stream_is_empty");
    rule.run = |_| Box::pin(async { panic!("on purpose") });
    assert_eq!(judge(&rule, || Saboteur::new(Sabotage::Nothing)), Err(Objection::broken("a panic")));
}

#[test]
fn a_backend_that_lacks_what_a_rule_needs_is_skipped_by_name() {
    struct Bare(Saboteur);
    impl Backend for Bare {
        fn open<'a>(&'a self, spaces: Vec<Space>, host: &'a Host) -> BoxFuture<'a, Result<Arc<dyn Store>>> {
            self.0.open(spaces, host)
        }
        fn capabilities(&self) -> Capabilities {
            Capabilities::none()
        }
    }
    let verdict = |rule: &Rule| judge(rule, || Bare(Saboteur::new(Sabotage::Nothing)));
    let skipped = rules().iter().filter(|rule| matches!(verdict(rule), Err(Objection::Skipped(_)))).count();
    assert_eq!(skipped, 11, "rules that need a restart, a second opening, or a queue that can be filled");
}
