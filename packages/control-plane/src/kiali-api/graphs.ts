import { createHash } from 'node:crypto';
import { graphJson, graphMesh, type GraphJson, type MeshSource } from '@meltemi/console-api';
import { buildGraph, type GraphQuery } from '@meltemi/telemetry';
import type { GraphRequest } from './parameters.ts';

/** Makes graphs, and shares one between all who ask for the same within a moment. */
export interface Graphs {
  make(request: GraphRequest): Promise<GraphJson>;
}

export interface GraphsDeps {
  readonly query: GraphQuery;
  readonly mesh: MeshSource;
  /** Grows when telemetry came in. */
  readonly telemetryVersion: () => number;
  /** Wall clock, milliseconds. */
  readonly now: () => number;
}

interface Made {
  readonly version: string;
  readonly atMs: number;
  readonly graph: Promise<GraphJson>;
}

/** Without news a graph is still made anew after this: its window moves on. */
const MAX_AGE_MS = 1000;
const MAX_KEPT = 100;

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

export function createGraphs(deps: GraphsDeps): Graphs {
  const kept = new Map<string, Made>();
  return {
    make(request) {
      const key = JSON.stringify([request, [...request.options.appenders].toSorted()]);
      const view = deps.mesh.view();
      const version = `${deps.telemetryVersion()} ${view.version}`;
      const atMs = deps.now();
      const known = kept.get(key);
      if (known !== undefined && known.version === version && atMs - known.atMs < MAX_AGE_MS) return known.graph;
      const options = { ...request.options, queryTimeMs: request.queryTimeMs ?? atMs };
      const graph = buildGraph(options, deps.query, graphMesh(view)).then((map) => graphJson(map, options, request.boxBy, hash));
      if (kept.size >= MAX_KEPT) kept.clear();
      kept.set(key, { version, atMs, graph });
      graph.catch(() => kept.delete(key));
      return graph;
    },
  };
}
