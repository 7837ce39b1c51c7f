import { writeFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { type Log, MeshError, silentLog } from '@meltemi/base';
import type { Forwarder } from '@meltemi/dns';
import { type Agent, startAgent } from './agent.ts';
import { type Platform, systemPlatform } from './platform.ts';
import type { FromAgent, ToAgent } from './process-protocol.ts';
import { createQuestions, type Questions } from './questions.ts';
import type { AgentConfig } from './types.ts';

/**
 * The agent as a process of its own, inside a workload's network namespace; started by `runWorkload` over IPC, which tells it everything
 * else. Resolves with the exit code when the workload has ended. When the launcher is gone, it stops.
 */
export async function runAgentProcess(log: Log = silentLog): Promise<number> {
  if (process.send === undefined)
    throw new MeshError('agent/no-launcher', 'This is an inner process of "meltemi run" and "meltemi proxy"; start one of those.');
  const exited = Promise.withResolvers<number>();
  const stop = new AbortController();
  const platform = systemPlatform(log);
  const asked = createQuestions<FromAgent>(send, platform.timers);
  let agent: Agent | undefined;
  // A terminal's Ctrl-C reaches the launcher, which decides; only what comes from it counts here.
  for (const name of ['SIGINT', 'SIGHUP'] as const) process.on(name, () => undefined);
  process.on('SIGTERM', () => stop.abort());
  process.on('disconnect', () => {
    asked.close();
    stop.abort();
  });
  process.on('message', (message: ToAgent) => {
    switch (message.t) {
      case 'start':
        void start(message.config, { platform, signal: stop.signal, asked }).then(
          (started) => {
            agent = started;
            send({ t: 'ready' });
            // Now, and not when somebody waits for the end.
            flushCompileCache();
            void started.exited.then((code) => exited.resolve(code));
          },
          (error: unknown) => {
            const known = MeshError.from(error, 'agent/start-failed');
            send({ t: 'failed', code: known.code, message: known.message });
            exited.resolve(1);
          },
        );
        return;
      case 'signal':
        agent?.signal(message.name);
        return;
      case 'stop':
        stop.abort();
        return;
      case 'answer':
        asked.answer(message.id, message.value, message.error);
    }
  });
  const code = await exited.promise;
  send({ t: 'exited', code });
  process.removeAllListeners('message');
  if (process.connected) process.disconnect();
  return code;
}

function send(message: FromAgent): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

interface StartContext {
  readonly platform: Platform;
  readonly signal: AbortSignal;
  readonly asked: Questions<FromAgent>;
}

async function start(config: AgentConfig, context: StartContext): Promise<Agent> {
  if (config.interception === 'netns') prepareNamespace(context.platform.log);
  const { asked } = context;
  const forwarder: Forwarder = {
    async forward(question, transport) {
      const answer = await asked.ask((id) => ({ t: 'dns', id, question: Buffer.from(question).toString('base64'), transport }));
      return Buffer.from(answer, 'base64');
    },
  };
  return startAgent(config, {
    platform: context.platform,
    onEvent: (event) => send({ t: 'event', event }),
    newToken: () => asked.ask((id) => ({ t: 'token', id })),
    forwarder,
    signal: context.signal,
  });
}

/** Connections that wait in one listener's queue move to another when it closes: proxies can be swapped without a reset. Of this namespace only. */
function prepareNamespace(log: Log): void {
  try {
    writeFileSync('/proc/sys/net/ipv4/tcp_migrate_req', '1');
  } catch (error) {
    log.debug('tcp_migrate_req cannot be set', { error: String(error) }); // kernels before 5.14
  }
}
