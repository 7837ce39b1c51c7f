import ELK from 'elkjs/lib/elk.bundled.js';
import type { ElkNode, ElkResultNode } from './elk-input.ts';

/** A layout request and its answer, told apart by `sequence`. */
export interface LayoutRequest {
  readonly sequence: number;
  readonly graph: ElkNode;
}

export type LayoutAnswer =
  | { readonly sequence: number; readonly t: 'done'; readonly result: ElkResultNode }
  | { readonly sequence: number; readonly t: 'failed'; readonly message: string };

const elk = new ELK();

self.addEventListener('message', (event: MessageEvent<LayoutRequest>) => {
  const { sequence, graph } = event.data;
  elk.layout(graph as Parameters<typeof elk.layout>[0]).then(
    (result) => self.postMessage({ sequence, t: 'done', result: result as ElkResultNode } satisfies LayoutAnswer),
    (error: unknown) =>
      self.postMessage({ sequence, t: 'failed', message: error instanceof Error ? error.message : String(error) } satisfies LayoutAnswer),
  );
});
