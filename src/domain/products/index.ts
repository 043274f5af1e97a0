export { noteMatch, productsTold, productTold, trashTold } from './products';
export { newsOf, type ProductNews, readProductBody, type SeenProduct } from './rules';
export {
  findSeen,
  type KnownProduct,
  knownNear,
  notesOfPackages,
  notesOfStore,
} from './store';
