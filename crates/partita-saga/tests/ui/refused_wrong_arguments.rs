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

async fn alone(n: u32) -> StepResult<u32> {
    Ok(n)
}

fn main() {
    let _ = Saga::named("saga").step("a", alone).undo(back).build();
}
