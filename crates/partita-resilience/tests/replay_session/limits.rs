//! The limiter of the tool against what one would write down in exact numbers: time is counted in parts of a millisecond
//! of which the limit makes a whole.

use super::replay;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Milliseconds, counts and costs; moments of GCRA times the limit.
#[derive(Clone, Copy, Debug)]
struct Quota {
    algorithm: &'static str,
    limit: i64,
    per: i64,
    burst: i64,
}

/// Admitted, wait until it would be, remaining.
type Said = (bool, Option<i64>, i64);

#[derive(Default)]
struct Model {
    tat: BTreeMap<char, i64>,
    log: BTreeMap<char, Vec<i64>>,
    windows: BTreeMap<char, (i64, i64)>,
}

impl Model {
    fn check(&mut self, quota: Quota, (at, key, cost): (i64, char, i64)) -> Said {
        match quota.algorithm {
            "sliding_log" => self.slide(quota, (at, key, cost)),
            "fixed_window" => self.window(quota, (at, key, cost)),
            _ => self.gcra(quota, (at, key, cost)),
        }
    }

    fn gcra(&mut self, quota: Quota, (at, key, cost): (i64, char, i64)) -> Said {
        let (at, depth) = (at * quota.limit, quota.burst * quota.per);
        let tat = self.tat.entry(key).or_default();
        let next = at.max(*tat) + cost * quota.per;
        let fits = cost <= quota.burst && next - depth <= at;
        if fits {
            *tat = next;
        }
        let left = (depth - (at.max(*tat) - at)) / quota.per;
        let wait = (!fits && cost <= quota.burst).then(|| (next - depth - at + quota.limit - 1) / quota.limit);
        (fits, wait, left)
    }

    fn slide(&mut self, quota: Quota, (at, key, cost): (i64, char, i64)) -> Said {
        let log = self.log.entry(key).or_default();
        log.retain(|stamp| stamp + quota.per > at);
        let used = i64::try_from(log.len()).unwrap();
        if used + cost <= quota.limit {
            log.extend((0..cost).map(|_| at));
            return (true, None, quota.limit - used - cost);
        }
        let must_go = usize::try_from(used + cost - quota.limit - 1).unwrap();
        let wait = (cost <= quota.limit).then(|| log[must_go] + quota.per - at);
        (false, wait, quota.limit - used)
    }

    fn window(&mut self, quota: Quota, (at, key, cost): (i64, char, i64)) -> Said {
        let window = at / quota.per;
        let (seen, used) = self.windows.entry(key).or_default();
        if *seen != window {
            (*seen, *used) = (window, 0);
        }
        let fits = *used + cost <= quota.limit;
        if fits {
            *used += cost;
        }
        let wait = (!fits && cost <= quota.limit).then(|| (window + 1) * quota.per - at);
        (fits, wait, quota.limit - *used)
    }
}

fn quota() -> impl Strategy<Value = Quota> {
    let algorithm = prop::sample::select(vec!["gcra", "token_bucket", "sliding_log", "fixed_window"]);
    let limit = prop::sample::select(vec![1_i64, 2, 3, 5, 7, 10, 100]);
    let per = prop::sample::select(vec![1_i64, 7, 10, 100, 1_000, 60_000, 3_600_000]);
    (algorithm, limit, per, 0_i64..4).prop_map(|(algorithm, limit, per, burst)| {
        let is_smooth = matches!(algorithm, "gcra" | "token_bucket");
        let burst = if is_smooth { [limit, 1, 2 * limit, limit + 3][usize::try_from(burst).unwrap()] } else { limit };
        Quota { algorithm, limit, per, burst }
    })
}

/// Steps of time and costs that lie at the edges of a quota.
fn check() -> impl Strategy<Value = (usize, char, usize)> {
    (0_usize..9, prop::sample::select(vec!['k', 'k', 'l']), 0_usize..9)
}

fn lines(quota: Quota, begin: i64, checks: Vec<(usize, char, usize)>) -> Vec<(i64, char, i64)> {
    let Quota { limit, per, burst, .. } = quota;
    let steps = [0, 0, 1, per / 3, per / limit, per / limit + 1, per, (per - 1).max(0), 2 * per + 1];
    let costs = [1, 1, 1, 1, 2, limit, limit + 1, burst, burst + 1];
    let mut at = begin;
    let line = |(step, key, cost): (usize, char, usize)| {
        at += steps[step];
        (at, key, costs[cost])
    };
    checks.into_iter().map(line).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn every_algorithm_says_what_exact_numbers_say(
        quota in quota(),
        begin in prop::sample::select(vec![0_i64, 5, 1_000, 86_399_999, 1_700_000_000_123]),
        checks in prop::collection::vec(check(), 1..120),
    ) {
        let checks = lines(quota, begin, checks);
        let mut config = json!({ "limit": quota.limit, "per_ms": quota.per, "algorithm": quota.algorithm });
        if quota.burst != quota.limit {
            config["burst"] = json!(quota.burst);
        }
        let mut sent = vec![json!({ "config": config, "seed": 1 }).to_string()];
        sent.extend(checks.iter().map(|(at, key, cost)| json!({ "at_ms": at, "check": key, "cost": cost }).to_string()));
        let bytes: Vec<&[u8]> = sent.iter().map(String::as_bytes).collect();
        let (answers, mut model) = (replay("limiter", &bytes), Model::default());
        for (check, answer) in checks.into_iter().zip(&answers[1..]) {
            let answer: Value = serde_json::from_str(answer).unwrap();
            let said = (
                answer["admitted"].as_bool().unwrap(),
                answer["retry_after_ms"].as_i64(),
                answer["snapshot"]["remaining"].as_i64().unwrap(),
            );
            prop_assert_eq!(said, model.check(quota, check), "{:?}: {:?}", quota, check);
        }
    }
}
