"""The agent itself, in a module that workflows share: their sandbox would build it anew for each."""

import sys
from datetime import timedelta
from pathlib import Path

from openai import AsyncOpenAI
from pydantic_ai import Agent, FunctionToolset
from pydantic_ai.durable_exec.temporal import TemporalDurability
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from temporalio.workflow import ActivityConfig

# `--name value`, each.
given = {name.removeprefix("--"): value for name, value in zip(sys.argv[1::2], sys.argv[2::2])}
files = FunctionToolset(id="files")


@files.tool_plain
async def files__read(path: str) -> str:
    """Reads a file."""
    return (Path(given["folder"]) / path).read_text()


model = AsyncOpenAI(base_url=given["model"], api_key="none", max_retries=0)
agent = Agent(
    OpenAIChatModel("bench-model", provider=OpenAIProvider(openai_client=model)),
    name="peer",
    instructions="Read as often as the message says.",
    toolsets=[files],
    capabilities=[
        TemporalDurability(
            activity_config=ActivityConfig(start_to_close_timeout=timedelta(seconds=60))
        )
    ],
)
