import type { RuntimeSecret } from '../types/secret.ts';
import type { Reader } from './reader.ts';
import { decodeTlsCertificate, decodeValidationContext, hasPins } from './tls.ts';

export function decodeSecretMessage(reader: Reader): RuntimeSecret {
  const name = reader.string('name');
  const certificate = reader.message('tls_certificate');
  if (certificate !== undefined) return { t: 'certificate', name, ...decodeTlsCertificate(certificate) };
  const validation = reader.message('validation_context');
  if (validation === undefined) {
    reader.fail('', 'expected a TLS certificate or a validation context');
    return { t: 'trust', name, trustedCa: '' };
  }
  const context = decodeValidationContext(validation);
  // What comes by name says whom to trust; what is asked of a peer besides stands in the TLS context, and would be lost here.
  const elsewhere = 'belongs into the TLS context, not into the secret';
  validation.require('match_typed_subject_alt_names', context.subjectAltNames.length === 0, elsewhere);
  validation.require('verify_certificate_hash', !hasPins(context.pins), `(or verify_certificate_spki) ${elsewhere}`);
  validation.require('trust_chain_verification', !context.acceptUntrusted, elsewhere);
  const trustedCa = context.trust?.t === 'inline' ? (context.trust.trustedCa ?? '') : '';
  validation.require('trusted_ca', trustedCa !== '', 'missing');
  const crl = context.trust?.t === 'inline' ? context.trust.crl : undefined;
  return { t: 'trust', name, trustedCa, ...(crl === undefined ? {} : { crl }) };
}
