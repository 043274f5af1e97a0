export { addToken, authenticate, type Principal, revokeToken } from './access';
export { actorOf, ENVIRONMENT_TOKEN, mayDo, SCOPES, type Scope } from './rules';
export { listTokens } from './store';
