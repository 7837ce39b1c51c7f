import { MeshError } from '@meltemi/base';
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
    const decoded = dataPlane === 'embedded' ? DECODERS[typeUrl]?.(resource) : undefined;
    return decoded === undefined || decoded.ok
      ? undefined
      : nackText([{ name: 'embedded proxy', problems: decoded.problems }])
          .split('\n')
          .join('; ');
  };
}
