export { finishDelivery, postponeDelivery, retryDelivery, storeDelivery } from './inbox';
export { claimDeliveries, type Delivery, findDelivery, leaseUntil, renewLeases } from './store';
