import { z } from 'zod';
import type { Json } from '../config.ts';
import { labelKey, labels, opt, text } from './fields.ts';

const json = z.custom<Json>(() => true);
const timestamp = text((value) =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value) ? undefined : `"${value}" is not a time such as 2025-01-31T12:00:00Z`,
);

/** Metadata of any object. What servers make is taken and kept. The form of name and namespace is checked apart. */
export const metadataSchema = z.strictObject({
  name: opt(z.string(), 'Name of the object.'),
  namespace: opt(z.string(), 'Namespace of the object.'),
  labels: opt(labels, 'Labels, for selectors.'),
  annotations: opt(z.record(labelKey, z.string()), 'Annotations.'),
  generateName: opt(z.string(), 'Prefix of a name that a server makes.'),
  uid: opt(z.string(), 'Made by the server.'),
  resourceVersion: opt(z.string(), 'Made by the server.'),
  generation: opt(z.int(), 'Made by the server.'),
  creationTimestamp: opt(timestamp, 'Made by the server.'),
  deletionTimestamp: opt(timestamp, 'Made by the server.'),
  deletionGracePeriodSeconds: opt(z.int(), 'Made by the server.'),
  selfLink: opt(z.string(), 'Made by the server.'),
  finalizers: opt(z.array(z.string()), 'For Kubernetes.'),
  ownerReferences: opt(z.array(json), 'For Kubernetes.'),
  managedFields: opt(z.array(json), 'Made by the server.'),
});

export type RawMetadata = z.output<typeof metadataSchema>;
