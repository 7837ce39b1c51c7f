import type { AccessLogFilter, LogFormat } from './access-log.ts';
import type { HeaderMutation } from './common.ts';

/** How the body of an answer of the proxy itself is written. `contentType` '' = by the format: text or JSON. */
export interface BodyFormat {
  readonly format: LogFormat;
  readonly contentType: string;
  readonly omitEmptyValues: boolean;
}

/** What becomes of the answers that `filter` takes. */
export interface LocalReplyRule {
  readonly filter: AccessLogFilter;
  readonly status?: number;
  readonly body?: string;
  readonly format?: BodyFormat;
  readonly headers: readonly HeaderMutation[];
}

/** Envoy's LocalReplyConfig: the first rule that takes an answer counts; `format` is for those whose rule has none. */
export interface LocalReplies {
  readonly rules: readonly LocalReplyRule[];
  readonly format?: BodyFormat;
}
