/** Run as a program: the agent process of a namespace, as `meltemi` starts it. */
import { runAgentProcess } from '../agent-process.ts';

process.exit(await runAgentProcess());
