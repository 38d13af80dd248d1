//! Refusals that are remembered, like what was done.

use super::{Acted, Entry, Ledger, Outcome, Row, fingerprint, put};
use partita_core::{Commit, ErrorKind, Expect, Part, Put, Receipt, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::future::Future;

/// A refusal as a row keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// SHA-256 of the request.
    pub fingerprint: String,
    /// Why, as JSON.
    pub reason: Value,
}

impl Ledger {
    /// As [`Ledger::act`], and a refusal is remembered too, in a commit of its own: the same request is refused for the same
    /// reason from then on. For actions that are undone when they are in doubt: after a refusal nobody undoes anything, so a
    /// copy of the request that was delayed on its way must not find that there is room by now.
    ///
    /// # Errors
    /// Those of [`Ledger::act`]; `Corrupt` when the reason cannot be written, or read again.
    pub async fn act_or_refuse<R, F, Fut>(&self, entry: Entry<'_>, effect: F) -> Result<Acted<R>>
    where
        R: Serialize + DeserializeOwned,
        F: FnOnce(Put) -> Fut,
        Fut: Future<Output = Result<Result<Receipt, R>>>,
    {
        let Entry { key, action, subject, request, .. } = entry;
        let acted = self.act(entry, effect).await?;
        let refusal = match &acted {
            Acted::Refused(refusal) => Some(serde_json::to_value(refusal)?),
            Acted::Undone => None,
            _ => return Ok(acted),
        };
        let fingerprint = fingerprint(request);
        if let Some(reason) = refusal {
            let refused = Refused { fingerprint: fingerprint.clone(), reason };
            self.remember(key, Row { refused: Some(refused), ..self.tombstone(action, subject) }).await?;
        }
        let Some(row) = self.row(key).await? else { return Ok(acted) };
        Ok(match (row.outcome, row.refused) {
            (Outcome::Undone, None) => Acted::Undone,
            (Outcome::Undone, Some(refused)) if refused.fingerprint == fingerprint => {
                Acted::Refused(serde_json::from_value(refused.reason)?)
            }
            (Outcome::Done, _) if row.fingerprint == fingerprint => Acted::Replayed(row.reply),
            _ => Acted::KeyReused,
        })
    }

    /// Leaves the refusal under the key, unless something is there already.
    async fn remember(&self, key: &str, row: Row) -> Result<()> {
        let put = put(key, Expect::Absent, &row)?;
        match self.store.commit(Commit::of(Part::new().put(put))).await {
            Err(error) if error.kind() != ErrorKind::Conflict => Err(error),
            _ => Ok(()),
        }
    }
}
