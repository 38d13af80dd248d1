//! One pass over everything: reads orders and ledgers side by side, judges each order, and adds the books up.
//!
//! The shop goes on while it is audited. What saves the audit from false alarms is that an ended order never changes
//! again: whatever is read *after* its end is final. What was read before (pages come in bulk) may be stale, so an order
//! that looks wrong is read anew, its status first, and only the second judgement counts.

use super::finding::{AuditReport, Finding, Invariant, OrderCounts};
use super::judge::{Evidence, judge};
use super::model::{LedgerRow, OrderFact, OrderStatus, Service};
use super::orders::{Orders, Seen, order_of};
use super::read::{Held, Intents, Ledger, Shipments, accounts, stock};
use super::shipment::Shipment;
use super::tally::Tally;
use partita::core::Result;
use partita::http::Client;
use partita::time::{Clock, Timestamp};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// Orders that are read at once.
const PAGE: usize = 256;

/// Orders that are read anew at once, so that mass corruption does not take mass memory.
const SUSPECTS: usize = 4_096;

/// A commit that was under way when the audit began is visible after so long.
const COMMIT: Duration = Duration::from_secs(10);

/// Where an audit reads.
#[derive(Clone, Debug)]
pub struct AuditSources {
    /// Ordering's own records.
    pub orders: Arc<dyn Orders>,
    /// Inventory's audit routes.
    pub inventory: Client,
    /// Loyalty's audit routes.
    pub loyalty: Client,
    /// Shipping's audit routes.
    pub shipping: Client,
    /// The provider's audit routes.
    pub psp: Client,
    /// Tells what is overdue.
    pub clock: Arc<dyn Clock>,
}

/// Audits the shop: SG1 and SG2 for each order, EC1 over the books.
///
/// # Errors
/// A service did not answer, or not in its words; nothing is known then.
pub async fn audit(sources: &AuditSources) -> Result<AuditReport> {
    in_pages(sources, PAGE).await
}

async fn in_pages(sources: &AuditSources, page: usize) -> Result<AuditReport> {
    let intents = Intents::read(&sources.psp, |_| true).await?;
    let mut pass = Pass::new(sources, page);
    pass.orders(&intents).await?;
    intents.unknown.iter().for_each(|id| pass.report.add(Finding::of_intent(id)));
    drop(intents);
    pass.look_again().await?;
    pass.books().await?;
    Ok(pass.report)
}

struct Pass<'a> {
    sources: &'a AuditSources,
    page: usize,
    started: Timestamp,
    ledgers: [Ledger<'a>; 3],
    shipments: Shipments<'a>,
    tally: Tally,
    report: AuditReport,
    suspects: Vec<String>,
    young: Young,
}

/// Orders accepted about when the audit began, so that later ones can be told apart from them.
#[derive(Default)]
struct Young {
    /// The last order that is certainly older.
    behind: Option<String>,
    seen: HashSet<String>,
}

impl<'a> Pass<'a> {
    fn new(sources: &'a AuditSources, page: usize) -> Self {
        let ledger = |service| {
            let client = match service {
                Service::Inventory => &sources.inventory,
                Service::Loyalty => &sources.loyalty,
                Service::Shipping => &sources.shipping,
            };
            Ledger::new(service, client)
        };
        Self {
            sources,
            page,
            started: sources.clock.now(),
            ledgers: Service::ALL.map(ledger),
            shipments: Shipments::new(&sources.shipping),
            tally: Tally::default(),
            report: AuditReport::new(OrderCounts::default()),
            suspects: vec![],
            young: Young::default(),
        }
    }

    /// Judges all orders, each beside its ledger rows.
    async fn orders(&mut self, intents: &Intents) -> Result<()> {
        let mut last: Option<String> = None;
        loop {
            let page = self.sources.orders.page(last.as_deref(), self.page).await?;
            for seen in &page {
                let held = self.held(order_of(seen)).await?;
                self.first(seen, &held, intents);
            }
            let full = page.len() >= self.page;
            last = page.last().map(|seen| order_of(seen).to_owned()).or(last);
            if !full {
                return self.left_over().await;
            }
        }
    }

    /// Takes what is kept up to the end of an order's own. What is before that belongs to nobody.
    async fn held(&mut self, order_id: &str) -> Result<Held> {
        let mut rows = vec![];
        let end = format!("{order_id}0");
        for ledger in &mut self.ledgers {
            ledger.take(Some(&end), &mut rows).await?;
        }
        let (rows, strays) = rows.into_iter().partition(|(_, row)| row.order_part() == order_id);
        self.strays(strays).await?;
        let shipments = self.shipments.take(Some(&end)).await?;
        let (shipments, strays) = shipments.into_iter().partition(|shipment| shipment.key == order_id);
        self.stray_shipments(strays).await?;
        Ok(Held { rows, shipments })
    }

    async fn left_over(&mut self) -> Result<()> {
        let mut rows = vec![];
        for ledger in &mut self.ledgers {
            ledger.take(None, &mut rows).await?;
        }
        self.strays(rows).await?;
        let shipments = self.shipments.take(None).await?;
        self.stray_shipments(shipments).await
    }

    async fn stray_shipments(&mut self, strays: Vec<Shipment>) -> Result<()> {
        for Shipment { key, .. } in strays {
            if self.sources.orders.get(&key).await?.is_none() {
                let what = format!("shipping's shipment `{key}` is of no order of this shop");
                self.report.add(Finding::of_order(Invariant::Sg2, &key, &what));
            }
        }
        Ok(())
    }

