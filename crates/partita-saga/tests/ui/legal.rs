use partita_saga::{Retriable, Saga, Step, StepResult};

async fn act(n: u32, _: Step) -> StepResult<u32> {
    Ok(n)
}

async fn finish(n: u32, _: Step) -> Retriable<u32> {
    Ok(n)
}

async fn back(_: u32, _: Step) -> Retriable<()> {
    Ok(())
}

fn main() {
    let _ = Saga::named("legal")
        .deadline(std::time::Duration::from_secs(60))
        .step("a", act)
        .undo(back)
        .within(std::time::Duration::from_secs(5))
        .step("b", act)
        .nothing_to_undo("reads only")
        .together("both")
        .branch("x", act)
        .undo(back)
        .branch("y", act)
        .nothing_to_undo("reads only")
        .join(|n, (x, y)| n + x + y)
        .pivot("p", act)
        .step("c", finish)
        .step("d", |n, _| async move { Ok(n) })
        .build();
}
