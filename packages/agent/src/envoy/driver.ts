import type { DataPlaneContext } from '../data-plane/create.ts';
import type { DataPlaneDriver } from '../data-plane/data-plane.ts';
import type { DataPlane } from '../types.ts';
export async function envoyDriver(context: DataPlaneContext, dataPlane: Extract<DataPlane, { t: 'envoy' }>): Promise<DataPlaneDriver> {
  throw new Error(String(context) + String(dataPlane));
}
