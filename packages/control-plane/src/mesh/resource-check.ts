import { MeshError } from '@meltemi/base';
import { parseFormat } from '@meltemi/match';
import type { ProtoCodec } from '@meltemi/protos';
import { messageName, TYPE_URL } from '@meltemi/protos-types';
import { decodeCluster, decodeListener, decodeRoute, nackText, type Decoded } from '@meltemi/runtime';
import type { ResourceCheck } from '@meltemi/translate';

const DECODERS: Readonly<Record<string, (json: unknown) => Decoded<unknown>>> = {
  [TYPE_URL.cluster]: decodeCluster,
  [TYPE_URL.listener]: decodeListener,
  [TYPE_URL.route]: decodeRoute,
};

/** What a proxy would say against a resource: that it is no such message, or (our own proxy) that something in it is not there. */
export function createResourceCheck(codec: Pick<ProtoCodec, 'encode'>): ResourceCheck {
  return (dataPlane, typeUrl, resource) => {
    try {
      codec.encode(messageName(typeUrl), resource);
    } catch (error) {
      return MeshError.from(error, 'xds/encode').message;
    }
    if (dataPlane === 'envoy') return logFormatFault(resource);
    const decoded = DECODERS[typeUrl]?.(resource);
    return decoded === undefined || decoded.ok
      ? undefined
      : nackText([{ name: 'embedded proxy', problems: decoded.problems }])
          .split('\n')
          .join('; ');
  };
}

/**
 * Envoy refuses a whole listener for an operator in a log that it has not. What our own proxy cannot answer is left to Envoy; with
 * `formatters`, operators may be anything.
 */
function logFormatFault(value: unknown, inFormat = false): string | undefined {
  if (typeof value === 'string') return inFormat ? unknownIn(value) : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  if ('formatters' in value) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const fault = logFormatFault(inner, inFormat || key === 'json_format' || key === 'text_format_source');
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function unknownIn(format: string): string | undefined {
  const parsed = parseFormat(format);
  return parsed.ok || parsed.unknown === undefined ? undefined : `"${format}": %${parsed.unknown}% is no operator`;
}
