import { regexFault } from '@meltemi/match';
import { z } from 'zod';
import { durationMs } from '../duration.ts';
import { controlFault, dnsLabelFault, gatewayRefFault, hostFault, labelKeyFault, labelValueFault } from './formats.ts';

/** A field that may be left out. The text documents it: it shows in editors, in JSON Schema and in the CRD. */
export function opt<T extends z.ZodType>(schema: T, docs: string): z.ZodExactOptional<T> {
  return schema.describe(docs).exactOptional();
}

/** A field that must be there. */
export function req<T extends z.ZodType>(schema: T, docs: string): T {
  return schema.describe(docs);
}

/** Text whose form a function judges; it returns what is wrong, or undefined. */
export function text(faultOf: (value: string) => string | undefined): z.ZodString {
  return z.string().check((ctx) => {
    const message = faultOf(ctx.value);
    if (message !== undefined) ctx.issues.push({ code: 'custom', message, input: ctx.value, continue: true });
  });
}

/** Whole number in int32. */
export const int32 = z.int().min(-2_147_483_648).max(2_147_483_647);
/** Whole number ≥ 0 in int32: what Istio calls int32 but refuses when negative. */
export const count = z.int().min(0).max(2_147_483_647);
export const uint32 = z.int().min(0).max(4_294_967_295);
export const uint64 = z.int().min(0);
export const portNumber = z.int().min(1).max(65_535);

/** A duration of any length ≥ 0. */
export const duration = text((value) => durationFault(value, 0));
/** A duration of at least one millisecond, as Istio asks of time-outs. */
export const durationMin1ms = text((value) => durationFault(value, 1));

function durationFault(value: string, minMs: number): string | undefined {
  const ms = durationMs(value);
  if (ms === undefined) return `"${value}" is not a duration: write a number with a unit, for example 5s, 100ms or 1h30m`;
  if (ms < minMs) return minMs === 0 ? `"${value}" is negative` : `"${value}" is shorter than 1ms`;
  return undefined;
}

/** RE2, full match, at most 1024 characters. */
export const regex = text((value) => {
  if (value === '') return 'must not be empty';
  if (value.length > 1024) return `is ${value.length} characters long; the limit is 1024`;
  const fault = regexFault(value);
  return fault === undefined ? undefined : `"${value}" is not a regular expression of RE2: ${fault}`;
});

export const nonEmpty = text((value) => (value === '' ? 'must not be empty' : undefined));
/** Text without control characters. */
export const plainText = text(controlFault);
/** Path of a file beside the workload. A proxy asks for it by a name in which `~` stands between certificate and key. */
export const filePath = text((value) => controlFault(value) ?? (value.includes('~') ? 'must not hold "~": write the whole path' : undefined));
export const dnsLabel = text(dnsLabelFault);
/** A host name, `*` or a name with `*` as its left-most label. Short names are completed with the object's namespace. */
export const host = text((value) => hostFault(value, { wildcard: true, ip: false }));
export const gatewayRef = text(gatewayRefFault);
export const labelKey = text(labelKeyFault);
const labelValue = text(labelValueFault);
export const labels = z.record(labelKey, labelValue);

export const destinationPort = z.strictObject({ number: req(portNumber, 'Port number of the service.') });

/** Percent: 0, or from 0.0001 to 100. */
export const percent = z.strictObject({
  value: opt(
    z.number().check((ctx) => {
      if (ctx.value !== 0 && (ctx.value < 0.0001 || ctx.value > 100)) {
        ctx.issues.push({ code: 'custom', message: `${ctx.value} is not a percentage: 0, or from 0.0001 to 100`, input: ctx.value, continue: true });
      }
    }),
    'From 0.0001 to 100, or 0. Left out means 0.',
  ),
});

/** Namespaces an object is visible in: `.` its own, `*` all, or names. */
export const exportTo = z.array(
  text((value) =>
    value === '.' || value === '*' || dnsLabelFault(value) === undefined ? undefined : `"${value}" is neither ".", "*" nor the name of a namespace`,
  ),
);

export const workloadSelectorLabels = z.strictObject({ labels: opt(labels, 'Labels that a workload must carry, all of them.') });
export const workloadSelectorMatchLabels = z.strictObject({ matchLabels: opt(labels, 'Labels that a workload must carry, all of them.') });

/** Name of a Secret of the proxy's own namespace. */
export const secretName = text((value) =>
  value.includes('/') ? `"${value}" is not the name of a Secret; a Secret is of the namespace of the workload that uses it` : undefined,
);
