const LATER = 'Meltemi does not support this kind yet';
const EXTENSION =
  'Meltemi runs no WebAssembly and no Lua in its own proxy, and hands no modules to Envoy; on workloads whose data plane is Envoy, an EnvoyFilter can add such a filter';
const WORKLOAD = 'Kubernetes workloads do not run without Kubernetes; start the program with "meltemi run --app … --version … --port … -- COMMAND"';

/** Kinds that users of Istio and Kubernetes have, by `group/Kind`, and what to tell them. */
export const KNOWN_UNSUPPORTED_KINDS: Readonly<Record<string, string>> = {
  'security.istio.io/AuthorizationPolicy': `${LATER}: no access rule of it would be in force`,
  'telemetry.istio.io/Telemetry': LATER,
  'extensions.istio.io/WasmPlugin': EXTENSION,
  'extensions.istio.io/TrafficExtension': EXTENSION,
  'install.istio.io/IstioOperator': 'Meltemi has its own options: see "meltemi control-plane --help"',
  'gateway.networking.k8s.io/UDPRoute': 'UDP is not proxied',
  'gateway.networking.x-k8s.io/XBackendTrafficPolicy': `${LATER}; write a DestinationRule with retryBudget`,
  'gateway.networking.x-k8s.io/XBackend': `${LATER}; write a ServiceEntry`,
  'gateway.networking.x-k8s.io/XListenerSet': 'it is called ListenerSet now, in gateway.networking.k8s.io/v1',
  'inference.networking.k8s.io/InferencePool': LATER,
  'apps/Deployment': WORKLOAD,
  'apps/StatefulSet': WORKLOAD,
  'apps/DaemonSet': WORKLOAD,
  'apps/ReplicaSet': WORKLOAD,
  'batch/Job': WORKLOAD,
  'batch/CronJob': WORKLOAD,
  '/Pod': WORKLOAD,
  '/Endpoints': `${LATER}; write a ServiceEntry with endpoints`,
  'discovery.k8s.io/EndpointSlice': `${LATER}; write a ServiceEntry with endpoints`,
  'networking.k8s.io/Ingress': `${LATER}; write a Gateway and a VirtualService`,
  'networking.k8s.io/NetworkPolicy': LATER,
};
