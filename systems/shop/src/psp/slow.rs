//! Ends slow intents at their due time: those of this run by their own timer, those of an earlier run by a scan at start.
//!
//! Nothing polls. The scan finds every intent that is `processing`, due or not, and gives each a task that sleeps until its
//! due time; a new slow intent gets one when its commit is durable. The end is one commit of the intent and the answer
//! under its key, at the intent's exact revision, so that a task that comes twice does nothing.

use super::book::{self, Reply};
use super::model;
use super::provider::{Provider, approved_reply};
use partita::core::{ErrorKind, Expect, Result};
use partita::time::Timestamp;
use std::time::Duration;
use tokio::sync::oneshot;

/// The wait after a commit that the store could not take.
const PAUSE: Duration = Duration::from_secs(1);

impl Provider {
    /// Takes up what an earlier run left `processing`. No intent takes longer than [`model::SLOW`], also if the clock was set
    /// back since.
    ///
    /// # Errors
    /// Those of the store's reads.
    pub(super) async fn recover(&self) -> Result<()> {
        let latest = self.host.clock.now().plus(model::SLOW);
        for (id, due) in self.book.processing().await? {
            self.finish_later(id, due.min(latest), None);
        }
        Ok(())
    }

    /// Ends an intent's processing at its due time, and hands the answer to who waits for it.
    pub(super) fn finish_later(&self, id: String, due: Timestamp, done: Option<oneshot::Sender<Reply>>) {
        let provider = self.clone();
        self.host.spawner.spawn(Box::pin(async move {
            provider.host.clock.sleep(due.since(provider.host.clock.now())).await;
            if let (Some(reply), Some(done)) = (provider.finish(&id).await, done) {
                // Nobody listens any more when the caller went away.
                let _ = done.send(reply);
            }
        }));
    }

    /// Tries until the intent is durably no longer `processing`.
    async fn finish(&self, id: &str) -> Option<Reply> {
        loop {
            match self.finish_once(id).await {
                Ok(reply) => return reply,
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Closed) => {
                    tracing::error!(intent = id, %error, "a slow intent cannot be ended");
                    return None;
                }
                Err(error) => {
                    tracing::warn!(intent = id, %error, "a slow intent is ended later");
                    self.host.clock.sleep(PAUSE).await;
                }
            }
        }
    }

    async fn finish_once(&self, id: &str) -> Result<Option<Reply>> {
        let now = self.host.clock.now();
        let Some(found) = self.book.intent(id).await? else { return Ok(None) };
        let awaited_by = found.value.awaited_by.clone();
        let Some(intent) = model::finish(found.value) else { return Ok(None) };
        let reply = approved_reply(&intent)?;
        let mut puts = vec![book::put_intent(&intent, found.expect, None)?];
        if let Some(name) = awaited_by
            && let Some(mut entry) = self.book.key(&name, now).await?.value
        {
            entry.reply = Some(reply.clone());
            puts.push(book::put_key(&name, Expect::Any, &entry)?);
        }
        self.book.commit(puts, now).await?;
        Ok(Some(reply))
    }
}
