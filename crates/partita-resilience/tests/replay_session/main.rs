//! The replay tool as a whole: one answer for each line, whatever the line is.

#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "../../examples/replay/breaker.rs"]
mod breaker;
#[path = "../../examples/replay/bulkhead.rs"]
mod bulkhead;
#[path = "../../examples/replay/executor.rs"]
mod executor;
#[path = "../../examples/replay/hedge.rs"]
mod hedge;
mod hostile;
#[path = "../../examples/replay/limiter.rs"]
mod limiter;
mod limits;
#[path = "../../examples/replay/line.rs"]
mod line;
#[path = "../../examples/replay/retry.rs"]
mod retry;
#[path = "../../examples/replay/session.rs"]
mod session;
mod traces;
#[path = "../../examples/replay/work.rs"]
mod work;

fn replay(policy: &str, lines: &[&[u8]]) -> Vec<String> {
    let mut replay = session::Replay::new(policy);
    lines.iter().map(|line| replay.answer(line).unwrap_or_else(|fault| format!("error: {fault}"))).collect()
}

#[test]
fn each_line_is_answered_also_one_that_cannot_be_read() {
    let lines: [&[u8]; 6] = [
        b"{}\r",
        b"",
        b"\xff\xfe",
        b"nonsense",
        b"{\"at_ms\":18446744073709552,\"look\":true}",
        b"{\"at_ms\":1,\"start\":\"a\"}\r",
    ];
    let got = replay("breaker", &lines);
    assert!(got[1].contains("line 2: an empty line"), "{}", got[1]);
    assert!(got[2].contains("line 3: invalid utf-8"), "{}", got[2]);
    assert!(got[3].contains("line 4: "), "{}", got[3]);
    assert!(got[4].contains("584 years"), "{}", got[4]);
    assert!(got[5].contains("\"admitted\":true"), "{}", got[5]);
}

#[test]
fn after_a_first_line_that_cannot_be_read_no_line_is_left_unanswered() {
    for first in ["", "{\"config\":{\"nope\":1}}", "{\"config\":{\"open_ms\":\"x\"}}"] {
        let got = replay("breaker", &[first.as_bytes(), b"{\"at_ms\":0,\"look\":true}"]);
        assert!(got[0].starts_with("error: line 1"), "{}", got[0]);
        assert!(got[1].contains("mend line 1"), "{}", got[1]);
    }
}

#[test]
fn a_line_is_an_object_and_not_an_array_by_position() {
    let got = replay("breaker", &[b"[{},1]"]);
    assert!(got[0].ends_with("a line is a JSON object"), "{}", got[0]);
    let array: &[u8] = b"[0,\"a\",null,null,null,null,null,null,null,null]";
    let got = replay("breaker", &[b"{}", array]);
    assert_eq!(got[1], "error: line 2: a line is a JSON object");
}

#[test]
fn a_member_that_does_not_belong_to_its_line_is_named_and_nothing_happens() {
    for (stray, kind, policy) in [
        ("\"start\":\"a\",\"cost\":1", "start", "breaker"),
        ("\"start\":\"a\",\"outcome\":\"success\"", "start", "retry"),
        ("\"start\":\"a\",\"retry_after_ms\":1", "start", "hedge"),
        ("\"end\":\"a\",\"outcome\":\"success\",\"key\":\"k\"", "end", "breaker"),
        ("\"set\":\"closed\",\"key\":\"k\"", "set", "breaker"),
        ("\"check\":\"k\",\"key\":\"k\"", "check", "limiter"),
        ("\"look\":true,\"cost\":1", "look", "limiter"),
    ] {
        let line = format!("{{\"at_ms\":0,{stray}}}");
        let got = replay(policy, &[b"{}", line.as_bytes(), b"{\"at_ms\":0,\"look\":true}"]);
        assert!(
            got[1].starts_with("error: line 2: `") && got[1].contains(&format!("does not belong to `{kind}`")),
            "{}",
            got[1]
        );
        assert!(got[2].contains("\"events\":[]"), "{}", got[2]);
    }
    for two in
        ["\"start\":\"a\",\"look\":true", "\"look\":false", "\"end\":\"a\",\"outcome\":\"success\",\"start\":\"b\""]
    {
        let got = replay("breaker", &[b"{}", format!("{{\"at_ms\":0,{two}}}").as_bytes()]);
        assert!(got[1].contains("exactly one of `start`"), "{}", got[1]);
    }
    let got = replay("nobody", &[b"{}"]);
    assert!(got[0].contains("no policy `nobody`: breaker, bulkhead, limiter, retry, hedge"), "{}", got[0]);
    let got = replay("breaker", &[b"{}", b"{\"at_ms\":0,\"start\":\"a\",\"nope\":1}"]);
    assert!(got[1].contains("unknown field `nope`") && got[1].contains("`retry_after_ms`"), "{}", got[1]);
}

