import { Tooltip } from '@mantine/core';
import type { ReactElement } from 'react';
import type { TlsStatus } from '../api/kiali.ts';
import { Icon } from './icons.tsx';

export type MtlsState = 'full' | 'off' | 'partial' | 'permissive' | 'unknown';

/** The server's word for mutual TLS as one of the lock's states. Unset with auto-mTLS means: mutual where both sides can. */
export function mtlsState(tls: TlsStatus | undefined): MtlsState {
  if (tls?.mode === 'PERMISSIVE' && tls.status !== 'MTLS_NOT_ENABLED') return 'permissive';
  switch (tls?.status) {
    case undefined:
      return 'unknown';
    case 'MTLS_ENABLED':
      return 'full';
    case 'MTLS_PARTIALLY_ENABLED':
      return 'partial';
    case 'MTLS_DISABLED':
      return 'off';
    case 'MTLS_NOT_ENABLED':
      return tls.autoMTLSEnabled === true ? 'permissive' : 'off';
    default:
      return 'permissive'; // MTLS_PERMISSIVE, and `…_UNSET`, which inherits the default
  }
}

const WORDS: Readonly<Record<MtlsState, (where: string) => string>> = {
  full: (where) => `${where} mTLS is enabled`,
  partial: (where) => `${where} mTLS is partially enabled`,
  permissive: (where) => `${where} mTLS is permissive: mutual where both sides can, plain text is accepted`,
  off: (where) => `${where} mTLS is off`,
  unknown: (where) => `${where} mTLS is not known`,
};

/** The lock of mutual TLS: closed, closed with a mark, open, crossed; its reason on hover. */
export function MtlsLock({
  tls,
  where,
  size = 16,
}: {
  readonly tls: TlsStatus | undefined;
  readonly where: 'Mesh-wide' | 'Namespace';
  readonly size?: number;
}): ReactElement {
  const state = mtlsState(tls);
  const words = WORDS[state](where);
  return (
    <Tooltip label={tls?.reason ?? words} withArrow multiline maw={320}>
      <span className={`mtls-lock mtls-${state}`} data-mtls={state}>
        <Icon name={state === 'full' || state === 'partial' ? 'lock' : 'lockOpen'} size={size} title={words} />
        {state === 'partial' && <i aria-hidden="true" />}
        {(state === 'off' || state === 'unknown') && <b aria-hidden="true" />}
      </span>
    </Tooltip>
  );
}
