"""The measured agent on Pydantic AI with its Temporal capability: a worker."""

import argparse
import asyncio
import json
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.workflow import ActivityConfig

with workflow.unsafe.imports_passed_through():
    from openai import AsyncOpenAI
    from pydantic_ai import Agent, FunctionToolset
    from pydantic_ai.durable_exec.temporal import (
        PydanticAIPlugin,
        PydanticAIWorkflow,
        TemporalDurability,
    )
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.usage import UsageLimits

PACKAGES = ["pydantic-ai-slim", "temporalio"]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in ["address", "queue", "model", "folder"]:
        parser.add_argument(f"--{name}", required=True)
    for name in ["slots", "pollers", "cached"]:
        parser.add_argument(f"--{name}", type=int, required=True)
    return parser.parse_args()


given = arguments()
files = FunctionToolset(id="files")


@files.tool_plain
async def files__read(path: str) -> str:
    """Reads a file."""
    return (Path(given.folder) / path).read_text()


model = AsyncOpenAI(base_url=given.model, api_key="none", max_retries=0)
durability = TemporalDurability(
    activity_config=ActivityConfig(start_to_close_timeout=timedelta(seconds=60))
)
agent = Agent(
    OpenAIChatModel("bench-model", provider=OpenAIProvider(openai_client=model)),
    name="peer",
    instructions="Read as often as the message says.",
    toolsets=[files],
    capabilities=[durability],
)


@workflow.defn
class PeerAgent(PydanticAIWorkflow):
    __pydantic_ai_agents__ = [agent]

    @workflow.run
    async def run(self, message: str) -> str:
        result = await agent.run(message, usage_limits=UsageLimits(request_limit=None))
        return result.output


async def main() -> None:
    client = await Client.connect(given.address, plugins=[PydanticAIPlugin()])
    worker = Worker(
        client,
        task_queue=given.queue,
        workflows=[PeerAgent],
        max_cached_workflows=given.cached,
        max_concurrent_activities=given.slots,
        max_concurrent_workflow_tasks=given.slots,
        max_concurrent_activity_task_polls=given.pollers,
        max_concurrent_workflow_task_polls=given.pollers,
    )
    async with worker:
        print(json.dumps({"ready": {name: version(name) for name in PACKAGES}}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