#[test]
fn a_failure_that_says_when_to_come_again_is_heard() {
    let lines: [&[u8]; 3] = [
        b"{\"config\":{\"min_calls\":1,\"open_ms\":1000,\"open_jitter\":0}}",
        b"{\"at_ms\":0,\"start\":\"a\"}",
        b"{\"at_ms\":1,\"end\":\"a\",\"outcome\":\"failure\",\"retry_after_ms\":60000}",
    ];
    let got = replay("breaker", &lines);
    assert!(got[2].contains("\"retry_after\":60000"), "{}", got[2]);
}

#[test]
fn a_retry_never_comes_earlier_than_it_was_asked_to() {
    let lines: [&[u8]; 4] = [
        b"{\"config\":{\"max_retry_after_ms\":1000}}",
        b"{\"at_ms\":0,\"start\":\"a\"}",
        b"{\"at_ms\":1,\"end\":\"a\",\"outcome\":\"overloaded\",\"retry_after_ms\":1001}",
        b"{\"at_ms\":5000,\"look\":true}",
    ];
    let got = replay("retry", &lines);
    assert!(got[2].contains("\"reason\":\"retry_after_too_long\""), "{}", got[2]);
    assert!(got[3].contains("\"events\":[]") && got[3].contains("\"retries\":0"), "{}", got[3]);
}

