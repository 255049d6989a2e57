// The measured agent on the AI SDK with its Temporal plugin: a worker.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { AiSdkPlugin } from '@temporalio/ai-sdk';
import { NativeConnection, Worker } from '@temporalio/worker';

const PACKAGES = ['@temporalio/ai-sdk', '@temporalio/worker', 'ai'];

const names = ['address', 'queue', 'model', 'folder', 'slots', 'pollers', 'cached'];
const options = Object.fromEntries(names.map((name) => [name, { type: 'string' }]));
const given = parseArgs({ options }).values;

const version = (name) => createRequire(import.meta.url)(`./node_modules/${name}/package.json`).version;

const provider = createOpenAICompatible({ name: 'mock', baseURL: given.model, apiKey: 'none' });
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address: given.address }),
  taskQueue: given.queue,
  workflowsPath: fileURLToPath(new URL('./workflow.mjs', import.meta.url)),
  plugins: [new AiSdkPlugin({ modelProvider: provider })],
  activities: { readText: ({ path }) => readFile(join(given.folder, path), 'utf8') },
  maxCachedWorkflows: Number(given.cached),
  maxConcurrentActivityTaskExecutions: Number(given.slots),
  maxConcurrentWorkflowTaskExecutions: Number(given.slots),
  maxConcurrentActivityTaskPolls: Number(given.pollers),
  maxConcurrentWorkflowTaskPolls: Number(given.pollers),
});
const running = worker.run();
const ready = Object.fromEntries(PACKAGES.map((name) => [name, version(name)]));
console.log(JSON.stringify({ ready }));
await running;
