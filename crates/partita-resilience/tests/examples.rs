//! The examples show what they are there for.
#![allow(dead_code, reason = "their `main` prints what is looked at here")]

#[path = "../examples/axum.rs"]
mod axum_server;
#[path = "../examples/plain.rs"]
mod plain;
#[path = "../examples/tower.rs"]
mod tower_layers;

type End = Result<(), Box<dyn std::error::Error>>;

#[tokio::test]
async fn in_the_plain_example_a_second_answer_stands_in_while_the_first_is_down() -> End {
    let answers = plain::answers().await?;
    assert_eq!(
        (answers.len(), &answers[..3]),
        (12, &["product 1", "product 2", "from the shelf"].map(str::to_owned)[..])
    );
    for (id, answer) in (1..).zip(&answers) {
        assert!(*answer == format!("product {id}") || answer == "from the shelf", "call {id}: {answer}");
    }
    Ok(())
}

#[tokio::test]
async fn in_the_tower_example_layers_and_their_stack_do_the_same_and_a_refusal_is_not_repeated() -> End {
    let expected = "by hand:   product 7 after 3 attempts\n\
        one layer: product 7 after 3 attempts\n\
        refused:   circuit breaker `catalogue` refused the call: forced_open, after 0 attempts";
    assert_eq!(tower_layers::shown().await?, expected);
    Ok(())
}

#[tokio::test]
async fn in_the_axum_example_each_refusal_has_its_status() -> End {
    let shown = axum_server::shown().await?;
    let lines: Vec<&str> = shown.lines().collect();
    let answered = [
        "GET /fast                    HTTP/1.1 200 OK, ratelimit-remaining: 5: fast",
        "GET /fast                    HTTP/1.1 200 OK, ratelimit-remaining: 4: fast",
        "GET /slow                    HTTP/1.1 200 OK, ratelimit-remaining: 3: slow",
        "GET /slow, 50 ms left        HTTP/1.1 504 Gateway Timeout: the deadline ran out",
    ];
    assert_eq!((lines.len(), &lines[..4]), (6, &answered[..]));
    for part in
        ["GET /slow, twice at once     HTTP/1.1 ", "200 OK", "503 Service Unavailable, retry-after: 1: load shed"]
    {
        assert!(lines[4].contains(part), "{part} in {shown}");
    }
    assert!(lines[5].starts_with("GET /fast, a seventh time    HTTP/1.1 429 Too Many Requests"), "{shown}");
    assert!(lines[5].contains("retry-after: "), "{shown}");
    Ok(())
}
