import { MeshError } from '@meltemi/base';

/** Which requests are to be shown; what is left out matches everything. */
export interface TapFilter {
  readonly method?: string | undefined;
  /** Beginning of the path. */
  readonly path?: string | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly status?: string | undefined;
}

/** What `/tap` is asked for (`envoy.admin.v3.TapRequest`). */
export function tapRequest(configId: string, filter: TapFilter, bodyBytes: number): object {
  const asked = [
    ...(filter.method === undefined ? [] : [{ name: ':method', string_match: { exact: filter.method.toUpperCase() } }]),
    ...(filter.path === undefined ? [] : [{ name: ':path', string_match: { prefix: filter.path } }]),
    ...filter.headers.map(([name, value]) => ({ name: name.toLowerCase(), string_match: { exact: value } })),
  ];
  const rules = [
    ...(asked.length === 0 ? [] : [{ http_request_headers_match: { headers: asked } }]),
    ...(filter.status === undefined
      ? []
      : [{ http_response_headers_match: { headers: [{ name: ':status', string_match: { prefix: filter.status.replace(/x+$/, '') } }] } }]),
  ];
  const [only = { any_match: true }] = rules;
  return {
    config_id: configId,
    tap_config: {
      match: rules.length > 1 ? { and_match: { rules } } : only,
      output_config: {
        max_buffered_rx_bytes: bodyBytes,
        max_buffered_tx_bytes: bodyBytes,
        sinks: [{ format: 'JSON_BODY_AS_STRING', streaming_admin: {} }],
      },
    },
  };
}

export interface TapHeader {
  readonly key: string;
  readonly value: string;
}

interface TapMessage {
  readonly headers: readonly TapHeader[];
  readonly body?: { readonly as_string?: string; readonly truncated: boolean };
}

/** One request with its response, as the proxy tells it. */
export interface TapTrace {
  readonly http_buffered_trace: { readonly request: TapMessage; readonly response: TapMessage };
}

/** Opens a tap at a proxy's admin port; traces come until the signal ends it. Throws MeshError `cli/tap` when it cannot be had. */
export async function* openTap(admin: string, query: string, body: object, signal: AbortSignal): AsyncGenerator<TapTrace> {
  const response = await ask(`${admin}/tap${query}`, JSON.stringify(body), signal);
  if (response.status === 404)
    throw new MeshError(
      'cli/tap',
      `the proxy at ${admin} has no /tap.\n  Envoy has one where its configuration has a tap filter (an EnvoyFilter can add it); name that filter with --config-id. The embedded proxy always has one.`,
    );
  if (!response.ok) throw new MeshError('cli/tap', `the proxy at ${admin} refuses: ${(await response.text()).trim().split('\n')[0]}`);
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      text += decoder.decode(piece, { stream: true });
      // Each trace is an object whose last line is a brace alone.
      for (let end = text.indexOf('\n}\n'); end >= 0; end = text.indexOf('\n}\n')) {
        yield JSON.parse(text.slice(0, end + 2)) as TapTrace;
        text = text.slice(end + 3);
      }
    }
  } catch (error) {
    if (!signal.aborted) throw new MeshError('cli/tap', `the proxy at ${admin} has ended the tap: ${String(error)}`, { cause: error });
  }
}

/** Whether a proxy's admin port is there. */
export async function answers(admin: string): Promise<boolean> {
  try {
    await fetch(`${admin}/ready`, { signal: AbortSignal.timeout(PROBE_MS) });
    return true;
  } catch {
    return false;
  }
}

const PROBE_MS = 2_000;

async function ask(url: string, body: string, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { method: 'POST', body, signal });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new MeshError(
      'cli/tap',
      `cannot reach the proxy's admin port (${url}): ${cause}.\n  Taps are opened on the workload's own machine (and in its network); --admin names another address.`,
      { cause: error },
    );
  }
}
