import type { FormatSource } from '@meltemi/runtime';
import type { HeadScanner } from '@meltemi/wire';
import { formatTime, metadataText, STREAM_OPERATORS } from '../access-log/operators.ts';
import type { StreamInfo } from '../types.ts';
import { headerValue, type HeadView } from './request-view.ts';

/** Substitution formatters while a message passes: headers come from the head just scanned, the rest from the stream's record. */
export class LiveFormat implements FormatSource {
  info: StreamInfo | undefined = undefined;
  bytes: Uint8Array = new Uint8Array(0);
  /** Whose headers `bytes` are. */
  scanner: HeadScanner | undefined = undefined;
  isRequest = true;
  /** Headers of the request, while its response passes. */
  requestHeader: ((name: string) => string | undefined) | undefined = undefined;

  readonly #view: HeadView;

  /** `view` shows the request whose headers are asked for. */
  constructor(view: HeadView) {
    this.#view = view;
  }

  use(info: StreamInfo, scanner: HeadScanner, bytes: Uint8Array, isRequest: boolean): this {
    this.info = info;
    this.scanner = scanner;
    this.bytes = bytes;
    this.isRequest = isRequest;
    this.requestHeader = undefined;
    return this;
  }

  format(operator: string, argument: string): string | number | undefined {
    const { info } = this;
    if (info === undefined) return undefined;
    switch (operator) {
      case 'START_TIME':
        return formatTime(info.startTimeMs, argument);
      case 'REQ':
        return this.#first(argument, (name) => this.#request(name, info));
      case 'RESP':
        return this.isRequest ? undefined : this.#first(argument, (name) => this.#header(name));
      case 'DYNAMIC_METADATA':
        return metadataText(argument)(info);
      case 'HOSTNAME':
        return process.env['HOSTNAME'];
      case 'ENVIRONMENT':
        return process.env[argument];
      default:
        return STREAM_OPERATORS[operator]?.(info);
    }
  }

  #first(argument: string, read: (name: string) => string | undefined): string | undefined {
    for (const name of argument.toLowerCase().split('?')) {
      const value = read(name);
      if (value !== undefined && value !== '') return value;
    }
    return undefined;
  }

  #request(name: string, info: StreamInfo): string | undefined {
    if (name === ':path') return info.path;
    if (name === ':method') return info.method;
    if (name === ':authority' || name === 'host') return info.authority;
    if (name === 'x-request-id') return info.requestId;
    if (this.isRequest) return this.#view.header(name);
    if (name === 'user-agent') return info.userAgent;
    return name === 'x-forwarded-for' ? info.forwardedFor : this.requestHeader?.(name);
  }

  #header(name: string): string | undefined {
    return this.scanner === undefined ? undefined : headerValue(this.scanner, this.bytes, name);
  }
}
