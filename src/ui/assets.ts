import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { type Response, Router } from 'express';

/** Everything a page loads; nothing comes from another host. */
const FILES = {
  'tabler.css': () => readFileSync(require.resolve('@tabler/core/dist/css/tabler.min.css')),
  'htmx.js': () => readFileSync(require.resolve('htmx.org/dist/htmx.min.js')),
  'zeton.css': () => readFileSync(join(__dirname, 'assets', 'zeton.css')),
  'zeton.js': () => readFileSync(join(__dirname, 'assets', 'zeton.js')),
  'mark.svg': () => readFileSync(join(__dirname, 'assets', 'mark.svg')),
};
export type AssetName = keyof typeof FILES;

const YEAR_SECONDS = 365 * 24 * 3600;

interface Asset {
  hash: string;
  plain: Buffer;
  packed: Map<string, Promise<Buffer>>;
}

const read = new Map<string, Asset>();

function assetNamed(name: AssetName): Asset {
  let asset = read.get(name);
  if (!asset) {
    const plain = FILES[name]();
    const hash = createHash('sha256').update(plain).digest('base64url').slice(0, 12);
    asset = { hash, plain, packed: new Map() };
    read.set(name, asset);
  }
  return asset;
}

/** Its address changes with its content, so a browser may keep it for ever. */
export function assetUrl(name: AssetName): string {
  return `/assets/${assetNamed(name).hash}/${name}`;
}

const PACK: Record<string, (plain: Buffer) => Promise<Buffer>> = {
  br: (plain) =>
    promisify(brotliCompress)(plain, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 9,
        [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      },
    }),
  gzip: (plain) => promisify(gzip)(plain, { level: 9 }),
};

export function assetRoutes(): Router {
  const router = Router();
  router.get('/assets/:hash/:name', async (req, res, next) => {
    const { hash, name } = req.params;
    if (!Object.hasOwn(FILES, name)) return next();
    const asset = assetNamed(name as AssetName);
    // While processes of two versions run side by side, a page of one may ask the other: better its file than none.
    const isThisVersion = hash === asset.hash;
    res.set('Cache-Control', isThisVersion ? `public, max-age=${YEAR_SECONDS}, immutable` : 'no-cache');
    res.type(name.slice(name.lastIndexOf('.')));
    await sendPacked(res, asset, req.acceptsEncodings('br', 'gzip'));
  });
  return router;
}

async function sendPacked(res: Response, asset: Asset, encoding: string | false): Promise<void> {
  res.vary('Accept-Encoding');
  const pack = encoding === false ? undefined : PACK[encoding];
  if (!encoding || !pack) {
    res.send(asset.plain);
    return;
  }
  const packed = asset.packed.get(encoding) ?? pack(asset.plain);
  asset.packed.set(encoding, packed);
  res.set('Content-Encoding', encoding).send(await packed);
}
