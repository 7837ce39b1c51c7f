import type { Severity } from '@meltemi/base';

/** A kind of problem. KIA codes are Kiali's, IST codes Istio's, MEL codes ours. */
export interface CodeDefinition {
  readonly severity: Severity;
  /** What it means, for lists and documentation. */
  readonly title: string;
}

/** Every code that analysis may report. MEL0202 (a patch of an EnvoyFilter is left out) comes from the translation. */
export const CODES = {
  IST0101: { severity: 'error', title: 'A credential of a Gateway is not there' },
  IST0112: { severity: 'error', title: 'A route destination names no port, and the service has several' },
  IST0130: { severity: 'warning', title: 'A route can never match: an earlier one takes everything' },
  IST0131: { severity: 'info', title: 'A match that an earlier route has as well' },
  IST0132: { severity: 'warning', title: 'A host of a VirtualService is not served by the gateway it names' },
  IST0149: { severity: 'error', title: 'A route by claims of a token at a gateway that looks at no token' },
  KIA0002: { severity: 'error', title: 'More than one object without a selector in one namespace' },
  KIA0003: { severity: 'error', title: 'More than one object selects the same workload' },
  KIA0004: { severity: 'warning', title: 'No workload matches the selector' },
  KIA0005: { severity: 'error', title: 'exportTo names a namespace that does not exist' },
  KIA0201: { severity: 'warning', title: 'More than one DestinationRule for the same host and subset' },
  KIA0202: { severity: 'error', title: 'The host of a DestinationRule is not known' },
  KIA0203: { severity: 'error', title: 'The labels of a subset match no workload' },
  KIA0207: { severity: 'error', title: 'A DestinationRule turns mutual TLS off where the namespace is STRICT' },
  KIA0208: { severity: 'error', title: 'A DestinationRule turns mutual TLS off where the mesh is STRICT' },
  KIA0209: { severity: 'warning', title: 'A subset has no labels' },
  KIA0301: { severity: 'warning', title: 'More than one Gateway for the same host and port' },
  KIA0302: { severity: 'warning', title: 'No workload matches the selector of a Gateway' },
  KIA0601: { severity: 'error', title: 'A port name does not begin with a protocol' },
  KIA0602: { severity: 'error', title: 'appProtocol is not a protocol' },
  KIA1004: { severity: 'warning', title: 'A host of a Sidecar is not known' },
  KIA1101: { severity: 'error', title: 'A route destination is a host that nothing knows' },
  KIA1102: { severity: 'error', title: 'A gateway that does not exist' },
  KIA1104: { severity: 'warning', title: 'A single destination with a weight below 100' },
  KIA1105: { severity: 'warning', title: 'The same host and subset twice in one route' },
  KIA1106: { severity: 'warning', title: 'More than one VirtualService for the same host and gateway' },
  KIA1107: { severity: 'warning', title: 'A subset that no DestinationRule defines' },
  KIA1211: { severity: 'warning', title: 'More than one ServiceEntry for the same host and port' },
  KIA1212: { severity: 'warning', title: 'ServiceEntries of one host and port differ in protocol' },
  KIA1401: { severity: 'error', title: 'A parent of a route is missing, or does not take the route' },
  KIA1402: { severity: 'error', title: 'A backend of a route is missing, or may not be referred to' },
  MEL0201: { severity: 'error', title: 'A route destination names a port that the service does not have' },
  MEL0203: { severity: 'warning', title: 'A delegation of a VirtualService comes to nothing' },
  MEL0204: { severity: 'warning', title: 'No VirtualService delegates to this delegate' },
  MEL0205: { severity: 'error', title: 'Servers of one port of a gateway differ in what they speak' },
  MEL0206: { severity: 'error', title: 'The trust domain of a running mesh cannot change' },
  MEL0207: { severity: 'warning', title: 'TLS of a Sidecar port where mutual TLS is on' },
  MEL0208: { severity: 'error', title: 'A listener of a Kubernetes Gateway cannot be served' },
  MEL0209: { severity: 'error', title: 'A BackendTLSPolicy is not in force' },
  MEL0210: { severity: 'warning', title: 'A route by claims of a token where no token is read' },
  MEL0211: { severity: 'error', title: 'The keys of an issuer cannot be fetched' },
  MEL0212: { severity: 'warning', title: 'A target of a RequestAuthentication does not exist' },
  MEL0213: { severity: 'warning', title: 'Two rules of one issuer for one workload differ' },
} as const satisfies Readonly<Record<string, CodeDefinition>>;

export type AnalysisCode = keyof typeof CODES;
