// The agent itself, as a workflow.

import { temporalProvider } from '@temporalio/ai-sdk/workflow';
import { proxyActivities } from '@temporalio/workflow';
import { generateText, isStepCount, tool } from 'ai';
import { z } from 'zod';

const { readText } = proxyActivities({ startToCloseTimeout: '1 minute' });

export async function PeerAgent(message) {
  const result = await generateText({
    model: temporalProvider.languageModel('bench-model'),
    system: 'Read as often as the message says.',
    prompt: message,
    tools: {
      files__read: tool({
        description: 'Reads a file.',
        inputSchema: z.object({ path: z.string() }),
        execute: readText,
      }),
    },
    // The message begins with the number of calls; one more model call ends the run.
    stopWhen: isStepCount(Number(message.split(' ')[0]) + 2),
  });
  return result.text;
}
