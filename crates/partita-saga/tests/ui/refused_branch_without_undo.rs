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
    let _ = Saga::named("saga").together("two").branch("x", act).branch("y", act).undo(back).join(|n, (x, y)| n + x + y).build();
}
