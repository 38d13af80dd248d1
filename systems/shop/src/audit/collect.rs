//! One pass over everything: reads orders and ledgers side by side, judges each order, and adds the books up.
//!
//! The shop goes on while it is audited. What saves the audit from false alarms is that an ended order never changes
//! again: whatever is read *after* its end is final. What was read before (pages come in bulk) may be stale, so an order
//! that looks wrong is read anew, its status first, and only the second judgement counts.

use super::finding::{AuditReport, Finding, Invariant, OrderCounts};
use super::judge::judge;
use super::model::{LedgerRow, OrderFact, OrderStatus, Orders, Service};
use super::read::{Intents, Ledger, accounts, stock};
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
            for order in &page {
                let rows = self.rows(order).await?;
                self.first(order, &rows, intents);
            }
            let full = page.len() >= self.page;
            last = page.into_iter().next_back().map(|order| order.order_id).or(last);
            if !full {
                return self.left_over().await;
            }
        }
    }

    /// Takes the rows up to the end of an order's own. Those before them belong to nobody.
    async fn rows(&mut self, order: &OrderFact) -> Result<Vec<(Service, LedgerRow)>> {
        let mut rows = vec![];
        let end = format!("{}0", order.order_id);
        for ledger in &mut self.ledgers {
            ledger.take(Some(&end), &mut rows).await?;
        }
        let (own, strays) = rows.into_iter().partition(|(_, row)| row.order_part() == order.order_id);
        self.strays(strays).await?;
        Ok(own)
    }

    async fn left_over(&mut self) -> Result<()> {
        let mut rows = vec![];
        for ledger in &mut self.ledgers {
            ledger.take(None, &mut rows).await?;
        }
        self.strays(rows).await
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
    fn first(&mut self, order: &OrderFact, rows: &[(Service, LedgerRow)], intents: &Intents) {
        count(&mut self.report.orders, order);
        self.young.note(order, self.started);
        let evidence = intents.beside(&order.order_id, rows);
        if judge(order, evidence, self.started).is_empty() {
            self.weigh(order, rows);
        } else {
            self.suspects.push(order.order_id.clone());
        }
    }

    fn weigh(&mut self, order: &OrderFact, rows: &[(Service, LedgerRow)]) {
        if order.is_running() {
            self.tally.moving(order);
        } else {
            self.tally.settled(rows);
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
            let Some(order) = self.sources.orders.get(order_id).await? else { continue };
            let mut rows = vec![];
            for ledger in &self.ledgers {
                ledger.of_order(order_id, &mut rows).await?;
            }
            cases.push((order, rows));
        }
        let wanted: HashSet<&str> = suspects.iter().map(String::as_str).collect();
        let intents = Intents::read(&self.sources.psp, |order| wanted.contains(order)).await?;
        let now = self.sources.clock.now();
        for (order, rows) in &cases {
            let found = judge(order, intents.beside(&order.order_id, rows), now);
            if !found.is_empty() {
                self.tally.suspect(order);
            }
            self.weigh(order, rows);
            found.into_iter().for_each(|finding| self.report.add(finding));
        }
        Ok(())
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
            for order in page.iter().filter(|order| !self.young.seen.contains(&order.order_id)) {
                self.tally.moving(order);
            }
            if page.len() < self.page {
                return Ok(());
            }
            last = page.into_iter().next_back().map(|order| order.order_id);
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
