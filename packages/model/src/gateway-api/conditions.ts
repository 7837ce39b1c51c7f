import type { Config, Json } from '@meltemi/api';

/** The name under which we write status: Istio's, so that its users' tools wait for the right thing. */
export const CONTROLLER_NAME = 'istio.io/gateway-controller';
/** Classes whose Gateways we serve without an object. */
export const OWN_CLASSES: readonly string[] = ['istio', 'meltemi'];
/** Controllers that are us. */
export const OWN_CONTROLLERS: readonly string[] = [CONTROLLER_NAME, 'meltemi.io/gateway-controller'];

/** One condition of a status, as Kubernetes writes it. */
export interface Condition {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
}

/** What is wrong, or undefined; as the condition that then is not met. */
export interface Fault {
  readonly reason: string;
  readonly message: string;
}

/** A condition that is met unless there is a fault. */
export function condition(type: string, reason: string, fault: Fault | undefined, message = ''): Condition {
  return fault === undefined ? { type, status: true, reason, message } : { type, status: false, ...fault };
}

/** Conditions in Kubernetes' JSON. The time is the object's own: the state is a function of the configuration, and no clock is asked. */
export function conditionsJson(conditions: readonly Condition[], { meta }: Config): Json {
  return conditions.map(({ type, status, reason, message }) => ({
    type,
    status: status ? 'True' : 'False',
    reason,
    message,
    observedGeneration: meta.generation ?? 1,
    lastTransitionTime: meta.creationTimestamp ?? '1970-01-01T00:00:00Z',
  }));
}
