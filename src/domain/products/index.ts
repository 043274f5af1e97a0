export { noteMatch, productsTold, productTold, trashTold } from './products';
export { newsOf, type ProductNews, readProductBody, type SeenProduct } from './rules';
export {
  findSeen,
  type KnownProduct,
  knownNear,
  type NotedMatch,
  notesOfPackages,
  notesOfStore,
  seenByKey,
} from './store';
