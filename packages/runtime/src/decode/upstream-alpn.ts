import type { UpstreamAlpn } from '../types/listener.ts';
import type { Reader } from './reader.ts';

const KEY = 'envoy.network.application_protocols';

/** Envoy's filter that sets state of a connection, as far as it is for the protocols (ALPN) that TLS to the upstream offers. */
export function decodeUpstreamAlpn(config: Reader): UpstreamAlpn {
  const values = config.messages('on_new_connection');
  config.require('on_new_connection', values.length > 0, 'nothing to set');
  const protocols = values.flatMap((value) => {
    const key = value.string('object_key');
    value.require('object_key', key === KEY, `"${key}": only ${KEY} is supported by this proxy`);
    value.require('factory_key', !value.has('factory_key') || value.string('factory_key') === KEY, 'no other factory is supported by this proxy');
    const shared = value.oneOf('shared_with_upstream', { NONE: false, ONCE: true, TRANSITIVE: true }, false);
    value.require('shared_with_upstream', shared, 'state that upstreams do not see has no use here');
    // Nothing comes after it that could change the value, and an empty one sets nothing.
    value.harmless('read_only', 'skip_if_empty');
    const text = value.message('format_string')?.message('text_format_source')?.string('inline_string') ?? '';
    value.require('format_string', text !== '' && !text.includes('%'), 'expected plain text as text_format_source.inline_string');
    return text.split(',').map((name) => name.trim());
  });
  return { t: 'upstream-alpn', protocols };
}
