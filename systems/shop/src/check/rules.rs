//! The files against each other. Pure: what it says follows from what they hold.

use super::held::{Held, LEDGERS};
use partita::saga::Class;
use serde::Serialize;
use std::collections::BTreeMap;

const EXAMPLES: usize = 5;
/// How many rules there are.
pub(super) const COUNT: u64 = 5;

/// One rule, and what breaks it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RuleReport {
    pub(super) rule: &'static str,
    pub(super) checked: u64,
    pub(super) faults: u64,
    pub(super) examples: Vec<String>,
}

type Rule = fn(&Held, &mut RuleReport);

const RULES: [(&str, Rule); 5] = [
    ("every order has its saga, and stands where it stands", orders_and_sagas),
    ("every idempotency key names an order", keys),
    ("counters are what they count", counters),
    ("what a participant holds is of an order", participants),
    ("a confirmed order is with every participant, and paid", confirmed),
];

/// Applies all rules; `next` is told the name of each before.
pub(super) fn hold(held: &Held, next: &mut dyn FnMut(String)) -> Vec<RuleReport> {
    let apply = |(rule, judge): (&'static str, Rule)| {
        next(rule.to_owned());
        let mut report = RuleReport { rule, checked: 0, faults: 0, examples: vec![] };
        judge(held, &mut report);
        report
    };
    RULES.into_iter().map(apply).collect()
}

impl RuleReport {
    /// One thing was looked at; `wrong` says what is wrong with it.
    fn look(&mut self, wrong: Option<String>) {
        self.checked += 1;
        self.faults += u64::from(wrong.is_some());
        self.examples.extend(wrong.filter(|_| self.examples.len() < EXAMPLES));
    }
}

fn orders_and_sagas(held: &Held, report: &mut RuleReport) {
    for (id, status) in &held.orders {
        let wrong = match held.sagas.get(id) {
            None => Some(format!("order {id} is {status} and has no saga")),
            Some(class) => {
                let ended = Class::of(class).is_some_and(Class::is_ended);
                (ended == (status == "PENDING")).then(|| format!("order {id} is {status}, its saga is {class}"))
            }
        };
        report.look(wrong);
    }
    for id in held.sagas.keys().filter(|id| !held.orders.contains_key(*id)) {
        report.look(Some(format!("saga {id} has no order")));
    }
}

fn keys(held: &Held, report: &mut RuleReport) {
    for (key, order) in &held.keys {
        let known = order.as_ref().is_some_and(|id| held.orders.contains_key(id));
        report.look((!known).then(|| format!("key {key} stands for {}", order.as_deref().unwrap_or("no order"))));
    }
}

fn counters(held: &Held, report: &mut RuleReport) {
    for (what, things, counters) in
        [("orders", &held.orders, &held.counted[0]), ("sagas", &held.sagas, &held.counted[1])]
    {
        let mut there: BTreeMap<&str, i64> = counters.keys().map(|word| (word.as_str(), 0)).collect();
        things.values().for_each(|word| *there.entry(word).or_default() += 1);
        for (word, count) in there {
            let says = counters.get(word).copied().unwrap_or(0);
            report.look((says != count).then(|| format!("{count} {what} are {word}, the counter says {says}")));
        }
    }
}

fn participants(held: &Held, report: &mut RuleReport) {
    for (ledger, service) in held.ledgers.iter().zip(LEDGERS) {
        for subject in ledger.keys() {
            let known = held.orders.contains_key(subject);
            report.look((!known).then(|| format!("{service} holds something of order {subject}, which nobody placed")));
        }
    }
}

