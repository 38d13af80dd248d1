//! Planted defects. An exploration that does not find them shows nothing.

use super::world::Bug;
use super::{SCENARIOS, Scenario};
use partita::saga::Sabotage;
use partita_testkit::explore::{Double, Explorer, Failure, Fault};

/// A defect, and the story in which it is looked for: one that ends well with it as long as nothing else goes wrong.
#[derive(Debug)]
pub(crate) struct Hunt {
    pub(crate) name: &'static str,
    bug: Bug,
    pub(crate) scenario: &'static str,
    by: By,
}

/// What catches a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// Some single fault.
    Any,
    /// This fault, and no other.
    Only(Fault),
    /// Two crashes in one run, and no single fault.
    TwoCrashes,
}

const fn hunt(name: &'static str, bug: Bug, scenario: &'static str, by: By) -> Hunt {
    Hunt { name, bug, scenario, by }
}

/// All defects.
pub(crate) static BUGS: [Hunt; 9] = [
    hunt("undo skipped for a step in doubt", Bug::Engine(Sabotage::SkipUndoInDoubt), "cancelled-early", By::Any),
    hunt("a new key for each attempt", Bug::Engine(Sabotage::NewKeyPerAttempt), "confirmed", By::Any),
    hunt(
        "the call sent before its intent is durable",
        Bug::Engine(Sabotage::CallBeforeIntent),
        "cancelled-late",
        By::Any,
    ),
    hunt("order status and saga end in two commits", Bug::Engine(Sabotage::EndApart), "confirmed", By::Any),
    hunt(
        "a commit with an unknown outcome taken for done",
        Bug::Engine(Sabotage::UnknownIsDone),
        "confirmed",
        By::Only(Fault::NotApplied),
    ),
    hunt(
        "an attempt that ended in an error taken for not done",
        Bug::Engine(Sabotage::ErrorIsNotDone),
        "cancelled",
        By::Only(Fault::Applied),
    ),
    hunt("two requests with one key at once both act", Bug::Race, "confirmed", By::Only(Fault::Duplicate)),
    hunt("an undo that finds nothing leaves no tombstone", Bug::NoTombstone, "cancelled", By::Only(Fault::Late)),
    hunt(
        "undo skipped for a step in doubt, after two crashes",
        Bug::Engine(Sabotage::SkipUndoAfterTwoCrashes),
        "cancelled-early",
        By::TwoCrashes,
    ),
];

impl Hunt {
    fn story(&self) -> Option<&'static Scenario> {
        SCENARIOS.iter().find(|scenario| scenario.name == self.scenario)
    }

    /// The shortest schedule that shows the defect, with the story that it belongs to.
    pub(crate) fn run(&self, explorer: &Explorer) -> Option<(&'static Scenario, Failure)> {
        let scenario = self.story()?;
        let double = if self.by == By::TwoCrashes { Double::All } else { Double::No };
        let explorer = Explorer { double, ..explorer.clone() };
        let failure = explorer.shortest(|| scenario.world(Some(self.bug)))?;
        Some((scenario, failure))
    }

    /// What else shows it, and should not.
    pub(crate) fn otherwise(&self, explorer: &Explorer) -> Option<Failure> {
        let scenario = self.story()?;
        let faults = Fault::ALL.into_iter().filter(|fault| self.by != By::Only(*fault)).collect();
        let explorer = Explorer { faults, ..explorer.clone() };
        if self.by == By::Any { None } else { explorer.shortest(|| scenario.world(Some(self.bug))) }
    }

    /// Whether one fault alone shows it.
    pub(crate) fn in_words(&self) -> String {
        match self.by {
            By::Any => String::new(),
            By::Only(fault) => format!("; by no other fault than \"{}\"", fault.name()),
            By::TwoCrashes => "; by no single fault".to_owned(),
        }
    }
}
