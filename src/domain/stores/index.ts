export { DEFAULT_STORE, type NewStore, type StoreChanges } from './rules';
export { findStore, findStoreBySlug, findStoresBySlugs, listStores, type Store } from './store';
export {
  assertSecretsOpen,
  createStore,
  type StoreSecrets,
  storeSecrets,
  syncEnvironmentStore,
  updateStore,
  webhookKey,
} from './stores';
