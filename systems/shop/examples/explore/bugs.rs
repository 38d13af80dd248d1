//! Planted defects. An exploration that does not find them shows nothing.

use super::{SCENARIOS, Scenario, ShopWorld};
use partita::saga::Sabotage;
use partita_testkit::explore::{Explorer, Failure};

/// A planted defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    Engine(Sabotage),
    /// An undo that finds nothing leaves nothing.
    NoTombstone,
}

impl Bug {
    pub(crate) const fn of_the_engine(self) -> Option<Sabotage> {
        match self {
            Self::Engine(sabotage) => Some(sabotage),
            Self::NoTombstone => None,
        }
    }
}

/// A defect, and the story in which it is looked for: one that ends well with it as long as nothing else goes wrong.
#[derive(Debug)]
pub(crate) struct Hunt {
    pub(crate) name: &'static str,
    bug: Bug,
    scenario: &'static str,
}

const fn hunt(name: &'static str, bug: Bug, scenario: &'static str) -> Hunt {
    Hunt { name, bug, scenario }
}

/// All defects.
pub(crate) static BUGS: [Hunt; 5] = [
    hunt("undo skipped for a step in doubt", Bug::Engine(Sabotage::SkipUndoInDoubt), "cancelled-early"),
    hunt("a new key for each attempt", Bug::Engine(Sabotage::NewKeyPerAttempt), "confirmed"),
    hunt("the call sent before its intent is durable", Bug::Engine(Sabotage::CallBeforeIntent), "cancelled-early"),
    hunt("an undo that finds nothing leaves no tombstone", Bug::NoTombstone, "cancelled-early"),
    hunt("order status and saga end in two commits", Bug::Engine(Sabotage::EndApart), "confirmed"),
];

impl Hunt {
    /// The shortest schedule that shows the defect, with the story that it belongs to.
    pub(crate) fn run(&self, explorer: &Explorer) -> Option<(&'static Scenario, Failure)> {
        let scenario = SCENARIOS.iter().find(|scenario| scenario.name == self.scenario)?;
        let failure = explorer.shortest(|| ShopWorld::new(scenario, Some(self.bug)))?;
        Some((scenario, failure))
    }
}
