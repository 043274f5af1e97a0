import type { WooSettings } from './client';
import type { Picture } from './gateway';

/** No SVG: opened by itself it would be a page that runs scripts. */
const TYPES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif']);

/**
 * Pictures of a shop, fetched by us: pages load nothing from elsewhere. Only from the shop's own host, without keys, no
 * redirects followed, small ones only; a few are kept.
 */
export class Pictures {
  private readonly kept = new Map<string, Picture>();

  constructor(private readonly settings: Pick<WooSettings, 'url' | 'limits'>) {}

  async read(address: string): Promise<Picture | null> {
    const known = this.kept.get(address);
    if (known) return known;
    const url = this.ownAddress(address);
    const picture = url && ((await this.fetch(smallerOf(url))) ?? (await this.fetch(url)));
    if (!picture) return null;
    if (this.kept.size >= this.settings.limits.picturesKept) {
      const [oldest] = this.kept.keys();
      if (oldest !== undefined) this.kept.delete(oldest);
    }
    this.kept.set(address, picture);
    return picture;
  }

  private ownAddress(address: string): URL | null {
    if (!URL.canParse(address)) return null;
    const [url, shop] = [new URL(address), new URL(this.settings.url)];
    const isOwn = url.host === shop.host && url.protocol === shop.protocol;
    return isOwn && url.username === '' && url.password === '' ? url : null;
  }

  private async fetch(url: URL): Promise<Picture | null> {
    const { pictureBytes, pictureMs } = this.settings.limits;
    try {
      const answer = await fetch(url, {
        redirect: 'manual',
        credentials: 'omit',
        signal: AbortSignal.timeout(pictureMs),
        headers: { accept: [...TYPES].join(', ') },
      });
      const type = (answer.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
      if (answer.status !== 200 || !TYPES.has(type) || !answer.body) {
        await answer.body?.cancel();
        return null;
      }
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
        size += chunk.length;
        // Leaving the loop gives the connection up.
        if (size > pictureBytes) return null;
        chunks.push(chunk);
      }
      return { type, bytes: Buffer.concat(chunks) };
    } catch {
      return null;
    }
  }
}

/** As WordPress names the small one that it makes of each: shoe.jpg, shoe-150x150.jpg. */
function smallerOf(url: URL): URL {
  const small = new URL(url);
  small.pathname = url.pathname.replace(/(\.(?:jpe?g|png|gif|webp|avif))$/i, '-150x150$1');
  return small;
}
