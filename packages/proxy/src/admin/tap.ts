import { decodeTap, nackText, type TapRequest } from '@meltemi/runtime';
import { TYPE_URL } from '@meltemi/protos-types';
import { LIVE_TAP } from '../tap/tap-session.ts';
import { text, type AdminContext, type AdminEndpoint } from './context.ts';

/** Envoy's `/tap`: shows requests while they pass, as JSON. One at a time, within bounds of memory and of the thread's time. */
export const tapEndpoint: AdminEndpoint = {
  path: '/tap',
  help: `tap filter control; config_id "${LIVE_TAP}" taps every connection manager`,
  params: {
    peer: 'Only requests of who is at this address, or whose certificate names this',
    show_secrets: 'Show the values of authorization, cookies, tokens in targets and the like, which are masked otherwise',
  },
  write: true,
  async handle(context, { body, query, gone }) {
    if (body.trim() === '') return text('/tap requires a JSON body', 400);
    const decoded = decodeTap(parse(body));
    if (!decoded.ok) return text(nackText([{ name: 'tap', problems: decoded.problems }]), 400);
    const { value: request } = decoded;
    if (!isKnown(context, request.configId)) return text(`Unknown config id '${request.configId}'. No extension has registered with this id.`, 400);
    const id = context.taps.open();
    if (id === undefined) return text('An attached /tap admin stream already exists. Detach it.', 400);
    try {
      await context.order({ t: 'tap', tap: { id, request, secrets: query.has('show_secrets'), peer: query.get('peer') ?? '' } });
    } catch (error) {
      context.taps.close();
      throw error;
    }
    return { status: 200, type: 'text/plain', body: '', stream: pieces(context, request, gone) };
  },
};

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** A filter of the configuration in force has this name, or it is the one that every connection manager has. */
function isKnown(context: AdminContext, configId: string): boolean {
  if (configId === LIVE_TAP) return true;
  return context.dump.entries(TYPE_URL.listener).some(({ json }) => names(json, configId));
}

function names(value: unknown, configId: string): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, inner]: [string, unknown]) =>
    key === 'admin_config' ? (inner as { config_id?: unknown } | null)?.config_id === configId : names(inner, configId),
  );
}

/** Traces as they come; or, gathered, all at once. The tap ends with its reader. */
async function* pieces(context: AdminContext, { output }: TapRequest, gone: AbortSignal): AsyncGenerator<string> {
  const { taps } = context;
  try {
    if (output.buffered !== undefined) {
      const { maxTraces, timeoutMs } = output.buffered;
      const ends = timeoutMs > 0 ? AbortSignal.any([gone, AbortSignal.timeout(timeoutMs)]) : gone;
      yield (await taps.gather(maxTraces, ends)).join('');
      return;
    }
    while (!gone.aborted) yield (await taps.next(gone)).join('');
  } finally {
    taps.close();
    await context.order({ t: 'untap' });
  }
}
