import type { GraphModel } from '../model.ts';
import { elkInput, elkOutput, type Layout } from './elk-input.ts';
import type { LayoutAnswer, LayoutRequest } from './worker.ts';

let worker: Worker | undefined;
let sequence = 0;
const waiting = new Map<number, { resolve: (layout: Layout) => void; reject: (error: Error) => void }>();

/** Lays a model out with ELK, off the main thread. */
export function elkLayout(model: GraphModel): Promise<Layout> {
  worker ??= startWorker();
  sequence += 1;
  const request: LayoutRequest = { sequence, graph: elkInput(model) };
  return new Promise((resolve, reject) => {
    waiting.set(request.sequence, { resolve, reject });
    worker?.postMessage(request);
  });
}

function startWorker(): Worker {
  const started = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'layout' });
  started.addEventListener('message', (event: MessageEvent<LayoutAnswer>) => {
    const answer = event.data;
    const caller = waiting.get(answer.sequence);
    waiting.delete(answer.sequence);
    if (answer.t === 'done') caller?.resolve(elkOutput(answer.result));
    else caller?.reject(new Error(answer.message));
  });
  started.addEventListener('error', (event) => {
    for (const caller of waiting.values()) caller.reject(new Error(event.message));
    waiting.clear();
  });
  return started;
}
