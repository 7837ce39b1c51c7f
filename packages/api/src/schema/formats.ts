const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_ANY_CASE = /^[a-zA-Z0-9_]([-a-zA-Z0-9_]*[a-zA-Z0-9_])?$/;
const QUALIFIED = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const IPV4 = /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/;

/** What is wrong with a DNS label (RFC 1123), or undefined. */
export function dnsLabelFault(value: string): string | undefined {
  if (value === '') return 'must not be empty';
  if (value.length > 63) return `"${value}" is ${value.length} characters long; the limit is 63`;
  return LABEL.test(value) ? undefined : `"${value}" is not a DNS label: small letters, digits and "-", beginning and ending with a letter or digit`;
}

/** What is wrong with an object name: a DNS subdomain of at most 253 characters. */
export function dnsSubdomainFault(value: string): string | undefined {
  if (value === '') return 'must not be empty';
  if (value.length > 253) return `is ${value.length} characters long; the limit is 253`;
  return value.split('.').every((label) => label.length <= 63 && LABEL.test(label))
    ? undefined
    : `"${value}" is not a DNS name: small letters, digits, "-" and ".", beginning and ending with a letter or digit`;
}

/** What is wrong with a host. Underscores and capitals are allowed, as Istio does. */
export function hostFault(value: string, allow: { readonly wildcard: boolean; readonly ip: boolean }): string | undefined {
  if (value === '') return 'must not be empty';
  if (isIp(value)) return allow.ip ? undefined : `"${value}" is an IP address; a host name is needed here`;
  if (value.length > 255) return `is ${value.length} characters long; the limit is 255`;
  if (value.includes('://')) return `"${value}" is a URL; write the host only`;
  if (/:\d+$/.test(value)) return `"${value}" carries a port; write the host only and the port in its own field`;
  return hostLabelsFault(value, allow.wildcard);
}

function hostLabelsFault(value: string, wildcard: boolean): string | undefined {
  const labels = value.replace(/\.$/, '').split('.');
  if (labels[0] === '*') {
    if (!wildcard) return `"${value}" is a wildcard; one host is needed here`;
    labels.shift();
  }
  const bad = labels.find((label) => label.length > 63 || !LABEL_ANY_CASE.test(label));
  if (bad === undefined) return undefined;
  return bad.includes('*') ? `"${value}": "*" may stand only as the left-most label` : `"${value}" is not a host name (at "${bad}")`;
}

/** True for an IPv4 or IPv6 address without a prefix length. */
export function isIp(value: string): boolean {
  return IPV4.test(value) || isIpv6(value);
}

function isIpv6(value: string): boolean {
  if (!value.includes(':') || value.length > 45) return false;
  const halves = value.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  let size = groups.length;
  const last = groups.at(-1);
  if (last?.includes('.') === true) {
    if (!IPV4.test(last)) return false;
    groups.pop();
    size += 1;
  }
  return groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group)) && (halves.length === 2 ? size < 8 : size === 8);
}

/** What is wrong with an address: an IP, or an IP with a prefix length when `cidr` says so. */
export function addressFault(value: string, allow: { readonly cidr: boolean }): string | undefined {
  const slash = value.indexOf('/');
  if (slash < 0) return isIp(value) ? undefined : `"${value}" is not an IP address`;
  const ip = value.slice(0, slash);
  const bits = value.slice(slash + 1);
  const max = ip.includes(':') ? 128 : 32;
  if (!isIp(ip) || !/^\d{1,3}$/.test(bits) || Number(bits) > max) return `"${value}" is not an IP range (such as 10.0.0.0/8)`;
  return allow.cidr ? undefined : `"${value}" is a range; one IP address is needed here`;
}

/** What is wrong with text that stands in heads of messages: control characters but tab. A proxy would refuse all that it stands among. */
export function controlFault(value: string): string | undefined {
  for (let index = 0; index < value.length; index += 1) {
    const code = value.charCodeAt(index);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) return 'must not hold control characters';
  }
  return undefined;
}

/** What is wrong with an HTTP header name (RFC 9110 token), or undefined. */
export function headerNameFault(value: string): string | undefined {
  if (value === '') return 'a header name must not be empty';
  return TOKEN.test(value) ? undefined : `"${value}" is not a header name`;
}

/** What is wrong with a reference to a Gateway: `name` or `namespace/name`; `mesh` stands for all sidecars. */
export function gatewayRefFault(value: string): string | undefined {
  const parts = value.split('/');
  if (parts.length > 2) return `"${value}" is not a gateway: write name or namespace/name`;
  for (const part of parts) {
    const fault = dnsSubdomainFault(part);
    if (fault !== undefined && !(part === '.' && parts.length === 2)) return `"${value}" is not a gateway: ${fault}`;
  }
  return undefined;
}

/** What is wrong with a label key: `[prefix/]name`. */
export function labelKeyFault(value: string): string | undefined {
  const parts = value.split('/');
  const name = parts.pop() ?? '';
  if (parts.length > 1) return `"${value}" is not a label key: at most one "/"`;
  const prefix = parts[0];
  if (prefix !== undefined && dnsSubdomainFault(prefix) !== undefined) return `"${value}" is not a label key: "${prefix}" is not a DNS name`;
  if (name.length > 63 || !QUALIFIED.test(name)) return `"${value}" is not a label key: letters, digits, "-", "_" and ".", at most 63`;
  return undefined;
}

/** What is wrong with a label value. */
export function labelValueFault(value: string): string | undefined {
  if (value === '') return undefined;
  return value.length <= 63 && QUALIFIED.test(value)
    ? undefined
    : `"${value}" is not a label value: letters, digits, "-", "_" and ".", at most 63, no wildcard`;
}
