//! What is explored.

use super::Machine;
use partita_core::Result;
use std::future::Future;

/// One life of a system: the disks that survive its crashes, and everybody outside who remembers.
///
/// The explorer starts a process and drives it; when the process crashes, it drops the process and the future of `drive`
/// where they stand, and starts and drives again. So what must survive a crash is a field of the world: each
/// [`MemoryDisk`](partita_core::memory::MemoryDisk), and what a customer outside knows. A world is used for one schedule.
pub trait World {
    /// A running process, as the outside reaches it.
    type Process;

    /// Builds a process on what survived, from the machine's host, with [`Machine::store`] around each store and
    /// [`Seam::call`](super::Seam::call) around each call.
    ///
    /// # Errors
    /// Whatever keeps the process from starting; that ends the run as a violation.
    fn start(&mut self, machine: &Machine) -> impl Future<Output = Result<Self::Process>>;

    /// Drives the process from outside until everything that was asked of it has ended, and goes on where it was dropped.
    fn drive(&mut self, machine: &Machine, process: &Self::Process) -> impl Future<Output = ()>;

    /// Everything that does not hold. It is also asked when the bound of virtual time was passed before the end.
    fn check(&mut self, machine: &Machine, process: &Self::Process) -> impl Future<Output = Vec<String>>;
}
