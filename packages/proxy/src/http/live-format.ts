import type { FormatSource } from '@meltemi/runtime';
import type { HeadScanner } from '@meltemi/wire';
import { compileOperator } from '../access-log/operators.ts';
import type { Getter } from '../access-log/stream-operators.ts';
import type { StreamInfo } from '../types.ts';
import { headerValue, type HeadView } from './request-view.ts';

const MAX_GETTERS = 1024;
/** Nothing is to be remembered while the message is at hand. */
const NOTHING_KEPT = { request: [], response: [], trailers: [] };

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
  readonly #getters = new Map<string, Getter>();

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
      case 'REQ':
      case 'REQUEST_HEADER':
        return this.#first(argument, (name) => this.#request(name, info));
      case 'RESP':
      case 'RESPONSE_HEADER':
        return this.isRequest ? undefined : this.#first(argument, (name) => this.#header(name));
      default:
        return this.#getter(operator, argument)(info);
    }
  }

  /** Formats come from configuration, so there are few. */
  #getter(operator: string, argument: string): Getter {
    const key = `${operator} ${argument}`;
    let getter = this.#getters.get(key);
    if (getter === undefined) {
      if (this.#getters.size >= MAX_GETTERS) this.#getters.clear();
      this.#getters.set(key, (getter = compileOperator(operator, argument, NOTHING_KEPT)));
    }
    return getter;
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