#[test]
fn what_a_policy_refuses_is_named_as_it_was_written() {
    for (policy, config, name) in [
        ("limiter", "{\"limit\":1,\"per_ms\":0}", "`per_ms`"),
        ("retry", "{\"initial_ms\":500,\"max_ms\":100}", "`initial_ms`"),
        ("retry", "{\"deadline_ms\":0}", "`deadline_ms`"),
        ("breaker", "{\"window_ms\":0}", "`window_ms`"),
        ("bulkhead", "{\"max_concurrent\":0}", "`max_concurrent`"),
        ("hedge", "{\"quantile\":1.5}", "`quantile`"),
    ] {
        let got = replay(policy, &[format!("{{\"config\":{config}}}").as_bytes()]);
        assert!(got[0].contains(name) && got[0].contains("line 1: config: "), "{}", got[0]);
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_told_with_the_name_of_its_option() {
    let got = replay("limiter", &[b"{\"config\":{\"limit\":1,\"per_ms\":\"x\"}}"]);
    assert!(got[0].contains("`per_ms`: invalid type"), "{}", got[0]);
}

#[test]
fn a_whole_number_may_be_written_with_a_fraction_of_nothing() {
    let lines = |limit: &str, at: &str, cost: &str| -> Vec<String> {
        let lines = [
            format!("{{\"config\":{{\"limit\":{limit},\"per_ms\":1000}},\"seed\":{at}}}"),
            format!("{{\"at_ms\":{at},\"check\":\"a\",\"cost\":{cost}}}"),
        ];
        replay("limiter", &lines.each_ref().map(|line| line.as_bytes()))
    };
    assert_eq!(lines("5.0", "7e0", "2.0"), lines("5", "7", "2"));
    for odd in ["7.5", "-1", "-1.0", "1e300"] {
        let got = lines("5", odd, "1");
        assert!(got[0].contains("whole number"), "{}", got[0]);
    }
    assert!(lines("5.5", "7", "1")[0].contains("`limit`: invalid type"));
    assert!(lines("5", "7", "4294967296")[1].contains("4294967296 is no whole number from 0 on that fits"));
}

#[test]
fn what_fell_due_before_a_line_that_cannot_be_read_stands_in_the_next_answer() {
    let breaker: [&[u8]; 5] = [
        b"{\"config\":{\"min_calls\":1,\"open_ms\":100,\"open_jitter\":0}}",
        b"{\"at_ms\":0,\"start\":\"a\"}",
        b"{\"at_ms\":1,\"end\":\"a\",\"outcome\":\"failure\"}",
        b"{\"at_ms\":200,\"end\":\"nobody\",\"outcome\":\"success\"}",
        b"{\"at_ms\":200,\"look\":true}",
    ];
    let got = replay("breaker", &breaker);
    assert!(got[3].starts_with("error: line 4"), "{}", got[3]);
    assert!(got[4].contains("{\"at_ms\":101,\"event\":\"state_changed\""), "{}", got[4]);
    let bulkhead: [&[u8]; 5] = [
        b"{\"config\":{\"max_concurrent\":1,\"max_wait_ms\":50,\"queue\":1}}",
        b"{\"at_ms\":0,\"start\":\"a\"}",
        b"{\"at_ms\":0,\"start\":\"b\"}",
        b"{\"at_ms\":200,\"end\":\"nobody\",\"outcome\":\"success\"}",
        b"{\"at_ms\":200,\"look\":true}",
    ];
    let got = replay("bulkhead", &bulkhead);
    assert!(got[4].contains("{\"at_ms\":50,\"id\":\"b\",\"event\":\"timed_out\""), "{}", got[4]);
}

#[test]
fn a_moment_before_the_last_one_is_a_fault_and_nothing_happens() {
    for (policy, line) in [("breaker", "\"start\":\"a\""), ("retry", "\"start\":\"a\""), ("limiter", "\"check\":\"a\"")]
    {
        let [at_10, at_9] = [10, 9].map(|at_ms| format!("{{\"at_ms\":{at_ms},{line}}}"));
        let look: &[u8] = b"{\"at_ms\":10,\"look\":true}";
        let got = replay(policy, &[b"{}", look, at_9.as_bytes(), look, at_10.as_bytes()]);
        assert_eq!(got[2], "error: line 3: at_ms goes back from 10 to 9");
        assert_eq!(got[3], got[1]);
        assert!(got[4].contains("\"admitted\":true"), "{}", got[4]);
    }
}

#[test]
fn a_call_ends_once() {
    let lines: [&[u8]; 8] = [
        b"{\"config\":{\"max_concurrent\":1,\"queue\":0}}",
        b"{\"at_ms\":0,\"start\":\"a\"}",
        b"{\"at_ms\":1,\"start\":\"b\"}",
        b"{\"at_ms\":2,\"end\":\"a\",\"outcome\":\"success\"}",
        b"{\"at_ms\":3,\"start\":\"b\"}",
        b"{\"at_ms\":4,\"end\":\"b\",\"outcome\":\"success\"}",
        b"{\"at_ms\":5,\"end\":\"b\",\"outcome\":\"success\"}",
        b"{\"at_ms\":6,\"end\":\"a\",\"outcome\":\"success\"}",
    ];
    let got = replay("bulkhead", &lines);
    assert!(got[2].contains("\"admitted\":false") && got[4].contains("\"admitted\":true"), "{got:?}");
    assert!(got[6].contains("`b` ends and never started") && got[7].contains("`a` ends and never started"), "{got:?}");
}

#[test]
fn the_id_of_a_rejected_call_may_start_again() {
    let lines: [&[u8]; 5] = [
        b"{\"config\":{\"min_calls\":1,\"open_ms\":100,\"open_jitter\":0}}",
        b"{\"at_ms\":0,\"start\":\"a\"}",
        b"{\"at_ms\":1,\"end\":\"a\",\"outcome\":\"failure\"}",
        b"{\"at_ms\":2,\"start\":\"b\"}",
        b"{\"at_ms\":101,\"start\":\"b\"}",
    ];
    let got = replay("breaker", &lines);
    assert!(got[3].contains("\"admitted\":false") && got[4].contains("\"admitted\":true"), "{got:?}");
}

#[test]
fn a_call_that_runs_into_its_limit_has_failed_then() {
    let lines: [&[u8]; 4] = [
        b"{\"config\":{\"min_calls\":1,\"call_timeout_ms\":100}}",
        b"{\"at_ms\":5,\"start\":\"a\"}",
        b"{\"at_ms\":500,\"look\":true}",
        b"{\"at_ms\":501,\"end\":\"a\",\"outcome\":\"success\"}",
    ];
    let got = replay("breaker", &lines);
    let events =
        "\"events\":[{\"at_ms\":105,\"id\":\"a\",\"event\":\"timed_out\"},{\"at_ms\":105,\"event\":\"state_changed\"";
    assert!(got[2].contains(events), "{}", got[2]);
    assert!(got[3].contains("\"reason\":\"timed_out\"") && got[3].contains("\"successful\":0"), "{}", got[3]);
}

#[test]
fn an_option_out_of_its_range_is_a_fault_even_where_nobody_reads_it() {
    let got = replay("retry", &[b"{\"config\":{\"jitter\":\"full\",\"jitter_factor\":2}}"]);
    assert!(got[0].contains("error") && got[0].contains("`jitter_factor`"), "{}", got[0]);
}

#[test]
fn an_option_that_stands_twice_is_a_fault() {
    let got = replay("breaker", &[b"{\"config\":{\"open_ms\":1,\"min_calls\":2,\"open_ms\":3}}"]);
    assert!(got[0].contains("line 1") && got[0].contains("duplicate option `open_ms`"), "{}", got[0]);
}

#[test]
fn a_trace_in_unix_milliseconds_trips_and_waits_as_any_other() {
    let lines: [&[u8]; 5] = [
        b"{\"config\":{\"min_calls\":1,\"open_ms\":1000,\"open_jitter\":0}}",
        b"{\"at_ms\":1795248000000,\"start\":\"a\"}",
        b"{\"at_ms\":1795248000005,\"end\":\"a\",\"outcome\":\"failure\"}",
        b"{\"at_ms\":1795248000500,\"start\":\"b\"}",
        b"{\"at_ms\":1795248001005,\"look\":true}",
    ];
    let got = replay("breaker", &lines);
    assert!(got[1].contains("\"since\":1795248000000"), "{}", got[1]);
    assert!(got[2].contains("\"last_failure_at\":1795248000005"), "{}", got[2]);
    assert!(got[3].contains("\"retry_after_ms\":505,\"state\":\"open\""), "{}", got[3]);
    let due = "{\"at_ms\":1795248001005,\"event\":\"state_changed\",\"from\":\"open\",\"to\":\"half_open\"";
    assert!(got[4].contains(due), "{}", got[4]);

    let check: &[u8] = b"{\"at_ms\":1795248000000,\"check\":\"k\"}";
    let mut lines = vec![b"{\"config\":{\"limit\":11,\"per_ms\":1000}}".as_slice()];
    lines.extend([check; 12]);
    let got = replay("limiter", &lines);
    assert!(got[11].contains("\"admitted\":true") && got[11].contains("\"reset_at\":1795248001000"), "{}", got[11]);
    assert!(got[12].contains("\"admitted\":false"), "{}", got[12]);
}

#[test]
fn a_trace_that_begins_within_a_day_stays_where_it_is() {
    let lines: [&[u8]; 4] = [
        b"{\"config\":{\"limit\":1,\"algorithm\":\"fixed_window\"}}",
        b"{\"at_ms\":990,\"check\":\"k\"}",
        b"{\"at_ms\":1010,\"check\":\"k\"}",
        b"{\"at_ms\":1020,\"check\":\"k\"}",
    ];
    let got = replay("limiter", &lines);
    assert!(got[1].contains("\"admitted\":true") && got[2].contains("\"admitted\":true"), "{got:?}");
    assert!(got[3].contains("\"admitted\":false"), "{}", got[3]);
}

#[test]
fn windows_of_a_trace_in_unix_milliseconds_begin_at_full_multiples_of_their_width() {
    let lines: [&[u8]; 5] = [
        b"{\"config\":{\"limit\":1,\"per_ms\":60000,\"algorithm\":\"fixed_window\"}}",
        b"{\"at_ms\":1795248059990,\"check\":\"k\"}",
        b"{\"at_ms\":1795248059999,\"check\":\"k\"}",
        b"{\"at_ms\":1795248060000,\"check\":\"k\"}",
        b"{\"at_ms\":1795248060001,\"check\":\"k\"}",
    ];
    let got = replay("limiter", &lines);
    let reset = "\"remaining\":0,\"reset_at\":1795248060000,\"retry_after\":1}";
    assert!(got[1].contains("\"admitted\":true") && got[2].contains(reset), "{got:?}");
    assert!(got[3].contains("\"admitted\":true") && got[4].contains("\"retry_after_ms\":59999"), "{got:?}");

    let lines: [&[u8]; 5] = [
        b"{\"config\":{\"window_ms\":1000,\"min_calls\":2,\"failure_rate\":0.9}}",
        b"{\"at_ms\":1795248000950,\"start\":\"a\"}",
        b"{\"at_ms\":1795248000950,\"end\":\"a\",\"outcome\":\"failure\"}",
        b"{\"at_ms\":1795248001899,\"start\":\"b\"}",
        b"{\"at_ms\":1795248001899,\"end\":\"b\",\"outcome\":\"failure\"}",
    ];
    assert!(
        replay("breaker", &lines)[4].contains("\"state\":\"open\""),
        "the bucket of 900 to 999 is within the window"
    );
    let later: Vec<Vec<u8>> =
        lines.iter().map(|line| String::from_utf8_lossy(line).replace("1899", "1900").into_bytes()).collect();
    let later: Vec<&[u8]> = later.iter().map(Vec::as_slice).collect();
    assert!(replay("breaker", &later)[4].contains("\"state\":\"closed\""), "and has left it then");
}

#[test]
fn a_line_far_beyond_the_first_is_a_fault_and_time_stays() {
    let lines: [&[u8]; 4] = [
        b"{}",
        b"{\"at_ms\":5,\"look\":true}",
        b"{\"at_ms\":1795248000000,\"look\":true}",
        b"{\"at_ms\":6,\"look\":true}",
    ];
    let got = replay("limiter", &lines);
    assert!(got[2].contains("line 3: at_ms 1795248000000 is more than 3,650 days after"), "{}", got[2]);
    assert!(got[3].starts_with("{\"at_ms\":6,"), "{}", got[3]);
}