    /// Rows beside all orders read so far: of an order accepted meanwhile, or of none.
    async fn strays(&mut self, mut rows: Vec<(Service, LedgerRow)>) -> Result<()> {
        rows.sort_by(|(_, a), (_, b)| a.order_part().cmp(b.order_part()));
        for group in rows.chunk_by(|(_, a), (_, b)| a.order_part() == b.order_part()) {
            let named = group.first().map_or("", |(_, row)| row.order_part());
            if self.sources.orders.get(named).await?.is_some() {
                continue;
            }
            self.tally.settled(group);
            for (service, row) in group {
                let order = row.row.subject.as_deref().unwrap_or(named);
                let what = format!("{service}'s row `{}` has a key of no order of this shop", row.key);
                self.report.add(Finding::of_order(Invariant::Sg2, order, &what));
            }
        }
        Ok(())
    }

    /// The first judgement acquits at once; whoever it does not acquit is read anew later.
    fn first(&mut self, seen: &Seen, held: &Held, intents: &Intents) {
        if let Ok(order) = seen {
            count(&mut self.report.orders, order);
            self.young.note(order, self.started);
            let evidence = held.beside(&order.order_id, intents);
            if judge(order, evidence, self.started).is_empty() {
                return self.weigh(order, evidence);
            }
        }
        self.suspects.push(order_of(seen).to_owned());
    }

    fn weigh(&mut self, order: &OrderFact, evidence: Evidence<'_>) {
        if evidence.moves(order) {
            self.tally.moving(order);
        } else {
            self.tally.settled(evidence.rows);
            self.tally.unheld(order, evidence.rows);
        }
    }

    async fn look_again(&mut self) -> Result<()> {
        let suspects = std::mem::take(&mut self.suspects);
        for some in suspects.chunks(SUSPECTS) {
            self.judge_anew(some).await?;
        }
        Ok(())
    }

    /// The order's status first, then its rows, then its money: in this order nothing read can be older than the end.
    async fn judge_anew(&mut self, suspects: &[String]) -> Result<()> {
        let mut cases = vec![];
        for order_id in suspects {
            let Some(seen) = self.sources.orders.get(order_id).await? else { continue };
            let mut held = Held::default();
            for ledger in &self.ledgers {
                ledger.of_order(order_id, &mut held.rows).await?;
            }
            held.shipments = self.shipments.of_order(order_id).await?;
            cases.push((seen, held));
        }
        let wanted: HashSet<&str> = suspects.iter().map(String::as_str).collect();
        let intents = Intents::read(&self.sources.psp, |order| wanted.contains(order)).await?;
        let now = self.sources.clock.now();
        for (seen, held) in &cases {
            match seen {
                Ok(order) => self.judged(order, held.beside(&order.order_id, &intents), now),
                Err(unreadable) => {
                    self.tally.settled(&held.rows);
                    let what = unreadable.to_string();
                    self.report.add(Finding::of_order(Invariant::Sg2, &unreadable.order_id, &what));
                }
            }
        }
        Ok(())
    }

    fn judged(&mut self, order: &OrderFact, evidence: Evidence<'_>, now: Timestamp) {
        let found = judge(order, evidence, now);
        if !found.is_empty() {
            self.tally.suspect(order);
        }
        self.weigh(order, evidence);
        found.into_iter().for_each(|finding| self.report.add(finding));
    }

    /// Stock and accounts are read after all ledgers, and orders accepted meanwhile after those.
    async fn books(&mut self) -> Result<()> {
        let stock = stock(&self.sources.inventory).await?;
        let accounts = accounts(&self.sources.loyalty).await?;
        self.newcomers().await?;
        let mut found = self.tally.stock(&stock);
        found.extend(self.tally.accounts(&accounts));
        found.extend(self.tally.without_account());
        found.into_iter().for_each(|finding| self.report.add(finding));
        let orders = self.report.orders;
        let shipments = usize::try_from(orders.confirmed).unwrap_or(usize::MAX);
        let things = stock.len().saturating_add(accounts.len()).saturating_add(shipments);
        self.report.checked(Invariant::Sg1, orders.all());
        self.report.checked(Invariant::Sg2, orders.all() - orders.pending);
        self.report.checked(Invariant::Ec1, u64::try_from(things).unwrap_or(u64::MAX));
        Ok(())
    }

    async fn newcomers(&mut self) -> Result<()> {
        let mut last = self.young.behind.take();
        loop {
            let page = self.sources.orders.page(last.as_deref(), self.page).await?;
            for order in page.iter().flatten().filter(|order| !self.young.seen.contains(&order.order_id)) {
                self.tally.moving(order);
            }
            if page.len() < self.page {
                return Ok(());
            }
            last = page.last().map(|seen| order_of(seen).to_owned());
        }
    }
}

impl Young {
    fn note(&mut self, order: &OrderFact, started: Timestamp) {
        if self.seen.is_empty() && order.created_at.plus(COMMIT) < started {
            self.behind = Some(order.order_id.clone());
        } else {
            self.seen.insert(order.order_id.clone());
        }
    }
}

fn count(counts: &mut OrderCounts, order: &OrderFact) {
    let place = match order.status {
        OrderStatus::Pending if order.is_parked() => &mut counts.parked,
        OrderStatus::Pending => &mut counts.pending,
        OrderStatus::Confirmed => &mut counts.confirmed,
        OrderStatus::Rejected => &mut counts.rejected,
        OrderStatus::Cancelled => &mut counts.cancelled,
    };
    *place += 1;
}

#[cfg(test)]
mod tests;