fn confirmed(held: &Held, report: &mut RuleReport) {
    let wanted = [(0, "reserve"), (0, "commit"), (1, "hold"), (1, "award"), (2, "ship")];
    for id in held.orders.iter().filter(|(_, status)| *status == "CONFIRMED").map(|(id, _)| id) {
        let stands = |(ledger, action): &(usize, &str)| {
            let rows: Option<_> = held.ledgers.get(*ledger).and_then(|ledger| ledger.get(id));
            rows.is_some_and(|rows| rows.contains(&((*action).to_owned(), true)))
        };
        let lacks = wanted.iter().find(|wanted| !stands(wanted));
        let paid = held.intents.get(id).is_some_and(|intents| intents.iter().any(|status| status == "succeeded"));
        report.look(match lacks {
            Some((ledger, action)) => {
                Some(format!("order {id} is CONFIRMED, but {} has no `{action}`", LEDGERS[*ledger]))
            }
            None => (!paid).then(|| format!("order {id} is CONFIRMED, but the provider has no payment")),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A confirmed order `a` and one in progress, `b`, which inventory has reserved for.
    fn sound() -> Held {
        let word = |pairs: &[(&str, &str)]| pairs.iter().map(|(id, word)| ((*id).into(), (*word).into())).collect();
        let rows = |rows: &[(&str, &str)]| {
            let mut ledger: BTreeMap<String, std::collections::BTreeSet<_>> = BTreeMap::new();
            for (id, action) in rows {
                ledger.entry((*id).into()).or_default().insert(((*action).to_owned(), true));
            }
            ledger
        };
        let count = |pairs: &[(&str, i64)]| pairs.iter().map(|(word, count)| ((*word).into(), *count)).collect();
        Held {
            orders: word(&[("a", "CONFIRMED"), ("b", "PENDING")]),
            sagas: word(&[("a", "completed"), ("b", "running")]),
            keys: [("k".to_owned(), Some("a".to_owned()))].into(),
            counted: [
                count(&[("CONFIRMED", 1), ("PENDING", 1), ("REJECTED", 0)]),
                count(&[("completed", 1), ("running", 1)]),
            ],
            ledgers: [
                rows(&[("a", "reserve"), ("a", "commit"), ("b", "reserve")]),
                rows(&[("a", "hold"), ("a", "award")]),
                rows(&[("a", "ship")]),
            ],
            intents: [("a".to_owned(), vec!["canceled".to_owned(), "succeeded".to_owned()])].into(),
        }
    }

    fn faults(break_it: impl FnOnce(&mut Held)) -> Vec<(&'static str, String)> {
        let mut held = sound();
        break_it(&mut held);
        let reports = hold(&held, &mut |_| ());
        assert_eq!(reports.len() as u64, COUNT);
        reports.iter().flat_map(|report| report.examples.iter().map(|example| (report.rule, example.clone()))).collect()
    }

    #[test]
    fn a_sound_folder_breaks_no_rule() {
        assert_eq!(faults(|_| ()), []);
    }

    #[test]
    fn each_break_is_named_by_its_rule() {
        type Broken = (fn(&mut Held), &'static str, &'static str);
        let broken: [Broken; 8] = [
            (|held| drop(held.sagas.remove("b")), RULES[0].0, "order b is PENDING and has no saga"),
            (|held| drop(held.sagas.insert("b".into(), "completed".into())), RULES[0].0, "its saga is completed"),
            (|held| drop(held.sagas.insert("c".into(), "running".into())), RULES[0].0, "saga c has no order"),
            (|held| drop(held.keys.insert("k".into(), Some("z".into()))), RULES[1].0, "key k stands for z"),
            (|held| held.counted[0].extend([("PENDING".to_owned(), 4)]), RULES[2].0, "the counter says 4"),
            (
                |held| drop(held.ledgers[2].insert("z".into(), [].into())),
                RULES[3].0,
                "shipping holds something of order z",
            ),
            (|held| drop(held.ledgers[1].remove("a")), RULES[4].0, "loyalty has no `hold`"),
            (|held| held.intents.clear(), RULES[4].0, "no payment"),
        ];
        for (break_it, rule, text) in broken {
            let faults = faults(break_it);
            assert!(faults.iter().any(|(by, said)| *by == rule && said.contains(text)), "{text}: {faults:?}");
        }
    }
}
