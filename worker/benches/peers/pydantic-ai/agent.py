"""The measured agent on Pydantic AI with its Temporal capability: a worker."""

import asyncio
import json
from importlib.metadata import version

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from definition import agent, given
    from pydantic_ai.durable_exec.temporal import PydanticAIPlugin, PydanticAIWorkflow
    from pydantic_ai.usage import UsageLimits

PACKAGES = ["pydantic-ai-slim", "temporalio"]


@workflow.defn
class PeerAgent(PydanticAIWorkflow):
    __pydantic_ai_agents__ = [agent]

    @workflow.run
    async def run(self, message: str) -> str:
        result = await agent.run(message, usage_limits=UsageLimits(request_limit=None))
        return result.output


async def main() -> None:
    client = await Client.connect(given["address"], plugins=[PydanticAIPlugin()])
    worker = Worker(
        client,
        task_queue=given["queue"],
        workflows=[PeerAgent],
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
