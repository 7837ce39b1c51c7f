import { readFileSync } from 'node:fs';
import { MeshError } from '@meltemi/base';
import { findInstance } from '../state/instances.ts';
import { defaultStateDir } from '../state/state-dir.ts';

/** How a command reaches the control plane: the options every such command takes. */
export interface ServerChoice {
  readonly server?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
}

/** The HTTP side of a control plane (port 15014): Kubernetes' REST shape under `/apis` and `/api/v1`, ours under `/meltemi/v1`. */
export interface ControlPlaneClient {
  readonly url: string;
  /** The admin token, when there is one. */
  readonly token: string | undefined;
  /** Parsed JSON of a 2xx answer; anything else is a MeshError that says what the server said and what to do. */
  request<T>(method: string, path: string, options?: RequestOptions): Promise<T>;
  /** The same, with one response header. */
  requestWithHeader<T>(
    method: string,
    path: string,
    header: string,
    options?: RequestOptions,
  ): Promise<{ readonly value: T; readonly header: string }>;
}

export interface RequestOptions {
  readonly body?: string;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Statuses that are answers, not failures. */
  readonly accept?: readonly number[];
  readonly timeoutMs?: number;
}

/** `--server`, else MELTEMI_SERVER (both with MELTEMI_TOKEN for writes), else the newest control plane that runs on this machine. */
export function connect(choice: ServerChoice = {}): ControlPlaneClient {
  const env = choice.env ?? process.env;
  const named = choice.server ?? env['MELTEMI_SERVER'];
  if (named !== undefined && named !== '') return createClient(checkUrl(named), env['MELTEMI_TOKEN']);
  const instance = findInstance(defaultStateDir(env));
  if (instance === undefined) {
    throw new MeshError(
      'cli/no-control-plane',
      'no control plane runs on this machine (none was found in the state directory).\n  Start one with "meltemi demo" or "meltemi control-plane", or name one with --server URL or MELTEMI_SERVER.',
    );
  }
  return createClient(instance.controlPlane, env['MELTEMI_TOKEN'] ?? readToken(instance.tokenFile));
}

function checkUrl(value: string): string {
  const text = /^https?:\/\//.test(value) ? value : `http://${value}`;
  if (!URL.canParse(text)) throw new MeshError('cli/usage', `"${value}" is not a URL of a control plane. Example: --server http://127.0.0.1:15014`);
  return text.replace(/\/+$/, '');
}

function readToken(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** A client of one control plane; `token` is sent with every request when there is one. */
export function createClient(url: string, token: string | undefined): ControlPlaneClient {
  const exchange = async (method: string, path: string, options: RequestOptions): Promise<{ value: unknown; headers: Headers }> => {
    const response = await send(url, token, method, path, options);
    const text = await response.text();
    const value = parse(text);
    if (!response.ok && !(options.accept ?? []).includes(response.status)) throw refused(url, response.status, value, text);
    return { value, headers: response.headers };
  };
  return {
    url,
    token,
    request: async <T>(method: string, path: string, options: RequestOptions = {}) => (await exchange(method, path, options)).value as T,
    async requestWithHeader<T>(method: string, path: string, header: string, options: RequestOptions = {}) {
      const { value, headers } = await exchange(method, path, options);
      return { value: value as T, header: headers.get(header) ?? '' };
    },
  };
}

async function send(...[url, token, method, path, options]: [string, string | undefined, string, string, RequestOptions]): Promise<Response> {
  const headers: Record<string, string> = { accept: 'application/json', ...options.headers };
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
  if (options.body !== undefined) headers['content-type'] = options.contentType ?? 'application/json';
  try {
    return await fetch(url + path, {
      method,
      headers,
      ...(options.body === undefined ? {} : { body: options.body }),
      signal: AbortSignal.timeout(options.timeoutMs ?? 15_000),
    });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new MeshError(
      'cli/unreachable',
      `cannot reach the control plane at ${url}: ${cause}.\n  Is it running? "meltemi control-plane" starts one; --server names another.`,
      { cause: error },
    );
  }
}

function refused(url: string, status: number, value: unknown, text: string): MeshError {
  const said = typeof value === 'object' && value !== null && 'message' in value ? String(value.message) : text.slice(0, 300);
  if (status === 401)
    return new MeshError(
      'cli/unauthorized',
      `the control plane at ${url} wants its token for this: ${said}\n  Set MELTEMI_TOKEN to the content of the file run/token in its state directory. (On its own machine, with no MELTEMI_TOKEN and no --server, it is found.)`,
    );
  return new MeshError(`cli/http-${status}`, said === '' ? `the control plane at ${url} answered ${status}` : said);
}

function parse(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
