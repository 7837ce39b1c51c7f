import { runAgentProcess } from '@meltemi/agent';
import { consoleOutput } from '../output/output.ts';
import { createLog } from './log.ts';

/** The agent of one workload inside its network namespace; a child of `run`, `proxy` or `demo`. */
export async function runAgentWorker(): Promise<void> {
  process.exit(await runAgentProcess(createLog('agent', consoleOutput)));
}
