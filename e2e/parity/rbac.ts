/** Policies for cases about access control. */
import { filter } from './filters.ts';
import type { Http1Request } from './steps.ts';

const TYPE = 'filters.http.rbac.v3.RBAC';
export const ANY = { any: true };
export const rbac = (config: object): object => filter('rbac', TYPE, config);
export const policy = (permission: object, principal: object = ANY): object => ({ permissions: [permission], principals: [principal] });
/** Refuses what one of these policies matches. */
export const denyBy = (policies: object): object => rbac({ rules: { action: 'DENY', policies } });
export const deny = (permission: object, principal: object = ANY): object => denyBy({ p: policy(permission, principal) });
export const REFUSED = { status: 403, body: 'RBAC: access denied', backend: null } as const;
export const PASSED = { status: 200 } as const;
export const header = (name: string, match: object): object => ({ header: { name, ...match } });
export const path = (match: object): object => ({ url_path: { path: match } });
export const withHeader = (name: string, value: string): Http1Request => ({ headers: { [name]: value } });
