export { FakeWooCommerce } from './server';
export type { Delivery, Fate } from './webhooks';
