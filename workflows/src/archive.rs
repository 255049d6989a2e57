//! Sealing what happened in the archive: before a run goes on in a new execution, and at its end.

use longhaul_contract::archive::{ArchiveRequest, Content, Sealed};
use longhaul_contract::ports::Archive;
use longhaul_contract::run::{RunState, StartAgent};
use temporalio_common::data_converters::{PayloadConverter, RawValue};
use temporalio_workflow::{ContinueAsNewOptions, WorkflowContext, WorkflowResult};

use crate::agent::{Agent, now};
use crate::failure::{run_failure, trouble};
use crate::options;
use crate::publish::publish;
use crate::session::Session;
use crate::waits;

/// Most bytes that one execution hands on to the next.
const MOST_CARRIED: usize = 1_500_000;
/// How often what came in meanwhile is archived, too, before it is handed on as it is.
const ROUNDS: u32 = 4;
/// Bytes of messages and entries of the trace that may be handed on as they are.
const SMALL: usize = 64 * 1024;
const FEW: usize = 200;

/// Archives what happened and returns what the next execution starts with; `None` if the run is to
/// go on in this one.
pub(crate) async fn hand_on(ctx: &WorkflowContext<Agent>) -> Option<StartAgent> {
    for _ in 0..ROUNDS {
        ctx.state_mut(|agent| {
            let session = &mut agent.session;
            if session.inbox_bytes() > SMALL {
                session.take_all_messages();
            } else {
                session.take_messages();
            }
        });
        seal(ctx, None).await?;
        if ctx.state(|agent| !agent.session.continues()) {
            // Somebody cancelled, retried or decided meanwhile.
            return None;
        }
        let little = ctx.state(|agent| {
            let session = &agent.session;
            let archived = session.sealed.as_ref().map_or(0, |sealed| sealed.trace);
            session.inbox_bytes() <= SMALL && session.trace_from(archived).len() <= FEW
        });
        if little {
            break;
        }
    }
    let input = ctx.state(|agent| agent.session.carry_over(ctx.run_id(), &agent.traceparent))?;
    let bytes = serde_json::to_vec(&input).map_or(usize::MAX, |json| json.len());
    if bytes > MOST_CARRIED {
        // Results of a wide turn can be that much: it goes on here, and tries again after it.
        ctx.state_mut(|agent| agent.session.history.held_at = Some(agent.session.spend.turns));
        return None;
    }
    Some(input)
}

/// Ends this execution and starts the next with `input`.
pub(crate) fn continue_as_new(
    ctx: &WorkflowContext<Agent>,
    input: StartAgent,
) -> WorkflowResult<serde_json::Value> {
    let input = RawValue::from_value(&input, &PayloadConverter::default());
    match ctx.continue_as_new(input, ContinueAsNewOptions::default())? {}
}

/// Archives the rest of a run that has ended, however long the store is away.
pub(crate) async fn close(ctx: &WorkflowContext<Agent>, state: RunState) {
    let long = |agent: &Agent| agent.session.pinned.as_ref().is_some_and(|p| p.is_long());
    if !ctx.state(long) {
        return;
    }
    while seal(ctx, Some(state)).await.is_none() {
        publish(ctx);
        waits::until(ctx, |agent| agent.session.blocked.is_none() || agent.session.abandoned).await;
        if ctx.state(|agent| agent.session.abandoned) {
            ctx.state_mut(|agent| agent.session.blocked = None);
            break;
        }
    }
    publish(ctx);
}

/// Archives what is not archived yet; `None` if that failed and the run is blocked by it.
///
/// A local activity takes the content along, which leaves one marker in history. If it cannot do
/// it at once, an activity does, which asks for the content and is tried until it succeeds.
async fn seal(ctx: &WorkflowContext<Agent>, state: Option<RunState>) -> Option<()> {
    let request = ctx.state(|agent| request(&agent.session, state))?;
    let content = ctx.state(|agent| content(&agent.session));
    let quick = ArchiveRequest { content: Some(content), ..request.clone() };
    let sealed: Result<Sealed, _> =
        ctx.execute_local_activity(Archive, quick, options::archive_quick()).await;
    let sealed = match sealed {
        Ok(sealed) => Ok(sealed),
        Err(_) => ctx.execute_activity(Archive, request, options::archive()).await,
    };
    let now = now(ctx);
    ctx.state_mut(|agent| match sealed {
        Ok(sealed) => {
            agent.session.sealed = Some(sealed);
            Some(())
        }
        Err(error) => {
            let timed_out = longhaul_contract::failure::FailureKind::StoreUnavailable;
            let (kind, message) = run_failure(trouble(&error), timed_out);
            agent.session.archive_failed(kind, message, now);
            None
        }
    })
}

fn request(session: &Session, state: Option<RunState>) -> Option<ArchiveRequest> {
    let pinned = session.pinned.as_ref()?;
    Some(ArchiveRequest {
        v: 1,
        chain: session.chain.clone(),
        agent: session.agent.clone(),
        definition: pinned.digest.clone(),
        previous: session.sealed.clone(),
        to: session.conversation.position().clone(),
        trace_to: session.trace_end(),
        content: None,
        state,
        started_at: session.started_at,
    })
}

fn content(session: &Session) -> Content {
    let (items, trace) =
        session.sealed.as_ref().map_or((0, 0), |sealed| (sealed.position.length, sealed.trace));
    Content {
        items: session.conversation.items_from(items).to_vec(),
        trace: session.trace_from(trace).to_vec(),
    }
}
