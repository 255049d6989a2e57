// The measured agent, written by hand on Restate: a service of one handler.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import * as restate from '@restatedev/restate-sdk';

// The SDK uses it, and Node has it since version 22.
Promise.withResolvers ??= () => {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
};

const PACKAGES = ['@restatedev/restate-sdk', '@restatedev/restate-server'];

const names = ['port', 'model', 'folder'];
const options = Object.fromEntries(names.map((name) => [name, { type: 'string' }]));
const given = parseArgs({ options }).values;

const version = (name) => createRequire(import.meta.url)(`./node_modules/${name}/package.json`).version;

const tools = [
  {
    type: 'function',
    function: {
      name: 'files__read',
      description: 'Reads a file.',
      parameters: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] },
    },
  },
];

async function ask(messages) {
  const answer = await fetch(`${given.model}chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer none' },
    body: JSON.stringify({ model: 'bench-model', messages, tools }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new restate.TerminalError(`the model answered ${answer.status}: ${text}`);
  return JSON.parse(text).choices[0].message;
}

async function run(context, message) {
  const messages = [
    { role: 'system', content: 'Read as often as the message says.' },
    { role: 'user', content: message },
  ];
  for (;;) {
    const said = await context.run('model', () => ask(messages));
    messages.push(said);
    if (!said.tool_calls?.length) return said.content;
    for (const call of said.tool_calls) {
      const { path } = JSON.parse(call.function.arguments);
      const content = await context.run(call.function.name, () =>
        readFile(join(given.folder, path), 'utf8'),
      );
      messages.push({ role: 'tool', tool_call_id: call.id, content });
    }
  }
}

const service = restate.service({ name: 'PeerAgent', handlers: { run } });
await restate.serve({ services: [service], port: Number(given.port) });
const ready = Object.fromEntries(PACKAGES.map((name) => [name, version(name)]));
console.log(JSON.stringify({ ready }));
