import { compileHeaders, type CompiledHeaders, type LocalReplies } from '@meltemi/runtime';
import { compileFilter } from '../access-log/compile-filter.ts';
import { compileBody } from '../access-log/compile-log.ts';
import type { CaptureList } from '../access-log/operators.ts';
import type { StreamInfo } from '../types.ts';
import type { LocalReply } from './local-reply.ts';

/** An answer of the proxy itself after the rules of its connection manager. */
export interface RuledReply {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
  readonly headers: CompiledHeaders | undefined;
}

/** Applies the rules to an answer that stands in the stream's record already. */
export type ReplyRules = (info: StreamInfo, reply: LocalReply) => RuledReply;

type Render = { readonly body: (info: StreamInfo, own: string) => string; readonly contentType: string };

/** Compiles `local_reply_config`; adds the request headers that its formats need to `capture`. */
export function compileReplyRules(config: LocalReplies, capture: CaptureList): ReplyRules {
  const render = (format: LocalReplies['format']): Render | undefined =>
    format === undefined
      ? undefined
      : {
          body: compileBody(format.format, format.omitEmptyValues, capture),
          contentType: format.contentType === '' ? (format.format.t === 'json' ? 'application/json' : 'text/plain') : format.contentType,
        };
  const common = render(config.format);
  const rules = config.rules.map((rule) => ({
    rule,
    passes: compileFilter(rule.filter, capture),
    render: render(rule.format) ?? common,
    headers: compileHeaders([{ remove: [], add: rule.headers }]),
  }));
  return (info, reply) => {
    const found = rules.find(({ passes }) => passes(info));
    const status = found?.rule.status ?? reply.status;
    const own = found?.rule.body ?? reply.body;
    info.responseCode = status;
    const format = found === undefined ? common : found.render;
    return { status, body: format?.body(info, own) ?? own, contentType: format?.contentType ?? 'text/plain', headers: found?.headers };
  };
}
