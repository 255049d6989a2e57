"""The measured agent on the OpenAI Agents SDK with its Temporal plugin: a worker."""

import asyncio
import json
import sys
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.openai_agents import ModelActivityParameters, OpenAIAgentsPlugin
from temporalio.openai_agents.workflow import activity_as_tool
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from agents import Agent, OpenAIProvider, RunConfig, Runner, set_tracing_disabled
    from openai import AsyncOpenAI

PACKAGES = ["openai-agents", "temporalio-openai-agents", "temporalio"]

# `--name value`, each. The sandbox of workflows imports this file again and refuses `argparse`.
given = {name.removeprefix("--"): value for name, value in zip(sys.argv[1::2], sys.argv[2::2])}


@activity.defn
async def files__read(path: str) -> str:
    """Reads a file."""
    return (Path(given["folder"]) / path).read_text()


@workflow.defn
class PeerAgent:
    @workflow.run
    async def run(self, message: str) -> str:
        tool = activity_as_tool(files__read, start_to_close_timeout=timedelta(seconds=60))
        agent = Agent(
            name="peer",
            instructions="Read as often as the message says.",
            model="bench-model",
            tools=[tool],
        )
        # The message begins with the number of calls; one more model call ends the run.
        most = int(message.split()[0]) + 2
        # No traces: nothing of the peer's that costs time and is not the agent.
        config = RunConfig(tracing_disabled=True)
        result = await Runner.run(agent, input=message, max_turns=most, run_config=config)
        return str(result.final_output)


async def main() -> None:
    set_tracing_disabled(True)
    model = AsyncOpenAI(base_url=given["model"], api_key="none", max_retries=0)
    plugin = OpenAIAgentsPlugin(
        model_params=ModelActivityParameters(start_to_close_timeout=timedelta(seconds=60)),
        model_provider=OpenAIProvider(openai_client=model, use_responses=False),
    )
    client = await Client.connect(given["address"], plugins=[plugin])
    worker = Worker(
        client,
        task_queue=given["queue"],
        workflows=[PeerAgent],
        activities=[files__read],
        max_cached_workflows=int(given["cached"]),
        max_concurrent_activities=int(given["slots"]),
        max_concurrent_workflow_tasks=int(given["slots"]),
        max_concurrent_activity_task_polls=int(given["pollers"]),
        max_concurrent_workflow_task_polls=int(given["pollers"]),
    )
    async with worker:
        print(json.dumps({"ready": {name: version(name) for name in PACKAGES}}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
