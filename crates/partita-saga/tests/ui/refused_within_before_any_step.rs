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
    let limit = std::time::Duration::from_secs(1);
    let _ = Saga::named("saga").within(limit).step("a", act).undo(back).build();
}
