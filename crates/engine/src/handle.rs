//! The engine on a thread of its own.
//!
//! Callers check their requests on their own threads and put them into a bounded channel; nobody
//! ever waits for a step. The thread takes what is in the channel, computes one step, and so on;
//! without work it sleeps in the channel.
//!
//! How it ends: dropping the handle (or `shutdown`) sends the last command. The thread closes the
//! door, ends every request, drops the channel with whatever was put in meanwhile (a dropped
//! request says so itself), and is joined. When a step panics, the same happens with the panic's
//! message. So every accepted request sees exactly one `Finished`, whatever happens.

use crate::admission::{Accepted, Admission, Client, Ending, EngineInfo};
use crate::api::{GenerateRequest, Interruption, RequestId};
use crate::engine::Engine;
use crate::rejection::Rejection;
use crate::sink::EventSink;
use crate::status::EngineStatus;
use crate::vocabulary::TokenizerVocabulary;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use text::Tokenizer;

/// An engine that runs by itself. Shared by reference; dropping it stops the engine.
pub struct EngineHandle {
    admission: Arc<Admission>,
    tokenizer: Arc<Tokenizer>,
    /// Locked while a request gets its id and goes in, so that ids arrive in order.
    commands: Mutex<SyncSender<Command>>,
    thread: Option<JoinHandle<()>>,
}

/// A request that is on its way.
#[derive(Clone, Debug)]
pub struct Ticket {
    request: RequestId,
    ending: Arc<Ending>,
}

enum Command {
    Submit(Box<Accepted>),
    Shutdown,
}

impl EngineHandle {
    /// Starts the thread.
    pub fn start(engine: Engine) -> std::io::Result<Self> {
        // Requests let in and not finished, one shutdown, and one to spare for its sender.
        let (sender, receiver) = sync_channel(engine.info().requests_max + 2);
        let admission = Arc::clone(&engine.admission);
        let tokenizer = Arc::clone(engine.tokenizer());
        let thread = std::thread::Builder::new()
            .name("engine".to_string())
            .spawn(move || run(engine, &receiver))?;
        Ok(EngineHandle {
            admission,
            tokenizer,
            commands: Mutex::new(sender),
            thread: Some(thread),
        })
    }

    /// What callers may know about the engine.
    pub fn info(&self) -> &EngineInfo {
        &self.admission.info
    }

    /// The tokenizer it writes text with.
    pub fn tokenizer(&self) -> &Arc<Tokenizer> {
        &self.tokenizer
    }

    /// How things stood after the last step, and what was done so far. Waits for nothing.
    pub fn status(&self) -> EngineStatus {
        self.admission.board.read(self.admission.request_count())
    }

    /// Whether it takes no requests any more: it was shut down, or it broke.
    pub fn is_stopped(&self) -> bool {
        self.admission.is_closed()
    }

    /// Looks up what the texts of a request are in the vocabulary, which [`submit`](Self::submit)
    /// does otherwise: for who submits where nothing may take its time. Milliseconds, or with many
    /// texts and a large vocabulary seconds.
    ///
    /// # Errors
    /// A text that is no token.
    pub fn look_up_texts(&self, request: &mut GenerateRequest) -> Result<(), Rejection> {
        let vocabulary = TokenizerVocabulary(&self.tokenizer);
        for params in std::iter::once(&mut request.params).chain(&mut request.params_by_limit) {
            params.resolve_texts(&vocabulary)?;
        }
        Ok(())
    }

    /// Checks and queues a request; never waits for the engine.
    pub fn submit(
        &self,
        mut request: GenerateRequest,
        sink: Box<dyn EventSink>,
    ) -> Result<Ticket, Rejection> {
        let limit = self.admission.check(&mut request, &self.tokenizer)?;
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        let accepted = self.admission.enter(request, limit, sink)?;
        let ticket = Ticket::of(&accepted.client);
        match commands.try_send(Command::Submit(Box::new(accepted))) {
            Ok(()) => Ok(ticket),
            Err(TrySendError::Full(command) | TrySendError::Disconnected(command)) => {
                if let Command::Submit(mut accepted) = command {
                    accepted.client.withdraw();
                }
                Err(Rejection::Stopped)
            }
        }
    }

    /// Ends every request and waits for the thread to be gone.
    pub fn shutdown(self) {}
}

impl Drop for EngineHandle {
    fn drop(&mut self) {
        let commands = self.commands.get_mut().unwrap_or_else(PoisonError::into_inner);
        // An error says that the thread has ended already.
        let _ = commands.send(Command::Shutdown);
        if let Some(thread) = self.thread.take() {
            // The thread catches its panics and has told its requests about them.
            let _ = thread.join();
        }
    }
}

impl Ticket {
    pub(crate) fn of(client: &Client) -> Self {
        Ticket { request: client.request(), ending: client.ending() }
    }

    /// Names the request in its events.
    pub fn request(&self) -> RequestId {
        self.request
    }

    /// Asks for the end of the request, and says why: `Finished` comes after the step that is being
    /// computed, with the text that was held back, and its blocks are free then. The first wish
    /// counts. Dropping a ticket ends nothing.
    pub fn end(&self, why: Interruption) {
        self.ending.ask(why);
    }

    /// Ends the request as cancelled.
    pub fn cancel(&self) {
        self.end(Interruption::Cancelled);
    }
}

/// The thread's whole life.
fn run(mut engine: Engine, commands: &Receiver<Command>) {
    let end = match catch_unwind(AssertUnwindSafe(|| serve(&mut engine, commands))) {
        Ok(()) => Interruption::Shutdown,
        Err(panic) => Interruption::EngineFailed(panic_message(panic.as_ref())),
    };
    engine.admission.close();
    // A sink that panics again loses its request's last event, and nobody else's.
    while catch_unwind(AssertUnwindSafe(|| engine.finish_all(&end))).is_err() {}
}

/// Takes requests and steps until told to stop.
fn serve(engine: &mut Engine, commands: &Receiver<Command>) {
    loop {
        let command = if engine.is_idle() {
            commands.recv().map_err(|_| TryRecvError::Disconnected)
        } else {
            commands.try_recv()
        };
        match command {
            Ok(Command::Submit(accepted)) => {
                engine.enqueue(*accepted);
            }
            Ok(Command::Shutdown) | Err(TryRecvError::Disconnected) => return,
            Err(TryRecvError::Empty) => {
                engine.step();
            }
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it panicked without a message").to_string()
}
