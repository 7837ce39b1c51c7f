import { TYPE_URL } from '@meltemi/protos-types';
import type { ConfigDump } from '../config/dump.ts';
import type { AdminContext } from '../admin/context.ts';

interface SecretJson {
  readonly tls_certificate?: { readonly certificate_chain?: { readonly inline_string?: string } };
  readonly validation_context?: { readonly trusted_ca?: { readonly inline_string?: string } };
}

/** Certificates of the secrets in the dump. Keys are not looked at. */
export function certificatesOf(dump: ConfigDump): ReturnType<AdminContext['certificates']> {
  return dump.entries(TYPE_URL.secret).flatMap(({ name, json }) => {
    const secret = json as SecretJson;
    const chain = secret.tls_certificate?.certificate_chain?.inline_string;
    const roots = secret.validation_context?.trusted_ca?.inline_string;
    return [
      ...(chain === undefined ? [] : [{ name, kind: 'chain' as const, pem: chain }]),
      ...(roots === undefined ? [] : [{ name, kind: 'ca' as const, pem: roots }]),
    ];
  });
}
