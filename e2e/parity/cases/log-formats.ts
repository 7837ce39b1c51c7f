import { defineCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import type { Resources } from '../resources.ts';
import { any, direct, hcm, http1, listener } from '../resources.ts';
import { http, push } from '../steps.ts';

const FILE_LOG = 'envoy.extensions.access_loggers.file.v3.FileAccessLog';

function logging(c: CaseContext, log_format: object, path = '/dev/null'): Resources {
  const log = { name: 'envoy.access_loggers.file', typed_config: any(FILE_LOG, { path, log_format }) };
  return { listeners: [listener(c, [hcm(c, [direct('after')], { access_log: [log] })])] };
}

const text = (format: string): object => ({ text_format_source: { inline_string: format } });

/** What the control plane refuses when it is written (`logFormatFault`): here is why. */
const REFUSED: readonly string[] = [
  '%NOSUCH%',
  '%REQ(',
  '100 %',
  '%REQ%',
  '%RESP%',
  '%TRAILER%',
  '%PROTOCOL(a)%',
  '%PROTOCOL:x%',
  '%protocol%',
  '%ENVIRONMENT%',
  '%REQUESTED_SERVER_NAME(NEVER)%',
  '%GRPC_STATUS(NEVER)%',
];

/** Taken by both. */
const TAKEN: readonly string[] = [
  '%START_TIME(%Y-%m-%dT%H:%M:%S%z)% %% %REQ(X-A?:PATH):10% %RESPONSE_CODE%%PROTOCOL%',
  '%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)% %PATH(NQ:ORIG)% %GRPC_STATUS(NUMBER)%',
];

/** Formats of access logs that both refuse, with all of their listener; what was in force before stays so. */
export const cases = [
  defineCase({
    name: 'formats that are refused',
    resources: (c) => http1(c, [direct('before')]),
    steps: [
      ...REFUSED.map((format) => push((c) => logging(c, text(format)), { verdict: 'nack' })),
      push((c) => logging(c, { json_format: { a: { b: ['%NOSUCH%'] } } }), { verdict: 'nack' }),
      http('/', { status: 200, body: 'before' }),
      ...TAKEN.map((format) => push((c) => logging(c, text(format)))),
      http('/', { status: 200, body: 'after' }, { eventually: true }),
    ],
    log: 'not compared',
  }),
  defineCase({
    name: 'a file in a folder that is not there',
    resources: (c) => http1(c, [direct('before')]),
    steps: [
      push((c) => logging(c, text('%PROTOCOL%'), '/nowhere/at/all/access.log'), { verdict: 'nack' }),
      http('/', { status: 200, body: 'before' }),
    ],
    log: [{ code: 200 }],
  }),
];
