//! The examples run, and end well.

#[path = "../examples/axum.rs"]
mod axum_server;
#[path = "../examples/plain.rs"]
mod plain;
#[path = "../examples/tower.rs"]
mod tower_layers;

type End = Result<(), Box<dyn std::error::Error>>;

#[test]
fn the_plain_example_runs() -> End {
    plain::main()
}

#[test]
fn the_tower_example_runs() -> End {
    tower_layers::main()
}

#[test]
fn the_axum_example_runs() -> End {
    axum_server::main()
}
