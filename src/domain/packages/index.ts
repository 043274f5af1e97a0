export { createPackage, packageForLine, updatePackage } from './packages';
export type { Match, PackageInput } from './rules';
export { findPackage, listPackages, type Package, type PackageVersion, versionsByIds } from './store';
