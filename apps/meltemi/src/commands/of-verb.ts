import type { Command } from '../define-command.ts';

/** Verbs whose processes stay and stand beside every workload: they load nothing of the others, which takes 20 MB and more. */
const LASTING: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./run.ts')).run,
  proxy: async () => (await import('./proxy.ts')).proxy,
};

/** The commands among which the one of this verb is; all, for help and for what is no verb. */
export async function commandsOf(verb: string | undefined): Promise<readonly Command[]> {
  const one = verb !== undefined && Object.hasOwn(LASTING, verb) ? LASTING[verb] : undefined;
  return one === undefined ? (await import('./index.ts')).commands : [await one()];
}
