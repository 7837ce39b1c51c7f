import type { Headers } from '@meltemi/api';
import type { HeaderOperations, HeaderValueOption } from '@meltemi/protos-types';

/** `Host` under `request.set` is a rewrite of the authority, not a header operation. */
function isAuthority(name: string): boolean {
  const lower = name.toLowerCase();
  return lower === 'host' || lower === ':authority';
}

/** The authority that `request.set` asks for. */
export function authorityFrom(headers: Headers | undefined): string | undefined {
  return Object.entries(headers?.request?.set ?? {}).find(([name]) => isAuthority(name))?.[1];
}

/** Header operations of several levels in one: what comes first is done first. */
export function headerOperations(...levels: readonly (Headers | undefined)[]): HeaderOperations {
  const requestAdd = levels.flatMap((level) => additions(level?.request));
  const responseAdd = levels.flatMap((level) => additions(level?.response));
  const requestRemove = levels.flatMap((level) => level?.request?.remove ?? []);
  const responseRemove = levels.flatMap((level) => level?.response?.remove ?? []);
  return {
    ...(requestAdd.length === 0 ? {} : { request_headers_to_add: requestAdd }),
    ...(requestRemove.length === 0 ? {} : { request_headers_to_remove: requestRemove }),
    ...(responseAdd.length === 0 ? {} : { response_headers_to_add: responseAdd }),
    ...(responseRemove.length === 0 ? {} : { response_headers_to_remove: responseRemove }),
  };
}

function additions(
  operations: { readonly set?: Readonly<Record<string, string>>; readonly add?: Readonly<Record<string, string>> } | undefined,
): readonly HeaderValueOption[] {
  const option =
    (append_action: HeaderValueOption['append_action'] & string) =>
    ([key, value]: [string, string]): HeaderValueOption => ({ header: { key, value }, append_action });
  return [
    ...sorted(operations?.set)
      .filter(([name]) => !isAuthority(name))
      .map(option('OVERWRITE_IF_EXISTS_OR_ADD')),
    ...sorted(operations?.add).map(option('APPEND_IF_EXISTS_OR_ADD')),
  ];
}

function sorted(record: Readonly<Record<string, string>> | undefined): [string, string][] {
  return Object.entries(record ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}
