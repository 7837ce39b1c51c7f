import type { AgentConfig, WorkloadEvent } from './types.ts';

/** What a launcher tells the agent process that it started in a namespace (IPC, JSON). */
export type ToAgent =
  | { readonly t: 'start'; readonly config: AgentConfig }
  | { readonly t: 'signal'; readonly name: NodeJS.Signals }
  | { readonly t: 'stop' }
  /** Answers a `token` or `dns` request; `error` when there is no answer. */
  | { readonly t: 'answer'; readonly id: number; readonly value?: string; readonly error?: string };

/** What the agent process tells its launcher. */
export type FromAgent =
  | { readonly t: 'event'; readonly event: WorkloadEvent }
  | { readonly t: 'ready' }
  | { readonly t: 'failed'; readonly code: string; readonly message: string }
  | { readonly t: 'exited'; readonly code: number }
  /** A new join token is needed. */
  | { readonly t: 'token'; readonly id: number }
  /** A DNS question for the host's resolvers, which a namespace cannot reach: base64. */
  | { readonly t: 'dns'; readonly id: number; readonly question: string; readonly transport: 'udp' | 'tcp' };
